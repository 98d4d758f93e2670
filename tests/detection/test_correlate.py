"""What each kind of correlation, each operator and each way to emit makes of a few hits."""

import pytest
from sigma.collection import SigmaCollection
from sigma.correlations import SigmaCorrelationRule

from exfilwatch.detection.correlate import Match, as_hit, matches, near
from exfilwatch.detection.correlation_plan import CorrelationPlan, Emit, plan
from exfilwatch.detection.hits import Hit

SECOND = 1_000_000


def planned(
    kind: str,
    rules: str,
    condition: object = None,
    *,
    emit: Emit = "window",
    written: dict[str, object] | None = None,
    timespan: str = "10s",
    jitter: float | None = None,
) -> CorrelationPlan:
    """The plan of a correlation over single-letter rules, by Computer, within 10 seconds."""
    body: dict[str, object] = {"type": kind, "rules": list(rules), "group-by": ["Computer"], "timespan": timespan}
    if condition is not None:
        body["condition"] = condition
    members = [
        {
            "title": name,
            "name": name,
            "logsource": {"category": "process_creation"},
            "detection": {"selection": {"Image": name}, "condition": "selection"},
        }
        for name in rules
    ]
    collection = SigmaCollection.from_dicts([*members, {"title": "both", "name": "both", "correlation": body}])
    rule = next(rule for rule in collection.rules if isinstance(rule, SigmaCorrelationRule))
    return plan(rule, emit=emit, condition=written, jitter=jitter)


def hits(text: str) -> list[Hit]:
    """`a@1.5=x` is a hit of rule a, 1.5 s in, whose value is x; each is an event of its own unless `#name` follows."""
    made = []
    for word in text.split():
        word, _, event = word.partition("#")
        word, given, value = word.partition("=")
        rule, _, at = word.partition("@")
        time = round(float(at) * SECOND)
        made.append(Hit(rule, ("pc1",), time, event or word, (value if given else None,)))
    return made


def shown(found: list[Match]) -> list[str]:
    """Each match as the rules and seconds of its hits."""
    return [" ".join(f"{hit.rule}@{hit.time / SECOND:g}" for hit in match.hits) for match in found]


COUNTS = [
    ({"gte": 3}, "a@0 a@5 a@10", ["a@0 a@5 a@10"]),
    ({"gte": 3}, "a@0 a@5 a@10.000001", []),
    ({"gt": 2}, "a@0 a@5 a@10", ["a@0 a@5 a@10"]),
    ({"gt": 3}, "a@0 a@5 a@10", []),
    ({"gte": 3}, "a@0 a@9 a@10 a@11 a@12", ["a@0 a@9 a@10 a@11 a@12"]),
    ({"gte": 2}, "a@0 a@1 a@20 a@40 a@41", ["a@0 a@1", "a@40 a@41"]),
    ({"gte": 2}, "a@0 a@10 a@20", ["a@0 a@10 a@20"]),
    ({"gte": 2}, "a@0#x a@0#x", []),
    ({"lt": 3}, "a@0 a@1 a@2", []),
    ({"lt": 3}, "a@0 a@1 a@20", ["a@0 a@1", "a@20"]),
    ({"lte": 2}, "a@0 a@1 a@20 a@21 a@22", ["a@0 a@1"]),
    ({"eq": 2}, "a@0 a@1 a@20 a@40 a@41 a@42", ["a@0 a@1"]),
    ({"neq": 2}, "a@0 a@1 a@20 a@40 a@41 a@42", ["a@20", "a@40 a@41 a@42"]),
]


@pytest.mark.parametrize(("condition", "given", "expected"), COUNTS)
def test_an_event_count_matches_windows_that_start_at_a_hit(
    condition: dict[str, int], given: str, expected: list[str]
) -> None:
    assert shown(matches(planned("event_count", "a", condition), hits(given))) == expected


@pytest.mark.parametrize(
    ("given", "expected"), [("a@0 a@1", []), ("a@0 a@1 a@2", ["a@0 a@1 a@2"]), ("a@0 a@1 a@2 a@3 a@4", [])]
)
def test_a_range_is_both_of_its_bounds(given: str, expected: list[str]) -> None:
    correlation = planned("event_count", "a", {"gt": 2}, written={"gt": 2, "lte": 4})
    assert shown(matches(correlation, hits(given))) == expected


def test_an_event_that_hits_two_rules_is_one_event() -> None:
    correlation = planned("event_count", "ab", {"gte": 2})
    assert matches(correlation, hits("a@0#x b@0#x")) == []
    assert shown(matches(correlation, hits("a@0#x b@0#x b@3"))) == ["a@0 b@0 b@3"]


