"""The published query, read literally: plain `re` over plain values, and nothing of exfilwatch.

`\\s` and `\\b` are ASCII, as in RE2, which the original's SIEM uses.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from .records import Connection, Process

ENGINES = {"powershell.exe", "pwsh.exe", "python.exe", "python3.exe", "wscript.exe", "cscript.exe", "cmd.exe"}
TOOLS = {"curl.exe", "wget.exe", "certutil.exe", "bitsadmin.exe", "ftp.exe", "sftp.exe", "scp.exe"}
ARCHIVERS = {"7z.exe", "7za.exe", "rar.exe", "winrar.exe", "tar.exe", "zip.exe"}

HAS_UPLOAD = re.compile(
    r"(uploadfile|uploaddata|uploadstring|start-bitstransfer|net\.ftpwebrequest|invoke-webrequest)", re.ASCII
)
HAS_COLLECTION = re.compile(r"(get-childitem|\bgci\b|dir\s/s|compress-archive|\[io\.file\]::|\-recurse)", re.ASCII)
HAS_TRANSFER_TOOL = re.compile(r"(curl\s|wget\s|ftp\s-|\bsftp\s)", re.ASCII)
SENSITIVE = ("\\documents\\", "\\desktop\\", "\\appdata\\", "\\programdata\\", "\\temp\\")
IS_UPLOAD = re.compile(
    r"(-t\s|--upload-file|-d\s@|--data-binary\s@|/upload|/transfer|ftp://|sftp://|ftps://)", re.ASCII
)
IS_URL = re.compile(r"(ftp|sftp|http|https)://", re.ASCII)
IS_PRIVATE = re.compile(r"(10\.|192\.168\.|172\.(1[6-9]|2[0-9]|3[01])\.|127\.)", re.ASCII)
STAGED = ("\\documents", "\\desktop", "\\users", "\\appdata", "\\programdata")
PRIVATE_DESTINATION = re.compile(r"^(10\.|192\.168\.|172\.(1[6-9]|2[0-9]|3[01])\.|127\.)", re.ASCII)
WINDOW = 300_000  # ms


@dataclass(frozen=True)
class Hit:
    """One result of the query. `signals` in the order of the original's columns; `destination` of a pair only."""

    branch: str
    host: str
    time: int | None
    image_name: str
    command_line: str
    signals: tuple[int, ...] = ()
    score: int | None = None
    destination: tuple[int | None, str, int | None] | None = None


def basename(image: str) -> str:
    """The text after the last backslash, lower-cased."""
    return image.rpartition("\\")[2].lower()


def scripting_engine(process: Process) -> Hit | None:
    """The first branch."""
    name, line = basename(process.image), process.command_line.lower()
    if name not in ENGINES:
        return None
    signals = (
        int(bool(HAS_UPLOAD.search(line))),
        int(bool(HAS_COLLECTION.search(line))),
        int(bool(HAS_TRANSFER_TOOL.search(line))),
        int(any(place in line for place in SENSITIVE)),
    )
    if sum(signals) < 2:
        return None
    return Hit("scripting_engine", process.host, process.time, name, process.command_line, signals, sum(signals))


def transfer_tool(process: Process) -> Hit | None:
    """The second branch; signals are IsUpload and IsExternal."""
    name, line = basename(process.image), process.command_line.lower()
    if name not in TOOLS or not IS_UPLOAD.search(line):
        return None
    external = int(bool(IS_URL.search(line)) and not IS_PRIVATE.search(line))
    return Hit("transfer_tool", process.host, process.time, name, process.command_line, (1, external))


def archive_then_network(events: Iterable[Process | Connection]) -> set[Hit]:
    """The third branch: every archive with every outside connection of its host within the window, either way."""
    archives: list[Process] = []
    connections: dict[str, list[Connection]] = {}
    for event in events:
        if isinstance(event, Connection):
            if event.destination_ip and not PRIVATE_DESTINATION.search(event.destination_ip):
                connections.setdefault(event.host, []).append(event)
        elif basename(event.image) in ARCHIVERS and any(p in event.command_line.lower() for p in STAGED):
            archives.append(event)
    return {
        Hit(
            "archive_then_network",
            a.host,
            a.time,
            basename(a.image),
            a.command_line,
            destination=(c.time, c.destination_ip, c.destination_port),
        )
        for a in archives
        if a.host and a.time is not None
        for c in connections.get(a.host, [])
        if c.time is not None and abs(c.time - a.time) <= WINDOW
    }


def published_query(events: Iterable[Process | Connection]) -> set[Hit]:
    """The whole query over one input."""
    kept = list(events)
    hits = archive_then_network(kept)
    for event in kept:
        if isinstance(event, Process):
            hits.update(hit for hit in (scripting_engine(event), transfer_tool(event)) if hit is not None)
    return hits
