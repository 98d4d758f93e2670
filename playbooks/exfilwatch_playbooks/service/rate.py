"""How often somebody may do something: a bucket for each, which fills again by itself."""


class Rate:
    """`each` a second on average, `burst` at once at most. It remembers at most some thousands who ask."""

    _MOST = 10_000

    def __init__(self, each: float, burst: float) -> None:
        self._each, self._burst = each, burst
        self._left: dict[str, tuple[float, float]] = {}

    def take(self, who: str, now: float) -> float:
        """0 when they may, else for how many seconds they have to wait. `now` in seconds."""
        left, then = self._left.get(who, (self._burst, now))
        left = min(self._burst, left + (now - then) * self._each)
        if left < 1:
            self._left[who] = left, now
            return (1 - left) / self._each
        if len(self._left) >= self._MOST and who not in self._left:
            self._left = {name: each for name, each in self._left.items() if self._full(each, now) < self._burst}
            if len(self._left) >= self._MOST:
                self._left.clear()
        self._left[who] = left - 1, now
        return 0.0

    def _full(self, state: tuple[float, float], now: float) -> float:
        return state[0] + (now - state[1]) * self._each
