"""The progress bar: only for people, and only when it takes long."""

from pathlib import Path
from typing import Any

import pytest

from exfilwatch_playbooks.cli import progress

from .program import called, inside, on_terminal
from .telemetry import harmless, write


@pytest.fixture
def many(tmp_path: Path) -> Path:
    return write(tmp_path / "many.jsonl", *(harmless(second % 3000) for second in range(6000)))


def test_a_short_input_shows_none(logs: Path) -> None:
    assert "%" not in on_terminal("detect", logs).out


def test_a_long_input_shows_one_and_takes_it_away(many: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_AFTER", 0.0)
    monkeypatch.setattr(progress, "_EVERY", 0.0)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    ended = inside(capsys, "detect", many)
    assert ended.code == 0
    assert "many.jsonl" in ended.err
    assert "100%" in ended.err
    assert "0 findings" in ended.err.splitlines()[-1]


def test_a_pipe_never_sees_one(many: Path) -> None:
    assert len(called("detect", many).err.splitlines()) == 1
