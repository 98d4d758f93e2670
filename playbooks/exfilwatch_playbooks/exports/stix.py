"""Findings as a STIX 2.1 bundle (docs.oasis-open.org/cti/stix/v2.1): what was observed, its techniques, a sighting.

Ids are made of what they name, so that the same finding gives the same objects; a platform that imports it twice has it
once. A finding is no proof: destinations are indicators of anomalous activity, with the confidence that its level has.
"""

import hashlib
import json
import re
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import TypeAlias

from exfilwatch.findings.finding import EvidenceEvent, Finding
from exfilwatch_playbooks.exports.observed import addresses, names, number, text, urls

Json: TypeAlias = "dict[str, object]"
_OBSERVABLES = uuid.UUID("00abedb4-aa42-466c-9c01-fed23315a9b7")  # section 2.9
_CONFIDENCE = {"informational": 5, "low": 15, "medium": 50, "high": 70, "critical": 85}  # appendix A
_MADE = "2026-01-01T00:00:00.000Z"


def bundle(findings: Iterable[Finding], *, now: datetime) -> Json:
    """The bundle. `now`: when it is exported, which is the time of what has none."""
    objects: dict[str, Json] = {}
    maker = _object("identity", "exfilwatch", _MADE, name="exfilwatch", identity_class="system")
    for each in (maker, *(made for finding in findings for made in _of(finding, str(maker["id"]), now))):
        objects.setdefault(str(each["id"]), each)
    digest = hashlib.sha256("\n".join(sorted(objects)).encode()).digest()
    return {"type": "bundle", "id": f"bundle--{_random(digest)}", "objects": list(objects.values())}


def _of(finding: Finding, maker: str, now: datetime) -> list[Json]:
    first, last = _time(finding.time or now), _time(finding.end or finding.time or now)
    seen = [made for event in finding.events for made in _observables(event)]
    destinations = [*_addresses(finding), *(_sco("domain-name", value=name) for name in names(finding))]
    destinations += [_sco("url", value=url) for url in urls(finding)]
    if not seen and not destinations:
        seen = [_sco("file", name=finding.rule.title or "unknown")]
    techniques = [_technique(each, maker) for each in finding.rule.attack]
    observed = _object(
        "observed-data",
        finding.id,
        first,
        created_by_ref=maker,
        first_observed=first,
        last_observed=last,
        number_observed=1,
        object_refs=list(dict.fromkeys(str(each["id"]) for each in (*seen, *destinations))),
    )
    said = f"{finding.rule.title} on {finding.host or 'an unknown host'} by {finding.user or 'an unknown user'}"
    note = _object(
        "note",
        finding.id,
        first,
        created_by_ref=maker,
        abstract=finding.rule.title or finding.rule.id,
        content=f"{said}. Level {finding.rule.level}, rule {finding.rule.id}, finding {finding.id}.",
        object_refs=[observed["id"], *(each["id"] for each in techniques)],
    )
    made = [*seen, *destinations, *techniques, observed, note]
    for destination in destinations:
        made += _indicating(destination, techniques, observed, finding, (first, last), maker)
    return made


def _indicating(
    destination: Json, techniques: Iterable[Json], observed: Json, finding: Finding, times: tuple[str, str], maker: str
) -> list[Json]:
    """The indicator of a destination, what it indicates, and that it was seen."""
    kind, value = str(destination["type"]), str(destination["value"])
    quoted = value.replace("\\", "\\\\").replace("'", "\\'")
    indicator = _object(
        "indicator",
        f"{finding.id} {kind} {value}",
        times[0],
        created_by_ref=maker,
        name=f"Destination of {finding.rule.title or finding.rule.id}",
        description=f"Named by finding {finding.id} on {finding.host or 'an unknown host'}.",
        indicator_types=["anomalous-activity"],
        pattern=f"[{kind}:value = '{quoted}']",
        pattern_type="stix",
        pattern_version="2.1",
        valid_from=times[0],
        confidence=_CONFIDENCE.get(finding.rule.level, 50),
    )
    sighting = _object(
        "sighting",
        str(indicator["id"]),
        times[0],
        created_by_ref=maker,
        first_seen=times[0],
        last_seen=times[1],
        count=1,
        sighting_of_ref=indicator["id"],
        observed_data_refs=[observed["id"]],
        where_sighted_refs=[maker],
    )
    links = [
        _object(
            "relationship",
            f"{indicator['id']} {technique['id']}",
            times[0],
            created_by_ref=maker,
            relationship_type="indicates",
            source_ref=indicator["id"],
            target_ref=technique["id"],
        )
        for technique in techniques
    ]
    return [indicator, sighting, *links]


def _observables(event: EvidenceEvent) -> list[Json]:
    """The process, its program and user, and the file that an event names."""
    made: list[Json] = []
    user = text(event, "User")
    if user:
        made.append(_sco("user-account", account_login=user))
    image, command = text(event, "Image"), text(event, "CommandLine")
    program = _sco("file", name=_basename(image)) if image else None
    if program:
        made.append(program)
    if image or command:
        process: Json = {"type": "process", "spec_version": "2.1"}
        pid = number(event, "ProcessId")
        process |= {} if pid is None else {"pid": pid}
        process |= {"command_line": command} if command else {}
        process |= {"image_ref": program["id"]} if program else {}
        process |= {"creator_user_ref": made[0]["id"]} if user else {}
        process |= {"created_time": _time(event.time)} if event.time and event.category == "process_creation" else {}
        digest = hashlib.sha256(f"process {event.id}".encode("utf-8", "surrogatepass")).digest()
        made.append(process | {"id": f"process--{_random(digest)}"})
    if target := text(event, "TargetFilename"):
        made.append(_sco("file", name=_basename(target)))
    return made


def _addresses(finding: Finding) -> list[Json]:
    found = map(ip_address, addresses(finding))
    return [_sco(f"ipv{each.version}-addr", value=str(each).split("%", 1)[0]) for each in found]


def _technique(technique: str, maker: str) -> Json:
    reference = {"source_name": "mitre-attack", "external_id": technique}
    return _object(
        "attack-pattern", technique, _MADE, created_by_ref=maker, name=technique, external_references=[reference]
    )


def _object(kind: str, key: str, created: str, **properties: object) -> Json:
    name = _random(hashlib.sha256(f"exfilwatch {kind} {key}".encode("utf-8", "surrogatepass")).digest())
    head = {"type": kind, "spec_version": "2.1", "id": f"{kind}--{name}", "created": created, "modified": created}
    return head | properties


def _sco(kind: str, **properties: str) -> Json:
    """An observable, whose id is made of its properties as section 2.9 says."""
    named = json.dumps(properties, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return {"type": kind, "spec_version": "2.1", "id": f"{kind}--{uuid.uuid5(_OBSERVABLES, named)}", **properties}


def _random(digest: bytes) -> uuid.UUID:
    """A UUID of version 4, where the specification wants one; the same for the same digest."""
    return uuid.UUID(bytes=digest[:16], version=4)


def _basename(path: str) -> str:
    return re.split(r"[\\/]", path)[-1] or path


def _time(time: datetime) -> str:
    return f"{time.astimezone(UTC).isoformat(timespec='milliseconds').removesuffix('+00:00')}Z"
