"""Cadence: whether things happen at regular intervals, as a pure function of their times.

**Beats.** Times at most ten seconds apart, one after the other, are one beat: a shell and what it starts, or a loop
over files. Its time is that of its first. A beat ends after 20 times, so that what is kept of it is bounded.

**A series opens** at a beat from which enough earlier beats lead back in steps of nearly the same length. A step is as
long as one, two or three intervals, for a beat may be missed; and other beats may stand in between. What follows a beat
within a fifth of the interval belongs to it, as the files of a slow loop do. No interval is farther from their middle
than the jitter that the rule allows, and the whole must be less likely than `_BY_CHANCE` among times without memory: so
the less regular, the more beats it takes (four that are exact, eight within 10 %, twelve anywhere within 30 %), and
each that is missed or in between asks for more. Of a hundred random series of 50 beats fewer than one has any.

**It goes on** as long as the next beat comes within the jitter of the next interval, or of the one or two after it, and
ends after 500 times; then the next begins.

Whether a series opens depends on what was before only: nothing that happens later undoes it. It looks back over at most
200 beats, so older times may be forgotten (`forgettable`).

Time: O(n log n) for n times. Times and lengths are microseconds.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from math import lgamma, log
from typing import NamedTuple

SECOND = 1_000_000
SHORTEST, LONGEST = 55 * SECOND, 26 * 3600 * SECOND
"""Intervals that are looked for: from a minute to a day, each with some room."""
TOGETHER = 10 * SECOND
MOST_IN_BEAT = 20
MOST_IN_SERIES = 500
LOOK_BACK = 200
"""Beats."""
_STEPS = 16
"""Steps that are looked back before a series opens."""
_IN_BETWEEN = 3
"""Beats that may stand between the last two of a series when it opens."""
STRIDES = 3
"""Intervals that one step may take."""
_BY_CHANCE = -12.8
"""The logarithm of how many chains as regular are expected at a beat (`_chance`)."""
_LEEWAY = 2.0
"""What is added when some are missed, and when some are in between: such chains can be chosen in more ways."""
_HOPELESS = -0.8
"""A chain whose logarithm is above this, for each step, is not looked at further."""


class Series(NamedTuple):
    """A series: half-open ranges of the times, one for each beat.

    `off`: how far an interval is from the period, at most.
    """

    beats: tuple[tuple[int, int], ...]
    period: int
    off: int
    missed: int

    def __str__(self) -> str:
        """For people: every 60 min ± 2, 7 times."""
        unit, name = next(each for each in _UNITS if self.period >= 2 * each[0] or each[0] == SECOND)
        missed = f", {self.missed} missed" if self.missed else ""
        return (
            f"every {_number(self.period / unit)} {name} ± {_number(self.off / unit)}, {len(self.beats)} times{missed}"
        )


_UNITS = ((3600 * SECOND, "h"), (60 * SECOND, "min"), (SECOND, "s"))


class _Chain(NamedTuple):
    """Beats from the last to the first, the least and the greatest interval, and how many were missed."""

    beats: list[int]
    low: float
    high: float
    missed: int


def series(times: Sequence[int], jitter: float, least: int, timespan: int) -> list[Series]:
    """The series among times (sorted) that have at least `least` beats, with at most this jitter (0.3: 30 %).

    What opens one is within the timespan.
    """
    return _Scan(times, jitter, least, timespan).found


def forgettable(times: Sequence[int], jitter: float, least: int, timespan: int, over: int) -> int:
    """How many of the first times change no series that a time after `over` is in."""
    scan = _Scan(times, jitter, least, timespan)
    begin = len(scan.starts) - LOOK_BACK
    begin = max(begin, bisect_left(scan.starts, over - timespan), 0)
    for chain, first, last in scan.spans:
        if scan.starts[last] + STRIDES * scan.bounds(chain.low, chain.high)[1] >= over:
            begin = min(begin, first)
            break
        if last >= begin:
            begin = last + 1
    return scan.ranges[begin][0] if begin < len(scan.ranges) else len(times)


class _Scan:
    """One look at all times."""

    def __init__(self, times: Sequence[int], jitter: float, least: int, timespan: int) -> None:
        self.ranges = _beats(times)
        self.starts = [times[start] for start, _ in self.ranges]
        self._jitter, self._least, self._timespan = jitter, least, timespan
        self.found: list[Series] = []
        self.spans: list[tuple[_Chain, int, int]] = []
        floor = at = 0
        while at < len(self.starts):
            chain = self._opened(at, floor)
            if chain is None:
                at += 1
                continue
            self._add(chain)
            floor = at = self.spans[-1][2] + 1

    def _opened(self, at: int, floor: int) -> _Chain | None:
        """The chain of beats that leads back from a beat, where there are enough."""
        if at == floor:
            return None
        firsts = dict.fromkeys(range(at - 1, max(floor, at - 1 - _IN_BETWEEN) - 1, -1))
        # Where the one before is the last file of a slow loop, the loop's first is what counts.
        last = self.starts[at - 1]
        firsts[bisect_left(self.starts, last - (self.starts[at] - last) / 5, floor, at - 1)] = None
        chains = (self._back(at, first, floor) for first in firsts)
        return next(filter(None, chains), None)

    def _back(self, at: int, first: int, floor: int) -> _Chain | None:
        starts = self.starts
        low = high = float(starts[at] - starts[first])
        if not SHORTEST <= low <= LONGEST:
            return None
        beats, missed, wide, opened = [at, first], 0, 0.0, False
        between = self._between(first, at, low)
        floor = max(floor, at - LOOK_BACK, bisect_left(starts, starts[at] - self._timespan))
        while len(beats) <= _STEPS:
            step = self._earlier(beats[-1], floor, low, high)
            if step is None:
                break
            before, strides = step
            interval = (starts[beats[-1]] - starts[before]) / strides
            low, high = min(low, interval), max(high, interval)
            missed += strides - 1
            wide += log(strides)
            between += self._between(before, beats[-1], (low + high) / 2)
            beats.append(before)
            if len(beats) >= self._least and not opened:
                chance = _chance(len(beats) - 1, missed, between, wide, low, high)
                if chance > _HOPELESS * (len(beats) - 3):
                    return None
                few = 2 * between <= len(beats) - 1 and 3 * missed <= len(beats) - 1
                opened = few and chance < _BY_CHANCE
        return _Chain(beats, low, high, missed) if opened else None

    def _earlier(self, at: int, floor: int, low: float, high: float) -> tuple[int, int] | None:
        """The beat a step before, and how many intervals it is away."""
        now, middle, (least, most) = self.starts[at], (low + high) / 2, self.bounds(low, high)
        for strides in range(1, STRIDES + 1):
            found = self._nearest(now - strides * most, now - strides * least, now - strides * middle, floor, at)
            if found is not None:
                return found, strides
        return None

    def _later(self, at: int, low: float, high: float) -> tuple[int, int] | None:
        """The beat a step after."""
        now, middle, (least, most) = self.starts[at], (low + high) / 2, self.bounds(low, high)
        for strides in range(1, STRIDES + 1):
            low, high, expected = now + strides * least, now + strides * most, now + strides * middle
            found = self._nearest(low, high, expected, at + 1, len(self.starts))
            if found is not None:
                return found, strides
        return None

    def bounds(self, low: float, high: float) -> tuple[float, float]:
        """How short and how long another interval may be."""
        ratio = (1 + self._jitter) / (1 - self._jitter)
        return max(high / ratio, SHORTEST), min(low * ratio, LONGEST)

    def _nearest(self, low: float, high: float, expected: float, floor: int, end: int) -> int | None:
        """The beat from `floor` to before `end` that is nearest to what is expected, low <= time <= high."""
        begin = bisect_left(self.starts, low, floor, end)
        stop = bisect_right(self.starts, high, begin, end)
        if begin == stop:
            return None
        at = bisect_left(self.starts, expected, begin, stop)
        near = [each for each in (at - 1, at) if begin <= each < stop]
        return min(near, key=lambda each: abs(self.starts[each] - expected))

    def _between(self, first: int, second: int, interval: float) -> int:
        """Beats between two of a series that are not of the first of them."""
        return second - max(bisect_right(self.starts, self.starts[first] + interval / 5, first, second), first + 1)

    def _add(self, chain: _Chain) -> None:
        """Go on from what opened a series as long as it does."""
        beats, low, high, missed = chain.beats[::-1], chain.low, chain.high, chain.missed
        held = sum(self._size(beat) for beat in beats)
        while (step := self._later(beats[-1], low, high)) is not None:
            after, strides = step
            held += self._size(after)
            if held > MOST_IN_SERIES:
                break
            interval = (self.starts[after] - self.starts[beats[-1]]) / strides
            low, high, missed = min(low, interval), max(high, interval), missed + strides - 1
            beats.append(after)
        period = (self.starts[beats[-1]] - self.starts[beats[0]]) / (len(beats) - 1 + missed)
        off = max(high - period, period - low)
        self.spans.append((_Chain(beats, low, high, missed), beats[0], beats[-1]))
        ranges = tuple(self.ranges[beat] for beat in beats)
        self.found.append(Series(ranges, round(period), round(off), missed))

    def _size(self, beat: int) -> int:
        start, end = self.ranges[beat]
        return end - start


def _chance(steps: int, missed: int, between: int, wide: float, low: float, high: float) -> float:
    """The logarithm of how many chains as regular are expected, at a beat, among times without memory (Poisson).

    Of the rate at which they are likeliest: each step but the first, which sets the interval, ends within the spread;
    the others of the time's beats are as many as stand in between. `wide`: the sum of the logarithms of the strides.
    """
    # Beats are never nearer than TOGETHER, whatever makes them.
    spread = min(max(high - low, SECOND) / max(high + low - 2 * TOGETHER, SECOND), 1.0)
    intervals, all_beats = steps + missed, steps + between
    within = (steps - 1) * log(2 * spread) + wide
    others = all_beats * (log(all_beats / intervals) - 1) + between * log(intervals) - lgamma(between + 1)
    choices = lgamma(intervals + 1) - lgamma(missed + 1) - lgamma(steps + 1)
    return within + others + choices + log(steps) + _LEEWAY * ((between > 0) + (missed > 0))


def _beats(times: Sequence[int]) -> list[tuple[int, int]]:
    """The half-open ranges of times (sorted) that are one beat each."""
    found: list[tuple[int, int]] = []
    start = 0
    for at in range(1, len(times) + 1):
        if at == len(times) or times[at] - times[at - 1] > TOGETHER or at - start >= MOST_IN_BEAT:
            found.append((start, at))
            start = at
    return found


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}".removesuffix(".0")
