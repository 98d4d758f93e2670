"""Rules on records that come in pieces: what fires at once, and hits that wait for others.

The poller asks a SIEM for what the `eager` rules may fire on. Rules whose hits matter only near those of a leader are
`lazy` (neighbours.py): it asks for what these may fire on near the leader's hits only.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from exfilwatch.detection.detection import Detection
from exfilwatch.detection.evaluate import Evaluator
from exfilwatch.detection.hits import Hit
from exfilwatch.detection.neighbours import Led, leads
from exfilwatch.detection.parts import with_parts
from exfilwatch.detection.rows import Decoders
from exfilwatch.detection.rule import Rule, RuleSet
from exfilwatch.detection.starts import Start
from exfilwatch.detection.trees import STARTS, TOLD
from exfilwatch.events.blocks import Block
from exfilwatch.events.event import Event
from exfilwatch.events.lines import LineDecoder
from exfilwatch.events.report import Report


class Waiting(NamedTuple):
    """A hit, and the id of the correlation that it waits for."""

    correlation: str
    hit: Hit


class Judged(NamedTuple):
    """What an event gives."""

    event: Event
    detections: list[Detection]
    hits: list[Waiting]


class Around(NamedTuple):
    """Where hits of lazy rules matter: a host, and event times (µs) with both ends."""

    host: str
    low: int
    high: int


class Judge:
    """One rule set. `everything`: there is nothing to ask a second time, so lazy rules look at all that comes, and the
    starts of processes are collected where sequences ask for trees (`take_starts`).
    """

    def __init__(self, rules: RuleSet, report: Report, *, everything: bool = False) -> None:
        self.evaluator = Evaluator(rules, report)
        found, lazy = Led([], frozenset()) if everything else leads(rules, again=True, asked=True)
        self._starts: list[Start] | None = [] if everything and rules.asks_for_trees else None
        self._report = report
        self._lazy = lazy
        self._decoders = Decoders(self.evaluator, [lazy] if lazy else [])
        self._hosts = {
            (lead.correlation.id, lead.member): lead.correlation.plan.group_fields(lead.member).index("Computer")
            for lead in found
        }
        self._spans = {lead.correlation.id: lead.correlation.plan.timespan for lead in found}
        wanted = [rule for rule in rules.rules if rule.emits or rule.id in self.evaluator.members]
        self.eager = with_parts(rule for rule in wanted if rule.id not in lazy)
        self.lazy = tuple(rule for rule in wanted if rule.id in lazy)
        self._following = {
            lead.correlation.id: tuple(rule for rule in self.lazy if rule.id in lead.correlation.plan.members)
            for lead in found
        }

    @property
    def leaders(self) -> list[tuple[str, str]]:
        """Correlations and the member of each that leads."""
        return list(self._hosts)

    @property
    def longest(self) -> int:
        """µs: the longest that a hit of a lazy rule may be from its leader."""
        return max(self._spans.values(), default=0)

    def judge(self, lines: Sequence[bytes], decoder: LineDecoder, first: int = 0) -> Iterator[Judged]:
        """What the eager rules find in records; only those on which one may fire are decoded in full.

        `first` is the number of the first line; 0: the records have none.
        """
        ends = max(0, len(lines) - 1)
        block = Block("", first, b"\n".join(lines), ends)
        typed, wanted = self._decoders.sift(block, self._report)
        if self._starts is not None:
            for each in typed:
                self._starts += each.fast.starts(each.rows)
        for at in wanted:
            for event in decoder.feed(lines[at], first + at if first else 0):
                yield self.event(event)

    def event(self, event: Event) -> Judged:
        """What the eager rules find in one event."""
        judged = Judged(event, [], [])
        if self._starts is not None and event.category == STARTS:
            self._starts.append((event.get("Computer"), event.time, *map(event.get, TOLD)))
        for verdict in self.evaluator.fired(event):
            if verdict.rule.id in self._lazy:
                continue
            if verdict.rule.emits:
                judged.detections.append(verdict.detection())
            judged.hits.extend(self._hits(verdict.rule, event))
        return judged

    def take_starts(self) -> list[Start]:
        """The starts of processes in what was judged since this was asked last."""
        taken, self._starts = self._starts or [], None if self._starts is None else []
        return taken

    def near(self, lines: Iterable[bytes], decoder: LineDecoder) -> Iterator[Waiting]:
        """The hits of lazy rules in records."""
        for line in lines:
            for event in decoder.feed(line, 0):
                for verdict in self.evaluator.fired(event):
                    if verdict.rule.id in self._lazy:
                        yield from self._hits(verdict.rule, event)

    def _hits(self, rule: Rule, event: Event) -> Iterator[Waiting]:
        for correlation, hit in self.evaluator.hits(rule, event):
            yield Waiting(correlation.id, hit)

    def following(self, waiting: Waiting) -> tuple[Rule, ...]:
        """The lazy rules whose hits matter near this one, if it leads."""
        return self._following.get(waiting.correlation, ())

    def around(self, waiting: Waiting) -> Around | None:
        """Where to look for hits of lazy rules because of this one; None when it leads nothing."""
        place = self._hosts.get((waiting.correlation, waiting.hit.rule))
        if place is None:
            return None
        span = self._spans[waiting.correlation]
        return Around(waiting.hit.group[place], waiting.hit.time - span, waiting.hit.time + span)
