"""`exfilwatch detect`: what it prints, and in which form."""

import csv
import gzip
import io
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from exfilwatch.detection.engine import Engine
from exfilwatch.detection.load import load
from exfilwatch.events.inputs import open_inputs
from exfilwatch.events.limits import Limits
from exfilwatch.events.report import Report
from exfilwatch.findings.finding import finding
from exfilwatch.rules.packs import pack
from exfilwatch_playbooks.cli.jsonl import finding_line
from exfilwatch_playbooks.exports.spreadsheet import COLUMNS

from .program import called, inside, on_terminal, started
from .telemetry import BITSADMIN, harmless, process, write


def test_a_finding_is_one_json_line_with_its_reasons(logs: Path, capsys: Any) -> None:
    ended = inside(capsys, "detect", logs)
    (found,) = ended.lines
    assert ended.code == 0
    assert set(found) == {
        "id", "rule", "score", "time", "end", "host", "user", "fields", "signals", "events", "source",
    }  # fmt: skip
    assert set(found["rule"]) == {"id", "title", "branch", "level", "attack"}
    assert (found["host"], found["user"], found["time"]) == ("WS-07", r"CORP\anna", "2026-03-12T09:00:02Z")
    assert found["rule"]["branch"] == "transfer_tool"
    assert found["source"] == str(logs)
    assert [(event["source"], event["line"]) for event in found["events"]] == [(str(logs), 2)]
    for signal in found["signals"]:
        assert {"name", "field", "matched", "start"} <= set(signal)
        if signal["start"] is not None:
            value = found["events"][0]["fields"][signal["field"]]
            assert value[signal["start"] :].startswith(signal["matched"])


def test_the_light_json_line_says_what_the_model_says(logs: Path) -> None:
    report = Report()
    inputs = open_inputs([str(logs)], report, Limits(), replayable=True)
    detections = list(Engine(load([pack("exfil"), pack("seed")]), report).run(inputs))
    assert len(detections) > 1
    for detection in detections:
        assert json.loads(finding_line(detection)) == json.loads(finding(detection).model_dump_json())


def test_counts_go_to_standard_error_and_say_what_was_read(logs: Path, capsys: Any) -> None:
    assert "1 finding: 1 high in 3 events" in inside(capsys, "detect", logs).err


def test_the_rules_are_packs_files_and_folders_together(logs: Path, capsys: Any) -> None:
    one = pack("seed") / "transfer_tool.yml"
    titles = {found["rule"]["title"] for found in inside(capsys, "detect", logs, "-r", "exfil", "-r", one).lines}
    assert titles == {"Upload By A Program That Windows Brings Along", "Transfer Tool With An Upload Option"}


def test_standard_input_is_read_compressed_or_not(logs: Path) -> None:
    for data in (logs.read_bytes(), gzip.compress(logs.read_bytes())):
        ended = called("detect", "-", stdin=data)
        assert [(found["source"], found["host"]) for found in ended.lines] == [("-", "WS-07")]


def test_a_record_that_is_read_twice_is_found_once(logs: Path, tmp_path: Path, capsys: Any) -> None:
    copy = tmp_path / "copy.jsonl"
    copy.write_bytes(logs.read_bytes())
    ended = inside(capsys, "detect", logs, logs, copy)
    assert len(ended.lines) == 1
    assert "1 finding: 1 high in 9 events" in ended.err


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (["--since", "2026-03-12T09:00:02Z"], 1),
        (["--since", "2026-03-12T10:00:02+01:00"], 1),
        (["--since", "2026-03-12T09:00:03Z"], 0),
        (["--until", "2026-03-12T09:00:02Z"], 0),
        (["--until", "2026-03-12 09:00:03"], 1),
        (["--since", "2026-03-12", "--until", "2026-03-13"], 1),
        (["--since", "-24h"], 0),
        (["--since", "1d", "--until", "now"], 0),
    ],
)
def test_only_events_of_the_asked_time_count(options: list[str], found: int, logs: Path, capsys: Any) -> None:
    assert len(inside(capsys, "detect", logs, *options).lines) == found


