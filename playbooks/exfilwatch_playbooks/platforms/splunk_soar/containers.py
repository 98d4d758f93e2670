"""An incident as Splunk SOAR has it: a container, with an artifact for each finding and each thing that it names.

The platform knows a container, and within it an artifact, again by `source_data_identifier`: what comes twice is there
once. So an artifact is made of its finding alone, and is the same whenever it is made.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from exfilwatch.findings.finding import Finding
from exfilwatch.findings.node import storable
from exfilwatch_playbooks.enrichment.indicator import Kind
from exfilwatch_playbooks.enrichment.subject import of_finding
from exfilwatch_playbooks.exports.observed import urls
from exfilwatch_playbooks.handover import Handed
from exfilwatch_playbooks.hostile import line
from exfilwatch_playbooks.response.facts import Facts, facts

FINDING, INCIDENT = "exfilwatch finding id", "exfilwatch incident id"
"""What our ids are among the platform's types of data: an action that takes one is offered where one stands."""
_SEVERITY = {"informational": "low", "low": "low", "medium": "medium", "high": "high", "critical": "high"}
"""A new installation has these three severities, and refuses others."""
_TEXT = 8_000  # characters of a value


@dataclass(frozen=True)
class Container:
    """The platform's fields of a container, by its names. Times are ISO 8601 in UTC."""

    name: str
    source_data_identifier: str
    severity: str
    description: str
    tags: list[str]
    start_time: str | None
    data: dict[str, object]


@dataclass(frozen=True)
class Artifact:
    """The platform's fields of an artifact, by its names. `cef_types`: what kind of data the values of `cef` are."""

    name: str
    label: str
    source_data_identifier: str
    severity: str
    description: str
    tags: list[str]
    start_time: str | None
    end_time: str | None
    cef: dict[str, object]
    cef_types: dict[str, list[str]]


def container(handed: Handed) -> Container:
    """The container of an incident."""
    incident = handed.incident
    who = f"{line(incident.user or 'an unknown user', 80)} on {line(incident.host or 'an unknown host', 80)}"
    said = [f"Incident {incident.id}, {handed.level}: {who}.", f"ATT&CK: {', '.join(incident.attack) or 'none named'}."]
    if handed.case_url or handed.case_id:
        case = f"{handed.case_id} {line(handed.case_url, 500)}".strip()
        said.append(f"Case in {handed.case_system}: {case}.")
    return Container(
        name=handed.title,
        source_data_identifier=incident.id,
        severity=severity(handed.level),
        description=" ".join(said),
        tags=_tags(handed.level, *incident.attack),
        start_time=_time(incident.time),
        data={"incident": incident.id, "level": handed.level, "kinds": list(incident.kinds), "case": handed.case_id},
    )


def artifacts(handed: Handed) -> Iterator[tuple[Finding | None, list[Artifact]]]:
    """The news of an incident, each finding with what it names; a thing that several name comes with the first.

    An incident that went into another has one artifact, which says so, and no finding.
    """
    incident = handed.incident
    if incident.merged_into:
        yield None, [_merged(incident.id, incident.merged_into)]
    seen: set[str] = set()
    for finding in handed.findings:
        named = [each for each in _observables(finding, incident.id) if each.source_data_identifier not in seen]
        seen.update(each.source_data_identifier for each in named)
        yield finding, [*named, _finding(finding, incident.id)]


def severity(level: str) -> str:
    """The platform's severity of one of our levels; other levels, which rules may have, count as medium."""
    return _SEVERITY.get(level, "medium")


def _finding(finding: Finding, incident: str) -> Artifact:
    known = facts(finding)
    cef = {
        "exfilwatchFinding": finding.id,
        "exfilwatchIncident": incident,
        "deviceVendor": "exfilwatch",
        "deviceProduct": "exfilwatch",
        "deviceEventCategory": finding.rule.branch,
        "message": _message(finding, known),
        "sourceHostName": known.host,
        "sourceUserName": known.user,
        "sourceProcessName": known.image or known.program,
        "sourceProcessId": known.process_id,
        "destinationAddress": known.destination_ip,
        "destinationHostName": known.destination_name,
        "requestURL": next(iter(urls(finding)), None),
        "bytesOut": known.bytes_sent,
        "fileName": known.archive or known.file,
        "filePath": known.archive_path or known.source_path,
        **_custom(1, "command line", known.command_line or known.script or known.content),
        **_custom(2, "rule", finding.rule.title or finding.rule.id),
        **_custom(3, "ATT&CK", ", ".join(finding.rule.attack)),
        **_custom(4, "destination", known.destination),
        **_custom(5, "level", finding.rule.level),
    }
    if finding.score is not None:
        cef |= {"deviceCustomNumber1": finding.score, "deviceCustomNumber1Label": "score"}
    return _artifact(
        name=line(finding.rule.title or "Finding", 120),
        label="finding",
        identity=finding.id,
        finding=finding,
        tags=_tags(finding.rule.level, *finding.rule.attack),
        cef=cef,
        types=_TYPES,
    )


