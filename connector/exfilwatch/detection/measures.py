"""What is measured in a window of hits while it slides over them: what is read of a hit comes once, and leaves once.

All measures are exact and take a constant time for each hit, so that 100,000 hits of one group cost less than a second.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Protocol, TypeVar

from exfilwatch.detection.correlation_condition import COMPARE, EXACT, Bound, Bounds, number, within
from exfilwatch.detection.correlation_plan import CorrelationPlan
from exfilwatch.detection.hits import Hit, Scalar

Row = tuple[str | None, ...]
Shown = tuple[str, Decimal]
"""A number and the event that shows it: what an event shows to several rules counts once."""

_Key = TypeVar("_Key")


def holding(plan: CorrelationPlan, hits: list[Hit], windows: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Those of the windows, half-open ranges of the hits whose ends only grow, whose hits meet the condition.

    A window in which there was nothing to count meets none.
    """
    condition = plan.condition
    if not isinstance(condition, tuple) or plan.kind == "temporal":
        return _slide(Presence(plan), hits, windows)
    match plan.kind:
        case "event_count":
            return _slide(EventCount(condition), hits, windows)
        case "value_count":
            return _slide(ValueCount(condition), hits, windows)
        case "value_sum":
            return _slide(Sum(condition), hits, windows)
        case "value_avg":
            return _slide(Average(condition), hits, windows)
        case _:
            return _slide(Percentile(condition, plan.percentile), hits, windows)


class Measure(Protocol[_Key]):
    """A measure of the hits in a window. `remove` gets what `add` got, in the same order."""

    def read(self, hit: Hit) -> _Key | None:
        """What is measured of a hit; None when there is nothing."""

    def add(self, key: _Key) -> None: ...
    def remove(self, key: _Key) -> None: ...
    def holds(self) -> bool: ...


def _slide(measure: Measure[_Key], hits: list[Hit], windows: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    keys = [measure.read(hit) for hit in hits]
    added = removed = 0
    for start, end in windows:
        for key in keys[added:end]:
            if key is not None:
                measure.add(key)
        for key in keys[removed:start]:
            if key is not None:
                measure.remove(key)
        added, removed = end, start
        if measure.holds():
            yield start, end


class Tally(dict[_Key, int]):
    """How often each key is in the window."""

    def put(self, key: _Key) -> bool:
        """Whether the window did not have it yet."""
        count = self.get(key, 0)
        self[key] = count + 1
        return not count

    def take(self, key: _Key) -> bool:
        """Whether the window has it no longer."""
        count = self[key] - 1
        if count:
            self[key] = count
            return False
        del self[key]
        return True


class EventCount:
    """Distinct events: one that hit two rules counts once."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._events = Tally[str]()

    def read(self, hit: Hit) -> str:
        return hit.event

    def add(self, key: str) -> None:
        self._events.put(key)

    def remove(self, key: str) -> None:
        self._events.take(key)

    def holds(self) -> bool:
        return within(self._bounds, len(self._events))


class ValueCount:
    """Distinct values, as Sigma compares them (`text`); of several fields, distinct rows in which none is absent."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._rows = Tally[Row]()

    def read(self, hit: Hit) -> Row | None:
        row = tuple(map(text, hit.value))
        return None if None in row else row

    def add(self, key: Row) -> None:
        self._rows.put(key)

    def remove(self, key: Row) -> None:
        self._rows.take(key)

    def holds(self) -> bool:
        return bool(self._rows) and within(self._bounds, len(self._rows))


def text(value: Scalar) -> str | None:
    """What tells values apart, as Sigma compares: in either case the same, and so are 443, 443.0 and "443"."""
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).casefold()


