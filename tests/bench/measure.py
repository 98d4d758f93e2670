"""CPU seconds and peak memory of a program, measured as its parent sees them."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

LAUNCH = Path(__file__).parent / "programs" / "launch.py"


class CommandError(Exception):
    """A measured program ended with an error; the message has the end of what it said."""


@dataclass(frozen=True)
class Cost:
    """`cpu` in seconds (user and system, with children); `peak` resident memory in MB (10^6 bytes)."""

    cpu: float
    peak: float


@dataclass(frozen=True)
class Command:
    """What to run, where, and from and to where."""

    argv: tuple[str | Path, ...]
    stdin: Path | None = None
    stdout: Path | None = None
    cwd: Path | None = None


def run(command: Command) -> Cost:
    """Run once. Raises CommandError."""
    with tempfile.TemporaryDirectory() as folder:
        result, errors = Path(folder, "cost.json"), Path(folder, "stderr")
        with (
            (command.stdin or Path("/dev/null")).open("rb") as stdin,
            (command.stdout or Path("/dev/null")).open("wb") as stdout,
            errors.open("wb") as stderr,
        ):
            launcher = [sys.executable, "-I", "-S", str(LAUNCH), str(result), *map(str, command.argv)]
            subprocess.run(
                launcher, stdin=stdin, stdout=stdout, stderr=stderr, cwd=command.cwd, env=_env(), check=False
            )
        said = errors.read_text(encoding="utf-8", errors="replace")[-500:]
        if not result.exists():
            raise CommandError(f"{command.argv[0]} was not measured\n{said}")
        cost = json.loads(result.read_text(encoding="utf-8"))
    if cost["code"] != 0:
        raise CommandError(f"exit code {cost['code']}: {' '.join(map(str, command.argv))}\n{said}")
    return Cost(cost["cpu"], cost["peak"] * 1024 / 1e6)


def _env() -> dict[str, str]:
    """Ours, but Python may keep its bytecode: pip compiles what it installs, the first run what a checkout has."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def best(commands: Mapping[str, Command], rounds: int) -> dict[str, Cost]:
    """The least CPU and the greatest memory of each, run in turn so that a noisy minute touches all of them."""
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            costs[name].append(run(command))
    return {name: Cost(min(cost.cpu for cost in each), max(cost.peak for cost in each)) for name, each in costs.items()}


def cpu_of(pid: int) -> float:
    """Seconds that a process that runs has taken so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
