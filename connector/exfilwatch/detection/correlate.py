"""Sigma correlations over hits: a function of the set of hits of a group, exact and blind to the order of arrival.

**Windows.** A window is anchored at a hit: the hits of a group from its time t to t + timespan, both included, in
microseconds. A window that lies inside another one says nothing of its own and is not evaluated: the last 150 events
of a burst of 500 are no match for "101 to 200", nor its last one for "fewer than 5". For conditions that more hits can
only fulfil (gt and gte of counts; all, some or so many rules present) this changes nothing. For lt, lte, eq, neq,
ranges, `not`, sums, averages and percentiles it means: the hits of some window that is anchored at a hit, and reaches
farther than every earlier one, meet the condition.

**Nothing is not seen.** A group exists once something hit, so zero events never match (lt 5); nor does a window in
which no value, or no number, was found. Conditions that could hold only then are refused as rules.

**Merging.** Windows that meet the condition and share a hit are one match, with all their hits: one match for a burst.

**event_count** counts distinct events; **value_count** distinct values (in either case; 443 is "443"; absent ones do
not count; of several fields, rows); **value_sum**, **value_avg**, **value_percentile** and **value_median** measure the
numbers in exact arithmetic and skip what is none. What several rules see of one event counts once (`measures`).

**temporal** asks which members are present; one event may stand for two. **temporal_ordered** asks for a hit of every
rule in the order listed, within the timespan. The order is compared by whole milliseconds: hits of the same millisecond
count as ordered both ways. Its match has only hits that take part in such a choice.

**Regular.** An event_count that asks for `regular` has the hits of each series at regular intervals (cadence.py)
instead of those of a window; the timespan bounds what opens a series.

**New.** An event_count that asks for `new` has the hits of one member whose value the group did not have for
the timespan (newness.py), a match for each value; hits of all members are its history.

**Pairs.** With `emit: pair`, each pair of a hit of the first and a hit of the second rule at most the timespan apart
(and for temporal_ordered, in order) is a match of its own, in the order of the first hit, then of the second.

**Trees.** With `tree`, the hits of each match of the host are split into process trees (`trees`), and what matches
among the hits of one tree is a match of its own. What these leave is matched as a whole; with `tree: require`, only
hits that name no process are. Starts of other processes (`LINK`) connect hits and are no part of matches.

Time: O(n log n) for n hits of a group (times the number of rules for temporal_ordered), and one step for each pair.
"""

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

import msgspec

from exfilwatch.detection.cadence import series
from exfilwatch.detection.correlation_plan import CorrelationPlan, Emit
from exfilwatch.detection.detection import Kinship
from exfilwatch.detection.hits import Hit, in_order
from exfilwatch.detection.measures import holding
from exfilwatch.detection.newness import new
from exfilwatch.detection.trees import trees

MILLISECOND = 1000
LINK = "exfilwatch.process_start"
"""The rule of hits that only say which process started which."""


class Match(msgspec.Struct, frozen=True):
    """A correlation that held. `hits` are in order of time, event, rule; `first` and `last` are theirs, in µs UTC.

    `kinship`: None where the correlation asks for no tree. `cadence`: how regular they are, where it asks for that.
    """

    rule: str
    group: tuple[str, ...]
    first: int
    last: int
    hits: tuple[Hit, ...]
    kinship: Kinship | None = None
    cadence: str = ""


def matches(plan: CorrelationPlan, hits: Iterable[Hit]) -> list[Match]:
    """The matches among all hits of one group; windows by time, pairs by their first hit.

    Doubles (the same rule on the same event) count once. Pairs can be many: `each_match` gives them one by one.
    """
    return list(each_match(plan, hits))


def each_match(plan: CorrelationPlan, hits: Iterable[Hit]) -> Iterator[Match]:
    """As `matches`, without holding all of them."""
    ordered = _once(hits)
    if plan.jitter is not None:
        yield from _regular(plan, plan.jitter, ordered)
        return
    if plan.newness is not None:
        yield from (_match(plan, chosen) for chosen in new(plan.newness, ordered))
        return
    if plan.tree is None:
        for chosen in _chosen(plan, ordered, plan.emit):
            yield _match(plan, chosen)
        return
    links = [hit for hit in ordered if hit.rule == LINK]
    times = [hit.time for hit in links]
    for whole in of_host(plan, ordered):
        low, high = linked(plan, whole)
        near_by = links[bisect_left(times, low) : bisect_right(times, high)]
        yield from sorted(_of_trees(plan, whole, near_by), key=lambda match: in_order(match.hits[0]))


