"""The Sysmon for Linux part of the demo, as syslog lines: `python -m tests.demo.linux_sysmon` writes it again.

On lnx-app-02 Sysmon saw scenario 4 too: its records are made of the recorded audit events, with their ids and times.
lnx-web-01 is an ordinary web server, whose day is generated.
"""

import gzip
import hashlib
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import escape
from pathlib import Path

import msgspec

from exfilwatch.events.event import Event
from exfilwatch.events.lines import LineDecoder
from exfilwatch.events.report import Report
from exfilwatch.packaged import read_yaml

DATA = Path(__file__).parents[2] / "playbooks/exfilwatch_playbooks/demo/data"
RECORDING = DATA / "lnx-app-02-audit.log.gz"
SCENARIO = DATA / "scenario-4-sysmon.log"
WEB = DATA / "lnx-web-01-sysmon.log.gz"
_SCENARIO_USER, _SCENARIO_FROM, _SCENARIO_UNTIL = "jonas", "09:42:25", "09:43:00"
_DAY = datetime(2026, 11, 17, tzinfo=UTC)
_USERS = {"root": 0, "www-data": 33, "jonas": 1002}


@dataclass(frozen=True)
class Seen:
    """A process that Sysmon saw start."""

    host: str
    time: datetime
    pid: int
    image: str
    command_line: str
    user: str
    parent: "Seen | None"
    folder: str = "/"

    @property
    def guid(self) -> str:
        seconds = int(self.time.timestamp())
        tail = hashlib.sha256(f"{self.host}{self.pid}{seconds}".encode()).hexdigest()
        return f"{{{_machine(self.host)}-{seconds & 0xFFFF:04x}-{seconds >> 16:04x}-{tail[:4]}-{tail[4:12]}0000}}"


def _machine(host: str) -> str:
    return hashlib.sha256(host.encode()).hexdigest()[:8]


def created(process: Seen, record: int) -> str:
    """Event ID 1. Sysmon for Linux knows no versions or products, and writes `-`."""
    uid = _USERS[process.user]
    parent = process.parent
    data = {
        "RuleName": "-",
        "UtcTime": _utc(process.time),
        "ProcessGuid": process.guid,
        "ProcessId": str(process.pid),
        "Image": process.image,
        "FileVersion": "-",
        "Description": "-",
        "Product": "-",
        "Company": "-",
        "OriginalFileName": "-",
        "CommandLine": process.command_line,
        "CurrentDirectory": process.folder,
        "User": process.user,
        "LogonGuid": f"{{{_machine(process.host)}-0000-0000-{uid.to_bytes(2, 'little').hex()}-000000000000}}",
        "LogonId": str(uid),
        "TerminalSessionId": "4294967295",
        "IntegrityLevel": "no level",
        "Hashes": "-",
        "ParentProcessGuid": parent.guid if parent else "{00000000-0000-0000-0000-000000000000}",
        "ParentProcessId": str(parent.pid) if parent else "1",
        "ParentImage": parent.image if parent else "-",
        "ParentCommandLine": parent.command_line if parent else "-",
        "ParentUser": parent.user if parent else "-",
    }
    return _line(process.host, process.time, 1, 5, record, data)


def connected(process: Seen, time: datetime, source: tuple[str, int], target: tuple[str, int], record: int) -> str:
    """Event ID 3."""
    data = {
        "RuleName": "-",
        "UtcTime": _utc(time),
        "ProcessGuid": process.guid,
        "ProcessId": str(process.pid),
        "Image": process.image,
        "User": process.user,
        "Protocol": "tcp",
        "Initiated": "true",
        "SourceIsIpv6": "false",
        "SourceIp": source[0],
        "SourceHostname": "-",
        "SourcePort": str(source[1]),
        "SourcePortName": "-",
        "DestinationIsIpv6": "false",
        "DestinationIp": target[0],
        "DestinationHostname": "-",
        "DestinationPort": str(target[1]),
        "DestinationPortName": "-",
    }
    return _line(process.host, time, 3, 5, record, data)


