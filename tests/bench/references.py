"""The programs that exfilwatch is compared with. Those that are not ours are optional: None where they are absent."""

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from .measure import Command

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
WORK = ROOT / ".bench"
BACKGROUND = ROOT.parent / "shared" / "data" / "background"
SEED = ROOT / "connector" / "exfilwatch" / "rules" / "seed"
EXFILWATCH = Path(sys.executable).with_name("exfilwatch")
SINGLE_EVENT_RULES = (SEED / "scripting_engine.yml", SEED / "transfer_tool.yml")
"""What stands in `rules/` without our extensions."""


def exfilwatch(inputs: list[Path], rules: tuple[str | Path, ...], out: Path) -> Command | None:
    """`exfilwatch detect`, as a user runs it."""
    options = [option for rule in rules for option in ("--rules", rule)]
    command = Command((EXFILWATCH, "detect", *inputs, *options, "--output", "jsonl"), stdout=out)
    return command if exfilwatch_runs() else None


@cache
def exfilwatch_runs() -> bool:
    """Whether the command is installed beside this Python and starts."""
    if not EXFILWATCH.exists():
        return False
    return subprocess.run([EXFILWATCH, "detect", "--help"], capture_output=True, check=False).returncode == 0


def program(name: str, *arguments: str | Path, out: Path | None = None) -> Command:
    """One of our own minimal programs."""
    return Command((sys.executable, HERE / "programs" / f"{name}.py", *arguments), stdout=out)


def rsigma(corpus: Path, out: Path) -> Command | None:
    """rsigma 0.23 on the two single-event rules (crates.io/crates/rsigma); it prints one line for each match."""
    places = (os.environ.get("EXFILWATCH_BENCH_RSIGMA"), shutil.which("rsigma"), WORK / "tools" / "bin" / "rsigma")
    found = next((place for place in places if place and Path(place).exists()), None)
    if found is None:
        return None
    return Command((found, "engine", "eval", "-r", HERE / "rules", "-q"), stdin=corpus, stdout=out)


def zircolite(corpus: Path, out: Path) -> Command | None:
    """Zircolite 3 on the same two rules, from the checkout that EXFILWATCH_BENCH_ZIRCOLITE names.

    Its own virtual environment, `.venv` in the checkout, is used when there.
    """
    checkout = Path(os.environ.get("EXFILWATCH_BENCH_ZIRCOLITE", WORK / "tools" / "zircolite"))
    if not (checkout / "zircolite.py").exists():
        return None
    own = checkout / ".venv" / "bin" / "python"
    return Command(
        (
            own if own.exists() else sys.executable,
            checkout / "zircolite.py",
            *("--events", corpus, "--json-input", "--no-parallel", "--quiet"),
            *("--ruleset", HERE / "rules", "--pipeline", "sysmon", "--config", checkout / "config" / "config.yaml"),
            *("--outfile", out, "--logfile", out.with_suffix(".log")),
        ),
        cwd=out.parent,
    )


def sigma_rules() -> Path | None:
    """The rules of the SigmaHQ collection (github.com/SigmaHQ/sigma): the folder `rules` of a checkout of it."""
    checkout = Path(os.environ.get("EXFILWATCH_BENCH_SIGMA", WORK / "tools" / "sigma"))
    return checkout / "rules" if (checkout / "rules").is_dir() else None


def evtx_folder(copies: int) -> Path | None:
    """The shared EVTX files, linked `copies` times into one folder, so that reading them takes seconds."""
    if not BACKGROUND.is_dir():
        return None
    folder = WORK / f"evtx-{copies}"
    if not folder.exists():
        unfinished = WORK / f"evtx-{copies}.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        for copy in range(copies):
            (unfinished / f"{copy:03d}").mkdir(parents=True)
            for path in BACKGROUND.glob("*.evtx"):
                link_or_copy(path, unfinished / f"{copy:03d}" / path.name)
        unfinished.rename(folder)
    return folder


def link_or_copy(source: Path, target: Path) -> None:
    """A hard link where the file system allows one."""
    try:
        target.hardlink_to(source)
    except OSError:
        shutil.copyfile(source, target)
