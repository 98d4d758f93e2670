"""Which intervals to read: pure arithmetic on times in µs since 1970 UTC.

The frontier is how far intervals were planned; what is planned and not yet read whole is kept, so that the watermark,
before which everything was read, is the lowest of what is left.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from exfilwatch.events.timestamps import to_datetime


class Interval(NamedTuple):
    """low <= time < high. As text in ISO 8601, as far as years have four digits."""

    low: int
    high: int

    def __str__(self) -> str:
        low, high = (to_datetime(each) for each in self)
        return f"{low:%FT%T.%fZ} to {high:%FT%T.%fZ}" if low and high else f"{self.low} to {self.high} us"


def planned(frontier: int, now: int, *, lookback: int, width: int, step: int) -> list[Interval]:
    """The intervals from the look-back before the frontier to now, each at most `width` long, on whole steps.

    Now is rounded down: a step that is not over may still get records.
    """
    low, end = (frontier - lookback) // step * step, now // step * step
    width = max(step, width // step * step)
    return [Interval(at, min(at + width, end)) for at in range(low, end, width)]


def joined(intervals: Iterable[Interval], width: int, step: int) -> list[Interval]:
    """Intervals that overlap or touch as one, cut to `width`: what waits for long does not become ever more slices."""
    width = max(step, width // step * step)
    spans = merged(("", low, high) for low, high in intervals)
    return [Interval(at, min(at + width, high)) for _, low, high in spans for at in range(low, high, width)]


def halved(interval: Interval, step: int) -> tuple[Interval, Interval] | None:
    """Both halves, on whole steps; None for one step, which can't be halved."""
    steps = (interval.high - interval.low) // step
    if steps < 2:
        return None
    middle = interval.low + steps // 2 * step
    return Interval(interval.low, middle), Interval(middle, interval.high)


def watermark(frontier: int, left: Iterable[Interval]) -> int:
    """Everything before it was read whole."""
    return min([frontier, *(interval.low for interval in left)])


def merged(spans: Iterable[tuple[str, int, int]]) -> Iterator[tuple[str, int, int]]:
    """Spans of times of the same host that overlap or touch, as one; by host and time."""
    held: tuple[str, int, int] | None = None
    for host, low, high in sorted(spans):
        if held and held[0] == host and low <= held[2]:
            held = (host, held[1], max(held[2], high))
            continue
        if held:
            yield held
        held = (host, low, high)
    if held:
        yield held
