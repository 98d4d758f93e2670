"""What an enrichment is about: the destinations, hashes, commands and archives that an incident's evidence names."""

import ntpath
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from exfilwatch.commands.destinations import destination
from exfilwatch.commands.fields import Fields, fields
from exfilwatch.events.event import Value
from exfilwatch.findings.finding import EvidenceEvent, Finding
from exfilwatch.findings.incident import Incident
from exfilwatch.findings.node import NOBODY
from exfilwatch.network.fields import field as of_traffic
from exfilwatch_playbooks.enrichment.indicator import Indicator, domain, hashed, indicator
from exfilwatch_playbooks.response.facts import facts

_DESTINATIONS, _HASHES, _COMMANDS, _ARCHIVES = 10, 5, 5, 5
"""How many are looked up, the first of each: an incident of a thousand uploads asks no more of others than one."""
_EVENTS = 2_000
_HASH_FIELDS = ("sha256", "SHA256", "Hashes", "sha1", "SHA1", "md5", "MD5")
_ADDRESSES = ("SourceIp", "src_ip")


@dataclass(frozen=True)
class Subject:
    """`of`: the id of the incident or finding, whose level is `level`. All in the order of the evidence, each once.

    `destinations` are hosts in their normal form (addresses and names), `hashes` of programs and files, `commands`
    templates of uploading commands with the program that runs them (if it is one), `archives` names of the archives
    and files that are sent, without folder.
    `addresses`: what `hosts[0]` has as its own address in the evidence; `resolved`: of names, their addresses.
    `start` and `end` (UTC) are of the first and last event.
    """

    of: str
    level: str
    findings: tuple[Finding, ...]
    hosts: tuple[str, ...]
    users: tuple[str, ...]
    destinations: tuple[str, ...]
    hashes: tuple[Indicator, ...]
    commands: tuple[tuple[str, str], ...]
    archives: tuple[str, ...]
    addresses: tuple[str, ...]
    resolved: tuple[tuple[str, str], ...]
    start: datetime | None
    end: datetime | None

    @property
    def indicators(self) -> tuple[Indicator, ...]:
        """The destinations that are addresses or names, then the hashes."""
        return (*filter(None, map(indicator, self.destinations)), *self.hashes)

    @property
    def own(self) -> tuple[str, ...]:
        """Domains that the names of its hosts and users show to be the organisation's: WS1.corp.test, anna@corp.test.

        Where nobody registered one (`ws1.corp.local`), what stands behind the host's own name.
        """
        named = [(name.lower().rpartition("@")[2].strip("."), "@" in name) for name in (*self.hosts, *self.users)]
        found = [_of_name(name, whole=whole) for name, whole in named if "." in name and "\\" not in name]
        return tuple(dict.fromkeys(filter(None, found)))


def _of_name(name: str, *, whole: bool) -> str:
    if indicator(name) is None or re.fullmatch(r"[0-9.:a-f]+", name):
        return ""
    known = domain(name)
    return known.registered if known.registered and not known.service else name if whole else name.partition(".")[2]


def of_incident(incident: Incident, findings: Iterable[Finding]) -> Subject:
    """The subject that an incident with its findings is."""
    return _subject(incident.id, incident.level, sorted(findings, key=_order), incident.host, incident.user)


def of_finding(finding: Finding) -> Subject:
    """The subject that one finding is."""
    return _subject(finding.id, finding.rule.level, [finding], finding.host, finding.user)


def _order(finding: Finding) -> tuple[bool, float, str]:
    return finding.time is not None, finding.time.timestamp() if finding.time else 0.0, finding.id


