"""Enrichment run: every enricher at once, each question with its deadline, none able to hold the case up.

An answer that is kept is not asked for again. One indicator that several subjects share is asked about once.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import NamedTuple, Self, TypeVar

from exfilwatch.errors import ConfigError, ExfilwatchError
from exfilwatch_playbooks.enrichment import severity
from exfilwatch_playbooks.enrichment.enricher import Enricher, Means, OfIndicator, OfSubject, Said
from exfilwatch_playbooks.enrichment.general import General
from exfilwatch_playbooks.enrichment.indicator import Indicator, outward
from exfilwatch_playbooks.enrichment.keeping import Answered, Kept, Question
from exfilwatch_playbooks.enrichment.model import Answer, Enrichment, Fact, Status, Step
from exfilwatch_playbooks.enrichment.registry import RESERVED, kinds, opened
from exfilwatch_playbooks.enrichment.subject import Subject

T = TypeVar("T")


class _Outcome(NamedTuple):
    """What became of a question: what was said and when it was asked, or why nothing was."""

    said: Said = Said()
    asked: datetime | None = None
    status: Status = Status.OK
    reason: str = ""


class _Asking(NamedTuple):
    """A question to an enricher. `about`: what its answers are about, where the answers do not say it."""

    enricher: Enricher
    question: Question
    about: str
    ask: Callable[[], Awaitable[Said]]


class Enrichers:
    """The enrichers of the settings' [enrichment] tables, open. `off`: those that are not, by name, with the reason."""

    def __init__(
        self, tables: Mapping[str, Mapping[str, object]], means: Means, general: General | None = None
    ) -> None:
        """Raises ConfigError for a table that is wrong; what only lacks a key or a file is `off`."""
        self.general = general or General.of(tables)
        self.means = means._replace(own=self.general.own, days=self.general.days)
        self.on: list[Enricher] = []
        self.off: dict[str, str] = {}
        self._kept = Kept(means.store) if means.store is not None else None
        named = {name: table for name, table in tables.items() if name not in RESERVED}
        meant = {str(table.get("kind") or name) for name, table in named.items()}
        for kind, found in kinds().items():
            if kind not in meant:
                if found.by_default:
                    named[kind] = {}
                else:
                    self.off[kind] = f"off: a table [enrichment.{kind}] turns it on"
        for name, table in named.items():
            each = opened(name, table, self.means)
            if not each.options.enabled:
                self.off[name] = f"off: enabled = false in [enrichment.{name}]"
            elif each.of_history and not self.means.history.sources:
                self.off[name] = "there is nothing to ask: add a SIEM, [siem.NAME], or name the files"
            elif missing := each.options.missing():
                self.off[name] = f"{missing} in [enrichment.{name}]"
            else:
                self.on.append(each)
        order = list(kinds())
        self.on.sort(key=lambda each: (isinstance(each, OfIndicator) and each.outside, order.index(each.name)))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for each in self.on:
            await each.close()
        await self.means.history.close()

    def kept(self, of: str) -> Enrichment | None:
        """The last enrichment of an incident or a finding."""
        return self._kept.get(of) if self._kept else None

    async def enrich(self, subjects: Sequence[Subject], only: Iterable[str] = ()) -> list[Enrichment]:
        """The enrichment of each subject, also where every enricher fails. `only`: names of enrichers to ask."""
        now = self.means.clock()
        wanted = set(only)
        if unknown := wanted - {each.called for each in self.on} - self.off.keys():
            there = ", ".join(each.called for each in self.on)
            raise ConfigError(f"there is no enricher {', '.join(sorted(unknown))}: use {there}")
        asking = [each for each in self.on if not wanted or each.called in wanted]
        askings = [list(self._questions(subject, asking)) for subject in subjects]
        once = {each.question: each for several in askings for each in several}
        outcomes = await self._answered(list(once.values()), now)
        off = {name: why for name, why in self.off.items() if not wanted or name in wanted}
        made = [self._made(*each, outcomes, off, now) for each in zip(subjects, askings, strict=True)]
        if self._kept and not wanted:
            self._kept.put(made)
        return made

    def _questions(self, subject: Subject, asking: Iterable[Enricher]) -> Iterable[_Asking]:
        own, private = (*self.means.own, *subject.own), (*subject.hosts, *subject.users)
        for each in asking:
            settings = each.options.model_dump_json(exclude={"enabled", "deadline", "lifetime"})
            if isinstance(each, OfIndicator):
                for given in subject.indicators:
                    may = outward(given, own, private) if each.outside else given
                    if may and may.kind in each.kinds:
                        question = Question(each.called, f"{settings} {may.kind} {may.value}")
                        yield _Asking(each, question, given.value, _of_indicator(each, may))
            elif isinstance(each, OfSubject) and (words := each.question(subject)) is not None:
                question = Question(each.called, f"{settings} {self.means.days} {words}")
                yield _Asking(each, question, "", _of_subject(each, subject))

    async def _answered(self, askings: Sequence[_Asking], now: datetime) -> dict[Question, _Outcome]:
        kept = self._kept.answers([each.question for each in askings], now) if self._kept else {}
        found = {question: outcome for question, body in kept.items() if (outcome := _read(body))}
        left = {each.called: self._left(each, now) for each in {asked.enricher for asked in askings}}
        asked = Counter[str]()
        running: dict[Question, Awaitable[_Outcome]] = {}
        for each in askings:
            if each.question in found:
                continue
            name = each.enricher.called
            room, why = left[name]
            if asked[name] >= room:
                found[each.question] = _Outcome(status=Status.FAILED, reason=why)
                continue
            asked[name] += 1
            running[each.question] = _in_time(each, now)
        found |= zip(running, await asyncio.gather(*running.values()), strict=True)
        if self._kept:
            limited = {each.called for each in self.on if any(each.quota)}
            lifetimes = {each.question: each.enricher.options.lifetime for each in askings}
            new = {
                question: (_written(found[question].said), lifetimes[question])
                for question in running
                if found[question].status is Status.OK and not found[question].said.problems
            }
            self._kept.keep(new, {name: count for name, count in asked.items() if name in limited}, now)
        return found

    def _left(self, each: Enricher, now: datetime) -> tuple[int, str]:
        """How many more questions its quota allows now, and what to say of those beyond."""
        quota = each.quota
        if not any(quota):
            return 1 << 30, ""
        lately, today = self._kept.used(each.called, now) if self._kept else (0, 0)
        rooms = [
            (max(0, most - used), f"its quota of {most} questions a {span} is used up: asked again when there is room")
            for most, used, span in ((quota.per_minute, lately, "minute"), (quota.per_day, today, "day"))
            if most
        ]
        return min(rooms)

    def _made(
        self,
        subject: Subject,
        askings: Sequence[_Asking],
        outcomes: Mapping[Question, _Outcome],
        off: Mapping[str, str],
        now: datetime,
    ) -> Enrichment:
        facts: list[Fact] = []
        processes: list[Step] = []
        for each in askings:
            outcome = outcomes[each.question]
            facts += _facts(each, outcome, now)
            processes += outcome.said.processes
        for name, why in off.items():
            found = kinds().get(name)
            title = found.title if found else name
            facts.append(_none(name, title, Status.NOT_CONFIGURED, why, now))
        facts = _once(facts)
        judged = severity.judged(subject.level, facts, self.general.rules)
        return Enrichment(of=subject.of, time=now, facts=tuple(facts), severity=judged, processes=tuple(processes))


