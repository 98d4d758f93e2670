"""Running the command: as a process of its own for what happens at its edge, in this process for the rest."""

import json
import os
import pty
import re
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

from exfilwatch_playbooks.cli.boundary import run

COMMAND = (sys.executable, "-m", "exfilwatch_playbooks.cli")
# What the machine that runs the tests may have set.
_OURS = ("EXFILWATCH_", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "XDG_")


class Ended(NamedTuple):
    """How a command ended and what it said."""

    code: int
    out: str
    err: str

    @property
    def plain(self) -> str:
        """Standard output without colours and the like."""
        return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", self.out)

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Standard output as JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]


def environment(**more: str) -> dict[str, str]:
    """The environment without settings of exfilwatch."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_OURS)} | more


def started(*arguments: str | Path, **more: Any) -> "subprocess.Popen[bytes]":
    """The command, running."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "env": environment()} | more
    return subprocess.Popen([*COMMAND, *map(str, arguments)], **options)


def called(
    *arguments: str | Path, stdin: bytes = b"", env: dict[str, str] | None = None, cwd: Path | None = None
) -> Ended:
    """Run as a process, with pipes."""
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)],
        input=stdin,
        capture_output=True,
        env=environment(**(env or {})),
        cwd=cwd,
        check=False,
    )
    return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())


def inside(capsys: Any, *arguments: str | Path) -> Ended:
    """Run in this process."""
    code = run([str(argument) for argument in arguments])
    said = capsys.readouterr()
    return Ended(code, said.out, said.err)


def on_terminal(*arguments: str | Path, columns: int = 100, env: dict[str, str] | None = None) -> Ended:
    """Run with a terminal for all of input, output and errors; everything that it shows comes as `out`."""
    master, slave = pty.openpty()
    more = {"TERM": "xterm-256color", "COLUMNS": str(columns), **(env or {})}
    process = subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env=environment(**more),
        close_fds=True,
    )
    os.close(slave)
    shown, until = b"", time.monotonic() + 30
    while time.monotonic() < until:
        ready, _, _ = select.select([master], [], [], 0.2)
        try:
            piece = os.read(master, 65536) if ready else b""
        except OSError:  # Linux's way to say that the other side is closed
            break
        shown += piece
        if not piece and process.poll() is not None:
            break
    os.close(master)
    return Ended(process.wait(timeout=10), shown.decode().replace("\r\n", "\n"), "")
