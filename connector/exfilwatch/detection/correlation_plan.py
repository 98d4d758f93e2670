"""A Sigma correlation, ready to be evaluated: read from pySigma's model, refused where it can't be exact.

Source: Sigma Correlation Rules Specification 2.1.0, and what pySigma adds to it: extended conditions, value_median and
`percentile`.
"""

from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from graphlib import CycleError, TopologicalSorter
from itertools import combinations
from math import ceil
from typing import Literal, TypeAlias, get_args

import msgspec
from sigma.correlations import (
    CorrelationConditionAND,
    CorrelationConditionItem,
    CorrelationConditionNOT,
    SigmaCorrelationCondition,
    SigmaCorrelationRule,
    SigmaExtendedCorrelationCondition,
    SigmaRuleReference,
)
from sigma.rule import SigmaRuleBase

from exfilwatch.detection.correlation_condition import (
    MAX_NEGATED,
    AllOf,
    AnyOf,
    Bound,
    Bounds,
    Expression,
    Member,
    Not,
    Operator,
    countable,
    measurable,
    negates,
    number,
    subsets,
    true_of,
    within,
)
from exfilwatch.detection.extension import New
from exfilwatch.detection.newness import Newness
from exfilwatch.errors import RuleError

Emit: TypeAlias = Literal["window", "pair"]
OfTree: TypeAlias = Literal["prefer", "require"] | None
OPERATORS: tuple[Operator, ...] = get_args(Operator)
TEMPORAL = ("temporal", "temporal_ordered")
MEDIAN = Decimal(50)
_MOST_LEADING = 3


class CorrelationPlan(msgspec.Struct, frozen=True):
    """One correlation. `timespan` is in microseconds; `members` are rule ids, in the order that temporal_ordered asks.

    `condition` bounds a number (of events, of values, of rules present, or a sum, average or percentile of numbers), or
    says which rules must be present. `fields` are the condition's, `percentile` its number from 0 to 100.
    `aliases` gives for each alias the field of each member that has one. `tree`: whether a match of one process tree
    comes before one of the whole group, or is the only one (correlate.py); None: nobody asks for it. `jitter`: the
    events must come at regular intervals (cadence.py), off by this share of them at most; None: whenever they like.
    `newness`: only what is new of the group is found (newness.py); `fields` is what is compared.
    """

    rule: str
    title: str
    kind: str
    members: tuple[str, ...]
    timespan: int
    group_by: tuple[str, ...]
    aliases: dict[str, dict[str, str]]
    condition: Bounds | Expression
    fields: tuple[str, ...] = ()
    percentile: Decimal = MEDIAN
    emit: Emit = "window"
    tree: OfTree = None
    jitter: float | None = None
    newness: Newness | None = None

    def group_fields(self, member: str) -> tuple[str, ...]:
        """The fields of an event of `member` that make its group, in order. An alias without it is a field's name."""
        return tuple(self.aliases.get(name, {}).get(member, name) for name in self.group_by)

    def value_fields(self, member: str) -> tuple[str, ...]:
        """The fields of an event of `member` that make `Hit.value`, in order."""
        return tuple(self.aliases.get(name, {}).get(member, name) for name in self.fields)

    def met_by(self, present: Collection[str]) -> bool:
        """Whether a temporal correlation holds when exactly the members `present` fired in a window."""
        if isinstance(self.condition, tuple):
            return within(self.condition, len(present))
        return true_of(self.condition, present)

    def host(self, group: tuple[str, ...]) -> str:
        """Which host a group is of, as far as its fields say: Computer, else the first."""
        at = self.group_by.index("Computer") if "Computer" in self.group_by else 0
        return group[at] if group else ""

    @property
    def least(self) -> int:
        """How many events an event_count of at least so many asks for."""
        bounds = self.condition if isinstance(self.condition, tuple) else ()
        return max((ceil(b.limit) + (b.op == "gt" and b.limit == ceil(b.limit)) for b in bounds), default=1)

    @property
    def drivers(self) -> tuple[str, ...]:
        """Members without which nothing matches, and whose neighbourhood is all that matters (`correlate.near`).

        Hits of other members farther than the timespan from each hit of a driver change no match. Empty where that is
        not so: for counts, and for conditions that more hits can make false.
        """
        if self.kind not in TEMPORAL or not self._grows():
            return ()
        return tuple(m for m in self.members if not self.met_by([other for other in self.members if other != m]))

    @property
    def leading(self) -> list[tuple[str, ...]]:
        """Members of which one has to be there, as a driver has: the smallest such sets, of at most `_MOST_LEADING`."""
        if self.kind not in TEMPORAL or not self._grows():
            return []
        found: list[tuple[str, ...]] = []
        for size in range(1, _MOST_LEADING + 1):
            for some in combinations(self.members, size):
                others = [member for member in self.members if member not in some]
                if not any(set(smaller) <= set(some) for smaller in found) and not self.met_by(others):
                    found.append(some)
        return found

    @property
    def lasts(self) -> bool:
        """Whether what matched goes on to match, whatever comes later: of counts, only those that ask for enough.

        So do sums, which only numbers below zero undo: who sums these up has a finding withdrawn then.
        """
        if self.kind in ("event_count", "value_count", "value_sum") and isinstance(self.condition, tuple):
            return all(bound.op in ("gt", "gte") for bound in self.condition)
        return self.kind in TEMPORAL and self._grows()

    def _grows(self) -> bool:
        """Whether more members present never make the condition false."""
        condition = self.condition
        if isinstance(condition, tuple):
            counts = range(1, len(self.members))
            return all(within(condition, n + 1) for n in counts if within(condition, n))
        return not negates(condition)


