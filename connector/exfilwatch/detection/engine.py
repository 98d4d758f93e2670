"""The engine: from inputs or events to detections. Rules at once, correlations when all has been read.

Blocks of JSON are decoded to typed rows and screened (rows.py, fast.py); the rows on which a rule may fire, and
whatever is no such row, are decoded in full, and the rules evaluated exactly on them.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from exfilwatch.detection.correlate import Match, as_hit, each_match
from exfilwatch.detection.detection import Detection
from exfilwatch.detection.evaluate import Evaluator, joined
from exfilwatch.detection.hits import HitStore
from exfilwatch.detection.neighbours import Gone, Kept, Lines, Names, Neighbours, groups, kept_of
from exfilwatch.detection.rows import Decoders
from exfilwatch.detection.rule import Correlation, Rule, RuleSet
from exfilwatch.detection.starts import Starts, sought
from exfilwatch.detection.trees import STARTS, TOLD
from exfilwatch.detection.values import text_of
from exfilwatch.errors import SourceError
from exfilwatch.events.blocks import Block
from exfilwatch.events.event import Event, Origin
from exfilwatch.events.inputs import Input
from exfilwatch.events.lines import LineDecoder
from exfilwatch.events.report import Report
from exfilwatch.events.script_blocks import ScriptBlocks
from exfilwatch.events.script_blocks import joined as joined_blocks

_SORTED = 1000
"""Matches of a correlation of pairs that are sorted newest first over all groups; beyond, within each group."""
_TOGETHER = 64
"""Blocks of a file whose lines are fully looked at together: a processor does better at many of the same than at now
the one and now the other. What comes through a pipe is looked at as it comes."""
_FEW = 100
"""Lines of a block, below which they may be long, and none waits with it."""
_IN_MEMORY = 1 << 20  # bytes of hits that wait for their correlation; the others wait on disk


class Engine:
    """Evaluates a rule set. `since` and `until` are microseconds since 1970 UTC: since <= event < until."""

    def __init__(self, rules: RuleSet, report: Report, since: int | None = None, until: int | None = None) -> None:
        self._rules = rules
        self._report = report
        self._evaluator = Evaluator(rules, report, since, until)
        for rule in rules.idle:
            why = "waits for a log source that no known telemetry has, so the rule can't fire on it"
            report.problem(Origin(rule.info.path, rule.info.line), why, rule.info.title)
        for info, pack, waits, idle, _, ends, _ in rules.filters:
            if idle and ends:  # what is suppressed for a while may be of rules that are not asked for now
                continue
            if idle:
                why = "is for no rule that is loaded, by id, `name` or log source, so the filter does nothing"
                report.problem(Origin(info.path, info.line), why, info.title)
            elif waits and not pack:  # a pack's filter waits until a site has what it is for
                names = ", ".join(f"%{name}%" for name in waits)
                why = f"waits for values of {names} in the settings (placeholders), so the filter does nothing"
                report.problem(Origin(info.path, info.line), why, info.title)

    def run(self, inputs: Iterable[Input]) -> Iterator[Detection]:
        """The detections in `inputs`; those of correlations come last. Raises SourceError when a disk is full."""
        found = groups(self._rules)
        decoders = Decoders(self._evaluator, [each.lazy for each in found])
        neighbours = [Neighbours(each.leads, place) for place, each in enumerate(found)]
        with HitStore(max_bytes=_IN_MEMORY) as hits:
            lazy = frozenset[str]().union(*(each.lazy for each in found))
            reading = _Reading(self._evaluator, self._report, decoders, neighbours, lazy, hits)
            for source in inputs:
                yield from reading.input(source)
            yield from reading.finish()
            self._link(hits, reading.starts)
            yield from self._correlate(hits)

    def detect(self, events: Iterable[Event]) -> Iterator[Detection]:
        """The detections in events that are decoded already."""
        starts = Starts()
        with HitStore() as hits:
            trees = self._rules.asks_for_trees
            for event in joined_blocks(events):
                if trees:
                    _keep_start(event, starts)
                for verdict in self._evaluator.fired(event):
                    if verdict.rule.emits:
                        yield verdict.detection()
                    for correlation, hit in self._evaluator.hits(verdict.rule, event):
                        hits.add(correlation.id, hit)
            self._link(hits, starts)
            yield from self._correlate(hits)

    def _link(self, hits: HitStore, starts: Starts) -> None:
        """Add the starts of processes that may link hits."""
        for correlation, hit in starts.linking(sought(self._rules.correlations, hits)):
            hits.add(correlation, hit)

    def _correlate(self, hits: HitStore) -> Iterator[Detection]:
        for correlation, match in matched(self._evaluator, hits):
            yield self._evaluator.correlated(correlation, match)


def matched(evaluator: Evaluator, hits: HitStore) -> Iterator[tuple[Correlation, Match]]:
    """What the correlations that give findings match in `hits`, to which matches of inner correlations are added."""
    for correlation in evaluator.rules.correlations:
        for match in _matches(evaluator, correlation, hits):
            if correlation.emits:
                yield correlation, match


def _matches(evaluator: Evaluator, correlation: Correlation, hits: HitStore) -> Iterator[Match]:
    outer = evaluator.members.get(correlation.id, [])
    held: list[Match] = []
    for _, group in hits.groups(correlation.id):
        matches: Iterable[Match] = each_match(correlation.plan, group)
        if correlation.plan.emit == "pair":
            matches = reversed(list(matches))
        for match in matches:
            for member in outer:
                record = joined(match.hits)
                plan = member.correlation.plan
                hits.add(member.correlation.id, as_hit(match, correlation.plan, plan, record))
            if correlation.plan.emit != "pair":
                yield match
                continue
            held.append(match)
            if len(held) > _SORTED:
                yield from held
                held = []
    yield from sorted(held, key=lambda match: -match.first)


def _keep_start(event: Event, starts: Starts) -> None:
    if event.category == STARTS:
        starts.add([(event.get("Computer"), event.time, *map(event.get, TOLD))])


class _Sifted(NamedTuple):
    """A block, those of its lines that need a full look, and what is kept of it for leaders."""

    block: Block
    lines: Lines
    kept: list[Kept]


class _Reading:
    """One run over inputs."""

    def __init__(
        self,
        evaluator: Evaluator,
        report: Report,
        decoders: Decoders,
        neighbours: Sequence[Neighbours],
        lazy: frozenset[str],
        hits: HitStore,
    ) -> None:
        self._evaluator = evaluator
        self._report = report
        self._decoders = decoders
        self._neighbours = neighbours
        self._lazy = lazy
        self._leaders = frozenset[str]().union(*(each.leaders for each in neighbours))
        self._names = Names()
        self._hits = hits
        self._blocks = ScriptBlocks()
        self.starts = Starts()
        self._trees = evaluator.rules.asks_for_trees

    def input(self, source: Input) -> Iterator[Detection]:
        """The detections of an input's events."""
        decoder = LineDecoder(source.name, self._report, blocks=self._blocks)
        waiting: list[_Sifted] = []
        for block in source.blocks(self._decoders.skim):
            waiting.append(self._sifted(block))
            if len(waiting) >= _TOGETHER or block.ends < _FEW or source.size is None:
                yield from self._looked(waiting, decoder)
                waiting = []
        yield from self._looked(waiting, decoder)
        for event in decoder.finish():
            yield from self._detections(event)

    def _sifted(self, block: Block) -> "_Sifted":
        typed, wanted = self._decoders.sift(block, self._report)
        for each in typed if self._trees else ():
            self.starts.add(each.fast.starts(each.rows))
        kept = [kept_of(block, each, self._names) for each in typed if each.fast.near]
        return _Sifted(block, list(block.pick(wanted)), kept)

    def _looked(self, sifted: Iterable["_Sifted"], decoder: LineDecoder) -> Iterator[Detection]:
        for block, lines, _ in sifted:
            for at, line in lines:
                for event in decoder.feed(line, block.first + at):
                    yield from self._detections(event)
        for _, _, every in sifted:
            for kept in every:
                for neighbours in self._neighbours:
                    for gone, near in neighbours.arrived(kept):
                        self._look(gone, near)

    def _detections(self, event: Event) -> Iterator[Detection]:
        if self._trees:
            _keep_start(event, self.starts)
        for verdict in self._evaluator.fired(event):
            if verdict.rule.emits:
                yield verdict.detection()
            self._hit(verdict.rule, event)

    def _hit(self, rule: Rule, event: Event) -> None:
        for correlation, hit in self._evaluator.hits(rule, event):
            self._hits.add(correlation.id, hit)
            if rule.id in self._leaders:
                host = text_of(rule.getter(event)("Computer")) or ""
                for neighbours in self._neighbours:
                    if rule.id in neighbours.leaders:
                        neighbours.led(hit.time, host)

    def _look(self, block: Block, lines: Lines) -> None:
        """Evaluate the lazy rules on lines; of all others is known what an earlier look found there."""
        if not lines:
            return
        decoder = LineDecoder(block.source, Report())
        for at, line in lines:
            for event in decoder.feed(line, block.first + at):
                for verdict in self._evaluator.fired(event, self._lazy):
                    self._hit(verdict.rule, event)

    def finish(self) -> Iterator[Detection]:
        """All has been read: join what still waits, and read again what was let go before a leader that it is near."""
        for event in self._blocks.finish():
            yield from self._detections(event)
        for neighbours in self._neighbours:
            for block, lines in neighbours.rest():
                self._look(block, lines)
            for gone, hosts in neighbours.again():
                try:
                    self._again(neighbours, gone, hosts)
                except SourceError as error:
                    self._report.unreadable(Origin(gone.block.source, gone.block.first), str(error))
                gone.block.drop()

    def _again(self, neighbours: Neighbours, gone: Gone, hosts: set[str]) -> None:
        gone.block.load()
        for each in self._decoders.sort(gone.block).typed:
            if each.fast.near:
                self._look(gone.block, neighbours.lines(kept_of(gone.block, each, self._names), hosts))
