"""A process that runs and kills children, as tests use it: see runner.py."""

import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from .runner import Ended, Run

_ROOT = Path(__file__).parents[2]


class Runner:
    """with Runner(folder) as runner: runner.run(arguments=["poll", "--once"], statement=7)"""

    def __init__(self, folder: Path, **common: Any) -> None:
        self.folder = folder
        self._common = common
        self.pid = 0
        """Of the run that is under way."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.runner"],
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(60)

    def begin(self, **what: Any) -> None:
        """Start a run."""
        run = Run(folder=str(self.folder), **self._common, **what)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(msgspec.json.encode(run).decode() + "\n")
        self._process.stdin.flush()
        self.pid = int(self._process.stdout.readline())

    def end(self) -> Ended:
        """Wait until it has ended."""
        assert self._process.stdout is not None
        return msgspec.json.decode(self._process.stdout.readline(), type=Ended)

    def run(self, **what: Any) -> Ended:
        """Both."""
        self.begin(**what)
        return self.end()
