"""Keywords are looked for in the lines as they stand: every line in which one is found in some value is among these."""

import json
from pathlib import Path

import pytest

from exfilwatch.detection.condition import Keyword
from exfilwatch.detection.engine import Engine
from exfilwatch.detection.load import load
from exfilwatch.detection.values import Text, Wild
from exfilwatch.detection.words import Spoken, word_of
from exfilwatch.events.blocks import Block
from exfilwatch.events.inputs import open_inputs
from exfilwatch.events.limits import Limits
from exfilwatch.events.report import Report

RULE = """
title: A word anywhere
id: 0f0f0f0f-0000-4000-8000-000000000001
logsource: {product: windows}
detection:
  words: ['event::drop', 'Kiwi']
  condition: words
---
title: Not where a word is
id: 0f0f0f0f-0000-4000-8000-000000000002
logsource: {product: windows, category: process_creation}
detection:
  words: ['event::drop']
  image: {Image|endswith: '\\x.exe'}
  condition: image and not words
"""


def line(text: str, image: str = "C:\\a.exe", *, escaped: str = "") -> str:
    record = {
        "Channel": "Microsoft-Windows-Sysmon/Operational",
        "EventID": 1,
        "Hostname": "ws1",
        "@timestamp": "2026-01-01T00:00:00.000Z",
        "Image": image,
        "CommandLine": text,
    }
    return json.dumps(record, ensure_ascii=False).replace("ESCAPED", escaped)


@pytest.mark.parametrize(
    ("text", "escaped", "found"),
    [
        ("x event::drop", "", 1),
        ("x EVENT::Drop", "", 1),
        ("x event: :drop", "", 0),
        ("a kiwi", "", 1),
        ("a \u212aiwi", "", 1),
        ("a ESCAPEDiwi", "\\u212a", 1),
        ("a ESCAPEDiwi", "\\u006b", 1),
        ("an apple", "", 0),
    ],
)
def test_a_keyword_is_found_however_it_is_written(tmp_path: Path, text: str, escaped: str, found: int) -> None:
    (tmp_path / "rule.yml").write_text(RULE, "utf-8")
    log = tmp_path / "log.jsonl"
    lines = [line("nothing", str(number)) for number in range(50)]
    log.write_text("\n".join([*lines, line(text, escaped=escaped), *lines]) + "\n", "utf-8")
    report = Report()
    detections = list(Engine(load([tmp_path]), report).run(open_inputs([str(log)], report, Limits(), replayable=True)))
    assert len(detections) == found
    assert report.events == {"windows_flat": 101}


def test_what_may_not_have_a_keyword_is_found_where_it_stands_nowhere(tmp_path: Path) -> None:
    (tmp_path / "rule.yml").write_text(RULE, "utf-8")
    log = tmp_path / "log.jsonl"
    log.write_text(f"{line('event::drop', 'C:/x.exe')}\n{line('y', 'C:' + chr(92) + 'x.exe')}\n", "utf-8")
    report = Report()
    engine = Engine(load([tmp_path]), report)
    found = [each.rule.title for each in engine.run(open_inputs([str(log)], report, Limits(), replayable=True))]
    assert sorted(found) == ["A word anywhere", "Not where a word is"]


@pytest.mark.parametrize(
    ("parts", "word"),
    [
        ([Wild.ANY, "sekurlsa::LogonPasswords", Wild.ANY], "sekurlsa::logonpasswords"),
        ([Wild.ANY, '"a\\very long"', Wild.ANY], "very"),
        ([Wild.ANY, "4625", Wild.ANY], None),
        ([Wild.ANY, "é\\/", Wild.ANY], None),
    ],
)
def test_the_word_of_a_keyword_has_nothing_that_is_written_otherwise_in_a_line(parts: list, word: str | None) -> None:
    assert word_of(Keyword(Text(parts, cased=False))) == word


def test_lines_without_any_are_not_looked_at_one_by_one() -> None:
    assert Spoken(["kiwi"]).lines(Block("", 1, b'{"a": 1}\n{"b": "\\u0027"}\n', 2)) == []
