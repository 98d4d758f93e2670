"""The filters that come with the pack: loaded with it, and left out when that is asked for."""

import json
from pathlib import Path
from typing import Any

import pytest

from .program import Ended, inside

AGENT = r"C:\Program Files (x86)\Tanium\Tanium Client\TaniumClient.exe"
EVENT = {
    "Channel": "Microsoft-Windows-Sysmon/Operational",
    "EventID": 1,
    "@timestamp": "2026-03-12T09:00:00.000Z",
    "Hostname": "WS7",
    "Image": r"C:\Windows\Temp\7za.exe",
    "CommandLine": r"7za.exe a C:\Windows\Temp\case.zip C:\Users\anna\AppData\Local\Temp",
    "ParentImage": AGENT,
}


def detected(folder: Path, capsys: Any, *options: str) -> Ended:
    path = folder / "events.jsonl"
    path.write_text(json.dumps(EVENT) + "\n", "utf-8")
    return inside(capsys, "detect", path, "--output", "jsonl", *options)


@pytest.mark.parametrize(
    ("options", "findings"),
    [
        ((), 0),
        (("--rules", "exfil"), 0),
        (("--no-filters",), 1),
        (("--rules", "exfil", "--no-filters"), 1),
        (("--rules", "exfil", "--rules", "filters", "--no-filters"), 0),
    ],
)
def test_the_pack_comes_with_its_filters_unless_they_are_left_out(
    tmp_path: Path, capsys: Any, options: tuple[str, ...], findings: int
) -> None:
    ended = detected(tmp_path, capsys, *options)
    assert (ended.code, len(ended.lines)) == (0, findings)
    assert "waits for" not in ended.err
