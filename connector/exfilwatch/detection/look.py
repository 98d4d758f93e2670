"""A look at the rows of one class: what their short values leave to ask is remembered by these values."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from exfilwatch.detection.left import Common, Left
from exfilwatch.detection.screen import Plan
from exfilwatch.events.typed import Row

_CACHED = 50_000
_BY_TYPE = Left([], [], Common([]))


def _types(values: Any) -> tuple[type, ...]:
    return tuple(map(type, values)) if isinstance(values, tuple) else (type(values),)


@dataclass(slots=True)
class Look:
    """How to look at the rows of one class: `values` of their short fields, and what a combination of these leaves."""

    plan: Plan
    values: Callable[[Row], Any]
    left: dict[Any, Left | None]

    def may_fire(self, row: Row) -> bool:
        """Whether some rule can fire on the row."""
        values = self.values(row)
        try:
            left = self.left[values]
        except KeyError:
            left = self._ask(values, row)
        if left is _BY_TYPE:
            left = self.left.get((values, _types(values)), _BY_TYPE)
            left = self._ask(values, row) if left is _BY_TYPE else left
        return left is not None and self.plan.may_fire(left, row)

    def _ask(self, values: Any, row: Row) -> Left | None:
        if len(self.left) >= _CACHED:
            self.left.clear()
        left = self.plan.left(row)
        if any(value in (0, 1) for value in (values if isinstance(values, tuple) else (values,))):
            self.left[values] = _BY_TYPE  # 1 and true are the same key, and not the same value
            self.left[values, _types(values)] = left
        else:
            self.left[values] = left
        return left


EVERYTHING = Plan([], lambda _rule, _field: None, everything=True)
"""For rows of which nothing is known: every rule may fire."""
