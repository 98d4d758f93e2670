"""What a plan says of a correlation, and which correlations are refused."""

from decimal import Decimal
from pathlib import Path

import pytest
from sigma.collection import SigmaCollection
from sigma.correlations import SigmaCorrelationRule

import exfilwatch.rules
from exfilwatch.detection.correlation_condition import AllOf, AnyOf, Bound, Member, Not, number
from exfilwatch.detection.correlation_plan import CorrelationPlan, Emit, inner_first, plan
from exfilwatch.errors import RuleError

MEMBERS = """
---
title: A
name: a
id: 11111111-1111-4111-8111-111111111111
logsource: {category: process_creation}
detection: {selection: {Image: a}, condition: selection}
---
title: B
name: b
logsource: {category: network_connection}
detection: {selection: {Image: b}, condition: selection}
---
title: C
name: c
logsource: {category: network_connection}
detection: {selection: {Image: c}, condition: selection}
---
title: Inner
name: inner
correlation: {type: event_count, rules: [c], group-by: [Computer], timespan: 1m, condition: {gte: 2}}
"""
A = "11111111-1111-4111-8111-111111111111"


def read(correlation: str, *, emit: Emit = "window", written: dict[str, object] | None = None) -> CorrelationPlan:
    text = f"title: Outer\nname: outer\ncorrelation: {{timespan: 5m, group-by: [Computer], {correlation}}}\n{MEMBERS}"
    rules = {rule.name: rule for rule in SigmaCollection.from_yaml(text).rules}
    outer = rules["outer"]
    assert isinstance(outer, SigmaCorrelationRule)
    return plan(outer, emit=emit, condition=written)


def test_members_are_ids_whatever_they_are_called_and_times_are_microseconds() -> None:
    made = read(f"type: temporal, rules: [{A}, b]")
    assert made.members == (A, "b")
    assert read("type: temporal, rules: [a, b]").members == made.members
    assert made.timespan == 300_000_000
    assert made.condition == (Bound("gte", Decimal(2)),)


def test_aliases_name_the_field_of_each_member() -> None:
    aliases = "aliases: {Ip: {a: SourceIp, b: DestinationIp}}"
    made = read(
        f"type: value_count, rules: [a, b, c], group-by: [Ip, User], {aliases}, condition: {{field: Ip, gte: 2}}"
    )
    assert [made.group_fields(m) for m in made.members] == [
        ("SourceIp", "User"),
        ("DestinationIp", "User"),
        ("Ip", "User"),
    ]
    assert [made.value_fields(m) for m in made.members] == [("SourceIp",), ("DestinationIp",), ("Ip",)]


def test_an_extended_condition_is_read_with_its_ids() -> None:
    made = read("type: temporal, condition: 'a and not (b or c)'")
    assert made.members == (A, "b", "c")
    assert made.condition == AllOf((Member(A), Not(AnyOf((Member("b"), Member("c"))))))


def test_a_range_is_given_as_written_and_a_percentile_is_not_cut() -> None:
    written: dict[str, object] = {"gt": 100, "lte": 200}
    made = read("type: event_count, rules: [a], condition: {gt: 100}", written=written)
    assert made.condition == (Bound("lte", Decimal(200)), Bound("gt", Decimal(100)))
    share = read("type: value_percentile, rules: [a], condition: {field: Size, percentile: 99.9, gt: 0.5}")
    assert (share.percentile, share.condition) == (Decimal("99.9"), (Bound("gt", Decimal("0.5")),))


@pytest.mark.parametrize(
    ("correlation", "drivers"),
    [
        ("type: temporal, rules: [a, b]", (A, "b")),
        ("type: temporal, rules: [a, b], condition: {eq: 2}", (A, "b")),
        ("type: temporal, rules: [a, b, c], condition: {gte: 2}", ()),
        ("type: temporal, rules: [a, b, c], condition: {eq: 2}", ()),
        ("type: temporal, rules: [a, b, c], condition: {neq: 2}", ()),
        ("type: temporal, condition: a and (b or c)", (A,)),
        ("type: temporal, condition: a and not b", ()),
        ("type: temporal_ordered, rules: [b, a]", ("b", A)),
        ("type: event_count, rules: [a], condition: {gte: 2}", ()),
    ],
)
def test_drivers_are_the_members_without_which_nothing_matches(correlation: str, drivers: tuple[str, ...]) -> None:
    assert read(correlation).drivers == drivers


@pytest.mark.parametrize(
    ("correlation", "leading"),
    [
        ("type: temporal, rules: [a, b]", [(A,), ("b",)]),
        ("type: temporal, condition: a and (b or c)", [(A,), ("b", "c")]),
        ("type: temporal, condition: (a or b) and (b or c)", [(A, "b"), ("b", "c")]),
        ("type: temporal, rules: [a, b, c], condition: {gte: 2}", [(A, "b"), (A, "c"), ("b", "c")]),
        ("type: temporal, condition: a or b", [(A, "b")]),
        ("type: temporal, rules: [a, b, c], condition: {eq: 2}", []),
        ("type: temporal, condition: a and not b", []),
        ("type: event_count, rules: [a], condition: {gte: 2}", []),
    ],
)
def test_some_members_lead_together_where_one_of_them_has_to_be_there(
    correlation: str, leading: list[tuple[str, ...]]
) -> None:
    assert read(correlation).leading == leading


