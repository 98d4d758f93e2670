"""`exfilwatch playbook`: shown, written for a platform, and only carried out where somebody can be asked."""

import io
import sys
from pathlib import Path

import pytest

from exfilwatch_playbooks.cli import exits
from exfilwatch_playbooks.cli.boundary import run
from exfilwatch_playbooks.playbook.exports.registry import names


def test_every_platform_gets_its_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for platform in names():
        assert run(["playbook", "export", platform, "--out", str(tmp_path / platform)]) == 0
        assert any((tmp_path / platform).rglob("*.*"))
    assert "without questions: it goes as far as the first question" in capsys.readouterr().err


def test_a_platform_that_there_is_not_is_named_with_what_is_near(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["playbook", "export", "stackstrom", "--out", "here"]) == exits.WRONG
    assert "did you mean stackstorm?" in capsys.readouterr().err


def test_it_is_not_carried_out_where_nobody_can_be_asked(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert run(["playbook", "run", "4b77887a"]) == exits.WRONG
    assert "asks a person" in capsys.readouterr().err
