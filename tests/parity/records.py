"""A small reader of its own for the parity tests: process creations and connections, straight from the raw records.

It shares nothing with exfilwatch.events, so that a mistake there can't hide here. It knows three forms (EVTX
records as JSON, flat Windows JSON of OTRF, with `EventData` as XML text too, and winlogbeat 6's `event_data`) and four
events: Sysmon 1 and 3, Security 4688 and 5156.
"""

import html
import io
import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import evtx

# A record of any other event needs no JSON parser: the number of the event stands in it, in one of these spellings.
_WANTED = re.compile(r'"(?:EventID|event_id)"\s*:\s*(?:\{[^{}]*"#text"\s*:\s*)?"?(?:1|3|4688|5156)"?\s*[,}]')
_TIMES = ("@timestamp", "TimeCreated", "EventTime", "UtcTime", "TimeGenerated")
_XML_DATA = re.compile(r'<Data Name="(\w+)">([^<]*)</Data>')


@dataclass(frozen=True)
class Process:
    """A process creation. `time` is in ms since 1970 UTC; None when the record has none."""

    host: str
    time: int | None
    image: str
    command_line: str


@dataclass(frozen=True)
class Connection:
    """A network connection."""

    host: str
    time: int | None
    destination_ip: str
    destination_port: int | None


def milliseconds(text: object) -> int | None:
    """ISO-like text, taken as UTC without a zone, in ms since 1970 (digits beyond the ms are cut off)."""
    if not isinstance(text, str) or not text:
        return None
    date = datetime.fromisoformat(text.strip().replace(" UTC", "Z"))
    date = date if date.tzinfo else date.replace(tzinfo=UTC)
    return int(date.timestamp()) * 1000 + date.microsecond // 1000


def _raw_records(path: Path) -> Iterator[str]:
    if path.suffix == ".evtx":
        records = evtx.PyEvtxParser(str(path)).records_json()
        while True:
            try:
                yield next(records)["data"]
            except StopIteration:
                return
            except RuntimeError:
                continue
    elif path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            for member in archive.namelist():
                if member.endswith(".json"):
                    with archive.open(member) as stream:
                        yield from io.TextIOWrapper(stream, "utf-8", "replace", newline="\n")
    elif path.suffix in (".json", ".jsonl"):
        yield from path.read_text("utf-8").split("\n")


def _text(value: object) -> str:
    return str(value.get("#text", "")) if isinstance(value, dict) else "" if value is None else str(value)


def _parts(record: dict[str, Any]) -> tuple[int, str, str, int | None, dict[str, Any]]:
    """(event number, channel, host, time, the event's own fields)."""
    if isinstance(record.get("Event"), dict):
        system = record["Event"]["System"]
        time = milliseconds(system["TimeCreated"]["#attributes"]["SystemTime"])
        number = int(_text(system["EventID"]))
        return number, _text(system["Channel"]), _text(system["Computer"]), time, record["Event"].get("EventData") or {}
    if isinstance(record.get("event_data"), dict):
        host = _text(record.get("computer_name"))
        number = int(record["event_id"])
        return number, record["log_name"], host, milliseconds(record["@timestamp"]), record["event_data"]
    time = next((milliseconds(record[name]) for name in _TIMES if record.get(name)), None)
    host = _text(record.get("Hostname") or record.get("Computer") or record.get("host"))
    fields = record
    if isinstance(record.get("EventData"), str):
        fields = {name: html.unescape(value) for name, value in _XML_DATA.findall(record["EventData"])}
    return int(record.get("EventID", 0)), _text(record.get("Channel")), host, time, fields


def read(path: Path) -> Iterator[Process | Connection]:
    """Every process creation and connection of one file; a process without an image or command line is left out."""
    for line in _raw_records(path):
        if not _WANTED.search(line):
            continue
        number, channel, host, time, fields = _parts(json.loads(line))
        sysmon, security = "Sysmon" in channel, channel.lower() == "security"
        if (number == 1 and sysmon) or (number == 4688 and security):
            image = _text(fields.get("Image" if sysmon else "NewProcessName"))
            command_line = _text(fields.get("CommandLine"))
            if image and command_line:
                yield Process(host, time, image, command_line)
        elif (number == 3 and sysmon) or (number == 5156 and security):
            ip = _text(fields.get("DestinationIp" if sysmon else "DestAddress"))
            port = _text(fields.get("DestinationPort" if sysmon else "DestPort"))
            if ip:
                yield Connection(host, time, ip, int(port) if port.isdecimal() else None)