def member_id(rule: SigmaRuleBase) -> str:
    """The id under which a rule's hits are kept: its Sigma id, else its name, else its title."""
    return str(rule.id) if rule.id else rule.name or rule.title


def plan(
    rule: SigmaCorrelationRule,
    *,
    emit: Emit = "window",
    tree: OfTree = None,
    condition: Mapping[str, object] | None = None,
    jitter: float | None = None,
    new: New | None = None,
) -> CorrelationPlan:
    """The plan of a correlation whose references are resolved; RuleError names what can't be evaluated exactly.

    `condition` is the condition as written, for ranges: the specification has `{gt: 100, lte: 200}`, pySigma refuses
    it, so the loader hands pySigma one bound and us both.
    """
    return _Reader(rule).plan(emit, tree, condition, jitter, new)


def inner_first(plans: Iterable[CorrelationPlan]) -> list[CorrelationPlan]:
    """Plans in an order in which each comes after the correlations it refers to; RuleError when they form a circle."""
    by_rule = {plan.rule: plan for plan in plans}
    graph = {rule: [m for m in plan.members if m in by_rule] for rule, plan in sorted(by_rule.items())}
    try:
        return [by_rule[rule] for rule in TopologicalSorter(graph).static_order()]
    except CycleError as error:
        circle: list[str] = error.args[1]
        raise RuleError(
            f"correlations refer to each other in a circle: {' -> '.join(circle)}", rule=circle[0]
        ) from None


