"""New values: what a host has not done for days, as a pure function of its hits.

**New.** A value is new on a day (UTC) when no hit of the group had it on the `history` days before, and on the day
after that one. So what comes at once after the first contact, also past midnight, is of it.

**Known.** Nothing is new while a group is learned: some hit of it, of whatever value, must be at least `learned` days
and at most `history` days older. A host that was never seen, or not for that long, has no history to hold something
against; nor has one with `MOST` values in these days (a proxy, a gateway), of which each hour would be new.

**A match** is all hits of `by` with a value while it is new: one for each value and first contact. Later hits undo
none; one that comes late, from before, may.

Whole days make it small: of a value whose days are settled the last one is enough, and of the group each day once
(`forgettable`). So what is kept of a group is bounded by `MOST` values and `history` days, and by the hits of `by` of
two days.

Elastic's rules of new terms and Sigma's correlations have no learning: with an empty history everything is new there.

Time: O(n log n) for n hits. Times are microseconds.
"""

from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from exfilwatch.detection.hits import Hit

DAY = 24 * 3600 * 1_000_000
MOST = 5_000


class Newness(msgspec.Struct, frozen=True):
    """What is asked: hits of the member `by`, whose value no hit of the group had for `history` days. Both in days."""

    by: str
    history: int
    learned: int


def new(asked: Newness, hits: Sequence[Hit]) -> Iterator[list[Hit]]:
    """The hits (of one group, in order of time) of each match, in the order of the first contacts."""
    group_days = sorted({hit.time // DAY for hit in hits})
    last: OrderedDict[object, int] = OrderedDict()
    begun: dict[object, int] = {}
    matches: dict[tuple[object, int], list[Hit]] = {}
    for hit in hits:
        value, day = _value(hit), hit.time // DAY
        if value is None:
            continue
        if value not in last or day - last[value] > asked.history:
            while last and day - next(iter(last.values())) > asked.history:
                last.popitem(last=False)
            begun.pop(value, None)
            if len(last) < MOST and _known(asked, group_days, day):
                begun[value] = day
        last[value] = day
        last.move_to_end(value)
        since = begun.get(value)
        if since is not None and hit.rule == asked.by and day - since <= 1:
            matches.setdefault((value, since), []).append(hit)
    yield from matches.values()


def _known(asked: Newness, days: Sequence[int], day: int) -> bool:
    at = bisect_left(days, day - asked.history)
    return at < len(days) and days[at] <= day - asked.learned


def forgettable(asked: Newness, hits: Iterable[Hit], over: int) -> list[Hit]:
    """The hits of a group that change nothing for what comes after `over`: all but those of `by` of the last two days,
    for what is new then may go on, one of each value on each of these days, the last one of each value before, and one
    of each day.
    """
    today = over // DAY
    recent: set[tuple[object, int]] = set()
    before: set[object] = set()
    days: set[int] = set()
    gone = []
    for hit in sorted(hits, key=lambda hit: (-hit.time, hit.event, hit.rule)):
        value, day = _value(hit), hit.time // DAY
        if day > today - 2:
            needed = hit.rule == asked.by or ((value, day) not in recent and len(recent) <= 2 * MOST)
            recent.add((value, day))
        else:
            needed = day >= today - asked.history - 1 and (
                day not in days or (value not in before and len(before) <= MOST)
            )
            before.add(value)
        days.add(day)
        if not needed:
            gone.append(hit)
    return gone


def _value(hit: Hit) -> object:
    value = hit.value[0] if hit.value else None
    return value.casefold() if isinstance(value, str) else value
