"""Whatever stands in a rule file, `check` answers, and what it accepts the engine runs."""

import copy
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from exfilwatch.detection.load import check, load

from .one import detected, event, rule

SOUND = """
title: First
id: 11111111-1111-4111-8111-111111111111
name: first
status: test
description: words
references: [https://example.com]
author: us
date: 2026-01-01
tags: [attack.t1020, attack.exfiltration]
logsource: {category: process_creation, product: windows}
detection:
  one:
    Image|endswith: ['\\a.exe', '\\b.exe']
    CommandLine|contains|all: [x, y]
  two:
    - CommandLine|re|i: '^a+$'
    - User|exists: true
      Port|gt: 10
  three: [word, 'wo*rd']
  condition: one and (1 of t* or not three)
fields: [Image]
falsepositives: [none]
level: high
exfilwatch:
  branch: tool
  score: {threshold: 2, weights: {one: 1, two: 1}}
  fields: [Image, {A: $signal(one)}, {B: $basename(Image)}]
  guide: look
---
title: Second
name: second
correlation:
  type: temporal
  rules: [first, third]
  group-by: [who]
  timespan: 5m
  aliases: {who: {first: User, third: Account}}
  condition: {gte: 2}
  generate: true
level: low
---
title: Third
name: third
logsource: {product: windows, service: security}
detection: {own: {EventID: 4688}, condition: own}
---
title: Fourth
logsource: {category: process_creation, product: windows}
filter:
  rules: [first]
  mine: {User: ann}
  condition: not mine
---
title: Fifth
correlation: {type: event_count, rules: first, timespan: 1h, condition: {gt: 1, lte: 5}}
"""
DOCUMENTS = list(yaml.safe_load_all(SOUND))

JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 10**20),
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from(["", "*", "x", "%x%", "$score", "(", "1 of them", "1 of no*", "not", "one and", "5m", "0s", "|"]),
    st.just(date(2026, 1, 1)),
    st.lists(st.one_of(st.none(), st.text(max_size=3), st.integers()), max_size=2),
    st.dictionaries(
        st.one_of(st.text(max_size=3), st.integers(), st.none()), st.sampled_from([None, "x", 1]), max_size=2
    ),
    st.just({"a": {"b": {"c": [{"d": []}]}}}),
    st.just([[["x"]]]),
)
KEYS = st.sampled_from(
    ["", "|", "|all", "Image|", "Image|re", "Image|cidr", "Image|hour", "Image|fieldref", "Image|expand", "|exists"]
)


def places(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if way:
        yield way
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in inner:
        yield from places(below, (*way, key))


PLACES = list(places(DOCUMENTS))


@st.composite
def broken(draw: st.DrawFn) -> str:
    documents = copy.deepcopy(DOCUMENTS)
    for way in draw(st.lists(st.sampled_from(PLACES), min_size=1, max_size=3)):
        holder: Any = documents
        try:
            for key in way[:-1]:
                holder = holder[key]
            match draw(st.sampled_from(["set", "set", "delete", "rename"])):
                case "set":
                    holder[way[-1]] = draw(JUNK)
                case "delete":
                    del holder[way[-1]]
                case _ if isinstance(holder, dict):
                    holder[draw(KEYS)] = holder.pop(way[-1])
        except (KeyError, IndexError, TypeError):
            continue
    return yaml.safe_dump_all(documents, sort_keys=False)


@settings(max_examples=80, deadline=None)
@given(text=broken())
def test_check_lists_what_is_wrong_and_the_engine_runs_the_rest(text: str) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "rule.yml")
        path.write_text(text, "utf-8")
        problems = check([path])
        assert all(problem.path.endswith("rule.yml") and problem.line >= 1 for problem in problems)
        if not problems:
            events = [
                event({"Image": "C:\\a.exe", "CommandLine": "x y", "User": "bob"}),
                event({"EventID": 4688, "Account": "bob"}, category="", service="security", at=1),
            ]
            detected(load([path]), events)


def test_the_sound_documents_are_sound(tmp_path: Path) -> None:
    path = tmp_path / "rule.yml"
    path.write_text(SOUND, "utf-8")
    assert check([path]) == []


@pytest.mark.parametrize(
    "condition",
    [
        "not " * 1000 + "one",
        "(" * 1000 + "one" + ")" * 1000,
        " or ".join(["one"] * 3000),
        "(one or " * 500 + "one" + ")" * 500,
    ],
    ids=["not", "brackets", "or", "nested"],
)
def test_a_condition_of_any_length_is_evaluated_or_refused(condition: str, tmp_path: Path) -> None:
    path = tmp_path / "rule.yml"
    path.write_text(rule(f"one: {{Image: x}}\ncondition: {condition}"), "utf-8")
    if not check([path]):
        assert detected(load([path]), [event({"Image": "x"})])
