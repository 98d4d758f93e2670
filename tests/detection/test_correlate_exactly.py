"""Correlation against a reference that tries every window and every choice, and its independence of order and size."""

import itertools
import math
import random
import statistics
import time
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exfilwatch.detection.correlate import matches, near
from exfilwatch.detection.correlation_condition import AllOf, AnyOf, Bound, Expression, Member, Not, Operator
from exfilwatch.detection.correlation_plan import CorrelationPlan, Emit
from exfilwatch.detection.hits import Hit, HitStore

SPAN = 5_000
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
Shown = set[frozenset[tuple[str, str]]]
Window = frozenset[Hit]

operators: st.SearchStrategy[Operator] = st.sampled_from(["lt", "lte", "gt", "gte", "eq", "neq"])
numbers = st.one_of(st.integers(-3, 3), st.sampled_from([0.1, 0.2, 0.5, "1", "0.1", "x", None, True]))


@st.composite
def hit_lists(draw: st.DrawFn, rules: str = "abc") -> list[Hit]:
    """Up to 12 hits in four timespans, many of them of one millisecond, with some doubles and shared events."""
    events = draw(st.lists(st.tuples(st.integers(0, 80), numbers), max_size=9))
    drawn = []
    for number, (at, value) in enumerate(events):
        fired = draw(st.sets(st.sampled_from(rules), min_size=1, max_size=2))
        drawn += [Hit(rule, ("g",), at * 250, f"e{number}", (value,)) for rule in sorted(fired)]
    return drawn + draw(st.lists(st.sampled_from(drawn), max_size=2) if drawn else st.just([]))


def make(
    kind: str, condition: tuple[Bound, ...] | Expression, emit: Emit = "window", members: str = "abc"
) -> CorrelationPlan:
    return CorrelationPlan(
        "r", "r", kind, tuple(members), SPAN, ("Computer",), {}, condition, ("V",), Decimal(50), emit
    )


def found(plan: CorrelationPlan, hits: list[Hit]) -> Shown:
    result = matches(plan, hits)
    assert all(list(m.hits) == sorted(m.hits, key=lambda hit: (hit.time, hit.event, hit.rule)) for m in result)
    assert [m.first for m in result] == sorted(m.first for m in result) or plan.emit == "pair"
    return {frozenset((hit.rule, hit.event) for hit in match.hits) for match in result}


def anchored(hits: list[Hit]) -> set[Window]:
    return {frozenset(h for h in hits if first.time <= h.time <= first.time + SPAN) for first in hits}


def maximal(windows: set[Window]) -> set[Window]:
    return {window for window in windows if not any(window < other for other in windows)}


def united(windows: set[Window]) -> Shown:
    """Windows that share a hit, again and again made one until none do."""
    groups = [set(window) for window in windows]
    while True:
        for one, other in itertools.combinations(groups, 2):
            if one & other:
                groups.remove(other)
                one |= other
                break
        else:
            return {frozenset((hit.rule, hit.event) for hit in group) for group in groups}


def compare(op: Operator, left: Fraction, right: Fraction) -> bool:
    return {
        "lt": left < right, "lte": left <= right, "gt": left > right,
        "gte": left >= right, "eq": left == right, "neq": left != right,
    }[op]  # fmt: skip


def decimals(window: Window) -> list[Fraction]:
    """The numbers of a window: what an event shows to two rules once, and no words or booleans."""
    seen = {
        (hit.event, str(hit.value[0])) for hit in window if hit.value[0] not in (None, "x") and hit.value[0] is not True
    }
    return sorted(Fraction(value) for _, value in seen)


def percentile(values: list[Fraction], percent: int) -> Fraction:
    rank = Fraction((len(values) - 1) * percent, 100)
    low, high = values[math.floor(rank)], values[math.ceil(rank)]
    return low + (high - low) * (rank - math.floor(rank))


MEASURES: dict[str, Callable[[Window], Fraction | None]] = {
    "event_count": lambda window: Fraction(len({hit.event for hit in window})),
    "value_count": lambda window: Fraction(len({str(h.value[0]) for h in window if h.value[0] is not None})) or None,
    "value_sum": lambda window: sum(decimals(window), Fraction()) if decimals(window) else None,
    "value_avg": lambda window: statistics.mean(decimals(window)) if decimals(window) else None,
    "value_median": lambda window: statistics.median(decimals(window)) if decimals(window) else None,
    "temporal": lambda window: Fraction(len({hit.rule for hit in window})),
}


