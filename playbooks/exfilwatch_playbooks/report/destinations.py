"""Where it went: what connections reached, and what command lines name, each place once."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from exfilwatch.commands.destinations import destination as understood
from exfilwatch.commands.destinations import kind_of
from exfilwatch.findings.finding import EvidenceEvent
from exfilwatch_playbooks.report.material import Happening, Material
from exfilwatch_playbooks.response.facts import bytes_sent

_SHOWN = 25
_NAMES = ("DestinationHostname", "cs-host", "r-dns", "QueryName")


@dataclass
class Place:
    """A destination. `kind` is its class (public, private, cloud storage, ...); `connections` that were recorded, with
    their bytes (None: no record counts them); `named`: by how many command lines, without their repetitions."""

    key: str
    name: str = ""
    ip: str = ""
    kind: str = ""
    ports: dict[str, None] = field(default_factory=dict)
    programs: dict[str, None] = field(default_factory=dict)
    connections: int = 0
    sent: int | None = None
    named: int = 0
    first: datetime | None = None
    last: datetime | None = None

    @property
    def said(self) -> str:
        """The name, and the address where both are known."""
        return f"{self.name} ({self.ip})" if self.name and self.ip else self.name or self.ip


@dataclass(frozen=True)
class Destinations:
    """`more`: places that are only in the evidence. `sent`: bytes by all connections that count them."""

    shown: tuple[Place, ...]
    more: int
    sent: int | None

    @property
    def connections(self) -> int:
        return sum(place.connections for place in self.shown)


def destinations(material: Material) -> Destinations:
    """The destinations of an incident: those with most bytes first, then by connections, then by time."""
    places: dict[str, Place] = {}
    names: dict[str, str] = {}
    commands: dict[str, set[str]] = {}
    for happening in material.happenings:
        event = happening.event
        ip, name = happening.value("DestinationIp"), happening.value(*_NAMES)
        if ip or (name and event.category in ("network_connection", "proxy", "dns", "firewall")):
            key = ip or name.lower()
            if ip and name:
                names[name.lower()] = ip
            place = places.setdefault(key, Place(key, ip=ip))
            place.name = place.name or name
            place.connections += 1
            _seen(place, happening)
            if port := happening.value("DestinationPort"):
                place.ports[port] = None
            place.sent = _sum(place.sent, [event])
        for where in _said(material, happening):
            key = names.get(where.lower(), where.lower())
            place = places.setdefault(key, Place(key))
            if not (place.name or place.ip):
                place.name, place.ip = ("", where) if _is_address(where) else (where, "")
            commands.setdefault(key, set()).add(happening.text[1])
            _seen(place, happening)
    for key, place in places.items():
        place.named = len(commands.get(key, ()))
        place.kind = place.kind or kind_of(understood(place.ip or place.name).host)
    ordered = sorted(places.values(), key=lambda place: (-(place.sent or 0), -place.connections, -place.named))
    sent = bytes_sent(happening.event for happening in material.happenings)
    return Destinations(tuple(ordered[:_SHOWN]), max(0, len(ordered) - _SHOWN), sent)


def _said(material: Material, happening: Happening) -> Iterable[str]:
    """What a command names as the place that it sends to."""
    fields = material.understood(happening)
    if fields.get("transfer.direction") == "download":
        return
    for name in ("transfer.destination", "remote.destination"):
        if (value := fields.get(name)) and not re.search(r"[$%`{]", str(value)):
            yield str(value)


def _seen(place: Place, happening: Happening) -> None:
    if happening.program:
        place.programs[happening.program] = None
    if happening.time:
        place.first = min(filter(None, (place.first, happening.time)))
        place.last = max(filter(None, (place.last, happening.time)))


def _sum(before: int | None, events: Iterable[EvidenceEvent]) -> int | None:
    sent = bytes_sent(events)
    return before if sent is None else (before or 0) + sent


def _is_address(text: str) -> bool:
    return bool(re.fullmatch(r"[0-9.]{7,15}|[0-9a-f:.]*:[0-9a-f:.]*", text, re.IGNORECASE))
