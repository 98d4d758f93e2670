"""A poll of a growing log that is killed again and again finds what one that is let end finds."""

import gzip
import os
import random
import subprocess
import sys
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

from .following import installed

RECORDING = files("exfilwatch_playbooks.demo").joinpath("data/lnx-app-02-audit.log.gz")
RUNS = 12


def found_at_once(path: Path) -> set[str]:
    detections = Engine(load([pack("exfil")]), Report()).run(open_inputs([str(path)], Report(), Limits(), True))
    return {finding(detection).id for detection in detections}


def poll(folder: Path, killed_after: float | None) -> None:
    command = [sys.executable, "-m", "exfilwatch_playbooks.cli", "poll", "--once", "--output", "jsonl"]
    environment = os.environ | {"EXFILWATCH_CONFIG": str(folder / "config.toml")}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            _, said = process.communicate(timeout=killed_after)
            assert process.returncode == 0, said
        except subprocess.TimeoutExpired:
            process.kill()


def places(folder: Path) -> Path:
    """The log that the polls of a folder follow, and the settings that name it."""
    log = folder / "logs" / "audit.log"
    log.parent.mkdir(parents=True)
    settings = f'database = "{folder}/findings.sqlite"\n[siem.local]\nkind = "files"\npaths = ["{log.parent}"]\n'
    (folder / "config.toml").write_text(settings)
    return log


def kept(folder: Path) -> set[str]:
    return {each.id for each in Store(str(folder / "findings.sqlite")).find()}


def found_undisturbed(folder: Path) -> set[str]:
    log = places(folder)
    log.touch()
    poll(folder, None)
    log.write_bytes(gzip.decompress(RECORDING.read_bytes()))
    poll(folder, None)
    return kept(folder)


@pytest.mark.slow
@installed
def test_what_is_found_is_what_a_poll_that_is_let_end_finds(tmp_path: Path) -> None:
    lines = gzip.decompress(RECORDING.read_bytes()).splitlines(keepends=True)
    wanted = found_undisturbed(tmp_path / "undisturbed")
    assert wanted
    log = places(tmp_path / "killed")
    rng = random.Random(5)
    begun = time.monotonic()
    log.touch()
    poll(tmp_path / "killed", None)
    usual = time.monotonic() - begun
    for run in range(RUNS):
        part = b"".join(lines[len(lines) * run // RUNS : len(lines) * (run + 1) // RUNS])
        with log.open("ab") as file:
            file.write(part)
        if run % 4 == 2:
            log.rename(log.with_name(f"audit.log.{RUNS - run}"))
        poll(tmp_path / "killed", rng.uniform(0.3, 1.1) * usual)
    poll(tmp_path / "killed", None)
    assert kept(tmp_path / "killed") == wanted


@pytest.mark.slow
@installed
def test_what_is_found_is_what_one_reading_finds(tmp_path: Path) -> None:
    (tmp_path / "whole.log").write_bytes(gzip.decompress(RECORDING.read_bytes()))
    assert found_undisturbed(tmp_path / "followed") == found_at_once(tmp_path / "whole.log")
