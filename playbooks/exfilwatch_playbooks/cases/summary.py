"""A case's first lines: its title, what happened in one sentence, and how bad it is, with the reason."""

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime

from exfilwatch.findings.finding import Finding
from exfilwatch.findings.incident import Incident, rank
from exfilwatch_playbooks.hostile import code, line
from exfilwatch_playbooks.response.facts import Facts, bytes_sent
from exfilwatch_playbooks.response.steps import meaning

_SHOWN = 3
_TITLE = 250


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
    return "".join(parts)[:_TITLE]


def _server(destination: str) -> str:
    """Of a URL its server."""
    found = re.match(r"[a-z]{2,10}://(?:[^/?#\s]*@)?([^/?#\s]+)", destination, re.IGNORECASE)
    return found[1] if found else destination


def what_happened(incident: Incident, findings: Sequence[Finding], facts: Sequence[Facts]) -> str:
    """Who, on which host, when, with what, where to: one sentence. Then whether it is known that data left."""
    user = code(incident.user, 80) if incident.user else "an unknown user"
    host = code(incident.host, 80) if incident.host else "an unknown host"
    programs = _listed((each.program for each in facts), 60)
    destinations = _listed((destination for each in facts for destination in each.destinations), 120)
    branches = list(dict.fromkeys(finding.rule.branch for finding in findings))
    meanings = list(dict.fromkeys(meaning(branch) for branch in branches))
    sentence = (
        f"{_when(incident.time, incident.end)}, {user} on {host} "
        f"{f'ran {programs}' if programs else 'was active'}"
        f"{f' with the destination {destinations}' if destinations else ''}: {'; '.join(meanings)}."
    )
    return f"{sentence}\n\n{_whether_it_left(findings, facts, destinations)}"


def severity(incident: Incident, count: int) -> str:
    """The level, and why it is that one."""
    kinds = _listed(incident.kinds, 60, shown=5)
    if incident.level != incident.highest:
        return (
            f"**{incident.level.capitalize()}**: the highest level of its findings is {incident.highest}, raised by "
            f"one step because {len(incident.kinds)} kinds of evidence agree: {kinds}."
        )
    level = code(incident.level, 20) if incident.level not in _PLAIN else f"**{incident.level.capitalize()}**"
    if len(incident.kinds) > 1:
        return f"{level}: the highest level of its findings; {len(incident.kinds)} kinds of evidence agree: {kinds}."
    return (
        f"{level}: the level of its finding; there is no other kind of evidence than {kinds}."
        if count == 1
        else f"{level}: the highest level of its {count:,} findings, not raised, as all are of one kind: {kinds}."
    )


def techniques(incident: Incident) -> str:
    """The ATT&CK ids."""
    return f"ATT&CK: {_listed(incident.attack, 20, shown=20)}" if incident.attack else "ATT&CK: none named by the rules"


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


def _listed(values: Iterable[str | None], limit: int, shown: int = _SHOWN, show: Callable[..., str] = code) -> str:
    """Each value once: `a`, `b` and `c`; `a`, `b`, `c` and 4 more."""
    unique = [value for value in dict.fromkeys(values) if value]
    pieces = [show(value, limit) for value in unique[:shown]]
    if len(unique) > shown:
        pieces.append(f"{len(unique) - shown:,} more")
    return " and ".join(filter(None, (", ".join(pieces[:-1]), pieces[-1]))) if pieces else ""


def _whether_it_left(findings: Sequence[Finding], facts: Sequence[Facts], destinations: str) -> str:
    sent = bytes_sent({event.id: event for finding in findings for event in finding.events}.values())
    if sent is not None:
        return f"A connection was recorded; by its record, {sent:,} bytes were sent."
    if any(each.connected for each in facts):
        return "A connection was recorded, without the number of bytes: whether and how much data left is open."
    if destinations:
        return "No connection is among the evidence; the destination was named on the host. Whether data left is open."
    return "Neither a connection nor a destination is among the evidence. Whether data left is open."
