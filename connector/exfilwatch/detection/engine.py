"""The engine: from inputs or events to detections. Rules at once, correlations when all has been read."""

from collections.abc import Iterable, Iterator

from exfilwatch.detection.correlate import Match, as_hit, each_match
from exfilwatch.detection.detection import Detection
from exfilwatch.detection.evaluate import Evaluator, joined
from exfilwatch.detection.hits import HitStore
from exfilwatch.detection.rule import Correlation, RuleSet
from exfilwatch.events.event import Event
from exfilwatch.events.inputs import Input
from exfilwatch.events.lines import LineDecoder
from exfilwatch.events.report import Report

_SORTED = 1000
"""Matches of a correlation of pairs that are sorted newest first over all groups; beyond, within each group."""


class Engine:
    """Evaluates a rule set. `since` and `until` are microseconds since 1970 UTC: since <= event < until."""

    def __init__(self, rules: RuleSet, report: Report, since: int | None = None, until: int | None = None) -> None:
        self._rules = rules
        self._report = report
        self._evaluator = Evaluator(rules, report, since, until)

    def run(self, inputs: Iterable[Input]) -> Iterator[Detection]:
        """The detections in `inputs`; those of correlations come last. Raises SourceError when a disk is full."""
        with HitStore() as hits:
            for source in inputs:
                decoder = LineDecoder(source.name, self._report)
                for block in source.blocks():
                    for number, line in enumerate(block.lines(), block.first):
                        for event in decoder.feed(line, number):
                            yield from self._evaluate(event, hits)
                for event in decoder.finish():
                    yield from self._evaluate(event, hits)
            yield from self._correlate(hits)

    def detect(self, events: Iterable[Event]) -> Iterator[Detection]:
        """The detections in events that are decoded already."""
        with HitStore() as hits:
            for event in events:
                yield from self._evaluate(event, hits)
            yield from self._correlate(hits)

    def _evaluate(self, event: Event, hits: HitStore) -> Iterator[Detection]:
        for rule in self._evaluator.fired(event):
            if rule.emits:
                yield rule.detection(event)
            for correlation, hit in self._evaluator.hits(rule, event):
                hits.add(correlation.id, hit)

    def _correlate(self, hits: HitStore) -> Iterator[Detection]:
        for correlation in self._rules.correlations:
            for match in self._matches(correlation, hits):
                if correlation.emits:
                    yield self._evaluator.correlated(correlation, match)

    def _matches(self, correlation: Correlation, hits: HitStore) -> Iterator[Match]:
        outer = self._evaluator.members.get(correlation.id, [])
        held: list[Match] = []
        for _, group in hits.groups(correlation.id):
            matches: Iterable[Match] = each_match(correlation.plan, group)
            if correlation.plan.emit == "pair":
                matches = reversed(list(matches))
            for match in matches:
                for member in outer:
                    record = joined(hit.record for hit in match.hits)
                    plan = member.correlation.plan
                    hits.add(member.correlation.id, as_hit(match, correlation.plan, plan, record))
                if correlation.plan.emit != "pair":
                    yield match
                    continue
                held.append(match)
                if len(held) > _SORTED:
                    yield from held
                    held = []
        yield from sorted(held, key=lambda match: -match.first) if len(held) <= _SORTED else held