def test_csv_has_the_same_columns_whatever_is_found(logs: Path, tmp_path: Path, capsys: Any) -> None:
    empty = write(tmp_path / "empty.jsonl", harmless())
    for file, rows in ((logs, 1), (empty, 0)):
        header, *found = csv.reader(io.StringIO(inside(capsys, "detect", file, "--output", "csv").out))
        assert header == list(COLUMNS)
        assert len(found) == rows


@pytest.mark.parametrize("start", ["=cmd|'/c calc'!A1 ", "+1 ", "-1 ", "@SUM(1) ", "\t=1 ", "\r=1 ", " =1 ", "＝1 "])
def test_csv_holds_no_formula(start: str, tmp_path: Path, capsys: Any) -> None:
    logs = write(tmp_path / "hostile.jsonl", process(f"{start}{BITSADMIN}", User="=1+1", Hostname="@evil"))
    out = inside(capsys, "detect", logs, "-o", "csv").out
    (row,) = csv.DictReader(io.StringIO(out, newline=""))
    for name in ("command_line", "user", "host"):
        assert row[name].lstrip(" ")[0] not in "=+-@\t\r＝"
    assert all(cell.startswith('"') for cell in out.splitlines()[0].split(","))


def test_a_terminal_gets_a_table_with_the_reason_in_it(logs: Path) -> None:
    ended = on_terminal("detect", logs)
    assert ended.code == 0
    for text in ("Upload By A Program", "WS-07", "2026-03-12 09:00:02", "high", "1 finding"):
        assert text in ended.out
    assert "\x1b[1;31mhigh" in ended.out
    assert not ended.out.lstrip().startswith("{")


def test_no_color_is_obeyed(logs: Path) -> None:
    assert "\x1b[1;31m" not in on_terminal("detect", logs, env={"NO_COLOR": "1"}).out


@pytest.mark.parametrize("form", ["table", "jsonl", "csv"])
def test_no_hostile_character_reaches_the_terminal(form: str, tmp_path: Path) -> None:
    hostile = "\x1b]0;owned\x07 \x9b31m \u202e \x7f \u200b"
    logs = write(
        tmp_path / "hostile.jsonl", process(f"{BITSADMIN} {hostile}", User=f"anna{hostile}", Hostname=f"h{hostile}")
    )
    shown = on_terminal("detect", logs, "--output", form, env={"NO_COLOR": "1"}).out
    assert "bitsadmin" in shown
    assert not set("\x07\x9b\u202e\x7f\u200b") & set(shown)
    assert "\x1b]" not in shown


def test_lone_surrogates_and_nul_bytes_still_give_valid_json(tmp_path: Path, capsys: Any) -> None:
    logs = tmp_path / "broken.jsonl"
    text = json.dumps(process(BITSADMIN)).replace("exfil", "\\ud800\\u0000")
    logs.write_text(text, encoding="utf-8")
    (found,) = inside(capsys, "detect", logs).lines
    assert found["host"] == "WS-07"


def test_records_of_no_known_shape_are_shown_once_with_their_keys(tmp_path: Path, capsys: Any) -> None:
    logs = write(tmp_path / "other.jsonl", {"colour": "blue", "size": 3}, {"colour": "red", "size": 4})
    ended = inside(capsys, "detect", logs)
    assert ended.code == 0
    assert ended.err.count("colour") == 1
    assert "2 records], keys: colour, size" in ended.err
    assert "docs/telemetry.md" in ended.err


def test_one_record_is_not_several(tmp_path: Path, capsys: Any) -> None:
    ended = inside(capsys, "detect", write(tmp_path / "other.jsonl", {"colour": "blue"}))
    assert "unknown shape [1 record], keys" in ended.err
    assert "0 events, 1 record not recognised" in ended.err


@pytest.mark.parametrize("before", [b"", b"type=BPF msg=audit(1.2:3): a\n"], ids=["JSON lines", "other lines"])
def test_a_finding_in_a_pipe_is_shown_while_the_pipe_stays_open(before: bytes) -> None:
    with started("detect", "-", stdin=subprocess.PIPE) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        running.stdin.write(before + json.dumps(process(BITSADMIN)).encode() + b"\n")
        running.stdin.flush()
        found = json.loads(running.stdout.readline())
        assert found["rule"]["branch"] == "transfer_tool"
        running.stdin.close()
        assert running.stdout.read() == b""
