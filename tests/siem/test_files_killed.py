"""A poll of a growing log that is killed again and again finds what one that is let end finds."""

import gzip
import random
import signal
import time
from importlib.resources import files
from pathlib import Path

import pytest

from exfilwatch.detection.engine import Engine
from exfilwatch.detection.load import load
from exfilwatch.events.inputs import open_inputs
from exfilwatch.events.limits import Limits
from exfilwatch.events.report import Report
from exfilwatch.findings.finding import finding
from exfilwatch.findings.store import Store
from exfilwatch.rules.packs import pack

from ..faults.killing import Runner  # noqa: TID252 (tests are no package on the path)
from .following import installed

RECORDING = files("exfilwatch_playbooks.demo").joinpath("data/lnx-app-02-audit.log.gz")
RUNS = 12


def found_at_once(path: Path) -> set[str]:
    detections = Engine(load([pack("exfil")]), Report()).run(open_inputs([str(path)], Report(), Limits(), True))
    return {finding(detection).id for detection in detections}


def poll(runner: Runner, killed_after: float = 0.0) -> None:
    """A poll by a process of its own, killed after so many seconds (0: never)."""
    ended = runner.run(arguments=["poll", "--once", "--output", "jsonl"], after=killed_after)
    assert ended.status in ((0, -signal.SIGKILL) if killed_after else (0,)), ended.said


def places(folder: Path) -> Path:
    """The log that the polls of a folder follow, and the settings that name it."""
    log = folder / "logs" / "audit.log"
    log.parent.mkdir(parents=True)
    settings = f'database = "{folder}/findings.sqlite"\n[siem.local]\nkind = "files"\npaths = ["{log.parent}"]\n'
    (folder / "config.toml").write_text(settings)
    return log


def kept(folder: Path) -> set[str]:
    return {each.id for each in Store(str(folder / "findings.sqlite")).find()}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """What polls find that are let end."""
    folder = tmp_path_factory.mktemp("undisturbed")
    log = places(folder)
    with Runner(folder) as runner:
        log.touch()
        poll(runner)
        log.write_bytes(gzip.decompress(RECORDING.read_bytes()))
        poll(runner)
    return kept(folder)


@pytest.mark.slow
@installed
def test_what_is_found_is_what_a_poll_that_is_let_end_finds(tmp_path: Path, undisturbed: set[str]) -> None:
    lines = gzip.decompress(RECORDING.read_bytes()).splitlines(keepends=True)
    log = places(tmp_path)
    rng = random.Random(5)
    usual = 0.0  # seconds; the first is let end
    with Runner(tmp_path) as runner:
        for run in range(RUNS):
            part = b"".join(lines[len(lines) * run // RUNS : len(lines) * (run + 1) // RUNS])
            with log.open("ab") as file:
                file.write(part)
            if run % 4 == 2:
                log.rename(log.with_name(f"audit.log.{RUNS - run}"))
            begun = time.monotonic()
            poll(runner, rng.uniform(0.2, 1.1) * usual)
            usual = usual or time.monotonic() - begun
        poll(runner)
    assert undisturbed
    assert kept(tmp_path) == undisturbed


@pytest.mark.slow
@installed
def test_what_is_found_is_what_one_reading_finds(tmp_path: Path, undisturbed: set[str]) -> None:
    (tmp_path / "whole.log").write_bytes(gzip.decompress(RECORDING.read_bytes()))
    assert undisturbed == found_at_once(tmp_path / "whole.log")