class Sum:
    """The sum of the numbers."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._shown = Tally[Shown]()
        self._sum = Decimal(0)

    def read(self, hit: Hit) -> Shown | None:
        return _shown(hit)

    def add(self, key: Shown) -> None:
        if self._shown.put(key):
            self._sum = EXACT.add(self._sum, key[1])

    def remove(self, key: Shown) -> None:
        if self._shown.take(key):
            self._sum = EXACT.subtract(self._sum, key[1])

    def holds(self) -> bool:
        return bool(self._shown) and within(self._bounds, self._sum)


class Average(Sum):
    """The mean of the numbers: their sum against as many times the limit, because a division would round."""

    def holds(self) -> bool:
        count = len(self._shown)
        return count > 0 and all(COMPARE[b.op](self._sum, EXACT.multiply(b.limit, count)) for b in self._bounds)


class Percentile:
    """The percentile of the numbers, with linear interpolation between neighbours (SQL's PERCENTILE_CONT).

    The 50th is the usual median: of an even number of values, the mean of the two in the middle.
    """

    def __init__(self, bounds: Bounds, percentile: Decimal) -> None:
        self._sides = [Side(bound) for bound in bounds]
        self._percentile = percentile
        self._shown = Tally[Shown]()

    def read(self, hit: Hit) -> Shown | None:
        return _shown(hit)

    def add(self, key: Shown) -> None:
        new = self._shown.put(key)
        for side in self._sides:
            side.add(key[1], new)

    def remove(self, key: Shown) -> None:
        gone = self._shown.take(key)
        for side in self._sides:
            side.remove(key[1], gone)

    def holds(self) -> bool:
        if not self._shown:
            return False
        low, hundredths = EXACT.divmod(EXACT.multiply(self._percentile, len(self._shown) - 1), 100)
        return all(COMPARE[side.bound.op](side.sign(int(low), hundredths), 0) for side in self._sides)


def _shown(hit: Hit) -> Shown | None:
    value = number(hit.value[0])
    return None if value is None else (hit.event, value)


class Side:
    """On which side of one limit a percentile lies.

    No sorted window is needed: it is enough to know how many values are below the limit and how many on it, and how far
    the nearest ones on either side are, which two monotonic queues of distances keep.
    """

    def __init__(self, bound: Bound) -> None:
        self.bound = bound
        self._below = self._equal = 0
        self._nearest_below: deque[Decimal] = deque()
        self._nearest_above: deque[Decimal] = deque()

    def add(self, value: Decimal, new: bool) -> None:
        nearest, distance = self._place(value, 1 if new else 0)
        while nearest and nearest[-1] > distance:
            nearest.pop()
        nearest.append(distance)

    def remove(self, value: Decimal, gone: bool) -> None:
        nearest, distance = self._place(value, -1 if gone else 0)
        if nearest[0] == distance:
            nearest.popleft()

    def _place(self, value: Decimal, count: int) -> tuple[deque[Decimal], Decimal]:
        """Count a value; the queue of its side, and its distance from the limit."""
        limit = self.bound.limit
        if value < limit:
            self._below += count
            return self._nearest_below, EXACT.subtract(limit, value)
        if value == limit:
            self._equal += count
        return self._nearest_above, EXACT.subtract(value, limit)

    def sign(self, low: int, hundredths: Decimal) -> int:
        """-1, 0, 1: the value so far from rank `low` (from 0) to the next is below, on, above the limit."""
        here = self._side(low)
        there = self._side(low + 1) if hundredths else here
        if here >= 0 or there <= 0:
            return here if here < 0 else there
        below, above = self._nearest_below[0], self._nearest_above[0]
        risen, needed = EXACT.multiply(EXACT.add(below, above), hundredths), EXACT.multiply(below, 100)
        return (risen > needed) - (risen < needed)

    def _side(self, rank: int) -> int:
        return -1 if rank < self._below else 0 if rank < self._below + self._equal else 1


class Presence:
    """Which members fired: all of them, so many of them, or as an expression says."""

    def __init__(self, plan: CorrelationPlan) -> None:
        self._plan = plan
        self._members = Tally[str]()
        self._bits = {member: 1 << position for position, member in enumerate(plan.members)}
        self._present = 0
        self._known: dict[int, bool] = {}

    def read(self, hit: Hit) -> str:
        return hit.rule

    def add(self, key: str) -> None:
        self._members.put(key)
        self._present |= self._bits[key]

    def remove(self, key: str) -> None:
        if self._members.take(key):
            self._present &= ~self._bits[key]

    def holds(self) -> bool:
        if self._present not in self._known:
            self._known[self._present] = self._plan.met_by(self._members.keys())
        return self._known[self._present]
