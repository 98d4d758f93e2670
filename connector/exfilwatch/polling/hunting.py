"""A hunt: what rules find in a span of event time, in a SIEM or in files, whatever was polled. Nothing is stored.

A SIEM is asked as a poll asks it (reading.py), by event time; files are read as `detect` reads them. Sequences that
began before the span, or go on after it, are found as far as they lie in it.
"""

import asyncio
import os
from collections import deque
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from exfilwatch.detection.detection import Detection
from exfilwatch.detection.engine import Engine, matched
from exfilwatch.detection.hits import HitStore
from exfilwatch.detection.judge import Judge, Waiting
from exfilwatch.detection.rule import RuleSet
from exfilwatch.detection.starts import sought
from exfilwatch.errors import PartialResult, first_of
from exfilwatch.events.inputs import open_inputs
from exfilwatch.events.limits import Limits
from exfilwatch.events.report import Report
from exfilwatch.events.script_blocks import Key, OpenBlock
from exfilwatch.findings.finding import Finding, finding
from exfilwatch.polling.owners import Owners, owners_of
from exfilwatch.polling.reading import Read, Reading
from exfilwatch.polling.slices import Interval, halved, planned
from exfilwatch.siem.found import found
from exfilwatch.siem.siem import Clock, Siem
from exfilwatch.written import micros


class Hunted(NamedTuple):
    """What was found, oldest first; `records` that were read, and `problems` of what could not be read."""

    findings: list[Finding]
    records: int
    problems: list[str]


async def hunt_siem(
    siem: Siem, rules: RuleSet, span: Interval, report: Report, hosts: Sequence[str] = (), users: Sequence[str] = ()
) -> Hunted:
    """What rules find in a SIEM; at least all of one of the hosts and one of the users, where some are named. Raises
    SourceErrors, other than PartialResults, which are problems.
    """
    return await _Hunt(siem, rules, report, owners_of(rules, hosts, users)).all(span)


def hunt_files(paths: Iterable[str], rules: RuleSet, span: Interval, report: Report) -> Hunted:
    """What rules find in files, folders and patterns (siem/found.py). Raises SourceError when a disk is full."""
    files = [os.fsdecode(path) for path in sorted(found(paths, report).files)]
    engine = Engine(rules, report, span.low, span.high)
    detections = list(engine.run(open_inputs(files, report, Limits(), replayable=True)))
    return Hunted(
        _findings(detections), report.events.total(), list(map(str, report.problems)) if report.had_errors else []
    )


def _findings(detections: Iterable[Detection]) -> list[Finding]:
    unique = {each.id: each for each in map(finding, detections)}
    return sorted(unique.values(), key=lambda each: (str(each.time or ""), each.id))


class _Hunt:
    """One hunt in one SIEM."""

    def __init__(self, siem: Siem, rules: RuleSet, report: Report, owners: Owners) -> None:
        self._siem = siem
        self._owners = owners
        self._judge = Judge(rules, report)
        self._rules = rules
        self._report = report
        self._read = Read()
        self._hits: dict[tuple[str, str, str, tuple[str, ...]], Waiting] = {}
        self._blocks: dict[Key, OpenBlock] = {}
        self._problems: list[str] = []

    async def all(self, span: Interval) -> Hunted:
        """Read every slice, some at once, then what links them, then correlate."""
        await self._siem.now()  # its capabilities hold once it was asked
        step = self._siem.capabilities.step
        settings = self._siem.settings
        width = self._siem.capabilities.slice if settings.slice is None else micros(settings.slice)
        end = -(-span.high // step) * step
        left = deque(planned(span.low, end, lookback=0, width=width, step=step))
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(settings.at_once, len(left))):
                    group.create_task(self._work(left))
        except BaseExceptionGroup as errors:
            raise first_of(errors) from None
        for block in self._blocks.values():
            self._take(self._judged(block))
        detections = [*self._read.detections, *await self._correlated()]
        return Hunted(_findings(detections), self._read.records, self._problems)

    def _judged(self, block: OpenBlock) -> Read:
        read = Read()
        read.take(self._judge.event(block.joined()))
        return read

    async def _work(self, left: deque[Interval]) -> None:
        reading = Reading(self._siem, self._judge, self._report, Clock.EVENT, self._owners)
        while left:
            interval = left.popleft()
            try:
                read = await reading.slice(interval, (), lambda _parts: ())
            except PartialResult as error:
                halves = halved(interval, self._siem.capabilities.step) if error.smaller else None
                if halves is None:
                    self._problems.append(f"{self._siem.name}: {interval}: {error}")
                else:
                    left.extendleft(reversed(halves))
                continue
            self._take(read)
            for block in read.parts.open:
                known = self._blocks.setdefault(block.key, block)
                if known is not block:
                    known.add(block)

    def _take(self, read: Read) -> None:
        self._read.records += read.records
        self._read.detections += read.detections
        for each in read.hits:
            self._hits.setdefault((each.correlation, each.hit.rule, each.hit.event, each.hit.group), each)

    async def _correlated(self) -> list[Detection]:
        evaluator = self._judge.evaluator
        with HitStore() as hits:
            for correlation, hit in self._hits.values():
                hits.add(correlation, hit)
            wanted = sought(self._rules.correlations, hits)
            if wanted:
                links = Read()
                await Reading(self._siem, self._judge, self._report, Clock.EVENT).starts(wanted, links)
                self._read.records += links.records
                for correlation, hit in links.hits:
                    hits.add(correlation, hit)
            return [evaluator.correlated(*each) for each in matched(evaluator, hits)]
