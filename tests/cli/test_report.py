"""`exfilwatch report`: an incident's page as a file, whole or not at all."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from .program import inside, started
from .telemetry import BITSADMIN, process, write


@pytest.fixture
def database(tmp_path: Path, capsys: Any) -> Path:
    """A store with one incident."""
    found = tmp_path / "kept.sqlite"
    inside(capsys, "run", write(tmp_path / "sysmon.jsonl", process(BITSADMIN, second=2)), "--database", found)
    return found


@pytest.fixture
def incident(database: Path, capsys: Any) -> str:
    (case,) = inside(capsys, "cases", "list", "--database", database).lines
    return case["incident"]


def test_the_page_is_written_and_said(database: Path, incident: str, tmp_path: Path, capsys: Any) -> None:
    out = tmp_path / "report.html"
    ended = inside(capsys, "report", incident[:6], "--out", out, "--database", database)
    text = out.read_text("utf-8")
    assert (ended.code, ended.out) == (0, "")
    assert f"{out}: report of incident {incident}, {len(text.encode()):,} bytes" in ended.err
    assert text.startswith("<!doctype html>")
    assert "Upload By A Program That Windows Brings Along" in text
    assert "may be harmless" in text.lower()
    assert [each.name for each in tmp_path.iterdir() if each.name.endswith(".part")] == []


def test_without_a_name_it_is_called_after_the_incident(
    database: Path, incident: str, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert inside(capsys, "report", incident, "--database", database).code == 0
    assert (tmp_path / f"exfilwatch-report-{incident}.html").exists()


def test_a_pipe_gets_the_page(database: Path, incident: str, capsys: Any) -> None:
    ended = inside(capsys, "report", incident, "--out", "-", "--database", database)
    assert ended.out.startswith("<!doctype html>")
    assert ended.out.endswith("</html>\n")


def test_a_file_that_is_there_is_kept_unless_forced(database: Path, incident: str, tmp_path: Path, capsys: Any) -> None:
    out = tmp_path / "report.html"
    out.write_text("mine")
    refused = inside(capsys, "report", incident, "--out", out, "--database", database)
    assert (refused.code, out.read_text()) == (2, "mine")
    assert "is there already: --force overwrites it" in refused.err
    assert inside(capsys, "report", incident, "--out", out, "--force", "--database", database).code == 0
    assert out.read_text("utf-8").startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("out", "said"),
    [("nowhere/report.html", "there is no such folder: make it"), (".", "is a folder: give the name of a file in it")],
)
def test_places_that_there_are_not_are_named(out, said, database: Path, incident: str, tmp_path, capsys: Any) -> None:
    ended = inside(capsys, "report", incident, "--out", tmp_path / out, "--database", database)
    assert ended.code == 2
    assert said in ended.err


def test_an_incident_that_there_is_not_is_an_error(database: Path, capsys: Any) -> None:
    ended = inside(capsys, "report", "ffff", "--out", "-", "--database", database)
    assert ended.code == 2
    assert "no incident has an id that starts with 'ffff'" in ended.err


def test_a_full_disk_is_said_and_leaves_nothing(
    database: Path, incident: str, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(part: Path, content: bytes) -> int:
        with part.open("wb") as file:
            file.write(content[: len(content) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(part))

    out = tmp_path / "full" / "report.html"
    out.parent.mkdir()
    monkeypatch.setattr(Path, "write_bytes", half)
    ended = inside(capsys, "report", incident, "--out", out, "--database", database)
    assert ended.code == 1
    assert f"can't write {out}: No space left on device: free some room and run again" in ended.err
    assert list(out.parent.iterdir()) == []


def test_a_pipe_that_leads_to_a_full_disk_is_an_error_too(database: Path, incident: str) -> None:
    with Path("/dev/full").open("wb") as full:
        running = started("report", incident, "--out", "-", "--database", database, stdout=full)
        _, said = running.communicate()
    assert running.returncode == 1
    assert b"No space left on device" in said