def _observables(finding: Finding, incident: str) -> Iterator[Artifact]:
    found = [(_INDICATORS[each.kind], each.value) for each in of_finding(finding).indicators]
    found += [(_URL, each) for each in urls(finding)]
    for kind, value in found:
        digest = hashlib.sha256(f"{incident}\n{kind.field}\n{value}".encode("utf-8", "surrogatepass")).hexdigest()
        yield _artifact(
            name=f"{kind.name}: {line(value, 120)}",
            label="observable",
            identity=digest[:32],
            finding=finding,
            tags=[],
            cef={kind.field: value, "exfilwatchFinding": finding.id, "exfilwatchIncident": incident},
            types=_TYPES | {kind.field: list(kind.types)},
        )


@dataclass(frozen=True)
class _Kind:
    name: str
    field: str
    types: tuple[str, ...]


_URL = _Kind("URL", "requestURL", ("url",))
_INDICATORS = {
    Kind.ADDRESS: _Kind("Address", "destinationAddress", ("ip",)),
    Kind.NAME: _Kind("Domain", "destinationDnsDomain", ("domain",)),
    Kind.HASH: _Kind("Hash", "fileHash", ("hash",)),
}
_TYPES = {
    "exfilwatchFinding": [FINDING],
    "exfilwatchIncident": [INCIDENT],
    "sourceHostName": ["host name"],
    "sourceUserName": ["user name"],
    "sourceProcessName": ["process name"],
    "sourceProcessId": ["pid"],
    "destinationAddress": ["ip"],
    "destinationHostName": ["domain", "host name"],
    "requestURL": ["url"],
    "fileName": ["file name"],
    "filePath": ["file path"],
}


def _artifact(
    *,
    name: str,
    label: str,
    identity: str,
    finding: Finding,
    tags: list[str],
    cef: dict[str, object],
    types: dict[str, list[str]],
) -> Artifact:
    """Empty values are left out."""
    held = {field: _value(value) for field, value in cef.items() if value not in (None, "")}
    return Artifact(
        name=name,
        label=label,
        source_data_identifier=identity,
        severity=severity(finding.rule.level),
        description="",
        tags=tags,
        start_time=_time(finding.time),
        end_time=_time(finding.end),
        cef=held,
        cef_types={field: kinds for field, kinds in types.items() if field in held},
    )


def _merged(incident: str, into: str) -> Artifact:
    return Artifact(
        name=f"Merged into incident {into}",
        label="incident",
        source_data_identifier=f"{incident} {into}",
        severity="low",
        description=f"New evidence showed that this is one incident with {into}: go on in its container.",
        tags=[],
        start_time=None,
        end_time=None,
        cef={"exfilwatchIncident": into},
        cef_types={"exfilwatchIncident": [INCIDENT]},
    )


def _message(finding: Finding, known: Facts) -> str:
    """Why, in a line: what matched, and where."""
    matched = [f"{each.field}: {line(each.matched, 80)}" for each in finding.signals if each.matched]
    program = f" by {line(known.program, 60)}" if known.program else ""
    return f"{line(finding.rule.title or finding.rule.id, 120)}{program}. {'; '.join(dict.fromkeys(matched))}"[:_TEXT]


def _custom(number: int, label: str, value: str | None) -> dict[str, object]:
    named = f"deviceCustomString{number}"
    return {named: value, f"{named}Label": label} if value else {}


def _value(value: object) -> object:
    return storable(value)[:_TEXT] if isinstance(value, str) else value


def _tags(level: str, *techniques: str) -> list[str]:
    """Letters, digits, dashes and underscores: T1567.002 is T1567_002."""
    return [f"level_{level}", *(each.replace(".", "_") for each in _unique(techniques))]


def _unique(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))


def _time(time: datetime | None) -> str | None:
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z" if time else None
