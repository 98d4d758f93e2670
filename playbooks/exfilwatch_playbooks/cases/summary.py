"""A case's first lines: its title, what happened in one sentence, and how bad it is, with the reason."""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from exfilwatch.detection.detection import LEVELS
from exfilwatch.findings.finding import Finding
from exfilwatch.findings.incident import Incident, rank
from exfilwatch_playbooks.cases.document import Code, Document, Paragraph, Run, Runs, Strong, listed
from exfilwatch_playbooks.hostile import line
from exfilwatch_playbooks.response.facts import Facts, bytes_sent
from exfilwatch_playbooks.response.guide import meaning

_SHOWN = 3


def title(incident: Incident, findings: Sequence[Finding], facts: Sequence[Facts]) -> str:
    """One line of plain text: the gravest finding's rule, its program, host, user and destination."""
    at = max(range(len(findings)), key=lambda at: (rank(findings[at].rule.level), -at))
    worst = facts[at]
    parts = [line(findings[at].rule.title or "Exfiltration", 90)]
    if worst.program:
        parts.append(f": {line(worst.program, 40)}")
    parts.append(f" on {line(incident.host or 'an unknown host', 40)}")
    if incident.user:
        parts.append(f" by {line(incident.user, 40)}")
    if destination := worst.destination or next((each.destination for each in facts if each.destination), None):
        parts.append(f" to {line(_server(destination), 60)}")
    return "".join(parts)


def _server(destination: str) -> str:
    """Of a URL its server."""
    found = re.match(r"[a-z]{2,10}://(?:[^/?#\s]*@)?([^/?#\s]+)", destination, re.IGNORECASE)
    return found[1] if found else destination


def what_happened(incident: Incident, findings: Sequence[Finding], facts: Sequence[Facts]) -> Document:
    """Who, on which host, when, with what, where to: one sentence. Then whether it is known that data left."""
    programs = _each((each.program for each in facts), 60)
    destinations = _each((destination for each in facts for destination in each.destinations), 120)
    branches = list(dict.fromkeys(finding.rule.branch for finding in findings))
    meanings = list(dict.fromkeys(meaning(branch) for branch in branches))
    sentence: Runs = (
        f"{_when(incident.time, incident.end)}, ",
        Code(incident.user, 80) if incident.user else "an unknown user",
        " on ",
        Code(incident.host, 80) if incident.host else "an unknown host",
        *((" ran ", *programs) if programs else (" was active",)),
        *((" with the destination ", *destinations) if destinations else ()),
        f": {'; '.join(meanings)}.",
    )
    return Paragraph(sentence), Paragraph((_whether_it_left(findings, facts, bool(destinations)),))


def severity(incident: Incident, count: int) -> Runs:
    """The level, and why it is that one."""
    kinds = _each(incident.kinds, 60, shown=5)
    if incident.level != incident.highest:
        raised = f"raised by one step because {len(incident.kinds)} kinds of evidence agree: "
        highest = f": the highest level of its findings is {incident.highest}, "
        return (Strong(incident.level.capitalize()), highest, raised, *kinds, ".")
    level = Code(incident.level, 20) if incident.level not in _PLAIN else Strong(incident.level.capitalize())
    if len(incident.kinds) > 1:
        why = "" if incident.level == LEVELS[-1] else ", not raised, as they are of the same events"
        told = f": the highest level of its findings{why}; {len(incident.kinds)} kinds of evidence: "
        return (level, told, *kinds, ".")
    reason = (
        ": the level of its finding; there is no other kind of evidence than "
        if count == 1
        else f": the highest level of its {count:,} findings, not raised, as all are of one kind: "
    )
    return (level, reason, *kinds, ".")


def techniques(incident: Incident) -> Paragraph:
    """The ATT&CK ids."""
    named = _each(incident.attack, 20, shown=20)
    return Paragraph(("ATT&CK: ", *named) if named else ("ATT&CK: none named by the rules",))


_PLAIN = frozenset({"informational", "low", "medium", "high", "critical"})


def moment(time: datetime | None) -> str:
    """To the second, in UTC."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if time else "at no known time"


def _when(start: datetime | None, end: datetime | None) -> str:
    if start is None or end is None:
        return "At a time that no event gives"
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    if f"{start:%Y-%m-%d %H:%M:%S}" == f"{end:%Y-%m-%d %H:%M:%S}":
        return f"On {start:%Y-%m-%d} at {start:%H:%M:%S} UTC"
    if start.date() == end.date():
        return f"On {start:%Y-%m-%d} between {start:%H:%M:%S} and {end:%H:%M:%S} UTC"
    return f"Between {moment(start)} and {moment(end)}"


def _each(values: Iterable[str | None], limit: int, shown: int = _SHOWN) -> Runs:
    """Each value once: `a`, `b` and `c`; `a`, `b`, `c` and 4 more."""
    unique = [value for value in dict.fromkeys(values) if value]
    pieces: list[Run] = [Code(value, limit) for value in unique[:shown]]
    if len(unique) > shown:
        pieces.append(f"{len(unique) - shown:,} more")
    return listed(pieces)


def _whether_it_left(findings: Sequence[Finding], facts: Sequence[Facts], destinations: bool) -> str:
    sent = bytes_sent({event.id: event for finding in findings for event in finding.events}.values())
    if sent is not None:
        return f"A connection was recorded; by its record, {sent:,} bytes were sent."
    if any(each.here for each in facts) and all(each.here or not each.destinations for each in facts):
        return "The destination is the host itself: what listens there decides whether data left."
    if any(each.connected for each in facts):
        return "A connection was recorded, without the number of bytes: whether and how much data left is open."
    if destinations:
        return "No connection is among the evidence; the destination was named on the host. Whether data left is open."
    return "Neither a connection nor a destination is among the evidence. Whether data left is open."
