"""Cases of process starts as they reach the engine: one host per case, and no more fields than many sites have.

Windows as flat Sysmon JSON, Linux as Sysmon for Linux in JSON, macOS as Elastic ECS.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, NamedTuple

System = Literal["windows", "linux", "macos"]
Json = dict[str, Any]

START = datetime(2026, 3, 12, 9, 0, tzinfo=UTC)


class Started(NamedTuple):
    """A process start; an empty text is a field that the record does not have."""

    image: str
    command_line: str
    parent_image: str = ""
    parent_command_line: str = ""
    user: str = ""


@dataclass(frozen=True)
class Case:
    """What happened on one host, a second between the starts."""

    host: str
    system: System
    starts: tuple[Started, ...]


def flat_sysmon(started: Started, host: str, time: datetime = START) -> Json:
    """Sysmon 1, as OTRF's files have it."""
    return {
        "SourceName": "Microsoft-Windows-Sysmon",
        "Channel": "Microsoft-Windows-Sysmon/Operational",
        "EventID": 1,
        "@timestamp": _iso(time),
        "Hostname": host,
        **_named(started),
    }


def linux_sysmon(started: Started, host: str, time: datetime = START) -> Json:
    """Event 1 of Sysmon for Linux."""
    return {
        "ProviderName": "Linux-Sysmon",
        "Channel": "Linux-Sysmon/Operational",
        "EventID": 1,
        "@timestamp": _iso(time),
        "Computer": host,
        **_named(started),
    }


def ecs_macos(started: Started, host: str, time: datetime = START) -> Json:
    """A start as Elastic Endpoint on macOS reports it."""
    process: Json = {"executable": started.image, "command_line": started.command_line}
    parent = {"executable": started.parent_image, "command_line": started.parent_command_line}
    return {
        "@timestamp": _iso(time),
        "event": {"category": ["process"], "type": ["start"], "action": "exec", "module": "endpoint"},
        "host": {"name": host, "os": {"type": "macos"}},
        "process": process | {"parent": {name: value for name, value in parent.items() if value}},
        **({"user": {"name": started.user}} if started.user else {}),
    }


RECORDS = {"windows": flat_sysmon, "linux": linux_sysmon, "macos": ecs_macos}


def records(case: Case) -> list[Json]:
    """The records of a case, in order of time."""
    record = RECORDS[case.system]
    return [record(started, case.host, START + timedelta(seconds=second)) for second, started in enumerate(case.starts)]


def write(path: Path, cases: Iterable[Case]) -> Path:
    """The cases' records as lines of a file."""
    lines = (json.dumps(record) for case in cases for record in records(case))
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def _named(started: Started) -> Json:
    fields = {
        "Image": started.image,
        "CommandLine": started.command_line,
        "ParentImage": started.parent_image,
        "ParentCommandLine": started.parent_command_line,
        "User": started.user,
    }
    return {name: value for name, value in fields.items() if value}


def _iso(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z")
