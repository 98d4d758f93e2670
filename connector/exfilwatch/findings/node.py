"""What grouping needs to know of a finding: one host, one user, a time, the processes it touched."""

import hashlib
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from ipaddress import ip_address
from typing import NamedTuple

import msgspec

from exfilwatch.detection.roots import starts_everything
from exfilwatch.findings.finding import EvidenceEvent, Finding

# Characters that a process, a level and what stands for events have room for in the database.
PROCESS, LEVEL, EVIDENCE = 128, 32, 16
NOBODY = frozenset({"", "-", "(null)", "unset", "4294967295"})


class Process(NamedTuple):
    """A name of a process on its host: its ProcessGuid, or its process id with the day (UTC).

    `anchor`: all findings with this key are of one process. A process id with its GUID known is no anchor:
    process ids are reused within a day, so two of them are one process only when their GUIDs say so.
    """

    key: str
    anchor: bool


class Span(NamedTuple):
    """First and last event (UTC)."""

    start: datetime
    end: datetime


class Node(msgspec.Struct, frozen=True):
    """A finding as grouping sees it. `kind` names the evidence: its branch, else its techniques, else its rule;
    `evidence` stands for its events (None: not known, as it was kept by a version that did not tell)."""

    id: str
    host_key: str
    user_key: str | None
    host: str | None
    user: str | None
    span: Span | None
    level: str
    kind: str
    attack: tuple[str, ...]
    evidence: str | None = None
    processes: frozenset[Process] = frozenset()

    @property
    def order(self) -> tuple[datetime, str]:
        """By time, then id; those without time first."""
        return (self.span.start if self.span else datetime.min.replace(tzinfo=UTC), self.id)


def host_key(host: str | None, source: str) -> str:
    """WS1, ws1.corp.local and WS1. are one host: the first label in lower case; an address stays whole.

    Two findings that name no host are of one host only when they came from one source.
    """
    name = bare_host(host)
    return short(f"?{source}" if name is None else name)


def user_key(user: str | None) -> str | None:
    """CORP\\anna, anna@corp.local and ANNA are one user of a host; None when no user is named."""
    name = bare_user(user)
    return None if name is None else short(name)


def bare_host(host: str | None) -> str | None:
    """What all notations of a host have in common: its first label, or its address; None when no host is named."""
    name = (host or "").strip().rstrip(".").lower()
    if name in NOBODY:
        return None
    try:
        return str(ip_address(name))
    except ValueError:
        return name.split(".", 1)[0] or name


def bare_user(user: str | None) -> str | None:
    """What all notations of a user have in common: the name without its domain; None when no user is named."""
    name = (user or "").strip().lower().replace("/", "\\").rsplit("\\", 1)[-1].split("@", 1)[0].strip()
    return None if name in NOBODY else name


def storable(text: str) -> str:
    """Text that any database takes: NUL and lone surrogates, which hostile names hold, are spelled out."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def short(text: str, length: int = 200) -> str:
    """`storable` of at most `length` characters, as columns and indexes take it: a hash stands for a long end."""
    whole = storable(text)
    if len(whole) <= length:
        return whole
    end = hashlib.blake2b(whole.encode(), digest_size=8).hexdigest()
    return whole[: length - len(end)] + end


def node(finding: Finding) -> Node:
    """What grouping needs of `finding`."""
    rule = finding.rule
    times = [time for time in (finding.time, finding.end) if time is not None]
    return Node(
        id=finding.id,
        host_key=host_key(finding.host, finding.source),
        user_key=user_key(finding.user),
        host=storable(finding.host) if finding.host else None,
        user=storable(finding.user) if finding.user else None,
        span=Span(min(times), max(times)) if times else None,
        level=short(rule.level, LEVEL),
        kind=rule.branch or " ".join(sorted(rule.attack)) or rule.id,
        attack=tuple(sorted(rule.attack)),
        evidence=_digest({event.id for event in finding.events}),
        processes=frozenset(name for event in finding.events for name in _processes(event)),
    )


def _digest(events: Iterable[str]) -> str:
    return hashlib.blake2b(storable("\n".join(sorted(events))).encode(), digest_size=EVIDENCE // 2).hexdigest()


def _processes(event: EvidenceEvent) -> Iterator[Process]:
    day = event.time.astimezone(UTC).date() if event.time else None
    for prefix in ("", "Parent"):
        image = str(event.fields.get(f"{prefix}Image") or "")
        if starts_everything(image):
            continue
        guid = _guid(event.fields.get(f"{prefix}ProcessGuid"))
        if guid:
            yield Process(short(f"guid {guid}", PROCESS), anchor=True)
        number = _process_id(event.fields.get(f"{prefix}ProcessId"), day)
        if number:
            yield Process(number, anchor=not guid)


def _guid(value: object) -> str | None:
    text = str(value or "").strip("{} ").upper()
    return text if text.strip("0-") else None


def _process_id(value: object, day: date | None) -> str | None:
    """`pid DAY NUMBER`; None for 0, 1 and 4, which are the system itself, and without a day."""
    text = str(value if value is not None else "").strip().lower()
    if day is None or not re.fullmatch(r"0x[0-9a-f]{1,16}|[0-9]{1,16}", text, re.ASCII):
        return None
    number = int(text, 16) if text.startswith("0x") else int(text)
    return None if number in (0, 1, 4) else f"pid {day.isoformat()} {number}"
