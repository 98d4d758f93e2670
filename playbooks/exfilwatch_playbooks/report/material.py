"""What a report is made of: an incident's findings and events, each once, in order, with what rules say of them."""

import html
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property

from exfilwatch.commands.fields import Fields
from exfilwatch.commands.fields import fields as fields_of
from exfilwatch.events.event import Value
from exfilwatch.findings.finding import EvidenceEvent, Finding, FindingSignal
from exfilwatch.findings.incident import Incident, rank
from exfilwatch_playbooks.response.facts import basename

TEXTS = {
    "CommandLine": "Command line",
    "ScriptBlockText": "Script",
    "TaskContent": "Scheduled task",
    "TaskContentNew": "Scheduled task",
    "Payload": "Script",
}
"""Fields that say what was run, and what they hold."""
_READ, _LONGEST = 2_000_000, 65_536
"""Characters that are read for what they do, in all and of one text: reading takes time, and events mostly repeat."""
_START = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Happening:
    """An event, the findings that it is evidence of, and the gravest level among them."""

    event: EvidenceEvent
    findings: tuple[Finding, ...]
    signals: tuple[FindingSignal, ...]
    level: str

    @property
    def time(self) -> datetime | None:
        return self.event.time

    def value(self, *names: str) -> str:
        """The first of these fields that the event has, as text."""
        for name in names:
            value = self.event.fields.get(name)
            if value not in (None, "", "-") and not isinstance(value, (dict, list)):
                return str(value)
        return ""

    @property
    def program(self) -> str:
        return basename(self.value("Image")) or ""

    @cached_property
    def text(self) -> tuple[str, str]:
        """The field that says what was run, and its text; twice nothing where there is none."""
        return next(((name, text) for name in TEXTS if (text := self.value(name))), ("", ""))


@dataclass
class Material:
    """`happenings` and `findings` are in order of time."""

    incident: Incident
    findings: tuple[Finding, ...]
    happenings: tuple[Happening, ...]
    _read: dict[tuple[str, str], Fields] = field(default_factory=dict)
    _left: int = _READ

    def understood(self, happening: Happening) -> Fields:
        """What the event's command line, script or task does; nothing where enough was read."""
        _, text = happening.text
        key = (text, happening.value("Image"))
        if not text:
            return {}
        if key not in self._read and self._left > 0:
            self._left -= min(len(text), _LONGEST)
            self._read[key] = fields_of(_seen(happening).get)
        return self._read.get(key, {})

    @property
    def gravest(self) -> Finding | None:
        """The first finding of the highest level."""
        return max(self.findings, key=lambda finding: rank(finding.rule.level), default=None)


def material(incident: Incident, findings: Iterable[Finding]) -> Material:
    """An incident's material; `findings` are all that it has, in any order."""
    ordered = tuple(sorted(findings, key=lambda finding: (finding.time or _START, finding.id)))
    events: dict[str, EvidenceEvent] = {}
    of_event: dict[str, list[Finding]] = {}
    signals: dict[str, dict[tuple[str, str, str | None, int | None], FindingSignal]] = {}
    for finding in ordered:
        for event in finding.events:
            events.setdefault(event.id, event)
            of_event.setdefault(event.id, []).append(finding)
        for signal in finding.signals:
            key = (signal.name, signal.field, signal.matched, signal.start)
            signals.setdefault(signal.event, {}).setdefault(key, signal)
    happenings = [
        Happening(
            event,
            tuple(of_event[name]),
            tuple(signals.get(name, {}).values()),
            max((finding.rule.level for finding in of_event[name]), key=rank),
        )
        for name, event in events.items()
    ]
    happenings.sort(key=lambda each: (each.time or _START, each.event.id))
    return Material(incident, ordered, tuple(happenings))


def _seen(happening: Happening) -> dict[str, Value]:
    """An event's fields. A command line of Windows without a program is a task's, as its XML would say it."""
    fields = {
        name: value[:_LONGEST] if isinstance(value, str) else value for name, value in happening.event.fields.items()
    }
    name, text = happening.text
    if name == "CommandLine" and happening.event.product == "windows" and not happening.value("Image"):
        return {"TaskContent": f"<Exec><Command>{html.escape(text[:_LONGEST])}</Command></Exec>"}
    return fields


def titles(findings: Iterable[Finding]) -> tuple[str, ...]:
    """The rules' titles, the gravest first, each once."""
    ordered = sorted(findings, key=lambda finding: -rank(finding.rule.level))
    return tuple(dict.fromkeys(finding.rule.title or "Unnamed rule" for finding in ordered))
