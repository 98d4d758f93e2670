"""`exfilwatch rules`."""

from pathlib import Path
from typing import Any

import pytest

from exfilwatch.rules.packs import packs

from .program import inside, on_terminal
from .test_explain import RULES

BROKEN = """title: Broken
id: 7d5f6f0e-9b36-4c9f-8b7a-0d3c5a1c9e02
logsource: {category: process_creation, product: windows}
detection:
  tool: {Image|nonsense: x}
  other: {Image|endswith: '\\x.exe'}
  condition: tool
---
title: Broken Too
id: 7d5f6f0e-9b36-4c9f-8b7a-0d3c5a1c9e03
logsource: {category: process_creation, product: windows}
detection:
  tool: {Image|endswith: '\\x.exe'}
  condition: tool and missing
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "my-rules"
    made.mkdir()
    (made / "upload.yml").write_text(RULES, encoding="utf-8")
    return made


def test_all_packs_are_listed(capsys: Any) -> None:
    lines = inside(capsys, "rules", "list").lines
    assert {line["place"] for line in lines} == {*packs(), "filters"}
    rules = [line for line in lines if line["place"] != "filters"]
    assert all(line["rule"]["title"] and line["rule"]["level"] and line["name"] for line in rules)


def test_the_filters_that_come_along_are_listed_with_what_they_wait_for(capsys: Any) -> None:
    lines = inside(capsys, "rules", "list", "filters").lines
    assert all(line["filter"]["title"] and line["name"] for line in lines)
    (backups,) = (line for line in lines if line["name"] == "backup_servers")
    assert "%backup_servers%" in backups["waits"]
    shown = inside(capsys, "rules", "list", "filters", "--output", "table").out
    assert "waits for values of %backup_servers%" in " ".join(shown.split())
    assert "filter" in inside(capsys, "rules", "show", "backup_servers", "--output", "table").out


def test_a_filter_that_waits_is_named_by_check(capsys: Any) -> None:
    ended = inside(capsys, "rules", "check", "exfil", "filters")
    assert ended.code == 0
    assert (
        "filter 'Backups To The Servers Of This Site' hides nothing: waits for values of %backup_servers%" in ended.err
    )


def test_a_folder_of_ones_own_is_listed(folder: Path, capsys: Any) -> None:
    assert [line["rule"]["title"] for line in inside(capsys, "rules", "list", folder).lines] == ["Upload"]


@pytest.mark.parametrize(
    "name", ["http_upload", "exfil/http_upload", "Upload By An HTTP Client", "e9a7450e", "E9A7450E-f700"]
)
def test_a_rule_is_shown_by_any_of_its_names(name: str, capsys: Any) -> None:
    (line,) = inside(capsys, "rules", "show", name).lines
    assert line["rule"]["title"] == "Upload By An HTTP Client"
    assert line["rule"]["guide"]


def test_an_ambiguous_name_is_an_error_that_lists_the_rules(capsys: Any) -> None:
    ended = inside(capsys, "rules", "show", "transfer_tool", "--rules", "exfil")
    assert ended.code == 2
    assert "exfil/http_upload" in ended.err
    assert "give the id" in ended.err


def test_a_rule_on_a_terminal_tells_what_to_check_first() -> None:
    shown = on_terminal("rules", "show", "http_upload").plain
    for text in ("Upload By An HTTP Client", "T1048", "Check first", "May be harmless", "References"):
        assert text in shown


def test_sound_rules_pass_the_check(folder: Path, capsys: Any) -> None:
    ended = inside(capsys, "rules", "check", folder)
    assert (ended.code, ended.out) == (0, "")
    assert "1 rule: no problems" in ended.err


def test_every_problem_of_a_folder_is_reported_at_once_with_file_and_line(folder: Path, capsys: Any) -> None:
    broken = folder / "broken.yml"
    broken.write_text(BROKEN, encoding="utf-8")
    (folder / "cut.yml").write_text("title: [", encoding="utf-8")
    ended = inside(capsys, "rules", "check", folder)
    assert ended.code == 2
    lines = ended.lines
    assert {Path(line["path"]).name for line in lines} == {"broken.yml", "cut.yml"}
    assert len(lines) >= 3
    assert all(line["line"] > 0 and line["problem"].startswith(f"{line['path']}:{line['line']}: ") for line in lines)
    assert "problems in 2 files" in ended.err


def test_problems_on_a_terminal_are_lines_that_editors_understand(folder: Path) -> None:
    broken = folder / "broken.yml"
    broken.write_text(BROKEN, encoding="utf-8")
    shown = on_terminal("rules", "check", folder, columns=200).plain
    assert f"{broken}:5: " in shown


def beside(folder: Path, silent: str) -> Path:
    """Tests beside the rule of the folder: one of `fires`, one of `silent`."""
    tests = folder / "tests"
    tests.mkdir()
    fires = r"bitsadmin /transfer x /upload C:\Users\a\Documents\b.zip"
    image = r"C:\Windows\bitsadmin.exe"
    (tests / "upload.yml").write_text(
        f"fires:\n- {{why: an upload, Image: '{image}', CommandLine: '{fires}'}}\n"
        f"silent:\n- {{why: a look-alike, Image: '{image}', CommandLine: '{silent}'}}\n",
        encoding="utf-8",
    )
    return folder


def test_tests_that_pass_end_with_0(folder: Path, capsys: Any) -> None:
    ended = inside(capsys, "rules", "test", beside(folder, "bitsadmin /list"))
    assert ended.code == 0
    assert [line["passed"] for line in ended.lines] == [True, True]
    assert "2 tests: 2 passed, 0 failed" in ended.err


def test_a_test_that_fails_ends_with_2_and_says_what_came_instead(folder: Path, capsys: Any) -> None:
    ended = inside(capsys, "rules", "test", beside(folder, r"x /upload C:\Documents\a"))
    assert ended.code == 2
    (failed,) = [line for line in ended.lines if not line["passed"]]
    assert (failed["expected"], failed["why"]) == ("silent", "a look-alike")
    assert failed["detail"].startswith("a finding, because of ")
    shown = on_terminal("rules", "test", folder).plain
    assert "failed" in shown
    assert "a look-alike" in shown


def test_rules_without_tests_are_an_error(folder: Path, capsys: Any) -> None:
    ended = inside(capsys, "rules", "test", folder)
    assert ended.code == 2
    assert "there are no tests" in ended.err


def test_coverage_is_a_layer_of_the_techniques_that_rules_name(capsys: Any) -> None:
    (layer,) = inside(capsys, "rules", "coverage", "exfil").lines
    assert (layer["domain"], layer["versions"], layer["name"]) == (
        "enterprise-attack",
        {"layer": "4.5"},
        "exfilwatch: exfil",
    )
    scores = {each["techniqueID"]: each for each in layer["techniques"]}
    named = [line["rule"] for line in inside(capsys, "rules", "list", "exfil").lines]
    assert set(scores) == {technique for rule in named for technique in rule["attack"]}
    assert scores["T1020"]["score"] == sum("T1020" in rule["attack"] for rule in named) == layer["gradient"]["maxValue"]
    assert "Upload By An HTTP Client" in scores["T1020"]["comment"].splitlines()
