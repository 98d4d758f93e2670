"""Which groups of a host are forgotten when it has more than are kept, as a pure function of their times.

A host that sends by commands that always differ would fill what is kept of it with groups of one hit each. So of one
host at most `GROUPS` groups and `HITS` hits wait, and these go first: groups of one beat, then irregular ones of
several, then series, each the one first of which nothing was heard for longest. So a series that goes on stays
whatever else the host does, and one that begins is found as long as fewer than `GROUPS` other groups come in between
two of its first beats. Of hits, the largest group that is not regular goes first: it is irregular after so many.
"""

from collections.abc import Mapping, Sequence

from exfilwatch.detection.cadence import STRIDES, TOGETHER, series

GROUPS = 1_000
HITS = 20_000


def crowded(times: Mapping[str, Sequence[int]], jitter: float, least: int, timespan: int) -> list[str]:
    """The names of the groups of one host that go. `times`: those of each group's hits, sorted, in µs."""
    surplus, hits = len(times) - GROUPS, sum(map(len, times.values())) - HITS
    if surplus <= 0 and hits <= 0:
        return []
    now = max(each[-1] for each in times.values())
    rank = {name: _rank(each, jitter, least, timespan, now) for name, each in times.items()}
    gone: list[str] = []
    for name in sorted(times, key=lambda name: (rank[name], times[name][-1], name))[: max(surplus, 0)]:
        gone.append(name)
        hits -= len(times[name])
    left = set(times).difference(gone)
    for name in sorted(left, key=lambda name: (rank[name] == _REGULAR, -len(times[name]), times[name][-1], name)):
        if hits <= 0:
            break
        gone.append(name)
        hits -= len(times[name])
    return gone


_ONCE, _SEVERAL, _REGULAR = range(3)


def _rank(times: Sequence[int], jitter: float, least: int, timespan: int, now: int) -> int:
    if times[-1] - times[0] <= TOGETHER:
        return _ONCE
    for each in series(times, jitter, least, timespan) if len(times) >= least else ():
        if times[each.beats[-1][0]] + STRIDES * each.period * (1 + jitter) >= now:
            return _REGULAR
    return _SEVERAL
