"""Made-up rules on made-up records: the engine and the evaluator in reference.py agree, both ways into the engine."""

from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from exfilwatch.detection.load import RuleSet

from . import reference
from .one import SYSMON_1, decoded, detected, lines, loaded, run

# Few characters, so that patterns and values meet often; none of them stands in the records' other fields.
CHARS = "qQzZ\\*?.é É\n-/"
WORDS = st.text(st.sampled_from(CHARS), max_size=6)
NAMES = st.sampled_from(["qz.exe", "QZ.EXE", "zz.exe", "qz"])
IMAGES = st.one_of(WORDS, st.tuples(st.sampled_from(["", "q\\", "Q:\\z\\"]), NAMES).map("".join))
DIGITS = st.sampled_from([0, 1, 7, 12, 71, "0", "1", "7", "12", "71", "q", ""])
TRUTHS = st.sampled_from([True, False, "true", "False", "q"])
VALUES = {
    "Image": st.one_of(st.none(), IMAGES),
    "CommandLine": st.one_of(st.none(), WORDS),
    "ParentImage": IMAGES.map(lambda text: text.replace("\n", "")),
    "Port": st.one_of(st.none(), DIGITS),
    "Flag": TRUTHS,
    "Extra": WORDS,
}


RECORD = st.fixed_dictionaries({}, optional=VALUES)

TEXT_FIELD = st.sampled_from(["Image", "CommandLine", "ParentImage", "Extra"])
PATTERN = st.one_of(WORDS, NAMES.map("\\".__add__), NAMES)
TEXT_MODIFIERS = st.sampled_from(["", "|contains", "|startswith", "|endswith"])
CASED = st.sampled_from(["", "", "|cased"])
EXPRESSIONS = st.sampled_from(
    ["q+", "^q", "q.z", "(?:q|z)Q", "[qz]{2}", r"\\", r"q\.", "q|Z", "é", "z*?q", ".", r"\bq\b"]
)
# Not on texts with line ends: whether $ stands before the last one too, test_modifiers.py asks.
ENDING = st.sampled_from(["z$", "^$", "^[^q]*$", r"^\S+$", r"^(q|z).*\.exe$", "^q$", "[^z]$"])
FLAGS = st.sampled_from(["", "", "|i", "|m", "|s", "|i|m", "|i|m|s"])


def several(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(values, st.lists(values, min_size=1, max_size=3))


def item(key: st.SearchStrategy[str], value: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[str, Any]]:
    return st.tuples(key, value)


def joined(*parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(*parts).map("".join)


ITEM = st.one_of(
    item(joined(TEXT_FIELD, TEXT_MODIFIERS, CASED), several(PATTERN)),
    item(joined(TEXT_FIELD, TEXT_MODIFIERS, CASED), several(PATTERN)),
    item(
        joined(TEXT_FIELD, st.sampled_from(["|contains|all", "|startswith|all", "|all", "|contains|all|cased"])),
        st.lists(PATTERN, min_size=2, max_size=3),
    ),
    item(joined(TEXT_FIELD, st.just("|re"), FLAGS), several(EXPRESSIONS)),
    item(joined(st.just("ParentImage|re"), FLAGS), several(ENDING)),
    item(joined(TEXT_FIELD, st.just("|windash|contains")), several(PATTERN)),
    item(joined(TEXT_FIELD, st.just("|contains|neq")), several(PATTERN)),
    item(st.sampled_from(sorted(VALUES)), st.none()),
    item(st.just("Port"), several(st.sampled_from([0, 1, 7, 12, "1", "7", "71", "1?", "?*", "*1*", ""]))),
    item(st.sampled_from(["Port|lt", "Port|gte"]), st.sampled_from([0, 1, 7, 12])),
    item(st.sampled_from(["Port|contains", "Port|endswith"]), st.sampled_from(["1", "7"])),
    item(st.just("Flag"), st.sampled_from([True, False, "true", "FALSE"])),
    # Whether a null value exists, test_modifiers.py asks.
    item(st.sampled_from(["Extra|exists", "Absent|exists"]), st.booleans()),
)
MAP = st.lists(ITEM, min_size=1, max_size=3).map(dict)
WORD = st.text(st.sampled_from("qQzé*?\\"), min_size=1, max_size=3).filter(lambda word: set(word) - set("*?"))
SELECTION = st.one_of(
    MAP,
    MAP,
    MAP,
    st.lists(MAP, min_size=1, max_size=3),
    st.lists(WORD, min_size=1, max_size=3),
    st.builds(lambda words: {"|all": words}, st.lists(WORD, min_size=2, max_size=3)),
)
NAMES_OF_SELECTIONS = ["sel_a", "sel_b", "other"]
OPERAND = st.sampled_from(
    [*NAMES_OF_SELECTIONS, "1 of them", "all of them", "1 of sel_*", "all of sel_*", "any of *_b"],
)


def longer(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("not {}".format, inner.map("({})".format)),
        st.builds("not {}".format, OPERAND),
        st.builds("({}) and ({})".format, inner, inner),
        st.builds("({}) or ({})".format, inner, inner),
        st.builds("{} or {} and {}".format, OPERAND, OPERAND, inner.map("({})".format)),
    )


CONDITION = st.recursive(OPERAND, longer, max_leaves=4)
DETECTION = st.builds(
    lambda selections, condition: {**dict(zip(NAMES_OF_SELECTIONS, selections, strict=True)), "condition": condition},
    st.tuples(SELECTION, SELECTION, SELECTION),
    st.one_of(CONDITION, st.lists(CONDITION, min_size=2, max_size=2)),
)


def rules_of(detections: list[dict[str, Any]]) -> RuleSet:
    source = {"category": "process_creation", "product": "windows"}
    return loaded(
        *(
            yaml.safe_dump({"title": str(number), "logsource": source, "detection": detection}, sort_keys=False)
            for number, detection in enumerate(detections)
        )
    )


@settings(max_examples=80, deadline=None)
@given(
    detections=st.lists(DETECTION, min_size=1, max_size=5),
    records=st.lists(RECORD, min_size=1, max_size=12),
)
def test_the_engine_agrees_with_an_evaluation_by_hand(
    detections: list[dict[str, Any]], records: list[dict[str, Any]]
) -> None:
    expected = {
        (str(number), line)
        for number, detection in enumerate(detections)
        for line, record in enumerate(records, 1)
        if reference.fires(detection, {**SYSMON_1, **record})
    }
    rules = rules_of(detections)
    slow = [(hit.rule.title, hit.events[0].origin.line) for hit in detected(rules, decoded(records))]
    assert sorted(slow) == sorted(expected)
    fast = [(hit.rule.title, hit.events[0].origin.line) for hit in run(rules, lines(records))]
    assert sorted(fast) == sorted(expected)
