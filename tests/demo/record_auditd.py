"""Records the Linux part of the demo again: `sudo python -m tests.demo.record_auditd` (root, Debian).

Needs auditd, curl, git, logrotate, postgresql-15, rsync and iproute2. The hour of linux_day.yml is run without its
waiting, recorded for real, and each step's records are moved together to the time of day that was planned for it.
Kept are the sessions that were started here, with the names of their users; everything else is dropped.
"""

import gzip
import json
import os
import pwd
import random
import re
import socket
import subprocess
import sys
import tempfile
import time
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from exfilwatch.packaged import read_yaml

from . import linux_world
from .audit import login, recording

DATA = Path(__file__).parents[2] / "playbooks/exfilwatch_playbooks/demo/data"
RECORDING = DATA / "lnx-app-02-audit.log.gz"
_SETTLED = 0.05  # seconds between two steps; the kernel's audit clock ticks every 4 ms
_ID = re.compile(rb"msg=audit\((\d+\.\d{3}):(\d+)\)")
_KEPT = {b"SYSCALL", b"EXECVE", b"CWD", b"PATH", b"PROCTITLE", b"SOCKADDR", b"BPRM_FCAPS"}


class Cron(msgspec.Struct, forbid_unknown_fields=True):
    at: str
    every: int
    user: str
    run: str


class Typing(msgspec.Struct, forbid_unknown_fields=True):
    at: str
    user: str
    types: list[str]
    pause: tuple[int, int]
    scenario: int = 0


class Day(msgspec.Struct, forbid_unknown_fields=True):
    """linux_day.yml."""

    node: str
    day: str
    users: dict[int, str]
    cron: list[Cron]
    sessions: list[Typing]


@dataclass(frozen=True, order=True)
class Step:
    """One line that somebody types, or that cron starts (`session` -1). `at` in seconds since 1970."""

    at: float
    session: int
    user: str
    line: str


def read_day() -> Day:
    return msgspec.convert(read_yaml(Path(__file__).with_name("linux_day.yml").read_text()), Day, strict=False)


def planned(day: Day, rng: random.Random) -> list[Step]:
    """All steps of the day, in order."""
    steps = []
    for job in day.cron:
        at = _at(day, job.at)
        while at < _at(day, "10:00:00"):
            steps.append(Step(at + rng.random() / 5, -1, job.user, job.run))
            at += job.every * 60
    for number, session in enumerate(day.sessions):
        at = _at(day, session.at)
        for line in session.types:
            steps.append(Step(at, number, session.user, line))
            at += session.pause[0] + rng.random() * (session.pause[1] - session.pause[0])
    return sorted(steps)


def _at(day: Day, clock: str) -> float:
    return datetime.fromisoformat(f"{day.day}T{clock}").replace(tzinfo=UTC).timestamp()


