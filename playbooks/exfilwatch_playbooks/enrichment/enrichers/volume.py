"""How much left: bytes that the incident's host sent to each destination, as records of traffic count them.

From Zeek, firewalls, proxies and whatever else counts bytes, from a quarter of an hour before to a day after. A
destination that is a name is found by the addresses that it was resolved to as well. One transfer that several kinds of
records tell of is counted once: of the kinds, the one that tells of most. Where nothing counts bytes, the size of the
archive says how much it may be.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from typing import NamedTuple

from exfilwatch.commands.destinations import kind_of
from exfilwatch.events.event import Event, Value
from exfilwatch.events.mapping import to_int
from exfilwatch.findings.node import host_key
from exfilwatch.network.fields import field as of_traffic
from exfilwatch_playbooks.enrichment import asking, sizes
from exfilwatch_playbooks.enrichment.enricher import OfSubject, Options, Said
from exfilwatch_playbooks.enrichment.history import Told, Watch, problems
from exfilwatch_playbooks.enrichment.indicator import HERE, Kind, indicator
from exfilwatch_playbooks.enrichment.model import Answer
from exfilwatch_playbooks.enrichment.span import window
from exfilwatch_playbooks.enrichment.subject import Subject

_BEFORE, _AFTER = timedelta(minutes=15), timedelta(days=1)
_ADDRESSES = 10
"""Addresses of one name that are looked for."""
_SOURCES = ("SourceIp", "src_ip")
_RESOLVED = ("QueryResults", "answer", "answers")
_SIZES = ("FileSize", "file.size", "file_size", "total_bytes", "seen_bytes", "size")
_KEPT = 50_000


class VolumeOptions(Options):
    """The usual ones."""

    deadline: timedelta = timedelta(seconds=60)
    lifetime: timedelta = timedelta(minutes=30)


class Volume(OfSubject):
    """volume.bytes_out, .connections, .all_hosts, .archive"""

    name = "volume"
    title = "Volume"
    by_default = True
    of_history = True
    Settings = VolumeOptions

    def question(self, subject: Subject) -> str | None:
        if not subject.start or not (subject.destinations or subject.archives):
            return None
        asked = (subject.destinations, subject.archives, subject.hosts, subject.addresses, subject.resolved)
        return f"{asked} {subject.start} {subject.end} {self.means.history.names}"

    async def survey(self, subject: Subject) -> Said:
        low, high = window(subject, _BEFORE, _AFTER)
        hosts = [host for host in subject.destinations if indicator(host) and kind_of(host) not in HERE]
        sent = {host: Sent() for host in hosts}
        own, resolved, files = Own(subject), Resolved(subject, hosts), Files(subject.archives)
        watches = [Watch(asking.traffic_to(host), low, high, each.take) for host, each in sent.items()]
        watches += [
            Watch(asking.lookups_of(host), low, high, partial(resolved.add, host))
            for host in hosts
            if not _is_address(host)
        ]
        if subject.hosts and hosts:
            host = subject.hosts[0]
            watches.append(Watch(asking.connections_of(host), low, high, own.take, host))
        known = resolved.pairs()
        watches += [Watch(asking.traffic_to(address), low, high, sent[host].take) for host, address in known]
        made, _ = window(subject, timedelta(days=1))
        rules = [rule for name in subject.archives for rule in asking.files_named(name)[:1]]
        of_files = [Watch(tuple(rules), made, high, files.take)] if rules else []
        told = await self._told([*watches, *(of_files if self.means.history.is_read else ())])
        further = [pair for pair in resolved.pairs() if pair not in known]
        told += await self._told(
            Watch(asking.traffic_to(address), low, high, sent[host].take) for host, address in further
        )
        answers = [(host, answer) for host, each in sent.items() for answer in _answers(each, own, told)]
        if not any(answer.key == "volume.bytes_out" for _, answer in answers) and subject.archives:
            if not self.means.history.is_read:
                await self._told(of_files)
            answers += [(name, _of_archive(size)) for name, size in files.sizes.items()]
        return Said(answers, problems=problems(told))

    async def _told(self, watches: Iterable[Watch]) -> list[Told]:
        return list(await asyncio.gather(*map(self.means.history.watch, watches)))


class Row(NamedTuple):
    """A record of traffic: what kind of record it is, who sent (a host's key, an address), and how many bytes."""

    shape: str
    host: str
    address: str
    sent: int


class Sent:
    """What was sent to one destination."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.whole = True
        self._seen: set[str] = set()

    def take(self, event: Event) -> None:
        count = of_traffic("network.bytes_out", event.get)
        if not isinstance(count, int) or event.id in self._seen:
            return
        if len(self.rows) >= _KEPT:
            self.whole = False
            return
        self._seen.add(event.id)
        address = next((each for name in _SOURCES if isinstance(each := event.get(name), str)), "")
        self.rows.append(Row(event.shape, host_key(event.host, "") if event.host else "", address, count))


class Own:
    """Who the incident's host is in records of traffic: its name, and the addresses that it is known to have."""

    def __init__(self, subject: Subject) -> None:
        self.keys = {host_key(host, "") for host in subject.hosts}
        self.addresses = set(subject.addresses)

    def take(self, event: Event) -> None:
        if event.host and host_key(event.host, "") in self.keys:
            for name in _SOURCES:
                if isinstance(address := event.get(name), str) and kind_of(address) not in HERE:
                    self.addresses.add(address)

    def sent(self, row: Row) -> bool:
        return row.host in self.keys or row.address in self.addresses or row.host in self.addresses


class Resolved:
    """Addresses of names: as the evidence has them, and as look-ups gave them."""

    def __init__(self, subject: Subject, names: Sequence[str]) -> None:
        """`names`: destinations."""
        self.addresses: dict[str, list[str]] = {host: [] for host in names}
        self._names = frozenset(names)
        for name, address in subject.resolved:
            self._add(name, address)

    def _add(self, name: str, address: str) -> None:
        known = self.addresses.setdefault(name, [])
        if address not in known and len(known) < _ADDRESSES and kind_of(address) not in HERE:
            known.append(address)

    def pairs(self) -> list[tuple[str, str]]:
        """Names and their addresses, but for those that are destinations themselves."""
        return [
            (name, address)
            for name, known in self.addresses.items()
            for address in known
            if name in self._names and address not in self.addresses
        ]

    def add(self, name: str, event: Event) -> None:
        for field in _RESOLVED:
            for text in _texts(event.get(field)):
                found = indicator(text.strip().removeprefix("::ffff:"))
                if found and found.kind is Kind.ADDRESS:
                    self._add(name, found.value)


class Files:
    """The sizes of files by name, where a record has them: the largest of each."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = {name.lower(): name for name in names}
        self.sizes: dict[str, int] = {}

    def take(self, event: Event) -> None:
        target = str(event.get("TargetFilename") or "").replace("\\", "/").rpartition("/")[2].lower()
        name = self._names.get(target)
        found = [size for field in _SIZES if (size := to_int(_at(event, field))) is not None and size > 0]
        if name and found:
            self.sizes[name] = max(found[0], self.sizes.get(name, 0))


def _answers(sent: Sent, own: Own, told: Iterable[Told]) -> Iterator[Answer]:
    least = "" if sent.whole and all(each.whole for each in told) else "at least "
    ours, rows = _most([row for row in sent.rows if own.sent(row)])
    everybodys, _ = _most(sent.rows)
    if rows:
        yield Answer(
            key="volume.bytes_out", label="Sent by this host", value=f"{least}{sizes.shown(ours)}", number=ours
        )
        yield Answer(key="volume.connections", label="Connections", value=f"{least}{rows:,}", number=rows)
    if sent.rows and (not rows or everybodys > ours):
        others = "" if rows else ", of which the records don't say whether it was this one"
        yield Answer(
            key="volume.all_hosts", label="Sent by all hosts", value=f"{least}{sizes.shown(everybodys)}{others}",
            number=everybodys,
        )  # fmt: skip


def _most(rows: Iterable[Row]) -> tuple[int, int]:
    """Bytes and records of the kind of record that tells of most bytes."""
    total, count = Counter[str](), Counter[str]()
    for row in rows:
        total[row.shape] += row.sent
        count[row.shape] += 1
    shape = max(total, key=lambda each: total[each], default="")
    return total[shape], count[shape]


def _of_archive(size: int) -> Answer:
    value = f"{sizes.shown(size)}: no record counts what was sent"
    return Answer(key="volume.archive", label="Size of the archive", value=value, number=size)


def _is_address(host: str) -> bool:
    found = indicator(host)
    return found is not None and found.kind is Kind.ADDRESS


def _texts(value: Value) -> list[str]:
    """Of `::ffff:8.8.4.4;8.8.8.8;` and of lists each."""
    many = value if isinstance(value, list) else [value]
    return [part for each in many if isinstance(each, str) for part in each.replace(",", ";").split(";")]


def _at(event: Event, name: str) -> Value:
    """A field, also of an object within the record."""
    found: Value = event.get(name)
    if found is None and "." in name:
        found = dict(event.raw)
        for part in name.split("."):
            found = found.get(part) if isinstance(found, dict) else None
    return found
