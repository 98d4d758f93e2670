"""Where rules ask for few expressions in one text alone, the texts of all rows are looked through at once: with the
same outcome as row by row."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exfilwatch.detection.evaluate import Evaluator
from exfilwatch.detection.fast import FastRows
from exfilwatch.detection.load import load
from exfilwatch.detection.rows import Decoders, Typed
from exfilwatch.events.blocks import Block
from exfilwatch.events.event import Value
from exfilwatch.events.lines import LineDecoder
from exfilwatch.events.report import Report
from exfilwatch.rules.packs import pack

RULES = r"""
title: Scored
id: 0f0f0f0f-0000-4000-8000-000000000101
logsource: {category: process_creation}
detection:
  tool: {Image|endswith: '\a.exe'}
  HasUpload: {CommandLine|re|i: 'upload(file|data)'}
  HasDash: {CommandLine|re|i: '\s-\w'}
  HasDrive: {CommandLine|contains: ['c:\', 'd:\']}
  condition: tool and 1 of Has*
exfilwatch:
  score: {threshold: 2, weights: {HasUpload: 1, HasDash: 1, HasDrive: 1}}
---
title: Negated
id: 0f0f0f0f-0000-4000-8000-000000000102
logsource: {category: process_creation}
detection:
  tool: {Image|endswith: ['\b.exe', '\a.exe']}
  end: {CommandLine|re|i: '(^|\s)x$'}
  not_so: {CommandLine|contains: 'help'}
  condition: tool and end and not not_so
---
title: Only negated
id: 0f0f0f0f-0000-4000-8000-000000000103
logsource: {category: process_creation}
detection:
  tool: {Image|endswith: '\c.exe'}
  help: {CommandLine|contains: 'help'}
  condition: tool and not help
"""
PIECES = ["upload", "File", "DATA", " -x", " X", "x", "help", "C:\\", "d:\\", " ", "\n", "\0", "é", "K", '"', "\\"]
images = st.sampled_from([rf"C:\{name}.exe" for name in "abcd"] + [None])
texts = st.lists(st.sampled_from(PIECES), max_size=6).map("".join)
lines = st.one_of(texts, st.none(), st.integers(), st.lists(texts, max_size=2), st.just({"#text": "uploadfile -x"}))


@pytest.fixture(scope="module")
def evaluator(tmp_path_factory: pytest.TempPathFactory) -> Evaluator:
    path = tmp_path_factory.mktemp("rules") / "rules.yml"
    path.write_text(RULES)
    return Evaluator(load([path]), Report())


@given(st.lists(st.tuples(images, lines, st.booleans()), min_size=1, max_size=12))
def test_it_tells_of_each_row_at_least_what_fires(
    evaluator: Evaluator, rows: list[tuple[str | None, Value, bool]]
) -> None:
    records = [record("C:\\c.exe", "help"), *(record(*row) for row in rows)]
    lines = [json.dumps(each).encode() for each in records]
    typed = decoded(evaluator, lines)
    (fast, of_all), each = (typed.fast, typed.rows), [fast_of_one(typed.fast, row) for row in typed.rows]
    assert fast._grouped
    assert fast.candidates(of_all) == [at for at, fires in enumerate(each) if fires]
    events = [event for at, line in enumerate(lines) for event in LineDecoder("x", Report()).feed(line, at)]
    fired = {at for at, event in enumerate(events) if evaluator.fired(event)}
    assert fired <= set(fast.candidates(of_all))


def test_a_class_that_is_new_within_a_block_is_looked_at_by_its_own_rules() -> None:
    evaluator = Evaluator(load([pack("seed")]), Report())
    lines = [json.dumps(record("C:\\a.exe", "x")).encode(), json.dumps(security("C:\\curl.exe", "-T x")).encode()]
    typed = decoded(evaluator, lines)
    assert typed.fast.candidates(typed.rows[:1]) == []
    assert typed.fast.candidates(typed.rows) == [1]
    assert typed.fast.candidates([*typed.rows[::-1], *typed.rows]) == [0, 3]
    assert typed.fast._grouped


def decoded(evaluator: Evaluator, lines: list[bytes]) -> Typed:
    """Rows of one form."""
    (typed,) = Decoders(evaluator, []).sort(Block("x", 1, b"\n".join(lines) + b"\n", len(lines))).typed
    return typed


def fast_of_one(fast: FastRows, row: object) -> bool:
    """What the look at one row says, with no look at others."""
    fast.candidates([row])
    look = fast._looks[fast._key(row)]
    return look is not None and look.may_fire(row)


def record(image: str | None, line: Value, absent: bool = False) -> dict[str, Value]:
    """A record of Sysmon 1."""
    found: dict[str, Value] = {
        "Channel": "Microsoft-Windows-Sysmon/Operational",
        "Hostname": "WS-1",
        "@timestamp": "2026-03-02T10:00:00.000Z",
        "EventID": 1,
        "Image": image,
    }
    return found if absent else {**found, "CommandLine": line}


def security(image: str, line: str) -> dict[str, Value]:
    """A record of Security 4688."""
    return {**record(None, line), "Channel": "Security", "EventID": 4688, "NewProcessName": image}