def of_host(plan: CorrelationPlan, hits: Iterable[Hit]) -> Iterator[list[Hit]]:
    """What matches in a group, whatever the processes; each pair is in one of these."""
    return _chosen(plan, [hit for hit in hits if hit.rule != LINK], "window")


def linked(plan: CorrelationPlan, whole: Sequence[Hit]) -> tuple[int, int]:
    """When the starts that link the hits of a match of the host are looked for (µs): from one timespan before it."""
    return whole[0].time - plan.timespan, whole[-1].time


def _match(plan: CorrelationPlan, chosen: list[Hit], kinship: Kinship | None = None, cadence: str = "") -> Match:
    return Match(plan.rule, chosen[0].group, chosen[0].time, chosen[-1].time, tuple(chosen), kinship, cadence)


def _of_trees(plan: CorrelationPlan, whole: list[Hit], links: Iterable[Hit]) -> Iterator[Match]:
    """What matches in each process tree; then what matches among the hits that are in no such match."""
    known = [(hit, hit.kin) for hit in (*whole, *links) if hit.kin is not None]
    used: set[tuple[str, str]] = set()
    apart: set[tuple[str, str]] = set()
    for tree in trees([(hit.time, kin) for hit, kin in known]):
        of_tree = [hit for hit, _ in map(known.__getitem__, tree.events) if hit.rule != LINK]
        if tree.whole:
            apart.update((hit.rule, hit.event) for hit in of_tree)
        for chosen in _chosen(plan, of_tree, plan.emit):
            used.update((hit.rule, hit.event) for hit in chosen)
            yield _match(plan, chosen, Kinship.TREE)
    left = [hit for hit in whole if (hit.rule, hit.event) not in used and (plan.tree == "prefer" or hit.kin is None)]
    for chosen in _chosen(plan, left, plan.emit):
        all_apart = all((hit.rule, hit.event) in apart for hit in chosen)
        yield _match(plan, chosen, Kinship.APART if all_apart else Kinship.UNTOLD)


def _chosen(plan: CorrelationPlan, ordered: list[Hit], emit: Emit) -> Iterator[list[Hit]]:
    """The hits of each match among hits in order."""
    if emit == "pair":
        found: Iterator[list[Hit]] = _pairs(plan, ordered)
    elif plan.kind == "temporal_ordered":
        lanes = _lanes(plan, ordered)
        found = _merged(lanes, _ordered_windows(plan, ordered, lanes))
    else:
        windows = _windows([hit.time for hit in ordered], plan.timespan)
        found = _merged([ordered], ([window] for window in holding(plan, ordered, windows)))
    for chosen in found:
        chosen.sort(key=in_order)
        yield chosen


def _regular(plan: CorrelationPlan, jitter: float, hits: list[Hit]) -> Iterator[Match]:
    """A match for each series of hits at regular intervals."""
    for found in series([hit.time for hit in hits], jitter, plan.least, plan.timespan):
        chosen = [hit for start, end in found.beats for hit in hits[start:end]]
        yield _match(plan, chosen, cadence=str(found))


def near(timespan: int, driver_times: Sequence[int], t: int) -> bool:
    """Whether `t` is within the timespan of some of `driver_times` (sorted; of the same group), on either side."""
    at = bisect_left(driver_times, t - timespan)
    return at < len(driver_times) and driver_times[at] <= t + timespan


def as_hit(match: Match, inner: CorrelationPlan, outer: CorrelationPlan, record: bytes = b"") -> Hit:
    """The match of an inner correlation as a hit of the outer one, at the time of its last hit.

    Its event is a hash of what it is made of, so that the same events give the same hit. Group and values come from the
    inner group, where `plan` made sure that they are.
    """
    values = dict(zip(inner.group_by, match.group, strict=True))
    return Hit(
        rule=match.rule,
        group=tuple(values[name] for name in outer.group_fields(match.rule)),
        time=match.last,
        event=_identity(match),
        value=tuple(values[name] for name in outer.value_fields(match.rule)),
        record=record,
    )


