"""When a correlation holds: bounds on a number that was counted, or an expression over the member rules present.

Numbers are exact decimals, what the text of the event or the rule says (0.1 is a tenth), so that a sum does not depend
on the order of its parts.
"""

import math
import operator
import re
from collections.abc import Callable, Collection, Iterable
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, Inexact, InvalidOperation
from itertools import combinations, pairwise
from typing import Literal, TypeAlias

import msgspec

Operator: TypeAlias = Literal["lt", "lte", "gt", "gte", "eq", "neq"]

COMPARE: dict[Operator, Callable[[int | Decimal, int | Decimal], bool]] = {
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
    "eq": operator.eq,
    "neq": operator.ne,
}
MAX_NEGATED = 16
"""Rules that an expression with `not` may name: each choice of them is tried to see whether it can hold."""

EXACT = Context(prec=4000, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[Inexact, InvalidOperation])
"""Sums and products of what `number` lets in have at most some 2,200 digits: nothing is ever rounded."""
_LARGEST = 2**1024
_LONGEST = 64
_DECIMAL = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
_HEX = re.compile(r"0[xX][0-9a-fA-F]+")


def number(value: object) -> Decimal | None:
    """What a value of an event or of a condition says as a number; None when it says none (booleans, NaN, words).

    Texts count when they are decimal or 0x hex and at most 64 characters long, integers up to the size of the largest
    float, which bounds what hostile ones cost.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return Decimal(value) if -_LARGEST < value < _LARGEST else None
    if isinstance(value, float):
        return Decimal(repr(value)) if math.isfinite(value) else None
    if not isinstance(value, str) or len(value) > _LONGEST:
        return None
    text = value.strip()
    if _DECIMAL.fullmatch(text):
        return Decimal(text)
    return Decimal(int(text, 16)) if _HEX.fullmatch(text) else None


class Bound(msgspec.Struct, frozen=True):
    """One comparison of what was counted with a limit."""

    op: Operator
    limit: Decimal

    def holds(self, counted: int | Decimal) -> bool:
        return COMPARE[self.op](counted, self.limit)


Bounds: TypeAlias = tuple[Bound, ...]


def within(bounds: Bounds, counted: int | Decimal) -> bool:
    """Whether every bound holds: several make a range."""
    return all(bound.holds(counted) for bound in bounds)


def countable(bounds: Bounds, most: int | None = None) -> bool:
    """Whether some whole number from 1 (to `most`) is within the bounds: nobody sees a window without hits.

    Between two neighbouring limits all whole numbers fare alike, so it is enough to try the first of each stretch.
    """
    edges = {math.floor(bound.limit) for bound in bounds}
    candidates = {1} | edges | {edge + 1 for edge in edges}
    return any(within(bounds, n) for n in candidates if n >= 1 and (most is None or n <= most))


def measurable(bounds: Bounds) -> bool:
    """Whether some number at all is within the bounds."""
    limits = sorted({bound.limit for bound in bounds})
    between = [EXACT.multiply(EXACT.add(low, high), Decimal("0.5")) for low, high in pairwise(limits)]
    outside = [EXACT.subtract(limits[0], 1), EXACT.add(limits[-1], 1)]
    return any(within(bounds, n) for n in [*limits, *between, *outside])


class Member(msgspec.Struct, frozen=True):
    """The rule fired in the window."""

    rule: str


class Not(msgspec.Struct, frozen=True):
    part: "Expression"


class AllOf(msgspec.Struct, frozen=True):
    parts: "tuple[Expression, ...]"


class AnyOf(msgspec.Struct, frozen=True):
    parts: "tuple[Expression, ...]"


Expression: TypeAlias = Member | Not | AllOf | AnyOf


def true_of(expression: Expression, present: Collection[str]) -> bool:
    """Whether the expression is true when exactly the rules `present` fired."""
    match expression:
        case Member(rule):
            return rule in present
        case Not(part):
            return not true_of(part, present)
        case AllOf(parts):
            return all(true_of(part, present) for part in parts)
        case AnyOf(parts):
            return any(true_of(part, present) for part in parts)


def negates(expression: Expression) -> bool:
    """Whether the expression has a `not`: without one, more hits never make it false."""
    match expression:
        case Member():
            return False
        case Not():
            return True
        case AllOf(parts) | AnyOf(parts):
            return any(negates(part) for part in parts)


def subsets(rules: tuple[str, ...]) -> Iterable[tuple[str, ...]]:
    """Every choice of at least one rule."""
    return (chosen for size in range(1, len(rules) + 1) for chosen in combinations(rules, size))
