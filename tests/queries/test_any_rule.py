"""Any rule on any event: wider in the query where it must be, also under any number of `not`s."""

import json
from typing import Any

from hypothesis import event, given, settings
from hypothesis import strategies as st

from exfilwatch.detection.condition import All, FieldTest, Node, Not
from exfilwatch.detection.condition import Any as AnyOf
from exfilwatch.detection.detection import RuleInfo
from exfilwatch.detection.logsource import LogSource
from exfilwatch.detection.pattern import Pattern
from exfilwatch.detection.rule import Rule
from exfilwatch.detection.values import Compare, Exists, Null, Number, OneOf, Text, Wild
from exfilwatch.siem.queries import splunk, sumo

from . import expressions
from .records import firing, sysmon

FIELDS = ("Image", "CommandLine", "ParentImage", "User")
ALPHABET = st.sampled_from([*'abks iIKS1\\/".*-@', "İ", "ſ", "K", "é", "\u0307", "\n"])
TEXTS = st.text(ALPHABET, max_size=6)
PARTS = st.lists(st.one_of(TEXTS.filter(bool), st.sampled_from(Wild)), max_size=4)
WILD = st.builds(Text, PARTS, st.booleans())
PLAIN = st.builds(lambda text: Text([Wild.ANY, text, Wild.ANY], cased=False), TEXTS)
PATTERNS = st.builds(
    Pattern,
    st.sampled_from([r"a\s*b", r"(a|ks)+1?", r"^\\s", r"i.k", r"[ab]{2}", r"(?:s|k)\b", r"a(?=b)", r"(i)\1", "$"]),
    st.sampled_from(["", "i", "is"]),
)
TESTS = st.one_of(
    WILD,
    PATTERNS,
    st.builds(OneOf, st.lists(PLAIN, min_size=1, max_size=3)),
    st.builds(Number, st.integers(0, 11)),
    st.builds(Compare, st.sampled_from(["gt", "lte"]), st.integers(0, 11)),
    st.builds(Null),
    st.builds(Exists, st.booleans()),
)


def _joined(parts: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    several = st.lists(parts, min_size=1, max_size=3).map(tuple)
    return st.one_of(st.builds(Not, parts), st.builds(All, several), st.builds(AnyOf, several))


NODES: st.SearchStrategy[Any] = st.recursive(
    st.builds(FieldTest, st.sampled_from(FIELDS), TESTS), _joined, max_leaves=6
)
EVENTS = st.dictionaries(st.sampled_from(FIELDS), TEXTS, max_size=4)


@given(NODES, st.lists(EVENTS, min_size=1, max_size=6))
@settings(max_examples=100)
def test_what_fires_is_kept(condition: Node, events: list[dict[str, str]]) -> None:
    rule = Rule(RuleInfo("r", "r"), LogSource("process_creation"), condition, {}, [])
    rows = [{**sysmon(each), "EventID": "1", "EventCode": "1", "_time": "2026-03-12T09:14:02Z"} for each in events]
    fired = [record for _, record in firing([rule], rows)]
    keeps = expressions.spl(splunk.condition([rule]))
    in_text = expressions.sumo(sumo.condition([rule]))
    event("fires" if fired else "does not")
    assert all(keeps(record) for record in fired)
    assert all(in_text({"_raw": json.dumps(record, ensure_ascii=False)}) for record in fired)
