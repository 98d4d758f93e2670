"""`exfilwatch serve` as a program of its own."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, Queue
from typing import Any

from tests.running_meanwhile import end

_PROGRAM = (sys.executable, "-m", "exfilwatch_playbooks.cli")


class Program:
    """One that runs. `url`: where it listens; `said`: the lines that it wrote to standard error."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.said: list[str] = []
        self._lines: Queue[str] = Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.url = self.wait_for(r"listening on (\S+)")

    def wait_for(self, pattern: str, seconds: float = 120) -> str:
        """The first group of the first line that has it."""
        while True:
            try:
                line = self._lines.get(timeout=seconds)
            except Empty:
                raise AssertionError(f"no {pattern!r} in {self.said}") from None
            if found := re.search(pattern, line):
                return found[1] if found.groups() else found[0]

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said.append(line.decode())
            self._lines.put(self.said[-1])


def environment(home: Path, values: Mapping[str, Any]) -> dict[str, str]:
    """For a program: no settings but these."""
    mine = {name: value for name, value in os.environ.items() if not name.startswith(("EXFILWATCH_", "XDG_"))}
    given = {f"EXFILWATCH_{name.upper()}": str(value) for name, value in values.items()}
    return mine | given | {"HOME": str(home)}


def said(home: Path, *words: str, values: Mapping[str, Any] | None = None, code: int = 0) -> str:
    """What a command prints; of one that fails, what it says."""
    done = subprocess.run(
        [*_PROGRAM, *words], env=environment(home, values or {}), capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stderr
    return done.stderr if code else done.stdout.strip()


@contextmanager
def serving(home: Path, *words: str, values: Mapping[str, Any] | None = None) -> Iterator[Program]:
    """The service, on a port that is free."""
    process = subprocess.Popen(
        [*_PROGRAM, "serve", "--port", "0", *words], env=environment(home, values or {}), stderr=subprocess.PIPE
    )
    try:
        yield Program(process)
        end(process)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(10)
        assert process.stderr is not None
        process.stderr.close()  # not before the end: closing waits for the thread that reads
