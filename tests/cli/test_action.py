"""`exfilwatch action` and `exfilwatch audit`."""

import json
from pathlib import Path
from typing import Any

import pytest

from exfilwatch_playbooks.actions.registry import every

from .program import called, inside, on_terminal


@pytest.fixture
def database(logs: Path, tmp_path: Path, capsys: Any) -> Path:
    inside(capsys, "run", logs, "--database", tmp_path / "kept.sqlite")
    return tmp_path / "kept.sqlite"


def test_all_actions_are_listed(capsys: Any) -> None:
    listed = inside(capsys, "action", "--list")
    assert [each["name"] for each in listed.lines] == [each.name for each in every()]
    assert "Usage: exfilwatch action" in inside(capsys, "action").out


@pytest.mark.parametrize("name", [each.name for each in every()])
def test_each_action_has_help_from_its_model(name: str, capsys: Any) -> None:
    shown = inside(capsys, "action", name, "--help")
    assert shown.code == 0
    (found,) = [each for each in every() if each.name == name]
    for field in found.input.model_fields:
        assert f"--{field.replace('_', '-')}" in shown.out


def test_inputs_come_as_options_or_as_json(database: Path, tmp_path: Path, capsys: Any) -> None:
    options = inside(capsys, "action", "list-findings", "--level", "low", "--limit", "5", "--database", database)
    assert (options.code, options.lines[0]["summary"]) == (0, "1 finding")
    file = tmp_path / "input.json"
    file.write_text(json.dumps({"level": "critical", "limit": 5}), "utf-8")
    assert inside(capsys, "action", "list_findings", "--json", file, "--database", database).lines[0]["findings"] == []
    both = inside(capsys, "action", "list_findings", "--json", file, "--level", "low", "--database", database)
    assert both.lines[0]["summary"] == "1 finding"
    piped = called("action", "list_findings", "--json", "-", "--database", database, stdin=b'{"level": "low"}')
    assert piped.lines == options.lines


def test_a_table_is_for_people(database: Path) -> None:
    shown = on_terminal("action", "list_findings", "--database", database)
    assert "1 finding" in shown.plain
    assert "WS-07" in shown.plain
    assert "list_findings" in on_terminal("action", "--list").plain


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["list_findngs"], 2, "did you mean list_findings?"),
        (["list_findings", "--limit", "many"], 2, "limit: Input should be a valid integer"),
        (["list_findings", "--colour", "red"], 2, "No such option"),
        (["get_finding"], 2, "finding: is missing"),
        (["get_finding", "--finding", "ffff"], 2, "no finding has an id"),
        (["list_findings", "--json", "/nowhere.json"], 2, "can't be read"),
        (["list_findings", "--output", "xml"], 2, "use json or table"),
    ],
)
def test_wrong_input_ends_with_2(arguments: list[str], code: int, said: str, database: Path, capsys: Any) -> None:
    ended = inside(capsys, "action", *arguments, "--database", database)
    assert (ended.code, ended.out) == (code, "")
    assert said in ended.err


@pytest.mark.parametrize("text", [b"", b"[1]", b"{", b"[" * 100_000, b'{"limit": NaN}', b"\xff", b" " * 1_100_000])
def test_what_is_no_input_is_refused(text: bytes, database: Path) -> None:
    ended = called("action", "list_findings", "--json", "-", "--database", database, stdin=text)
    assert ended.code == 2
    assert ended.err.startswith("error: ")
    assert len(ended.err) < 400


def test_the_audit_log_can_be_read(database: Path, capsys: Any) -> None:
    inside(capsys, "action", "list_findings", "--limit", "1", "--database", database)
    inside(capsys, "action", "get_finding", "--finding", "ffff", "--database", database)
    entries = inside(capsys, "audit", "list", "--database", database).lines
    assert [(each["action"], each["outcome"]) for each in entries] == [
        ("get_finding", "failed"),
        ("list_findings", "done"),
    ]
    assert inside(capsys, "audit", "list", "--action", "get_finding", "--database", database).lines == entries[:1]
    shown = on_terminal("audit", "list", "--database", database)
    assert "list_findings" in shown.plain
    assert "2 runs" in shown.plain