def _of_indicator(each: OfIndicator, given: Indicator) -> Callable[[], Awaitable[Said]]:
    async def ask() -> Said:
        return Said([("", answer) for answer in await each.look_up(given)])

    return ask


def _of_subject(each: OfSubject, subject: Subject) -> Callable[[], Awaitable[Said]]:
    async def ask() -> Said:
        return await each.survey(subject)

    return ask


async def _in_time(each: _Asking, now: datetime) -> _Outcome:
    """What the enricher says within its deadline. One that goes on all the same is left behind, and not waited for."""
    seconds = each.enricher.options.deadline.total_seconds()
    task = asyncio.ensure_future(_whole(each, now))
    try:
        await asyncio.wait({task}, timeout=seconds)
    finally:
        if not task.done():
            task.cancel()
    if task.done() and not task.cancelled():
        return task.result()
    return _Outcome(status=Status.LATE, reason=f"no answer within {seconds:g} s: raise `deadline`, or look at it")


async def _whole(each: _Asking, now: datetime) -> _Outcome:
    try:
        return _Outcome(await each.ask(), now)
    except ExfilwatchError as error:
        return _Outcome(status=Status.FAILED, reason=str(error))
    except Exception as error:  # noqa: BLE001 - an enricher of others must not keep a case from being opened
        # What it says of itself may hold a secret, or the whole of an answer.
        return _Outcome(status=Status.FAILED, reason=f"the enricher broke ({type(error).__name__}): tell its maker")


def _facts(each: _Asking, outcome: _Outcome, now: datetime) -> list[Fact]:
    name, asks = each.enricher.called, each.enricher.asks
    if outcome.status is not Status.OK:
        return [_none(name, each.enricher.title, outcome.status, outcome.reason, now, asks)]
    facts = [
        Fact(**answer.model_dump(), enricher=name, about=about or each.about, source=asks, time=outcome.asked or now)
        for about, answer in outcome.said.answers
    ]
    title = f"{each.enricher.title}, not whole"
    return facts + [_none(name, title, Status.FAILED, why, now, asks) for why in dict.fromkeys(outcome.said.problems)]


def _none(name: str, title: str, status: Status, reason: str, now: datetime, source: str = "") -> Fact:
    return Fact(
        enricher=name, key=name, label=title, value="", source=source or title, time=now, status=status, reason=reason
    )


def _once(facts: Iterable[Fact]) -> list[Fact]:
    """Answers, then what is not known, each enricher's reason once."""
    known: list[Fact] = []
    unknown: dict[tuple[str, str], Fact] = {}
    for fact in facts:
        if fact.status is Status.OK:
            known.append(fact)
        else:
            unknown.setdefault((fact.enricher, fact.reason), fact)
    return [*known, *unknown.values()]


def _written(said: Said) -> str:
    answers = [[about, answer.model_dump(mode="json")] for about, answer in said.answers]
    return json.dumps({"answers": answers, "processes": [step.model_dump(mode="json") for step in said.processes]})


def _read(kept: Answered) -> _Outcome | None:
    """An answer that was kept; None for one that another version wrote."""
    try:
        body = json.loads(kept.body)
        answers = [(str(about), Answer.model_validate(answer)) for about, answer in body["answers"]]
        return _Outcome(Said(answers, [Step.model_validate(step) for step in body["processes"]]), kept.asked)
    except (ValueError, KeyError, TypeError):
        return None