class _Reader:
    """Reads one rule; each method answers for one part of it."""

    def __init__(self, rule: SigmaCorrelationRule) -> None:
        self.rule = rule
        if rule.errors:
            raise self.error("; ".join(str(error) for error in rule.errors))
        self.kind = rule.type.name.lower()
        self.ids: dict[str, str] = {}
        self.members = self._members()

    def error(self, message: str) -> RuleError:
        source = self.rule.source
        return RuleError(message, rule=self.rule.title or member_id(self.rule), path=str(source.path) if source else "")

    def plan(
        self, emit: Emit, tree: OfTree, written: Mapping[str, object] | None, jitter: float | None, new: New | None
    ) -> CorrelationPlan:
        condition, fields, percentile = self._condition(written)
        if new is not None:
            fields = (new.field,)
        made = CorrelationPlan(
            rule=member_id(self.rule),
            title=self.rule.title,
            kind=self.kind,
            members=self.members,
            timespan=self.rule.timespan.seconds * 1_000_000,
            group_by=tuple(self.rule.group_by or ()),
            aliases=self._aliases(),
            condition=condition,
            fields=fields,
            percentile=percentile,
            emit=emit,
            tree=tree,
            jitter=jitter,
            newness=self._newness(new) if new else None,
        )
        self._check_possible(made)
        self._check_whole(made)
        self._check_regular(made)
        self._check_new(made)
        self._check_nested(made)
        self._check_tree(made)
        return made

    def _members(self) -> tuple[str, ...]:
        references = self.rule.referenced_rules or self.rule.rules or []
        members = []
        for reference in references:
            rule: SigmaRuleBase | None = getattr(reference, "rule", None)
            if rule is None:
                raise self.error(f"rules: {reference.reference!r} is not resolved to a rule")
            member = member_id(rule)
            if member in members:
                raise self.error(f"rules: {reference.reference!r} is listed twice")
            members.append(member)
            self.ids |= {name: member for name in (reference.reference, str(rule.id), rule.name) if name}
        if not members:
            raise self.error("rules: none is listed")
        return tuple(members)

    def _member(self, reference: SigmaRuleReference, part: str) -> str:
        if reference.reference not in self.ids:
            raise self.error(f"{part}: {reference.reference!r} is not one of the rules")
        return self.ids[reference.reference]

    def _aliases(self) -> dict[str, dict[str, str]]:
        return {
            alias.alias: {self._member(ref, f"aliases: {alias.alias}"): name for ref, name in alias.mapping.items()}
            for alias in self.rule.aliases
        }

    def _condition(self, written: Mapping[str, object] | None) -> tuple[Bounds | Expression, tuple[str, ...], Decimal]:
        condition = self.rule.condition
        if isinstance(condition, SigmaExtendedCorrelationCondition):
            return self._expression(condition.parsed), (), MEDIAN
        found = written if written is not None else self._as_written(condition)
        if unknown := sorted(set(found) - {*OPERATORS, "field", "percentile"}):
            raise self.error(f"condition: {', '.join(unknown)} is not known")
        bounds = tuple(Bound(op, self._limit(op, found[op])) for op in OPERATORS if op in found)
        if not bounds:
            raise self.error(f"condition: none of {', '.join(OPERATORS)}")
        return bounds, self._fields(found.get("field")), self._percentile(found.get("percentile"))

    def _as_written(self, condition: SigmaCorrelationCondition) -> Mapping[str, object]:
        # pySigma cuts a percentile of 99.9 down to 99, so the text goes first.
        custom = (self.rule.custom_attributes or {}).get("correlation")
        raw = custom.get("condition") if isinstance(custom, dict) else None
        return raw if isinstance(raw, dict) else condition.to_dict()

    def _limit(self, op: str, value: object) -> Decimal:
        limit = number(value)
        if limit is None:
            raise self.error(f"condition: {op}: {value!r} is not a number")
        return limit

    def _fields(self, value: object) -> tuple[str, ...]:
        names = [value] if isinstance(value, str) else value if isinstance(value, list) else []
        fields = tuple(name for name in names if isinstance(name, str) and name)
        if len(fields) != len(names) or (value is not None and not fields):
            raise self.error(f"condition: field: {value!r} is not a field or a list of fields")
        if not self.kind.startswith("value_"):
            if fields:
                raise self.error(f"condition: field: {self.kind} counts no values")
        elif not fields:
            raise self.error(f"condition: {self.kind} needs a field")
        elif self.kind != "value_count" and len(fields) > 1:
            raise self.error(f"condition: field: {self.kind} takes one field")
        return fields

    def _percentile(self, value: object) -> Decimal:
        if self.kind != "value_percentile":
            if value is not None:
                raise self.error(f"condition: percentile: {self.kind} has none")
            return MEDIAN
        percentile = number(value)
        if percentile is None or not 0 <= percentile <= 100:
            raise self.error(f"condition: value_percentile needs a percentile from 0 to 100, not {value!r}")
        return percentile

    def _expression(self, node: CorrelationConditionItem | SigmaRuleReference) -> Expression:
        if isinstance(node, SigmaRuleReference):
            return Member(self._member(node, "condition"))
        parts = tuple(self._expression(part) for part in node.args)
        if isinstance(node, CorrelationConditionNOT):
            return Not(parts[0])
        return AllOf(parts) if isinstance(node, CorrelationConditionAND) else AnyOf(parts)

    def _check_possible(self, made: CorrelationPlan) -> None:
        """A condition that no window with a hit can meet would be a rule that silently never fires."""
        condition = made.condition
        if isinstance(condition, tuple):
            whole = self.kind in ("event_count", "value_count", *TEMPORAL)
            most = len(made.members) if self.kind in TEMPORAL else None
            possible = countable(condition, most) if whole else measurable(condition)
        elif not negates(condition):
            possible = True
        elif len(made.members) > MAX_NEGATED:
            raise self.error(f"condition: `not` among more than {MAX_NEGATED} rules")
        else:
            possible = any(true_of(condition, present) for present in subsets(made.members))
        if not possible:
            raise self.error("condition: can never hold; a window without events is not seen")

    def _check_whole(self, made: CorrelationPlan) -> None:
        """An order, and a pair, is of all members: of fewer it could be meant in several ways."""
        every = self.kind in TEMPORAL and set(made.drivers) == set(made.members)
        if self.kind == "temporal_ordered" and not every:
            raise self.error("condition: temporal_ordered needs all of its rules; an order of fewer is ambiguous")
        if made.emit == "pair" and not (every and len(made.members) == 2):
            raise self.error("emit: pair needs a temporal correlation of exactly two rules")

    def _check_tree(self, made: CorrelationPlan) -> None:
        """A match of a tree must stay one, whatever hits come; and what a member fired on must be of one process."""
        if made.tree is None:
            return
        if not made.lasts or self.kind not in TEMPORAL:
            raise self.error("exfilwatch: tree: needs a temporal correlation that more events can only fulfil")
        if "Computer" not in made.group_by:
            raise self.error("exfilwatch: tree: needs Computer in the group-by: process ids are those of one host")
        if any(isinstance(reference.rule, SigmaCorrelationRule) for reference in self.rule.referenced_rules):
            raise self.error("exfilwatch: tree: a member is a correlation, whose events can be of several processes")

    def _check_regular(self, made: CorrelationPlan) -> None:
        """More events must never make it false, and it takes three to have two intervals."""
        if made.jitter is not None and not (self.kind == "event_count" and made.lasts and made.least >= 3):
            raise self.error("regular: stands only in an event_count of at least so many (gte: 3 or more)")

    def _newness(self, new: New) -> Newness:
        days = self.rule.timespan.seconds // 86_400
        if days <= new.learned:
            raise self.error(f"new: the timespan must be longer than the {new.learned} days that are learned")
        if new.by not in self.ids:
            raise self.error(f"new: by: {new.by!r} is not one of the rules")
        return Newness(self.ids[new.by], days, new.learned)

    def _check_new(self, made: CorrelationPlan) -> None:
        """A single event is enough to be new: more of them would have to be counted apart from history."""
        if made.newness is None:
            return
        if self.kind != "event_count" or not made.lasts or made.least != 1 or made.jitter is not None:
            raise self.error("new: stands only in an event_count of at least one (gte: 1), without regular")

    def _check_nested(self, made: CorrelationPlan) -> None:
        """A match of an inner correlation has the values of its own group, and no others."""
        for reference in self.rule.referenced_rules:
            inner = reference.rule
            if not isinstance(inner, SigmaCorrelationRule):
                continue
            member = member_id(inner)
            wanted = {"group-by": made.group_fields(member), "condition: field": made.value_fields(member)}
            for part, names in wanted.items():
                for name in names:
                    if name not in (inner.group_by or ()):
                        raise self.error(f"{part}: {name!r} is not in the group-by of the inner correlation {member!r}")