REFUSED = [
    ("type: event_count, rules: [a, a], condition: {gte: 2}", "'a' is listed twice"),
    (f"type: temporal, rules: [a, {A}]", "is listed twice"),
    ("type: event_count, rules: [a], condition: {lt: 1}", "can never hold"),
    ("type: event_count, rules: [a], condition: {eq: 1.5}", "can never hold"),
    ("type: value_count, rules: [a], condition: {field: User, lte: 0}", "can never hold"),
    ("type: temporal, rules: [a, b], condition: {gt: 2}", "can never hold"),
    ("type: temporal, condition: not a", "can never hold"),
    ("type: temporal, condition: a and not a", "can never hold"),
    ("type: temporal_ordered, rules: [a, b, c], condition: {gte: 2}", "ambiguous"),
    ("type: temporal_ordered, condition: a and (b or c)", "ambiguous"),
    ("type: temporal_ordered, condition: a and not b", "ambiguous"),
    ("type: event_count, rules: [a], condition: {field: User, gte: 2}", "event_count counts no values"),
    ("type: value_sum, rules: [a], condition: {field: [In, Out], gte: 2}", "value_sum takes one field"),
    ("type: value_count, rules: [a], condition: {field: [1], gte: 2}", "is not a field"),
    ("type: value_percentile, rules: [a], condition: {field: Size, gte: 2}", "needs a percentile"),
    ("type: value_percentile, rules: [a], condition: {field: Size, percentile: 101, gte: 2}", "needs a percentile"),
    ("type: value_sum, rules: [a], condition: {field: Size, percentile: 10, gte: 2}", "value_sum has none"),
    ("type: temporal, rules: [a, b], aliases: {Ip: {nobody: SourceIp}}", "'nobody' is not one of the rules"),
    ("type: temporal, rules: [a, inner], group-by: [User]", "'User' is not in the group-by of the inner correlation"),
    ("type: value_count, rules: [inner], condition: {field: User, gte: 2}", "condition: field: 'User' is not in"),
]


@pytest.mark.parametrize(("correlation", "message"), REFUSED)
def test_what_cannot_be_exact_is_refused_by_rule_and_part(correlation: str, message: str) -> None:
    with pytest.raises(RuleError, match=f"^rule 'Outer': .*{message}"):
        read(correlation)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ({"gt": 5, "lt": 6}, "can never hold"),
        ({"gt": "many"}, "'many' is not a number"),
        ({"gt": True}, "True is not a number"),
        ({"more": 5}, "more is not known"),
        ({}, "none of"),
    ],
)
def test_a_written_condition_is_checked(written: dict[str, object], message: str) -> None:
    with pytest.raises(RuleError, match=message):
        read("type: event_count, rules: [a], condition: {gt: 5}", written=written)


def test_a_sum_may_lie_between_neighbouring_whole_numbers() -> None:
    condition = "{field: Size, gt: 5}"
    made = read(f"type: value_sum, rules: [a], condition: {condition}", written={"field": "Size", "gt": 5, "lt": 6})
    assert made.met_by is not None
    with pytest.raises(RuleError, match="can never hold"):
        read(f"type: value_sum, rules: [a], condition: {condition}", written={"field": "Size", "gt": 6, "lt": 5})


@pytest.mark.parametrize(
    "correlation",
    [
        "type: temporal, rules: [a, b, c]",
        "type: temporal, condition: a or b",
        "type: temporal, rules: [a]",
        "type: event_count, rules: [a, b], condition: {gte: 2}",
    ],
)
def test_pairs_are_of_two_rules_that_must_both_fire(correlation: str) -> None:
    with pytest.raises(RuleError, match="emit: pair"):
        read(correlation, emit="pair")


def test_inner_correlations_come_first_and_circles_are_refused() -> None:
    def made(rule: str, *members: str) -> CorrelationPlan:
        return CorrelationPlan(rule, rule, "event_count", members, 1, (), {}, (Bound("gte", Decimal(1)),))

    assert [p.rule for p in inner_first([made("z", "y", "b"), made("y", "x"), made("x", "a")])] == ["x", "y", "z"]
    with pytest.raises(RuleError, match="circle"):
        inner_first([made("x", "y"), made("y", "x")])


def test_the_seed_rule_of_pairs_is_read() -> None:
    (path,) = (Path(folder) / "seed/archive_then_network.yml" for folder in exfilwatch.rules.__path__)
    rules = SigmaCollection.load_ruleset([path]).rules
    (correlation,) = (rule for rule in rules if isinstance(rule, SigmaCorrelationRule))
    made = plan(correlation, emit="pair")
    assert (made.timespan, made.group_by, len(made.drivers)) == (300_000_000, ("Computer",), 2)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (7, "7"),
        (" 7 ", "7"),
        (0.1, "0.1"),
        ("1e3", "1000"),
        ("0x1f", "31"),
        ("-.5", "-0.5"),
        (True, None),
        (None, None),
        ("", None),
        ("nan", None),
        ("1_000", None),
        ("٣", None),
        (float("inf"), None),
        ("1e9999", None),
        ("9" * 65, None),
        (10**400, None),
    ],
)
def test_numbers_are_read_exactly_and_hostile_ones_not_at_all(value: object, expected: str | None) -> None:
    assert number(value) == (None if expected is None else Decimal(expected))