def _utc(time: datetime) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S.") + f"{time.microsecond // 1000:03d}"


def _line(host: str, time: datetime, event: int, version: int, record: int, data: dict[str, str]) -> str:
    logged = time + timedelta(microseconds=2417)
    fields = "".join(f'<Data Name="{name}">{escape(text, quote=False)}</Data>' for name, text in data.items())
    return (
        f"{logged:%b %d %H:%M:%S} {host} sysmon: <Event><System>"
        '<Provider Name="Linux-Sysmon" Guid="{ff032593-a8d3-4f13-b0d6-01fc615a0f97}"/>'
        f"<EventID>{event}</EventID><Version>{version}</Version><Level>4</Level><Task>{event}</Task><Opcode>0</Opcode>"
        f'<Keywords>0x8000000000000000</Keywords><TimeCreated SystemTime="{logged:%Y-%m-%dT%H:%M:%S.%f}000Z"/>'
        f"<EventRecordID>{record}</EventRecordID><Correlation/>"
        '<Execution ProcessID="731" ThreadID="731"/><Channel>Linux-Sysmon/Operational</Channel>'
        f'<Computer>{host}</Computer><Security UserId="0"/></System><EventData>{fields}</EventData></Event>'
    )


def scenario() -> list[str]:
    """What Sysmon saw of scenario 4, made of the recording."""
    lines: list[str] = []
    by_pid: dict[str, Seen] = {}
    with gzip.open(RECORDING) as file:
        decoder = LineDecoder(RECORDING.name, Report())
        events = [event for number, line in enumerate(file, 1) for event in decoder.feed(line, number)]
    port = 41_206
    for event in events:
        time = datetime.fromtimestamp((event.time or 0) / 1e6, UTC)
        if event.get("User") != _SCENARIO_USER or not _SCENARIO_FROM <= f"{time:%H:%M:%S}" < _SCENARIO_UNTIL:
            continue
        pid = str(event.get("ProcessId"))
        if event.category == "process_creation":
            by_pid[pid] = _seen(event, time, by_pid)
            lines.append(created(by_pid[pid], 88_210 + len(lines)))
        elif event.category == "network_connection":
            port += 2
            target = str(event.get("DestinationIp")), int(str(event.get("DestinationPort")))
            lines.append(connected(by_pid[pid], time, ("127.0.0.1", port), target, 88_210 + len(lines)))
    return lines


def _seen(event: Event, time: datetime, by_pid: dict[str, Seen]) -> Seen:
    """The loop runs in a fork of the shell that has no start of its own: its children are the shell's here."""
    parent = by_pid.get(str(event.get("ParentProcessId"))) or next(iter(by_pid.values()), None)
    return Seen(
        host=str(event.host),
        time=time,
        pid=int(str(event.get("ProcessId"))),
        image=str(event.get("Image")),
        command_line=str(event.get("CommandLine")),
        user=str(event.get("User")),
        parent=parent,
        folder=str(event.get("CurrentDirectory")),
    )


class Chore(msgspec.Struct, forbid_unknown_fields=True):
    """A row of linux_web.yml."""

    times: int
    user: str
    parent: str
    image: str
    command_line: str
    target: tuple[str, int] | None = None


def web() -> list[str]:
    """The day of the web server, in order of time."""
    text = Path(__file__).with_name("linux_web.yml").read_text("utf-8")
    chores = msgspec.convert(read_yaml(text), list[Chore])
    rng = random.Random(17)
    planned = [(60 + rng.random() * 86_200, number) for number, chore in enumerate(chores) for _ in range(chore.times)]
    boot = _DAY - timedelta(days=19)
    daemons = {
        "cron": Seen("lnx-web-01", boot, 688, "/usr/sbin/cron", "/usr/sbin/cron -f", "root", None),
        "php": Seen("lnx-web-01", boot, 902, "/usr/sbin/php-fpm8.2", "php-fpm: pool www", "www-data", None),
    }
    return list(_web_lines(rng, [(seconds, chores[number]) for seconds, number in sorted(planned)], daemons))


def _web_lines(rng: random.Random, planned: list[tuple[float, Chore]], daemons: dict[str, Seen]) -> Iterator[str]:
    pid, record = 4100, 512_000
    for seconds, chore in planned:
        pid += 1 + int(rng.random() * 40)
        record += 1
        time = _DAY + timedelta(milliseconds=int(seconds * 1000))
        text = chore.command_line.replace("<n>", str(1000 + int(rng.random() * 9000)))
        process = Seen("lnx-web-01", time, pid, chore.image, text, chore.user, daemons[chore.parent])
        yield created(process, record)
        if chore.target:
            record += 1
            source = "10.20.2.11", 34_000 + int(rng.random() * 20_000)
            yield connected(process, time + timedelta(milliseconds=80), source, chore.target, record)


def main() -> None:
    SCENARIO.write_text("\n".join(scenario()) + "\n")
    WEB.write_bytes(gzip.compress(("\n".join(web()) + "\n").encode(), 9, mtime=0))
    for path in (SCENARIO, WEB):
        sys.stdout.write(f"{path.name}: {path.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    main()