VALUES = [
    ("value_count", {"gte": 2}, "a@0=x a@1=y", True),
    ("value_count", {"gte": 2}, "a@0=x a@1=X", False),
    ("value_count", {"gte": 2}, "a@0=x a@1", False),
    ("value_count", {"lt": 2}, "a@0 a@1", False),
    ("value_count", {"eq": 1}, "a@0=x a@1 a@2=x", True),
    ("value_sum", {"gt": 10}, "a@0=4 a@1=7", True),
    ("value_sum", {"gt": 11}, "a@0=4 a@1=7", False),
    ("value_sum", {"gte": 11}, "a@0=4 a@11=7", False),
    ("value_sum", {"eq": 0.3}, "a@0=0.1 a@1=0.2", True),
    ("value_sum", {"gte": 26}, "a@0=0x1A a@1=many a@2", True),
    ("value_sum", {"lt": 5}, "a@0=none a@1", False),
    ("value_sum", {"eq": 7}, "a@0=7#x b@0=7#x", True),
    ("value_avg", {"gt": 5}, "a@0=4 a@1=7", True),
    ("value_avg", {"gt": 5.5}, "a@0=4 a@1=7", False),
    ("value_avg", {"eq": 5.5}, "a@0=4 a@1=7 a@2=x", True),
    ("value_median", {"eq": 4}, "a@0=1 a@1=4 a@2=90", True),
    ("value_median", {"eq": 2.5}, "a@0=1 a@1=4", True),
    ("value_median", {"gt": 2.5}, "a@0=1 a@1=4", False),
    ("value_percentile", {"percentile": 90, "eq": 9.1}, " ".join(f"a@{n}={n}" for n in range(1, 11)), True),
    ("value_percentile", {"percentile": 100, "gte": 90}, "a@0=1 a@1=4 a@2=90", True),
    ("value_percentile", {"percentile": 0, "gt": 1}, "a@0=1 a@1=4 a@2=90", False),
]


@pytest.mark.parametrize(("kind", "condition", "given", "expected"), VALUES)
def test_values_are_counted_and_numbers_measured(
    kind: str, condition: dict[str, float], given: str, expected: bool
) -> None:
    correlation = planned(kind, "ab", {"field": "Value", **condition})
    assert bool(matches(correlation, hits(given))) is expected


@pytest.mark.parametrize(
    ("values", "distinct"),
    [
        ([443, "443", 443.0], 1),
        ([True, "true"], 1),
        ([1, True], 2),
        (["Straße", "STRASSE"], 1),
        (["", None], 1),
        ([0.5, "0.5"], 1),
    ],
)
def test_values_are_told_apart_as_sigma_compares_them(values: list[str | float | None], distinct: int) -> None:
    given = [Hit("a", ("pc1",), n, str(n), (value,)) for n, value in enumerate(values)]
    assert matches(planned("value_count", "a", {"field": "Value", "eq": distinct}), given)


def test_of_several_fields_rows_without_a_gap_are_counted() -> None:
    rows = [("x", 1), ("X", "1"), ("x", 2), ("y", None)]
    given = [Hit("a", ("pc1",), n, str(n), row) for n, row in enumerate(rows)]
    assert matches(planned("value_count", "a", {"field": ["User", "Port"], "eq": 2}), given)


TEMPORAL = [
    ("temporal", "ab", None, "a@0 b@10", ["a@0 b@10"]),
    ("temporal", "ab", None, "b@0 a@10", ["b@0 a@10"]),
    ("temporal", "ab", None, "a@0 b@10.000001", []),
    ("temporal", "ab", None, "a@0 a@1", []),
    ("temporal", "ab", None, "a@0#x b@0#x", ["a@0 b@0"]),
    ("temporal", "ab", None, "a@0 b@5 a@20 b@40 a@45", ["a@0 b@5", "b@40 a@45"]),
    ("temporal", "ab", None, "a@0 b@10 a@20", ["a@0 b@10 a@20"]),
    ("temporal", "abc", {"gte": 2}, "a@0 c@1 b@20", ["a@0 c@1"]),
    ("temporal", "abc", {"eq": 1}, "a@0 c@1 b@20", ["b@20"]),
    ("temporal", "abc", "a and (b or c)", "a@0 c@1 b@30 c@31", ["a@0 c@1"]),
    ("temporal", "ab", "a and not b", "a@0 a@1 b@5 a@30", ["a@30"]),
    ("temporal", "ab", "not (a and b)", "a@0 b@20 a@40 b@41", ["a@0", "b@20"]),
    ("temporal_ordered", "ab", None, "a@0 b@10", ["a@0 b@10"]),
    ("temporal_ordered", "ab", None, "b@0 a@10", []),
    ("temporal_ordered", "ab", None, "b@0.0005 a@0.0009", ["b@0.0005 a@0.0009"]),
    ("temporal_ordered", "ab", None, "b@0.0009 a@0.001", []),
    ("temporal_ordered", "ab", None, "a@0#x b@0#x", ["a@0 b@0"]),
    ("temporal_ordered", "ab", None, "b@0 a@5 b@6 a@7", ["a@5 b@6"]),
    ("temporal_ordered", "ab", None, "a@0 a@1 b@10.5 b@12", ["a@1 b@10.5"]),
    ("temporal_ordered", "abc", None, "a@0 c@1 b@2 c@3 c@20", ["a@0 b@2 c@3"]),
    ("temporal_ordered", "abc", None, "a@0 b@6 c@12", []),
    ("temporal_ordered", "ba", "b and a", "b@0 a@10", ["b@0 a@10"]),
    ("temporal_ordered", "ba", "b and a", "a@0 b@10", []),
]


