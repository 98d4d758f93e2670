"""What a person reads who sets a poll up, and gets it wrong at first."""

from pathlib import Path
from typing import Any

import pytest

from exfilwatch.errors import ConfigError, ExfilwatchError
from exfilwatch.polling.polls import Polls

from .program import inside


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = tmp_path / "settings.toml"
    monkeypatch.setenv("EXFILWATCH_CONFIG", str(made))
    monkeypatch.setenv("EXFILWATCH_DATABASE", str(tmp_path / "kept.sqlite"))
    monkeypatch.setattr("exfilwatch.siem.http.wait", lambda _state: 0.0)
    return made


NOBODY = """[siem.soc]
kind = "opensearch"
url = "http://127.0.0.1:1"
indices = ["logs-*"]
"""


def test_without_a_siem_the_file_is_named_that_lacks_one(file: Path, capsys: Any) -> None:
    file.write_text("")
    for command in ("check", "poll"):
        ended = inside(capsys, command)
        assert ended.code == 2
        assert f"nothing to poll: {file} has no [siem.NAME] yet" in ended.err


def test_before_the_first_poll_there_are_no_runs(file: Path, capsys: Any) -> None:
    file.write_text(NOBODY)
    ended = inside(capsys, "runs")
    assert ended.code == 2
    assert "there is no such database yet: `exfilwatch run PATH` and `exfilwatch poll` make it" in ended.err


def test_a_siem_that_is_not_there_is_named_once_and_its_address_can_be_copied(file: Path, capsys: Any) -> None:
    file.write_text(NOBODY)
    ended = inside(capsys, "check", "--output", "table")
    assert ended.code == 3
    assert "kind opensearch at http://127.0.0.1:1 " in " ".join(ended.out.split())
    assert "nothing listens there: check host and port" in " ".join(ended.out.split())
    ended = inside(capsys, "poll")
    assert ended.code == 3
    assert "error: soc (http://127.0.0.1:1): nothing listens there: check host and port in `url`" in ended.err
    shown = inside(capsys, "runs", "--output", "table").out
    assert "nothing" in shown
    assert "hxxp" not in shown


def test_a_poll_that_read_nothing_has_read_up_to_nowhere(file: Path, tmp_path: Path, capsys: Any) -> None:
    file.write_text(f'[siem.soc]\nkind = "files"\npaths = ["{tmp_path}/none.log"]\n')
    assert inside(capsys, "poll").code == 0
    ended = inside(capsys, "runs", "--output", "table")
    assert ended.code == 0
    assert "no time" not in ended.out


def test_runs_of_a_siem_that_never_was_polled_are_an_error(file: Path, tmp_path: Path, capsys: Any) -> None:
    file.write_text(f'[siem.soc]\nkind = "files"\npaths = ["{tmp_path}/none.log"]\n')
    inside(capsys, "poll")
    ended = inside(capsys, "runs", "sock")
    assert ended.code == 2
    assert "sock: nothing of that name was polled yet, only soc" in ended.err


def test_a_database_that_is_away_for_a_while_does_not_end_what_is_to_go_on(
    file: Path, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Settings that are wrong do, and so does the end of a single poll."""
    file.write_text(f'[siem.soc]\nkind = "files"\npaths = ["{tmp_path}/none.log"]\n')
    away = "the database refused: it is starting up"
    left: list[Exception] = []

    async def once(*_arguments: object) -> None:
        raise left.pop(0)

    monkeypatch.setattr(Polls, "once", once)
    left[:] = [ExfilwatchError(away), ExfilwatchError(away), ConfigError("enough")]
    ended = inside(capsys, "poll", "--every", "1s")
    assert (ended.code, ended.err.count(f"error: {away}"), "error: enough" in ended.err) == (2, 2, True)
    left[:] = [ExfilwatchError(away)]
    ended = inside(capsys, "poll", "--once")
    assert (ended.code != 0, ended.err.count(away)) == (True, 1)
