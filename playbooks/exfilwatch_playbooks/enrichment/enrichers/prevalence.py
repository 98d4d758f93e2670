"""How common it is here: which hosts and users used this destination, and this command, in the days before.

From the SIEMs and files themselves (`days`, 30 by default). A destination counts as used by a connection, a request, a
look-up of its name, or a command or script that names it. A command counts by its template (commands/template.py).
`prevalence.new` is said only where the sources have records of some days before, so that an empty past is no news.
"""

import asyncio
from collections.abc import Iterable, Iterator
from datetime import timedelta

from exfilwatch.commands.destinations import kind_of
from exfilwatch.events.event import Event
from exfilwatch.events.timestamps import to_datetime
from exfilwatch.findings.identity import user_of
from exfilwatch.findings.node import host_key, user_key
from exfilwatch_playbooks.enrichment import asking
from exfilwatch_playbooks.enrichment.enricher import OfSubject, Options, Said
from exfilwatch_playbooks.enrichment.history import DAY, Told, Watch, problems
from exfilwatch_playbooks.enrichment.indicator import HERE, indicator
from exfilwatch_playbooks.enrichment.model import Answer
from exfilwatch_playbooks.enrichment.span import window
from exfilwatch_playbooks.enrichment.subject import Subject

_LEAST_DAYS = 3
_SHOWN = 20
_COUNTED = 10_000
_TAKEN = ("User", "SourceIp")
"""What a use takes of an event beside its host and time."""
_NEW = DAY
"""µs before the incident, within which the first use is a part of it."""


class PrevalenceOptions(Options):
    deadline: timedelta = timedelta(seconds=60)
    lifetime: timedelta = timedelta(hours=4)


class Prevalence(OfSubject):
    """prevalence.new, .hosts, .users, .first, .last; prevalence.command_hosts, _users, _first, _last, _days"""

    name = "prevalence"
    title = "Prevalence in this organisation"
    by_default = True
    of_history = True
    Settings = PrevalenceOptions

    def question(self, subject: Subject) -> str | None:
        if not subject.start or not (subject.destinations or subject.commands):
            return None
        return f"{subject.destinations} {subject.commands} {subject.start} {subject.end} {self.means.history.names}"

    async def survey(self, subject: Subject) -> Said:
        low, high = window(subject, timedelta(days=self.means.days), timedelta(hours=1))
        start, _ = window(subject)
        destinations = [host for host in subject.destinations if indicator(host) and kind_of(host) not in HERE]
        of_hosts = [Use() for _ in destinations]
        of_commands = [Use() for _ in subject.commands]
        watches = [
            Watch(
                (*asking.traffic_to(host), *asking.lookups_of(host), *asking.commands_to(host)),
                low,
                high,
                use.take,
                once=_TAKEN,
            )
            for host, use in zip(destinations, of_hosts, strict=True)
        ]
        watches += [
            Watch(asking.commands_like(*command), low, high, use.take, once=_TAKEN)
            for command, use in zip(subject.commands, of_commands, strict=True)
        ]
        covered, *told = await asyncio.gather(self.means.history.since(start), *map(self.means.history.watch, watches))
        assert isinstance(covered, int)
        whole = [each for each in told if isinstance(each, Told)]
        answers: list[tuple[str, Answer]] = []
        for host, use, each in zip(destinations, of_hosts, whole, strict=False):
            answers += [(host, answer) for answer in _of_destination(use, each, start, covered)]
        for (template, _), use, each in zip(subject.commands, of_commands, whole[len(destinations) :], strict=True):
            answers += [(template, answer) for answer in _of_command(use, each)]
        return Said(answers, problems=problems(whole))


class Use:
    """Who used something, and when."""

    def __init__(self) -> None:
        self.hosts: dict[str, str] = {}
        self.users: dict[str, str] = {}
        self.first: int | None = None
        self.last: int | None = None
        self._names: dict[str, str] = {}

    def take(self, event: Event) -> None:
        if event.time is not None:
            self.first = event.time if self.first is None else min(self.first, event.time)
            self.last = event.time if self.last is None else max(self.last, event.time)
        if event.host and len(self.hosts) < _COUNTED:
            self.hosts.setdefault(host_key(event.host, ""), event.host)
            if isinstance(source := event.get("SourceIp"), str) and source != event.host:
                self._names[host_key(source, "")] = host_key(event.host, "")
        user = user_of([event])
        if user and (key := user_key(user)) and len(self.users) < _COUNTED:
            self.users.setdefault(key, user)

    def named(self) -> list[str]:
        """The hosts, each once: one that is known by its name does not count by its address as well."""
        return [
            name
            for key, name in self.hosts.items()
            if self._names.get(key, key) == key or self._names[key] not in self.hosts
        ]


def _of_destination(use: Use, told: Told, start: int, covered: int) -> Iterator[Answer]:
    hosts, least = use.named(), "" if told.whole else "at least "
    if use.first is None:
        if told.whole:
            yield Answer(key="prevalence.hosts", label="Hosts that used it", value="none in the records", number=0)
        return
    yield Answer(
        key="prevalence.hosts", label="Hosts that used it", value=f"{least}{len(hosts):,}", number=len(hosts),
        items=_some(hosts),
    )  # fmt: skip
    if use.users:
        yield Answer(
            key="prevalence.users", label="Users that used it", value=f"{least}{len(use.users):,}",
            number=len(use.users), items=_some(use.users.values()),
        )  # fmt: skip
    yield _time("prevalence.first", "First used", use.first)
    yield _time("prevalence.last", "Last used", use.last)
    if use.first < start - _NEW:
        yield Answer(key="prevalence.new", label="New in this organisation", value="no", number=0)
    elif covered >= _LEAST_DAYS and told.whole:
        yield Answer(key="prevalence.new", label="New in this organisation", value="yes", number=1)
    elif told.whole:
        why = f"not known: the records begin less than {_LEAST_DAYS} days before"
        yield Answer(key="prevalence.new", label="New in this organisation", value=why)


def _of_command(use: Use, told: Told) -> Iterator[Answer]:
    hosts, least = use.named(), "" if told.whole else "at least "
    if use.first is None or use.last is None:
        return
    yield Answer(
        key="prevalence.command_hosts", label="Hosts that ran such a command", value=f"{least}{len(hosts):,}",
        number=len(hosts), items=_some(hosts),
    )  # fmt: skip
    yield Answer(
        key="prevalence.command_users", label="Users that ran such a command", value=f"{least}{len(use.users):,}",
        number=len(use.users), items=_some(use.users.values()),
    )  # fmt: skip
    yield _time("prevalence.command_first", "First run", use.first)
    yield _time("prevalence.command_last", "Last run", use.last)
    if days := (use.last - use.first) // DAY:
        yield Answer(key="prevalence.command_days", label="Run over", value=f"{days:,} days", number=days)


def _time(key: str, label: str, time: int | None) -> Answer:
    found = to_datetime(time)
    return Answer(
        key=key, label=label, value=f"{found:%Y-%m-%d %H:%M} UTC" if found else "", number=(time or 0) / 1_000_000
    )


def _some(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(list(names)[:_SHOWN])
