"""`check`: whether a source can be polled, step by step, and what to change. Nothing is stored, nothing is changed.

The steps are decided in advising.py and timing.py, of samples that sampling.py takes.
"""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import Any

from pydantic import SecretStr

from exfilwatch.detection.judge import Judge
from exfilwatch.detection.rule import Rule, RuleSet
from exfilwatch.errors import AuthError, ConfigError, ExfilwatchError, SourceError, Unreachable, first_of
from exfilwatch.events.report import Report
from exfilwatch.polling import advising, sampling, timing
from exfilwatch.polling.advising import told
from exfilwatch.polling.lookback import clock_of, default_of
from exfilwatch.polling.sampling import Sample
from exfilwatch.polling.steps import Step, failure, ok, unreadable, warning
from exfilwatch.polling.timing import Plan
from exfilwatch.polling.worker import our_clock
from exfilwatch.siem.connection import Connection
from exfilwatch.siem.found import NO_PERMISSION
from exfilwatch.siem.http import WrongServer
from exfilwatch.siem.registry import open_siem
from exfilwatch.siem.siem import SECOND, Clock, Place, Siem
from exfilwatch.siem.spool import Spool

_STEPS = {"connect": "connection", "records": "events", "kinds": "categories"}
"""What the steps of a stage are called, where that is not its own name."""
_KINDS = 8
"""Log sources that are asked for by themselves."""


async def check(
    name: str,
    configured: Mapping[str, Any],
    rules: RuleSet,
    clock: Callable[[], int] = our_clock,
) -> AsyncGenerator[Step, None]:
    """The steps, as they are done. What goes wrong is a step, and none shows a secret. `clock`: ours, µs."""
    try:
        source = open_siem(name, configured)
    except ConfigError as error:
        yield failure("settings", told(name, error))
        return
    settings = source.settings
    if isinstance(settings, Connection):
        yield ok("settings", f"kind {settings.kind} at {settings.url}", url=settings.url)
    else:
        yield ok("settings", f"kind {settings.kind}")
    made = tuple(rule for rule in rules.rules if rule.source.made())
    if isinstance(source, Spool):
        for step in of_files(source, made, clock()):
            yield step
        return
    async for step in of_siem(source, made, Judge(rules, Report()).eager, clock):
        yield step


def of_files(spool: Spool, rules: Sequence[Rule], now: int) -> list[Step]:
    """The steps for files: what can't be read of them, and what is at their ends."""
    report = Report()
    tails = list(spool.tails(report))
    refused = [problem for problem in report.problems if problem.why.startswith(NO_PERMISSION)]
    others = [problem for problem in report.problems if problem not in refused]
    steps = [failure("files", str(problem)) for problem in refused]
    steps += [warning("files", str(problem), "") for problem in others]
    lines = sum(len(tail.lines) for tail in tails)
    if not lines:
        steps = steps or [failure("files", "there is nothing to read, yet", "look at `paths`")]
        return [unreadable(each.name, each.said, each.advice) for each in steps]
    names = [tail.source for tail in tails]
    sample = sampling.of_tails(spool.name, tails)
    steps.append(advising.files(names, sample, now))
    steps += advising.events(sample, "at the ends of the files")
    steps += advising.categories(sample, sampling.missing(sample, rules), sure=False)
    steps += advising.command_lines(sample)
    return [*steps, *timing.clocks(sample.events, now), timing.pace(spool.name)]


async def of_siem(
    siem: Siem, rules: Sequence[Rule], eager: tuple[Rule, ...], clock: Callable[[], int]
) -> AsyncGenerator[Step, None]:
    """The steps for a SIEM, which is closed afterwards. It ends with the first step after which nothing can be read."""
    checking = _Checking(siem, rules, eager, clock)
    stages = (checking.connect, checking.places, checking.records, checking.kinds, checking.volume)
    try:
        for stage in stages:
            try:
                steps = await stage()
            except Exception as error:  # noqa: BLE001 whatever a server answers, and whoever wrote the client
                yield _stopped(siem.name, stage.__name__, error)
                return
            for step in steps:
                yield step
            if checking.ended or any(step.unreadable for step in steps):
                return
    finally:
        await siem.close()


def _stopped(name: str, stage: str, error: Exception) -> Step:
    """What an error that ended a stage says."""
    match found := first_of(error):
        case AuthError():
            return unreadable("account", told(name, found))
        case Unreachable() | WrongServer():
            return unreadable("connection", told(name, found))
        case ExfilwatchError():
            return failure(_STEPS.get(stage, stage), told(name, found))
    return advising.crashed(_STEPS.get(stage, stage), found)