def _identity(match: Match) -> str:
    parts = (match.rule, match.group, sorted((hit.event, hit.rule) for hit in match.hits))
    return hashlib.blake2b(repr(parts).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _once(hits: Iterable[Hit]) -> list[Hit]:
    """The hits in order, each rule and event once; of doubles that differ, the same one whatever came first."""
    ordered = sorted(hits, key=in_order)
    if len({(hit.rule, hit.event) for hit in ordered}) == len(ordered):
        return ordered
    best: dict[tuple[str, str], Hit] = {}
    for _, same in groupby(ordered, key=in_order):
        hit = min(same, key=lambda hit: (hit.record, repr(hit.value)))
        best.setdefault((hit.rule, hit.event), hit)
    return list(best.values())


def _windows(times: Sequence[int], timespan: int) -> Iterator[tuple[int, int]]:
    """The windows that lie in no other, as half-open ranges of `times` (sorted)."""
    end = 0
    for start, time in enumerate(times):
        reached = bisect_right(times, time + timespan, lo=end)
        if reached > end:
            end = reached
            yield start, end


def _lanes(plan: CorrelationPlan, hits: list[Hit]) -> list[list[Hit]]:
    """The hits of each member, in the members' order."""
    lanes: dict[str, list[Hit]] = {member: [] for member in plan.members}
    for hit in hits:
        lanes[hit.rule].append(hit)
    return list(lanes.values())


def _ordered_windows(plan: CorrelationPlan, hits: list[Hit], lanes: list[list[Hit]]) -> Iterator[list[tuple[int, int]]]:
    """For each window with a choice in order, the range of each lane that takes part in one.

    A hit takes part when it is not before the earliest hit that completes the rules up to its own, and not after the
    latest one from which the rules after it can be completed: both found by taking what comes first, or last.
    """
    times = [[hit.time for hit in lane] for lane in lanes]
    for start, _ in _windows([hit.time for hit in hits], plan.timespan):
        low = hits[start].time
        high = low + plan.timespan
        firsts = _earliest(times, low, high)
        if firsts:
            yield list(zip(firsts, _latest(times, high), strict=True))


def _earliest(lanes: list[list[int]], low: int, high: int) -> list[int]:
    """The index in each lane of the earliest choice in order between low and high; none when there is no choice."""
    chosen = []
    reached = low
    for times in lanes:
        at = bisect_left(times, max(low, reached // MILLISECOND * MILLISECOND))
        if at == len(times) or times[at] > high:
            return []
        chosen.append(at)
        reached = times[at]
    return chosen


def _latest(lanes: list[list[int]], high: int) -> list[int]:
    """One past the index in each lane of the latest choice in order, where `_earliest` has found that there is one."""
    chosen = []
    reached = high
    for times in reversed(lanes):
        end = bisect_right(times, min(high, reached // MILLISECOND * MILLISECOND + MILLISECOND - 1))
        chosen.append(end)
        reached = times[end - 1]
    return chosen[::-1]


def _merged(lanes: list[list[Hit]], windows: Iterable[list[tuple[int, int]]]) -> Iterator[list[Hit]]:
    """The hits of windows that share hits, taken together. A window is a range of each lane; both ends only grow."""
    found: list[Hit] = []
    done = [0] * len(lanes)
    for window in windows:
        if found and not any(start < end for (start, _), end in zip(window, done, strict=True)):
            yield found
            found = []
        for lane, (start, end), before in zip(lanes, window, done, strict=True):
            found.extend(lane[max(start, before) : end])
        done = [end for _, end in window]
    if found:
        yield found


def _pairs(plan: CorrelationPlan, hits: list[Hit]) -> Iterator[list[Hit]]:
    """Each pair near enough; for temporal_ordered, the second not in an earlier millisecond than the first."""
    firsts, seconds = _lanes(plan, hits)
    times = [hit.time for hit in seconds]
    for first in firsts:
        low = first.time - plan.timespan
        if plan.kind == "temporal_ordered":
            low = max(low, first.time // MILLISECOND * MILLISECOND)
        for second in seconds[bisect_left(times, low) : bisect_right(times, first.time + plan.timespan)]:
            yield [first, second]
