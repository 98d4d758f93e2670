"""A sample of a source's newest records: enough to tell what is in it, and never all of it.

Of a SIEM, the newest records and some from earlier in the day, in windows as short as may be; of files, their tails.
"""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import aclosing
from typing import NamedTuple

from exfilwatch.detection.condition import All, FieldTest
from exfilwatch.detection.detection import RuleInfo
from exfilwatch.detection.logsource import LogSource
from exfilwatch.detection.rule import Rule
from exfilwatch.detection.values import Exists
from exfilwatch.errors import PartialResult
from exfilwatch.events.event import Event
from exfilwatch.events.lines import LineDecoder
from exfilwatch.events.report import Report
from exfilwatch.siem.siem import SECOND, Ask, Clock, Siem
from exfilwatch.siem.spool import Portion

HOUR, DAY = 3600 * SECOND, 86_400 * SECOND
_WIDTHS = (6 * SECOND, 60 * SECOND, 600 * SECOND, HOUR, DAY)
_EARLIER = (6 * HOUR, 12 * HOUR, 18 * HOUR)
_ENOUGH = 400  # records of one window
_MOST_BYTES = 8 << 20  # of one window
_PATIENCE = 120.0  # seconds for one window
_OF_A_KIND = 50  # records of one log source
_OF_AN_HOUR = 5000


class Noted(NamedTuple):
    """What matters of one event. Times in µs; `command`: whether it has a command line."""

    source: LogSource
    shape: str
    host: str
    time: int | None
    ingest_time: int | None
    command: bool


class Sample:
    """Records of one source, decoded."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.records = 0
        self.events: list[Noted] = []
        self.report = Report()
        self.problem = ""
        """Why there are no more of them."""

    def add(self, records: Iterable[bytes], source: str = "", first: int = 0) -> None:
        """Records of one log, which is over with the last one."""
        decoder = LineDecoder(source or self.name, self.report)
        number = first
        for number, record in enumerate(records, first):
            self.records += 1
            self.events += map(_noted, decoder.feed(record, number if first else 0))
        self.events += map(_noted, decoder.finish())

    def look_for(self, source: LogSource, records: Iterable[bytes]) -> None:
        """Further records, of which only the events count that a rule of a log source looks at."""
        others = Sample(self.name)
        others.add(records)
        self.events += others.of(source)

    def of(self, source: LogSource) -> list[Noted]:
        """The events that a rule of this log source looks at."""
        return [each for each in self.events if source.fits(*_words(each.source))]


class Taken(NamedTuple):
    """The records of one window; `whole`: all of them."""

    records: list[bytes]
    whole: bool
    problem: str = ""


def _noted(event: Event) -> Noted:
    source = LogSource(event.category, event.product, event.service)
    command = event.get("CommandLine") not in (None, "", "-", [])
    return Noted(source, event.shape, event.host or "", event.time, event.ingest_time, command)


def _words(source: LogSource) -> tuple[str, str, str]:
    return source.category, source.product, source.service


async def taken(siem: Siem, ask: Ask, most: int) -> Taken:
    """At most `most` records, and as soon as there are so many, no more. Raises SourceErrors but PartialResult."""
    found: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(_PATIENCE), aclosing(siem.fetch(ask)) as batches:
            async for batch in batches:
                found += batch
                size += sum(map(len, batch))
                if len(found) >= most or size > _MOST_BYTES:
                    return Taken(found[:most], whole=False)
    except PartialResult as error:
        return Taken(found, whole=False, problem=str(error))
    except TimeoutError:
        return Taken(found, whole=False, problem=f"{siem.name}: no whole answer within {_PATIENCE:g} s")
    return Taken(found, whole=True)


async def sampled(siem: Siem, clock: Clock, now: int) -> Sample:
    """The newest records, and as many of some earlier hours of the day. Raises SourceErrors."""
    sample = Sample(siem.name)
    got, width = Taken([], whole=True), _WIDTHS[0]
    for width in _WIDTHS:
        more = await taken(siem, _ask(siem, clock, now - width, now), _ENOUGH)
        sample.problem = more.problem
        if more.problem and not more.records:
            break  # what a shorter window gave is all that there is
        got = more
        if len(got.records) >= _ENOUGH or got.problem:
            break
    sample.add(got.records)
    if len(got.records) >= _ENOUGH and width < _EARLIER[0]:
        for back in _EARLIER:
            more = await taken(siem, _ask(siem, clock, now - back - width, now - back), _ENOUGH)
            sample.add(more.records)
    return sample


async def around(siem: Siem, newest: int) -> Sample:
    """Records of the hour up to the newest event. Raises SourceErrors."""
    sample = Sample(siem.name)
    sample.add((await taken(siem, _ask(siem, Clock.EVENT, newest - HOUR, newest + SECOND), _ENOUGH)).records)
    return sample


async def of_a_kind(siem: Siem, clock: Clock, now: int, source: LogSource) -> Taken:
    """Some records of the last day that a rule of a log source may look at. Raises SourceErrors."""
    anything = All((FieldTest("Computer", Exists(True)),))
    rule = Rule(RuleInfo("check", "check"), source, anything, {}, [])
    return await taken(siem, _ask(siem, clock, now - DAY, now, (rule,)), _OF_A_KIND)


async def of_an_hour(siem: Siem, clock: Clock, now: int, rules: tuple[Rule, ...] | None) -> Taken:
    """What a poll would fetch of the last hour, without follow-up questions. Raises SourceErrors."""
    return await taken(siem, _ask(siem, clock, now - HOUR, now, rules), _OF_AN_HOUR)


def of_tails(name: str, tails: Iterable[Portion]) -> Sample:
    """The last lines of files."""
    sample = Sample(name)
    for portion in tails:
        sample.add(portion.lines, portion.source, portion.first)
    return sample


def missing(sample: Sample, rules: Sequence[Rule]) -> dict[LogSource, list[str]]:
    """Log sources of rules of which the sample has no event, with the titles of these rules."""
    found: dict[LogSource, list[str]] = {}
    for rule in rules:
        if not sample.of(rule.source):
            found.setdefault(rule.source, []).append(rule.info.title)
    return found


def _ask(siem: Siem, clock: Clock, low: int, high: int, rules: tuple[Rule, ...] | None = None) -> Ask:
    step = siem.capabilities.step
    return Ask(clock, low // step * step, -(-high // step) * step, rules)
