"""Of many rules only those are asked of an event whose needed texts stand there: they find what all together do."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exfilwatch.detection.evaluate import Evaluator
from exfilwatch.detection.linear import standing
from exfilwatch.detection.load import load
from exfilwatch.detection.rule import RuleSet
from exfilwatch.events.event import Event, Origin, Value
from exfilwatch.events.report import Report

WORDS = [
    f"{begin}{end}" for begin in ("curl", "-e", "k", "\\temp", "ab.c", "é") for end in ("", " -x", "k.exe", "aa", "(")
]
KINDS = {
    "contains": "{{CommandLine|contains: '{0}'}}",
    "all": "{{CommandLine|contains|all: ['{0}', 'x']}}",
    "begins": "{{CommandLine|startswith: '{0}'}}",
    "wild": "{{CommandLine: '*{0}*k?'}}",
    "cased": "{{CommandLine|cased|contains: '{0}'}}",
    "parent": "{{ParentCommandLine|endswith: '{0}', Image|endswith: ['k.exe', 'sh.exe']}}",
}
RULE = """title: {kind} {number}
name: {kind}_{number}
logsource: {{category: process_creation, product: windows}}
detection:
  a: {a}
  expression: {{CommandLine|re: 'K{{2}}|[aé]b'}}
  condition: {condition}
"""


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> RuleSet:
    """Some hundred rules, with more texts than are looked for one by one."""
    folder: Path = tmp_path_factory.mktemp("rules")
    for kind, form in KINDS.items():
        for number, word in enumerate(WORDS):
            condition = ("a", "a or expression", "a and not expression")[number % 3]
            rule = RULE.format(kind=kind, number=number, a=form.format(word), condition=condition)
            (folder / f"{kind}_{number}.yml").write_text(rule, "utf-8")
    return load([folder])


pieces = st.sampled_from([*WORDS, "x", "K", "\u212a", "\u0130", "Σ", " ", "É", "\ud800", "exe", "AB"])
texts = st.lists(pieces, max_size=8).map("".join)
values = st.one_of(st.none(), texts, texts.map(str.upper), st.integers(), st.lists(texts, max_size=2))
images = st.sampled_from(["C:\\k.exe", "C:\\Windows\\sh.exe", "C:\\other.exe"])


@settings(max_examples=120, deadline=None)
@given(st.lists(st.tuples(values, values, images), min_size=1, max_size=4))
def test_as_each_rule_alone(many: RuleSet, lines: list[tuple[Value, Value, str]]) -> None:
    evaluator = Evaluator(many, Report())
    for line, parent, image in lines:
        fields: dict[str, Value] = {"CommandLine": line, "ParentCommandLine": parent, "Image": image}
        event = Event(
            "flat", "process_creation", "windows", "", 0, None, "HOST", "1", Origin("test", 1), fields, fields
        )
        fired = [verdict.rule.id for verdict in evaluator.fired(event)]
        assert fired == [rule.id for rule in many.rules if rule.fires(event)]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text("ab.\\ ", min_size=1, max_size=4), min_size=1, unique=True), st.text("ab.\\ é"))
def test_texts_stand_where_they_are_found(wanted: list[str], text: str) -> None:
    assert sorted(standing(tuple(wanted))(text)) == [number for number, each in enumerate(wanted) if each in text]


def test_texts_stand_there_too_that_are_too_large_for_one_set() -> None:
    wanted = tuple(f"{number:04}" * 4000 for number in range(60))
    assert sorted(standing(wanted)(f"{wanted[3]}-{wanted[59]}")) == [3, 59]


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"A": "One two"}, ["words"]),
        ({"A": "one", "B": "two"}, []),
        ({"A": ["x", "ONE TWO"]}, ["words"]),
        ({"A": {"b": 4711}}, ["number"]),
        ({"A": 47, "B": 11}, []),
        ({"A": "a Cased word"}, ["cased"]),
        ({"A": "a cased word"}, []),
    ],
)
def test_keywords_stand_in_one_value(tmp_path: Path, fields: dict[str, Value], found: list[str]) -> None:
    for name, keyword in {"words": "['one two']", "number": "[4711]", "cased": "{'|cased': 'Cased'}"}.items():
        rule = (
            f"title: {name}\nname: {name}\nlogsource: {{product: windows}}\ndetection: {{k: {keyword}, condition: k}}\n"
        )
        (tmp_path / f"{name}.yml").write_text(rule)
    event = Event("flat", "", "windows", "", 0, None, "HOST", "1", Origin("test", 1), {}, fields)
    evaluator = Evaluator(load([tmp_path]), Report())
    assert [verdict.rule.id for verdict in evaluator.fired(event)] == found
