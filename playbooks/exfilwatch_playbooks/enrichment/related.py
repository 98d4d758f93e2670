"""Who else does the same as a subject: other hosts, by destination, command template and archive name."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple, TypeAlias

from exfilwatch.commands.destinations import kind_of
from exfilwatch.detection.rule import Rule
from exfilwatch.events.event import Event
from exfilwatch.events.timestamps import to_datetime
from exfilwatch.findings.identity import user_of
from exfilwatch.findings.node import host_key, user_key
from exfilwatch.findings.store import Store
from exfilwatch_playbooks.enrichment import asking
from exfilwatch_playbooks.enrichment.history import History, Watch, problems
from exfilwatch_playbooks.enrichment.indicator import HERE, indicator
from exfilwatch_playbooks.enrichment.span import micros, window
from exfilwatch_playbooks.enrichment.subject import Subject, of_finding

Kind: TypeAlias = Literal["command", "archive", "destination"]
_ORDER: dict[Kind, int] = {"command": 0, "archive": 1, "destination": 2}
_HOSTS, _USERS, _FINDINGS = 5_000, 20, 20
_STORED = 5_000


class Found(NamedTuple):
    """A host that shares `what`."""

    host: str
    by: Kind
    what: str
    users: list[str]
    times: int
    first: datetime | None
    last: datetime | None
    findings: list[str]


class _Host:
    def __init__(self, name: str) -> None:
        self.name = name
        self.users: dict[str, str] = {}
        self.times = 0
        self.first: int | None = None
        self.last: int | None = None

    def add(self, event: Event) -> None:
        self.times += 1
        if event.time is not None:
            self.first = min(event.time, self.first or event.time)
            self.last = max(event.time, self.last or event.time)
        user = user_of([event])
        if user and (key := user_key(user)) and len(self.users) < _USERS:
            self.users.setdefault(key, user)


class _Sharing:
    """The other hosts that share one thing."""

    def __init__(self, by: Kind, what: str, own: frozenset[str]) -> None:
        self.by: Kind = by
        self.what = what
        self._own = own
        self.hosts: dict[str, _Host] = {}

    def take(self, event: Event) -> None:
        if not event.host:
            return
        key = host_key(event.host, "")
        if key not in self._own and (key in self.hosts or len(self.hosts) < _HOSTS):
            self.hosts.setdefault(key, _Host(event.host)).add(event)


async def related(
    subject: Subject, history: History, store: Store | None, days: int, now: datetime
) -> tuple[list[Found], list[str]]:
    """Other hosts, most alike first, and what was not looked at. Raises SourceErrors."""
    low, high = window(subject, timedelta(days=days))
    high = max(high, micros(now))
    own = frozenset([*(host_key(host, "") for host in subject.hosts), *subject.addresses])
    sharing = [(_Sharing(by, what, own), rules) for by, what, rules in _things(subject)]
    if not sharing:
        return [], ["it names no destination, command or archive that others could share"]
    watches = [Watch(rules, low, high, each.take) for each, rules in sharing]
    told = await asyncio.gather(*map(history.watch, watches))
    found = [each for each, _ in sharing]
    stored = _stored(subject, store, days, now)
    return _ordered(found, stored), list(problems(told))


def _things(subject: Subject) -> Iterator[tuple[Kind, str, tuple[Rule, ...]]]:
    """What others could share, and how it is asked for."""
    for template, program in subject.commands:
        yield "command", template, asking.commands_like(template, program)
    for name in subject.archives:
        yield "archive", name, asking.files_named(name)
    for host in subject.destinations:
        if indicator(host) and kind_of(host) not in HERE:
            yield "destination", host, (*asking.traffic_to(host), *asking.lookups_of(host), *asking.commands_to(host))


def _stored(subject: Subject, store: Store | None, days: int, now: datetime) -> dict[tuple[Kind, str, str], list[str]]:
    """The findings of other hosts that name the same things, by what and host."""
    if store is None or subject.start is None:
        return {}
    known: dict[tuple[Kind, str, str], list[str]] = {}
    for finding in store.find(since=subject.start - timedelta(days=days), until=now + timedelta(days=1), limit=_STORED):
        if not finding.host or finding.id in {each.id for each in subject.findings}:
            continue
        theirs = of_finding(finding)
        shared: list[tuple[Kind, str]] = [
            *(("command", template) for template, _ in theirs.commands),
            *(("archive", name) for name in theirs.archives),
            *(("destination", host) for host in theirs.destinations),
        ]
        for by, what in shared:
            names = known.setdefault((by, what, host_key(finding.host, "")), [])
            if len(names) < _FINDINGS:
                names.append(finding.id)
    return known


def _ordered(sharing: Sequence[_Sharing], stored: dict[tuple[Kind, str, str], list[str]]) -> list[Found]:
    found = [
        Found(
            host=host.name,
            by=each.by,
            what=each.what,
            users=list(host.users.values()),
            times=host.times,
            first=to_datetime(host.first),
            last=to_datetime(host.last),
            findings=stored.get((each.by, each.what, key), []),
        )
        for each in sharing
        for key, host in each.hosts.items()
    ]
    return sorted(found, key=lambda each: (_ORDER[each.by], -len(each.findings), -each.times, each.host))