@pytest.mark.parametrize("kind", MEASURES)
@unhurried
@given(
    hits=hit_lists(),
    bounds=st.lists(
        st.builds(Bound, operators, st.sampled_from(["0", "1", "2", "3", "0.1", "0.15"]).map(Decimal)),
        min_size=1,
        max_size=2,
    ),
)
def test_counts_and_numbers_are_those_of_every_window_tried(kind: str, hits: list[Hit], bounds: list[Bound]) -> None:
    def holds(window: Window) -> bool:
        measured = MEASURES[kind](window)
        return measured is not None and all(compare(b.op, measured, Fraction(b.limit)) for b in bounds)

    expected = united({window for window in maximal(anchored(hits)) if holds(window)})
    assert found(make(kind, tuple(bounds)), hits) == expected


@unhurried
@given(
    hits=hit_lists(),
    op=operators,
    limit=st.sampled_from(["0", "1", "0.1", "0.15"]).map(Decimal),
    percent=st.integers(0, 100),
)
def test_percentiles_are_those_of_every_window_tried(
    hits: list[Hit], op: Operator, limit: Decimal, percent: int
) -> None:
    plan = CorrelationPlan(
        "r", "r", "value_percentile", ("a", "b", "c"), SPAN, (), {}, (Bound(op, limit),), ("V",), Decimal(percent)
    )
    windows = {w for w in maximal(anchored(hits)) if decimals(w)}
    expected = united({w for w in windows if compare(op, percentile(decimals(w), percent), Fraction(limit))})
    assert found(plan, hits) == expected


@pytest.mark.parametrize("kind", ["event_count", "value_count", "temporal"])
@unhurried
@given(hits=hit_lists(), least=st.integers(1, 4))
def test_for_growing_conditions_windows_inside_others_change_nothing(kind: str, hits: list[Hit], least: int) -> None:
    every = {window for window in anchored(hits) if (MEASURES[kind](window) or 0) >= least}
    assert found(make(kind, (Bound("gte", Decimal(least)),)), hits) == united(every)


expressions: st.SearchStrategy[Expression] = st.recursive(
    st.builds(Member, st.sampled_from("abc")),
    lambda parts: st.one_of(
        st.builds(Not, parts),
        st.builds(AllOf, st.tuples(parts, parts)),
        st.builds(AnyOf, st.tuples(parts, parts)),
    ),
    max_leaves=5,
)


def as_python(expression: Expression) -> str:
    match expression:
        case Member(rule):
            return f"({rule!r} in present)"
        case Not(part):
            return f"(not {as_python(part)})"
        case AllOf(parts):
            return f"({' and '.join(map(as_python, parts))})"
        case AnyOf(parts):
            return f"({' or '.join(map(as_python, parts))})"


@unhurried
@given(hits=hit_lists(), expression=expressions)
def test_expressions_are_true_of_the_rules_in_a_window(hits: list[Hit], expression: Expression) -> None:
    rule = compile(as_python(expression), "expression", "eval")
    windows = {w for w in maximal(anchored(hits)) if eval(rule, {"present": {hit.rule for hit in w}})}
    assert found(make("temporal", expression), hits) == united(windows)


