"""Starts of processes, asked for around what matches on a host: they tell which events are of one process tree.

Around a match that is new, or reaches farther than before, all starts are asked for; around those of before, the starts
that a slice has. So what is known of the processes is, after each poll, what one pass over everything would tell.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from sqlalchemy import Connection

from exfilwatch.detection.climb import Climb, is_told
from exfilwatch.detection.correlate import LINK
from exfilwatch.detection.evaluate import Evaluator
from exfilwatch.detection.hits import HitStore, group_key
from exfilwatch.detection.judge import Waiting
from exfilwatch.detection.rule import Correlation
from exfilwatch.detection.starts import ByHost, Sought, sought
from exfilwatch.detection.trees import STARTS, kin_of
from exfilwatch.events.lines import LineDecoder
from exfilwatch.polling import waiting
from exfilwatch.polling.tables import hashed


class Unlinked(Exception):
    """Starts that have not been asked for: what was read can't be judged yet. `sought` says which."""

    def __init__(self, sought: Sequence[Sought]) -> None:
        super().__init__(f"starts of processes on {len(sought)} hosts were not asked for")
        self.sought = sought


def asking(evaluator: Evaluator) -> list[Correlation]:
    """The correlations that ask for trees."""
    return [each for each in evaluator.rules.correlations if each.plan.tree]


def newly(
    connection: Connection, evaluator: Evaluator, new: Sequence[Waiting], *, by_guid: bool = False
) -> list[Sought]:
    """What is sought because of new hits, and was not because of those that are stored."""
    found: list[Sought] = []
    for correlation in asking(evaluator):
        arrived = [each.hit for each in new if each.correlation == correlation.id and each.hit.rule != LINK]
        if not arrived:
            continue
        with HitStore() as before, HitStore() as after:
            for hit in waiting.hits_of(connection, correlation.id, {hit.group for hit in arrived}, events=False):
                before.add(correlation.id, hit)
                after.add(correlation.id, hit)
            for hit in arrived:
                after.add(correlation.id, hit)
            found += without(sought([correlation], after), sought([correlation], before), by_guid=by_guid)
    return found


def known(connection: Connection, evaluator: Evaluator, since: int) -> list[Sought]:
    """What is sought because of the stored hits since a time (µs)."""
    with HitStore() as hits:
        for correlation in asking(evaluator):
            for hit in waiting.hits_of(connection, correlation.id, low=since, events=False):
                hits.add(correlation.id, hit)
        return sought(asking(evaluator), hits)


def without(wanted: Iterable[Sought], had: Iterable[Sought], *, by_guid: bool = False) -> list[Sought]:
    """What is sought, but for the times that were sought before of the same group; `by_guid`: where those starts were
    asked for that tell of some processes, only what was sought of all of these is left out."""
    by_group: dict[tuple[str, tuple[str, ...]], list[Sought]] = {}
    for each in had:
        by_group.setdefault((each.correlation, each.group), []).append(each)
    left: list[Sought] = []
    for each in wanted:
        pieces = [each]
        for before in by_group.get((each.correlation, each.group), ()):
            if not by_guid or not all(map(is_told, before.kins)):
                pieces = [piece for other in pieces for piece in _cut(other, before)]
            elif before.low <= each.low and each.high <= before.high and set(each.kins) <= set(before.kins):
                pieces = []
        left += pieces
    return left


def _cut(wanted: Sought, had: Sought) -> list[Sought]:
    pieces = (wanted._replace(high=min(wanted.high, had.low - 1)), wanted._replace(low=max(wanted.low, had.high + 1)))
    return [piece for piece in pieces if piece.low <= piece.high]


class Links:
    """Makes hits that link of records. `climbs`: by host, what is told of the starts that come."""

    def __init__(self, wanted: Iterable[Sought], climbs: Mapping[str, Climb] | None = None) -> None:
        self._by_host = ByHost(wanted)
        self._climbs = climbs or {}

    def __call__(self, records: Iterable[bytes], decoder: LineDecoder) -> Iterator[Waiting]:
        """The hits that starts among the records give."""
        for record in records:
            for event in decoder.feed(record, 0):
                if event.category != STARTS or (kin := kin_of(event)) is None:
                    continue
                time, near = self._by_host.near(event.get("Computer"), event.time)
                if near and (climb := self._climbs.get(near[0].host)):
                    climb.saw(kin)
                for each in near:
                    # One start may link hits of several groups.
                    yield Waiting(*each.link(time, hashed(event.id, group_key(each.group)), kin))
