"""A finding as a Detection Finding of the Open Cybersecurity Schema Framework (class 2004, schema.ocsf.io/1.5.0)."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TypeAlias

from exfilwatch import __version__
from exfilwatch.detection.detection import RuleInfo
from exfilwatch.events.timestamps import microseconds
from exfilwatch.findings.finding import EvidenceEvent, Finding
from exfilwatch.findings.marks import Disposition, Mark
from exfilwatch_playbooks.exports.observed import address, addresses, names, number, text, urls

VERSION = "1.5.0"
Json: TypeAlias = "dict[str, object]"
_CLASS, _CATEGORY, _CREATE = 2004, 2, 1
_SEVERITY = {"informational": 1, "low": 2, "medium": 3, "high": 4, "critical": 5}
_SEVERITIES = {1: "Informational", 2: "Low", 3: "Medium", 4: "High", 5: "Critical"}
_RULE, _FILE = 1, 1  # analytic.type_id, file.type_id
_HOSTNAME, _ADDRESS, _USER, _URL, _PROCESS, _COMMAND = 1, 2, 4, 6, 9, 13  # observable.type_id
_IN_PROGRESS, _RESOLVED, _NEW = (2, "In Progress"), (4, "Resolved"), (1, "New")


def detection_finding(
    finding: Finding, *, mark: Mark | None = None, rule: RuleInfo | None = None, now: datetime
) -> Json:
    """The event. `now`: when it is exported, which is its time where the finding's events have none."""
    severity = _SEVERITY.get(finding.rule.level, 3)
    start, end = _ms(finding.time or now), _ms(finding.end or finding.time or now)
    status, status_name = _NEW if mark is None else _IN_PROGRESS if _is_true(mark) else _RESOLVED
    made: Json = {
        "category_uid": _CATEGORY,
        "category_name": "Findings",
        "class_uid": _CLASS,
        "class_name": "Detection Finding",
        "activity_id": _CREATE,
        "activity_name": "Create",
        "type_uid": _CLASS * 100 + _CREATE,
        "type_name": "Detection Finding: Create",
        "time": end,
        "start_time": start,
        "end_time": end,
        "severity_id": severity,
        "severity": _SEVERITIES[severity],
        "status_id": status,
        "status": status_name,
        "message": finding.rule.title,
        "metadata": {
            "version": VERSION,
            "product": {"name": "exfilwatch", "vendor_name": "exfilwatch", "version": __version__},
            "uid": finding.id,
        },
        "finding_info": {
            "uid": finding.id,
            "title": finding.rule.title,
            "analytic": {"type_id": _RULE, "type": "Rule", "uid": finding.rule.id, "name": finding.rule.title},
            "attacks": [_attack(technique) for technique in finding.rule.attack],
            "first_seen_time": start,
            "last_seen_time": end,
            "data_sources": list(dict.fromkeys(event.source for event in finding.events)),
        },
        "evidences": [_evidence(event) for event in finding.events],
        "observables": _observables(finding),
        "unmapped": {"signals": [each.model_dump() for each in finding.signals], "branch": finding.rule.branch},
    }
    if rule and rule.description:
        _info(made)["desc"] = rule.description
    if mark:
        made["comment"] = f"{mark.disposition.value}: {mark.why}"
    if not finding.rule.attack:
        del _info(made)["attacks"]
    return made


def _info(made: Json) -> Json:
    info = made["finding_info"]
    assert isinstance(info, dict)
    return info


def _is_true(mark: Mark) -> bool:
    return mark.disposition is Disposition.TRUE_POSITIVE


def _attack(technique: str) -> Json:
    main, _, sub = technique.partition(".")
    made: Json = {"version": "v17", "technique": {"uid": main}}
    return made | ({"sub_technique": {"uid": technique}} if sub else {})


def _evidence(event: EvidenceEvent) -> Json:
    """What the schema has places for; all fields are in `data`."""
    made: Json = {"uid": event.id, "data": event.fields}
    user = text(event, "User")
    if user:
        made["user"] = {"name": user}
    if event.host:
        made["device"] = {"hostname": event.host, "type_id": 0}
    if process := _process(event, ""):
        if user:
            process["user"] = {"name": user}
        if parent := _process(event, "Parent"):
            process["parent_process"] = parent
        made["process"] = process
    if endpoint := _endpoint(event):
        made["dst_endpoint"] = endpoint
    if path := text(event, "TargetFilename"):
        made["file"] = {"name": _basename(path), "path": path, "type_id": _FILE}
    return made


def _process(event: EvidenceEvent, prefix: str) -> Json:
    """A process; the schema takes none without an id."""
    pid, uid = number(event, f"{prefix}ProcessId"), text(event, f"{prefix}ProcessGuid")
    made: Json = {}
    if pid is not None:
        made["pid"] = pid
    if uid:
        made["uid"] = uid
    if not made:
        return {}
    if path := text(event, f"{prefix}Image"):
        made |= {"name": _basename(path), "path": path}
        made["file"] = {"name": _basename(path), "path": path, "type_id": _FILE}
    if command := text(event, f"{prefix}CommandLine"):
        made["cmd_line"] = command
    return made


def _endpoint(event: EvidenceEvent) -> Json:
    made: Json = {}
    if ip := address(text(event, "DestinationIp")):
        made["ip"] = str(ip)
    if name := text(event, "DestinationHostname") or text(event, "cs-host"):
        made["hostname"] = name
    port = number(event, "DestinationPort", 65_535)
    return made | ({"port": port} if made and port is not None else {})


def _observables(finding: Finding) -> list[Json]:
    commands = [text(event, "CommandLine") for event in finding.events]
    images = [_basename(text(event, "Image")) for event in finding.events]
    groups: Mapping[tuple[int, str, str], list[str]] = {
        (_HOSTNAME, "Hostname", "device.hostname"): [finding.host or ""],
        (_USER, "User Name", "user.name"): [finding.user or ""],
        (_PROCESS, "Process Name", "evidences[].process.name"): images,
        (_COMMAND, "Command Line", "evidences[].process.cmd_line"): commands,
        (_ADDRESS, "IP Address", "evidences[].dst_endpoint.ip"): addresses(finding),
        (_HOSTNAME, "Hostname", "evidences[].dst_endpoint.hostname"): names(finding),
        (_URL, "URL String", "evidences[].process.cmd_line"): urls(finding),
    }
    return [
        {"type_id": kind, "type": word, "name": place, "value": value}
        for (kind, word, place), values in groups.items()
        for value in dict.fromkeys(filter(None, values))
    ]


def _basename(path: str) -> str:
    return re.split(r"[\\/]", path)[-1] or path


def _ms(time: datetime) -> int:
    return microseconds(time.astimezone(UTC)) // 1000