class Shell:
    """A login session; `ses` is its number in the audit log."""

    def __init__(self, user: str, command: list[str]) -> None:
        account = pwd.getpwnam(user)
        read, write = os.pipe()
        become = ["setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--init-groups", "--"]
        environment = {"PATH": linux_world.PATH, "HOME": account.pw_dir, "USER": user, "LOGNAME": user, "TERM": "dumb"}
        self.process = subprocess.Popen(
            [*become, *login(account.pw_uid, command, write)],
            env=environment,
            cwd=account.pw_dir if command[0] != "/bin/sh" else "/",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=[write],
        )
        os.close(write)
        with os.fdopen(read) as numbers:
            self.ses = int(numbers.readline() or -1)

    def type(self, line: str) -> str:
        """Runs one line; gives what it prints."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(f"{line}\necho __done__\n".encode())
        self.process.stdin.flush()
        printed = iter(self.process.stdout.readline, b"__done__\n")
        return b"".join(printed).decode(errors="replace")

    def end(self) -> str:
        """Waits for a command to end; gives what it printed."""
        return self.process.communicate()[0].decode(errors="replace")


def perform(steps: list[Step]) -> dict[str, object]:
    """Runs the steps; gives when each began and the numbers of their sessions."""
    shells: dict[int, Shell] = {}
    starts: list[tuple[float, float]] = []
    sessions: list[int] = []
    for step in steps:
        time.sleep(_SETTLED)
        starts.append((time.time(), step.at))
        if step.session < 0:
            shell = Shell(step.user, ["/bin/sh", "-c", step.line])
            said = shell.end()
        else:
            if step.session not in shells:
                shells[step.session] = Shell(step.user, ["/bin/bash", "--login"])
            shell = shells[step.session]
            said = shell.type(step.line)
        sessions.append(shell.ses)
        sys.stderr.write(f"$ {step.line}\n{said}\n")
    for shell in shells.values():
        shell.end()
    return {"starts": starts, "sessions": sessions}


def scrubbed(
    log: bytes, starts: list[tuple[float, float]], sessions: set[int], users: dict[int, str]
) -> Iterator[bytes]:
    """The records of our sessions, each moved by as much as the step that it belongs to."""
    begun = [start - _SETTLED / 2 for start, _ in starts]
    events: dict[bytes, list[tuple[bytes, bytes]]] = {}
    for line in log.splitlines():
        found = _ID.search(line)
        kind = re.search(rb"type=(\w+)", line)
        if found and kind:
            events.setdefault(found[0], []).append((kind[1], line))
    for event in events.values():
        call = next((line for kind, line in event if kind == b"SYSCALL"), b"")
        ses = re.search(rb" ses=(\d+)", call)
        if ses is None or int(ses[1]) not in sessions or any(kind not in _KEPT for kind, _ in event):
            continue
        found = _ID.search(call)
        assert found
        at = float(found[1])
        real, plan = starts[bisect_right(begun, at) - 1]
        moved = f"msg=audit({max(at - real, 0) + plan:.3f}:{int(found[2])})".encode()
        for _, line in event:
            for uid, name in users.items():
                line = line.replace(f'"unknown({uid})"'.encode(), f'"{name}"'.encode())
            yield _ID.sub(moved, line).replace(b" dev=fe:", b" dev=08:")


def leaks(log: bytes) -> list[str]:
    """What names the machine of the recording, in the records or in the hexadecimal texts in them."""
    decoded = re.sub(rb"(?<==)(?:[0-9A-F]{2}){4,}", lambda found: bytes.fromhex(found[0].decode()), log)
    words = [socket.gethostname(), str(Path(__file__).parents[2]), str(Path.home()), "unknown("]
    return [word for word in words if re.search(rb"(?<![\w-])" + re.escape(word.encode()) + rb"(?![\w-])", decoded)]


def main() -> None:
    day = read_day()
    if sys.argv[1:] == ["--inside"]:
        linux_world.enter(day.node, day.users)
        with linux_world.servers(), linux_world.database():
            json.dump(perform(planned(day, random.Random(4))), sys.stdout)
        return
    auids = [0, *day.users, pwd.getpwnam("postgres").pw_uid]
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        log = stack.enter_context(recording(Path(folder), day.node, auids))
        inside = ["unshare", "--mount", "--uts", "--net", sys.executable, "-m", "tests.demo.record_auditd", "--inside"]
        done = json.loads(subprocess.run(inside, stdout=subprocess.PIPE, check=True).stdout)
        stack.close()  # the log is complete only now
        lines = list(scrubbed(log.read_bytes(), done["starts"], set(done["sessions"]), day.users))
    if found := leaks(b"\n".join(lines)):
        raise SystemExit(f"not written: the recording names this machine: {found}")
    RECORDING.write_bytes(gzip.compress(b"\n".join(lines) + b"\n", 9, mtime=0))
    sys.stdout.write(f"{RECORDING.name}: {len(lines):,} records, {RECORDING.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    main()