@pytest.mark.parametrize(("kind", "rules", "condition", "given", "expected"), TEMPORAL)
def test_temporal_correlations_find_rules_near_each_other(
    kind: str, rules: str, condition: object, given: str, expected: list[str]
) -> None:
    assert shown(matches(planned(kind, rules, condition), hits(given))) == expected


PAIRS = [
    ("temporal", "a@0 b@10 b@10.000001", ["a@0 b@10"]),
    ("temporal", "b@0 a@10 b@20", ["b@0 a@10", "a@10 b@20"]),
    ("temporal", "a@0 a@1 b@2 b@3", ["a@0 b@2", "a@0 b@3", "a@1 b@2", "a@1 b@3"]),
    ("temporal", "a@0#x b@0#x", ["a@0 b@0"]),
    ("temporal_ordered", "b@0 a@10 b@20", ["a@10 b@20"]),
    ("temporal_ordered", "b@1.0001 a@1.0005", ["b@1.0001 a@1.0005"]),
    ("temporal_ordered", "b@0.9999 a@1", []),
]


@pytest.mark.parametrize(("kind", "given", "expected"), PAIRS)
def test_pairs_are_matches_of_their_own(kind: str, given: str, expected: list[str]) -> None:
    assert shown(matches(planned(kind, "ab", emit="pair"), hits(given))) == expected


def test_a_match_names_its_rule_group_and_times() -> None:
    (found,) = matches(planned("event_count", "a", {"gte": 2}), hits("a@3 a@1 a@2"))
    assert (found.rule, found.group, found.first, found.last) == ("both", ("pc1",), SECOND, 3 * SECOND)


def test_doubles_that_differ_give_the_same_hit_in_any_order() -> None:
    correlation = planned("event_count", "a", {"gte": 1})
    doubles = [Hit("a", ("pc1",), time, "x", (), record) for time in (1, 2) for record in (b"2", b"1")]
    assert matches(correlation, doubles) == matches(correlation, doubles[::-1])
    assert matches(correlation, doubles)[0].hits == (Hit("a", ("pc1",), 1, "x", (), b"1"),)


@pytest.mark.parametrize(
    ("t", "expected"), [(-10.000001, False), (-10, True), (10, True), (10.000001, False), (90, True), (111, False)]
)
def test_near_is_within_the_timespan_of_a_driver(t: float, expected: bool) -> None:
    assert near(planned("temporal", "ab").timespan, [0, 100 * SECOND], round(t * SECOND)) is expected
    assert not near(planned("temporal", "ab").timespan, [], round(t * SECOND))


NESTED = """
title: Guessed
name: guessed
correlation: {type: temporal_ordered, rules: [many, login], group-by: [Account], timespan: 10m,
  aliases: {Account: {many: User, login: TargetUser}}}
---
title: Many
name: many
correlation: {type: event_count, rules: [failed], group-by: [Computer, User], timespan: 1m, condition: {gte: 2}}
---
title: Failed
name: failed
logsource: {product: windows, service: security}
detection: {selection: {EventID: 4625}, condition: selection}
---
title: Login
name: login
logsource: {product: windows, service: security}
detection: {selection: {EventID: 4624}, condition: selection}
"""


def test_a_match_of_an_inner_correlation_is_a_hit_of_the_outer_one() -> None:
    rules = {rule.name: rule for rule in SigmaCollection.from_yaml(NESTED).rules}
    many, guessed = rules["many"], rules["guessed"]
    assert isinstance(many, SigmaCorrelationRule)
    assert isinstance(guessed, SigmaCorrelationRule)
    inner, outer = plan(many), plan(guessed)
    failed = [Hit("failed", ("pc1", "eve"), time * SECOND, f"f{time}") for time in (0, 30)]

    (burst,) = matches(inner, failed)
    hit = as_hit(burst, inner, outer, b"burst")
    login = Hit("login", ("eve",), 300 * SECOND, "in")

    assert (hit.rule, hit.group, hit.time, hit.record) == ("many", ("eve",), 30 * SECOND, b"burst")
    assert [match.hits for match in matches(outer, [login, hit])] == [(hit, login)]
    assert as_hit(matches(inner, failed[::-1])[0], inner, outer).event == hit.event
    other = [*failed, Hit("failed", ("pc1", "eve"), 31 * SECOND, "f31")]
    assert as_hit(matches(inner, other)[0], inner, outer).event != hit.event