class _Checking:
    """One SIEM, stage by stage; each gives its steps, and raises what stops it. `ended`: nothing more can be seen."""

    def __init__(self, siem: Siem, rules: Sequence[Rule], eager: tuple[Rule, ...], clock: Callable[[], int]) -> None:
        self.ended = False
        self._siem = siem
        self._rules = rules
        self._eager = eager
        self._ours = clock
        self._now = clock()
        self._places: list[Place] | None = None
        self._sample = Sample(siem.name)

    async def connect(self) -> list[Step]:
        """Whether it answers, takes the credentials, and what its clock says."""
        reached = ok("connection", f"reached, {_trusted(self._siem.settings)}")
        before = self._ours()
        try:
            self._now = await self._siem.now()
        except AuthError as error:
            return [reached, unreadable("account", told(self._siem.name, error))]
        except Unreachable:
            raise
        except SourceError as error:
            return await self._without_clock(reached, error)
        ahead = (self._now - (before + self._ours()) / 2) / SECOND
        return [reached, _account(self._siem.settings), timing.own_clock(ahead)]

    async def _without_clock(self, reached: Step, error: SourceError) -> list[Step]:
        """It answered, but not with its clock: because of its indices, or because it is not what it should be."""
        said = told(self._siem.name, error)
        try:
            self._places = await self._siem.places()
        except ExfilwatchError:
            return [unreadable("connection", said)]
        known = all(place.problem for place in self._places)  # then these say it, and better
        return [reached, _account(self._siem.settings), *([] if known else [failure("clock", said)])]

    async def places(self) -> list[Step]:
        """What it has."""
        if self._places is None:
            self._places = await self._siem.places()
        self.ended = all(place.problem for place in self._places)
        return advising.places(self._places, self._now)

    async def records(self) -> list[Step]:
        """What the newest records are."""
        clock, whence = clock_of(self._siem), "of the last day"
        self._sample = await sampling.sampled(self._siem, clock, self._now)
        newest = max((place.newest for place in self._places or [] if place.newest is not None), default=None)
        if not self._sample.records and newest is not None and not self._sample.problem:
            self._sample, whence = await sampling.around(self._siem, newest), "around the newest one"
        self.ended = not self._sample.events
        return advising.events(self._sample, whence)

    async def kinds(self) -> list[Step]:
        """Which of the events that rules look at are there, whether with command lines, and how late they come."""
        clock, sure = clock_of(self._siem), True
        for source in list(sampling.missing(self._sample, self._rules))[:_KINDS]:
            taken = await sampling.of_a_kind(self._siem, clock, self._now, source)
            self._sample.look_for(source, taken.records)
            sure = sure and taken.whole
        return [
            *advising.categories(self._sample, sampling.missing(self._sample, self._rules), sure=sure),
            *advising.command_lines(self._sample),
            *timing.clocks(self._sample.events, self._now),
            *timing.late(self._sample.events, self._plan(clock)),
        ]

    async def volume(self) -> list[Step]:
        """How much a poll would fetch."""
        everything = self._siem.settings.pushdown == "off"
        before = self._siem.traffic.bytes
        rules = None if everything else self._eager
        hour = await sampling.of_an_hour(self._siem, clock_of(self._siem), self._now, rules)
        return [timing.volume(hour, self._siem.traffic.bytes - before, everything=everything)]

    def _plan(self, clock: Clock) -> Plan:
        settings, capabilities = self._siem.settings, self._siem.capabilities
        lookback = settings.lookback.total_seconds() if settings.lookback is not None else None
        return Plan(
            name=self._siem.name,
            clock=clock,
            ingest_time=capabilities.ingest_time,
            lookback=lookback,
            default=default_of(self._siem, clock) / SECOND,
            late=settings.late.total_seconds(),
        )


def _account(settings: Connection) -> Step:
    """Of an answer that was no refusal."""
    known = getattr(settings, "aws_region", None) is not None or any(
        isinstance(value, SecretStr) for name, value in settings if name != "proxy"
    )
    return ok(
        "account", "the credentials are taken" if known else "none is asked for: the settings have no credentials"
    )


def _trusted(settings: Connection) -> str:
    if settings.url.startswith("http:"):
        return "not encrypted, on this machine"
    if settings.fingerprint:
        return "its certificate is the one of `fingerprint`"
    return f"its certificate is signed by {settings.ca}" if settings.ca else "its certificate is publicly trusted"