def in_order(choice: tuple[Hit, ...]) -> bool:
    milliseconds = [hit.time // 1000 for hit in choice]
    times = [hit.time for hit in choice]
    return milliseconds == sorted(milliseconds) and max(times) - min(times) <= SPAN


@unhurried
@given(hits=hit_lists(), members=st.permutations("abc").map("".join), size=st.integers(1, 3))
def test_an_order_is_found_where_some_choice_of_hits_has_it(hits: list[Hit], members: str, size: int) -> None:
    members = members[:size]
    hits = [hit for hit in hits if hit.rule in members]
    by_rule = [[hit for hit in hits if hit.rule == member] for member in members]
    choices = {frozenset(choice) for choice in itertools.product(*by_rule) if in_order(choice)}
    windows = {frozenset().union(*(c for c in choices if c <= window)) for window in anchored(hits)} - {frozenset()}
    plan = make("temporal_ordered", (Bound("gte", Decimal(size)),), members=members)
    assert found(plan, hits) == united(windows)
    assert frozenset().union(*found(plan, hits)) == {(h.rule, h.event) for choice in choices for h in choice}


@pytest.mark.parametrize("kind", ["temporal", "temporal_ordered"])
@unhurried
@given(hits=hit_lists("ab"))
def test_pairs_are_all_pairs_near_enough(kind: str, hits: list[Hit]) -> None:
    tried = {(a.event, b.event) for a in hits for b in hits if (a.rule, b.rule) == ("a", "b")
             and abs(a.time - b.time) <= SPAN and (kind == "temporal" or a.time // 1000 <= b.time // 1000)}  # fmt: skip
    result = matches(make(kind, (Bound("gte", Decimal(2)),), "pair", "ab"), hits)
    pairs = [({hit.rule: hit.event for hit in m.hits}) for m in result]
    assert len(pairs) == len(tried)
    assert {(pair["a"], pair["b"]) for pair in pairs} == tried


CONDITIONS: list[CorrelationPlan] = [
    *(make(kind, (Bound("gte", Decimal(2)),)) for kind in MEASURES),
    *(make(kind, (Bound("lte", Decimal(2)), Bound("neq", Decimal(1)))) for kind in MEASURES),
    make("temporal", AllOf((Member("a"), Not(Member("b"))))),
    make("temporal_ordered", (Bound("gte", Decimal(3)),)),
]


@pytest.mark.parametrize("plan", CONDITIONS, ids=lambda plan: plan.kind)
@unhurried
@given(data=st.data())
def test_neither_order_of_arrival_nor_doubles_nor_the_disk_change_a_match(
    plan: CorrelationPlan, data: st.DataObject
) -> None:
    hits = data.draw(hit_lists())
    expected = matches(plan, hits)
    arrived = data.draw(st.permutations(hits)) + hits[: data.draw(st.integers(0, len(hits)))]
    with HitStore(max_hits=data.draw(st.integers(0, 8))) as store:
        for hit in arrived:
            store.add("r", hit)
        assert [match for _, group in store.groups("r") for match in matches(plan, group)] == expected


TEMPORAL = [
    make("temporal", (Bound("gte", Decimal(3)),)),
    make("temporal", (Bound("gte", Decimal(2)),)),
    make("temporal", AllOf((Member("a"), AnyOf((Member("b"), Member("c")))))),
    make("temporal_ordered", (Bound("gte", Decimal(3)),)),
]


@pytest.mark.parametrize("plan", TEMPORAL)
@unhurried
@given(hits=hit_lists())
def test_what_is_not_near_those_that_lead_is_not_needed(plan: CorrelationPlan, hits: list[Hit]) -> None:
    assert plan.leading
    for leaders in plan.leading:
        times = sorted(hit.time for hit in hits if hit.rule in leaders)
        kept = [hit for hit in hits if hit.rule in leaders or near(plan.timespan, times, hit.time)]
        assert matches(plan, kept) == matches(plan, hits)


def many(rules: str, hits: int, spread: int) -> list[Hit]:
    """Hits of one group, `spread` microseconds apart on average, out of order, with a long tail of sizes."""
    draw = random.Random(4)
    values = [
        draw.choice([draw.randrange(10**6), round(draw.random() * 100, 2), f"{draw.random():.3f}"]) for _ in range(hits)
    ]
    return [Hit(draw.choice(rules), ("g",), draw.randrange(hits * spread), str(n), (values[n],)) for n in range(hits)]


FAST = [
    ("event_count", (Bound("gte", Decimal(100)),), "window", 20),
    ("value_count", (Bound("gte", Decimal(100)),), "window", 20),
    ("value_sum", (Bound("gte", Decimal(100)),), "window", 20),
    ("value_avg", (Bound("gte", Decimal(150_000)),), "window", 20),
    ("value_median", (Bound("gt", Decimal(50)), Bound("lt", Decimal(60))), "window", 20),
    ("value_percentile", (Bound("gte", Decimal(50)),), "window", 20),
    ("temporal", (Bound("gte", Decimal(2)),), "window", 20),
    ("temporal_ordered", (Bound("gte", Decimal(2)),), "window", 20),
    ("temporal", (Bound("gte", Decimal(2)),), "pair", 20_000),
]


@pytest.mark.parametrize(
    ("kind", "bounds", "emit", "spread"), FAST, ids=lambda value: str(value) if isinstance(value, str) else ""
)
def test_ten_times_the_hits_of_a_group_take_little_more_than_ten_times_as_long(
    kind: str, bounds: tuple[Bound, ...], emit: Emit, spread: int
) -> None:
    plan = make(kind, bounds, emit, "ab")

    def cost(count: int) -> float:
        hits, taken = many("ab", count, spread), []
        for _ in range(3):
            started = time.process_time()
            assert matches(plan, hits)
            taken.append(time.process_time() - started)
        return min(taken)

    few, tenfold = cost(6_000), cost(60_000)
    few = max(few, 0.02)  # what takes a few milliseconds measures the machine
    assert tenfold < 30 * few, f"{kind}: {few:.3f} s, then {tenfold:.3f} s of CPU"
