"""`exfilwatch run`, and what it keeps: `findings` and `cases`."""

from pathlib import Path
from typing import Any

import pytest

from .program import called, inside, on_terminal
from .telemetry import BITSADMIN, harmless, process, write


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "kept.sqlite"


def test_what_is_found_is_kept_and_gets_a_case(logs: Path, database: Path, capsys: Any) -> None:
    ended = inside(capsys, "run", logs, "--database", database)
    assert ended.code == 0
    assert [line["new"] for line in ended.lines] == ["finding", "case"]
    assert "1 of them new; 1 case opened; kept in" in ended.err
    (found,) = inside(capsys, "findings", "list", "--database", database).lines
    assert found == ended.lines[0]["finding"]
    (case,) = inside(capsys, "cases", "list", "--database", database).lines
    told = ended.lines[1]["case"]
    assert (case["system"], case["case_id"], case["incident"]) == ("local", told["id"], told["incident"])
    assert (case["status"], told["findings"]) == ("open", [found["id"]])


def test_the_settings_say_from_which_level_on_there_are_cases(
    logs: Path, database: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXFILWATCH_POLICY__OPEN", "critical")
    ended = inside(capsys, "run", logs, "--database", database)
    assert [line["new"] for line in ended.lines] == ["finding"]
    assert "1 of them new; no case changed" in ended.err
    monkeypatch.setenv("EXFILWATCH_POLICY__OPEN", "low")
    assert [line["new"] for line in inside(capsys, "run", logs, "--database", database).lines] == ["case"]
    monkeypatch.setenv("EXFILWATCH_POLICY__OPEN", "grave")
    wrong = inside(capsys, "run", logs, "--database", database)
    assert wrong.code == 2
    assert "policy.open" in wrong.err


def test_running_again_changes_nothing(logs: Path, database: Path, capsys: Any) -> None:
    inside(capsys, "run", logs, "--database", database)
    before = inside(capsys, "cases", "list", "--database", database).out
    again = inside(capsys, "run", logs, "--database", database)
    assert (again.code, again.out) == (0, "")
    assert "0 of them new; no case changed" in again.err
    assert inside(capsys, "cases", "list", "--database", database).out == before


def test_what_comes_later_becomes_a_note_on_the_case(logs: Path, tmp_path: Path, database: Path, capsys: Any) -> None:
    inside(capsys, "run", logs, "--database", database)
    more = write(tmp_path / "more.jsonl", process(BITSADMIN, second=30))
    ended = inside(capsys, "run", logs, more, "--database", database)
    assert [(line["new"], line.get("did")) for line in ended.lines] == [("finding", None), ("note", "extended")]
    assert len(ended.lines[1]["case"]["findings"]) == 2


def test_detect_and_run_find_the_same(logs: Path, database: Path, capsys: Any) -> None:
    (detected,) = inside(capsys, "detect", logs).lines
    assert inside(capsys, "run", logs, "--database", database).lines[0]["finding"] == detected


def test_unreadable_input_ends_with_3_and_the_rest_is_kept(
    logs: Path, tmp_path: Path, database: Path, capsys: Any
) -> None:
    ended = inside(capsys, "run", tmp_path / "gone", logs, "--database", database)
    assert (ended.code, len(ended.lines)) == (3, 2)


def test_fail_on_looks_at_what_is_new(logs: Path, database: Path, capsys: Any) -> None:
    assert inside(capsys, "run", logs, "--database", database, "--fail-on", "high").code == 4
    assert inside(capsys, "run", logs, "--database", database, "--fail-on", "high").code == 0


def test_without_a_name_the_database_is_in_the_users_data_folder(logs: Path, tmp_path: Path) -> None:
    home = tmp_path / "someone"
    ended = called("run", logs, env={"HOME": str(home)})
    assert ended.code == 0
    assert (home / ".local/share/exfilwatch/exfilwatch.sqlite").exists()
    assert len(called("findings", "list", env={"HOME": str(home)}).lines) == 1


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ([], 2),
        (["--host", "ws-07.corp.example"], 1),
        (["--user", "BEN"], 1),
        (["--rule", "transfer_tool"], 2),
        (["--rule", "other"], 0),
        (["--level", "high"], 2),
        (["--level", "critical"], 0),
        (["--since", "2026-03-12T09:00:10Z"], 1),
        (["--until", "2026-03-12T09:00:10Z"], 1),
        (["--limit", "1"], 1),
    ],
)
def test_findings_are_listed_by_what_is_asked(
    options: list[str], found: int, tmp_path: Path, database: Path, capsys: Any
) -> None:
    other = process(BITSADMIN, second=20, User=r"CORP\ben", Hostname="WS-08")
    logs = write(tmp_path / "two.jsonl", process(BITSADMIN, second=2), other)
    inside(capsys, "run", logs, "--database", database)
    assert len(inside(capsys, "findings", "list", "--database", database, *options).lines) == found


def test_findings_and_cases_are_shown_by_their_ids(logs: Path, database: Path, capsys: Any) -> None:
    identity = inside(capsys, "run", logs, "--database", database).lines[0]["finding"]["id"]
    assert inside(capsys, "findings", "show", identity[:8], "--database", database).lines[0]["id"] == identity
    assert inside(capsys, "cases", "show", "1", "--database", database).lines[0]["findings"] == [identity]
    assert inside(capsys, "findings", "show", "zzzz", "--database", database).code == 2
    assert inside(capsys, "cases", "show", "9", "--database", database).code == 2


def test_people_see_tables_findings_with_reasons_and_cases_with_steps(logs: Path, database: Path) -> None:
    shown = on_terminal("run", logs, "--database", database).plain
    assert "opened" in shown
    assert "Upload By A Program" in shown
    case = on_terminal("cases", "show", "1", "--database", database).plain
    for text in ("What happened", "How we know", "What to do now", "WS-07"):
        assert text in case
    assert "1 case" in on_terminal("cases", "list", "--database", database).plain
    listed = on_terminal("findings", "list", "--database", database).plain
    identity = next(word for word in listed.split() if len(word) == 8 and set(word) <= set("0123456789abcdef"))
    finding = on_terminal("findings", "show", identity, "--database", database).plain
    for text in ("Why", "/upload", "Event 1 of 1", r"CORP\anna", "sysmon.jsonl:2"):
        assert text in finding


@pytest.mark.parametrize("command", [["run"], ["findings", "list"], ["cases", "list"]])
def test_a_file_that_is_no_database_is_an_error_with_its_name(
    command: list[str], logs: Path, database: Path, capsys: Any
) -> None:
    database.write_text("This is no database, and longer than its header.\n" * 50, encoding="utf-8")
    paths = [logs] if command == ["run"] else []
    ended = inside(capsys, *command, *paths, "--database", database)
    assert (ended.code, ended.out) == (2, "")
    assert str(database) in ended.err


def test_a_database_that_cannot_be_made_is_an_error_before_anything_is_read(
    logs: Path, tmp_path: Path, capsys: Any
) -> None:
    ended = inside(capsys, "run", logs, "--database", tmp_path / "nowhere" / "kept.sqlite")
    assert (ended.code, ended.out) == (2, "")
    assert "its directory does not exist" in ended.err


def test_nothing_found_opens_nothing(tmp_path: Path, database: Path, capsys: Any) -> None:
    ended = inside(capsys, "run", write(tmp_path / "day.jsonl", harmless()), "--database", database)
    assert (ended.code, ended.out) == (0, "")
    assert inside(capsys, "cases", "list", "--database", database).out == ""
