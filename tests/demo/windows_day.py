"""The ordinary day of the Windows hosts: `python -m tests.demo.windows_day` writes it again, byte for byte the same.

What hosts run stands in catalogue.yml and errands.yml. What runs from boot on (services, the shell, the browser) has
the same process ids and GUIDs whatever else changes, so that the scenarios, written by hand, can name them as parents.
"""

import gzip
import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import msgspec

from exfilwatch.packaged import read_yaml

from . import windows
from .windows import Account, Process, Program

HERE = Path(__file__).parent
TARGET = HERE.parents[1] / "playbooks/exfilwatch_playbooks/demo/data/windows-day.jsonl.gz"
DAY = 1_794_873_600_000  # ms since 1970: 2026-11-17T00:00:00Z
SECOND, MINUTE, HOUR = 1000, 60_000, 3_600_000
_RUNS = {"workstation": 58, "server": 105}  # drawn from `everyday`, for each host
_SEED = 20261117
T = TypeVar("T")


class Destination(msgspec.Struct, forbid_unknown_fields=True):
    ip: str
    port: int
    host: str


class Task(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    command: str
    arguments: str
    every: str


class Run(msgspec.Struct, forbid_unknown_fields=True, rename={"as_": "as", "with_": "with"}):
    """One program that runs; catalogue.yml explains the keys."""

    run: str
    with_: str
    hosts: tuple[str, ...] = ("workstation", "server")
    parent: str = "explorer"
    be: str = ""
    as_: str = ""
    after: float = 0.4
    talks: list[str] | str = []
    per_day: int = 0
    writes: list[str] = []
    script: list[str] = []
    task: Task | None = None
    children: list["Run"] = []
    weight: int = 0
    offset: int = 0
    at: str = ""
    every: int = 0
    why: str = ""


class ProgramSpec(msgspec.Struct, forbid_unknown_fields=True):
    path: str
    about: str
    what: str = "Microsoft® Windows® Operating System|Microsoft Corporation"
    original: str = ""


class Catalogue(msgspec.Struct, forbid_unknown_fields=True):
    programs: dict[str, ProgramSpec]
    destinations: dict[str, list[Destination]]
    standing: list[Run]
    everyday: list[Run]


class HostSpec(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    kind: str
    ip: str
    user: str
    rid: int
    logon: str
    boot: datetime
    logs: list[str]


class Hosts(msgspec.Struct, forbid_unknown_fields=True):
    domain: str
    dns: str
    sid: str
    hosts: list[HostSpec]


def _read(name: str, kind: type[T]) -> T:
    return msgspec.convert(read_yaml((HERE / name).read_text("utf-8")), kind, strict=False)


@dataclass
class Host:
    """One machine: its accounts and what runs there all day, by role."""

    spec: HostSpec
    name: str
    system: Account
    user: Account
    boot: int
    roles: dict[str, Process] = field(default_factory=dict)
    pid: int = 5200
    sequence: int = 0x0240_0000
    port: int = 49_700


class Day:
    """Runs the day; `records` are (time in ms, line)."""

    def __init__(self) -> None:
        self.catalogue = _read("catalogue.yml", Catalogue)
        self.errands = _read("errands.yml", list[Run])
        self.hosts = [_host(_read("hosts.yml", Hosts), spec) for spec in _read("hosts.yml", Hosts).hosts]
        self.records: list[tuple[int, bytes]] = []
        self._rng = random.Random(_SEED)
        self._serial = 7000

    def between(self, low: float, high: float) -> float:
        """Only random(): it alone gives the same numbers in every version of Python."""
        return low + self._rng.random() * (high - low)

    def pick(self, options: Sequence[T]) -> T:
        return options[int(self._rng.random() * len(options))]

    def live(self) -> list[bytes]:
        for host in self.hosts:
            self._stand_up(host)
        for host in self.hosts:
            for run in self.errands:
                if _belongs(run, host):
                    for at in _times(run, host):
                        self.start(host, run, int(at + self.between(0, 40 * SECOND)))
        for host in self.hosts:
            options = [run for run in self.catalogue.everyday if _belongs(run, host) for _ in range(run.weight)]
            for _ in range(_RUNS[host.spec.kind]):
                self.start(host, self.pick(options), self._working(host))
            for run in self.catalogue.standing:
                if _belongs(run, host):
                    for _ in range(run.per_day):
                        self._talk(host, host.roles[run.be], self._working(host), str(run.talks))
        return [line for _, line in sorted(self.records)]

    def _working(self, host: Host) -> int:
        """A moment at which the host is in use; people come in the morning and leave by half past four."""
        if host.spec.kind == "server":
            return int(self.between(DAY + MINUTE, DAY + 24 * HOUR - MINUTE))
        return int(self.between(host.boot + 6 * MINUTE, DAY + 16.5 * HOUR))

    def _stand_up(self, host: Host) -> None:
        host.roles["system"] = Process(
            host.name, host.boot - 2 * SECOND, 4, 1, Program("System", "-", "-", "-", "-"), "", host.system
        )
        for number, run in enumerate(self.catalogue.standing):
            if _belongs(run, host):
                process = Process(
                    host=host.name,
                    time=host.boot + run.offset * SECOND + number * 7,
                    pid=400 + number * 76,
                    sequence=0x3E80 + number * 0x2B1,
                    program=self._program(run.run),
                    command_line=self._text(run.with_, host),
                    account=host.system if run.as_ == "system" else host.user,
                    parent=host.roles[run.parent],
                )
                host.roles[run.be] = process
                self._created(host, process)

    def _program(self, name: str) -> Program:
        spec = self.catalogue.programs[name]
        product, company = spec.what.split("|")
        return Program(spec.path, spec.about, product, company, spec.original or spec.path.rpartition("\\")[2])

    def _text(self, text: str, host: Host) -> str:
        text = text.replace("<user>", host.user.name)
        while "<n>" in text:
            text = text.replace("<n>", str(int(self.between(100, 90_000))), 1)
        while "<hex>" in text:
            text = text.replace("<hex>", f"{int(self.between(0, 0xFFFFFFFF)):08X}", 1)
        return text

    def start(self, host: Host, run: Run, time: int, parent: Process | None = None) -> None:
        parent = parent or host.roles[run.parent]
        account = {"system": host.system, "user": host.user}.get(run.as_, parent.account)
        host.pid += 4 * int(self.between(1, 30))
        host.sequence += int(self.between(0x100, 0x2000))
        command_line = self._text(run.with_, host)
        process = Process(
            host.name, time, host.pid, host.sequence, self._program(run.run), command_line, account, parent
        )
        if account is host.user:
            process.folder = f"C:\\Users\\{host.user.name}\\"
        self._created(host, process)
        for text in run.script:
            self._log(host, "sysmon", time + 700, windows.script_block(process, time + 700, text))
        moment = time + 900
        for destination in [run.talks] if isinstance(run.talks, str) else run.talks:
            moment += int(self.between(0.3, 2) * SECOND)
            self._talk(host, process, moment, destination)
        for path in run.writes:
            moment += int(self.between(1, 4) * SECOND)
            self._write(host, process, moment, self._text(path, host))
        if run.task:
            task, moment = run.task, time + 160
            line = windows.task_4698(process, moment, task.name, task.command, task.arguments, task.every)
            self._log(host, "security", moment, line)
            self._log(host, "security", moment + 3, windows.task_106(process, moment + 3, task.name))
        for child in run.children:
            self.start(host, child, time + int(child.after * SECOND), process)

    def _created(self, host: Host, process: Process) -> None:
        self._log(host, "sysmon", process.time, windows.created(process))
        self._log(host, "security", process.time, windows.created_4688(process))

    def _talk(self, host: Host, process: Process, time: int, destination: str) -> None:
        target = self.pick(self.catalogue.destinations[destination])
        if target.ip == host.spec.ip:
            return
        host.port = 49_700 + (host.port - 49_700 + int(self.between(1, 9))) % 15_000
        line = windows.connected(process, time, (host.spec.ip, host.port), (target.ip, target.port, target.host))
        self._log(host, "sysmon", time, line)

    def _write(self, host: Host, process: Process, time: int, path: str) -> None:
        self._log(host, "sysmon", time, windows.wrote(process, time, path))
        self._serial += int(self.between(1, 40))
        self._log(host, "mde", time, windows.device_file(process, time, path, self._serial))

    def _log(self, host: Host, source: str, time: int, line: bytes) -> None:
        if source in host.spec.logs and DAY <= time < DAY + 24 * HOUR - MINUTE:
            self.records.append((time, line))


def _host(hosts: Hosts, spec: HostSpec) -> Host:
    boot = int(spec.boot.replace(tzinfo=UTC).timestamp() * 1000)
    system = Account("NT AUTHORITY", "SYSTEM", "S-1-5-18", "0x3e7", 0, boot)
    session = 1 if spec.kind == "workstation" else 0
    user = Account(hosts.domain, spec.user, f"{hosts.sid}-{spec.rid}", spec.logon, session, boot + 95 * SECOND)
    return Host(spec, f"{spec.name}.{hosts.dns}", system, user, boot)


def _belongs(run: Run, host: Host) -> bool:
    return host.spec.kind in run.hosts or host.spec.name in run.hosts


def _times(run: Run, host: Host) -> Iterator[int]:
    hour, minute, second = map(int, run.at.split(":"))
    at = DAY + hour * HOUR + minute * MINUTE + second * SECOND
    while at < DAY + (24 if host.spec.kind == "server" else 16) * HOUR:
        yield at
        if not run.every:
            return
        at += run.every * HOUR


def made() -> bytes:
    """The day as JSON lines, in order of time."""
    return b"\n".join(Day().live()) + b"\n"


if __name__ == "__main__":
    day = made()
    TARGET.write_bytes(gzip.compress(day, 9, mtime=0))
    sys.stdout.write(f"{TARGET.name}: {len(day.splitlines()):,} records, {TARGET.stat().st_size:,} bytes\n")
