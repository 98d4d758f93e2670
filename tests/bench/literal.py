"""The published query, evaluated literally on a generated file: `json` and `re` only, and nothing of exfilwatch."""

import json
import re
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

Hit = tuple[str, tuple[int, ...]]
"""A branch, and the sorted 1-based lines of the events behind it."""

ENGINES = {"powershell.exe", "pwsh.exe", "python.exe", "python3.exe", "wscript.exe", "cscript.exe", "cmd.exe"}
TOOLS = {"curl.exe", "wget.exe", "certutil.exe", "bitsadmin.exe", "ftp.exe", "sftp.exe", "scp.exe"}
ARCHIVERS = {"7z.exe", "7za.exe", "rar.exe", "winrar.exe", "tar.exe", "zip.exe"}
SIGNS = [
    re.compile(pattern, re.ASCII)
    for pattern in (
        r"(uploadfile|uploaddata|uploadstring|start-bitstransfer|net\.ftpwebrequest|invoke-webrequest)",
        r"(get-childitem|\bgci\b|dir\s/s|compress-archive|\[io\.file\]::|\-recurse)",
        r"(curl\s|wget\s|ftp\s-|\bsftp\s)",
        r"(\\documents\\|\\desktop\\|\\appdata\\|\\programdata\\|\\temp\\)",
    )
]
UPLOAD = re.compile(r"(-t\s|--upload-file|-d\s@|--data-binary\s@|/upload|/transfer|ftp://|sftp://|ftps://)", re.ASCII)
STAGED = re.compile(r"(\\documents|\\desktop|\\users|\\appdata|\\programdata)")
PRIVATE = re.compile(r"^(10\.|192\.168\.|172\.(1[6-9]|2[0-9]|3[01])\.|127\.)")
WINDOW = timedelta(seconds=300)


def expected(path: Path) -> set[Hit]:
    """What `exfilwatch detect PATH --rules seed` must find; kept beside the file."""
    kept = path.with_suffix(".expected.json")
    if not kept.exists():
        with path.open(encoding="utf-8") as file:
            kept.write_text(json.dumps(sorted(hits(file))), encoding="utf-8")
    return {(branch, tuple(lines)) for branch, lines in json.loads(kept.read_text(encoding="utf-8"))}


def hits(lines: Iterable[str]) -> set[Hit]:
    """The published query over the lines of one flat file."""
    found: set[Hit] = set()
    archives: dict[str, list[tuple[datetime, int]]] = defaultdict(list)
    connections: dict[str, list[tuple[datetime, int]]] = defaultdict(list)
    for number, line in enumerate(lines, start=1):
        event = json.loads(line)
        at = event["Hostname"], (datetime.fromisoformat(event["@timestamp"]), number)
        if event["EventID"] == 3:
            if not PRIVATE.search(event["DestinationIp"]):
                connections[at[0]].append(at[1])
            continue
        image, command_line = event["Image"].rpartition("\\")[2].lower(), event["CommandLine"].lower()
        if image in ENGINES and sum(bool(sign.search(command_line)) for sign in SIGNS) >= 2:
            found.add(("scripting_engine", (number,)))
        if image in TOOLS and UPLOAD.search(command_line):
            found.add(("transfer_tool", (number,)))
        if image in ARCHIVERS and STAGED.search(command_line):
            archives[at[0]].append(at[1])
    return found | {
        ("archive_then_network", (min(archived, sent), max(archived, sent)))
        for host, events in archives.items()
        for archived_at, archived in events
        for sent_at, sent in connections[host]
        if abs(sent_at - archived_at) <= WINDOW
    }
