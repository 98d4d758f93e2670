"""The raw evidence: every event as a line, and its fields as far as there is room for them.

The room is counted in bytes of the page, in which markup of hostile text takes more than the text. What is left out is
said, with where it is.
"""

import html
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from exfilwatch_playbooks.hostile import cut, visible
from exfilwatch_playbooks.report.material import Happening, Material
from exfilwatch_playbooks.report.texts import place

ROOM = 4_000_000
"""Bytes for the lines of all events and for their fields, of which lines get a little more than half."""
_SHORT, _VALUE = 180, 1_500  # characters of a line's text, and of a field's value
_MARKUP = 260  # bytes of markup around a line
_AROUND_FIELD = 40


@dataclass(frozen=True)
class Line:
    """An event. `fields` are None where there was no room."""

    number: int
    time: datetime | None
    level: str
    kind: str
    text: str
    place: str
    id: str
    fields: tuple[tuple[str, str], ...] | None


@dataclass(frozen=True)
class Evidence:
    """`left_out` events have no line; `unfolded` of those that have one show their fields."""

    lines: tuple[Line, ...]
    left_out: int
    unfolded: int


def evidence(material: Material, room: int = ROOM) -> Evidence:
    """The evidence of an incident, in order of time, in at most `room` bytes."""
    for_fields = room * 9 // 20
    room -= for_fields
    lines: list[Line] = []
    for number, happening in enumerate(material.happenings, 1):
        line = _line(number, happening)
        room -= _MARKUP + sum(map(size, (line.text, line.place, line.kind)))
        if room < 0:
            break
        if for_fields > 0:
            fields = tuple(_fields(happening))
            for_fields -= sum(size(name) + size(value) + _AROUND_FIELD for name, value in fields)
            line = replace(line, fields=fields) if for_fields > 0 else line
        lines.append(line)
    unfolded = sum(line.fields is not None for line in lines)
    return Evidence(tuple(lines), len(material.happenings) - len(lines), unfolded)


def size(text: str) -> int:
    """Bytes of a text as the page has it."""
    return len(html.escape(visible(text, keep="\n\t")).encode())


def _line(number: int, happening: Happening) -> Line:
    event = happening.event
    text = happening.text[1] or _target(happening) or happening.value("TargetFilename", "TaskName", "Image")
    kept, remark = cut(text, _SHORT)
    return Line(
        number=number,
        time=event.time,
        level=happening.level,
        kind=" ".join(filter(None, (event.product, event.category))) or event.shape,
        text=kept + remark,
        place=place(happening),
        id=event.id,
        fields=None,
    )


def _target(happening: Happening) -> str:
    ip, port = happening.value("DestinationIp", "DestinationHostname", "cs-host"), happening.value("DestinationPort")
    return f"{happening.program} → {ip}:{port}".strip() if ip else ""


def _fields(happening: Happening) -> Iterator[tuple[str, str]]:
    """Each field that says something, long ones cut."""
    for name, value in happening.event.fields.items():
        if value in (None, "", "-", [], {}):
            continue
        kept, remark = cut(value if isinstance(value, str) else str(value), _VALUE, keep="\n\t")
        yield cut(name, 80)[0], kept + remark