def _subject(of: str, level: str, findings: Sequence[Finding], host: str | None, user: str | None) -> Subject:
    events = list({event.id: event for finding in findings for event in finding.events}.values())[:_EVENTS]
    derived = [(event, fields(event.fields.get)) for event in events]
    times = [time for each in findings for time in (each.time, each.end) if time]
    hosts = _unique(host, *(each.host for each in findings))
    here = hosts[0] if hosts else ""
    sources = (_texts(event, _ADDRESSES) for event in events if event.category and event.host == here)
    return Subject(
        of=of,
        level=level,
        findings=tuple(findings),
        hosts=hosts,
        users=_unique(user, *(each.user for each in findings)),
        destinations=tuple(dict.fromkeys(_destinations(findings, derived)))[:_DESTINATIONS],
        hashes=tuple(dict.fromkeys(found for event in events if (found := _hash(event))))[:_HASHES],
        commands=_programs(_commands(derived))[:_COMMANDS],
        archives=tuple(dict.fromkeys(_archives(derived)))[:_ARCHIVES],
        addresses=tuple(dict.fromkeys(each for found in sources for each in found))[:_DESTINATIONS],
        resolved=tuple(dict.fromkeys(_resolved(events)))[: 2 * _DESTINATIONS],
        start=min(times, default=None),
        end=max(times, default=None),
    )


def _unique(*names: str | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in names if name and name.strip().lower() not in NOBODY))


def _destinations(findings: Sequence[Finding], derived: Sequence[tuple[EvidenceEvent, Fields]]) -> Iterator[str]:
    for event, found in derived:
        get = event.fields.get
        for named in (found.get("transfer.destination"), of_traffic("network.destination", get)):
            yield from _host(named)
        if (address := get("DestinationIp")) and isinstance(address, str):
            yield from _host(address)
    for finding in findings:
        for shown in facts(finding).destinations:
            yield from _host(re.split(r" \(", shown, maxsplit=1)[0])


def _host(named: Value) -> Iterator[str]:
    if isinstance(named, str) and named and len(named) < 2_000:
        host = destination(named).host
        if indicator(host) or re.fullmatch(r"[a-z0-9_-]{1,63}", host):
            yield host


def _hash(event: EvidenceEvent) -> Indicator | None:
    """The strongest hash of an event's program or file, however the record writes it (`SHA256=...,MD5=...`)."""
    found = [
        made
        for text in _texts(event, _HASH_FIELDS)
        for part in re.split(r"[,;\s]+", text[:1_000])
        if (made := hashed(part.rpartition("=")[2]))
    ]
    return max(found, key=lambda each: len(each.value), default=None)


def _commands(derived: Sequence[tuple[EvidenceEvent, Fields]]) -> Iterator[tuple[str, str]]:
    for event, found in derived:
        template = found.get("command.template")
        if isinstance(template, str) and template:
            image = event.fields.get("Image")
            yield template, ntpath.basename(image) if isinstance(image, str) else ""


def _programs(commands: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Each template once; without a program where several run it (a schedule is made, and then runs)."""
    found: dict[str, str] = {}
    for template, program in commands:
        found[template] = program if found.get(template, program) == program else ""
    return tuple(found.items())


def _archives(derived: Sequence[tuple[EvidenceEvent, Fields]]) -> Iterator[str]:
    for _, found in derived:
        for name in ("archive.path", "transfer.source_path", "transfer.file", "file.name"):
            value = found.get(name)
            for each in value if isinstance(value, list) else [value]:
                base = ntpath.basename(each.strip().rstrip("/\\")) if isinstance(each, str) else ""
                if 3 < len(base) < 200 and "." in base and not any(mark in base for mark in "*?$%<>|"):
                    yield base


def _resolved(events: Sequence[EvidenceEvent]) -> Iterator[tuple[str, str]]:
    for event in events:
        named, address = event.fields.get("DestinationHostname"), event.fields.get("DestinationIp")
        if isinstance(named, str) and isinstance(address, str):
            name = destination(named).host
            if indicator(name) and indicator(address):
                yield name, address


def _texts(event: EvidenceEvent, names: Sequence[str]) -> list[str]:
    values = (event.fields.get(name) for name in names)
    return [value for value in values if isinstance(value, str) and value not in ("", "-")]
