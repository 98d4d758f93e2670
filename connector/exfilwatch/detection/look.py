"""A look at the rows of one class: what their short values leave to ask is remembered by these values."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from exfilwatch.detection.left import Left
from exfilwatch.detection.screen import Plan
from exfilwatch.events.typed import Row

_CACHED = 50_000


def _types(values: Any) -> tuple[type, ...]:
    return tuple(map(type, values)) if isinstance(values, tuple) else (type(values),)


@dataclass(slots=True, eq=False)
class Look:
    """How to look at the rows of one class: `values` of their short fields, and what a combination of these leaves;
    where it depends on their types as well, the look itself."""

    plan: Plan
    values: Callable[[Row], Any]
    left: "dict[Any, Left | Look | None]"

    def may_fire(self, row: Row) -> bool:
        """Whether some rule can fire on a row whose values leave what is not known yet, or depends on their types."""
        values = self.values(row)
        found = self.left.get(values, self)
        if found is self:
            typed = (values, _types(values))
            found = self.left.get(typed, self)
            if found is self:
                found = self._ask(values, typed, row)
        return found is not None and found.may_fire(row)

    def _ask(self, values: Any, typed: Any, row: Row) -> Left | None:
        if len(self.left) >= _CACHED:
            self.left.clear()
        left = self.plan.left(row)
        if any(value in (0, 1) for value in (values if isinstance(values, tuple) else (values,))):
            self.left[values] = self  # 1 and true are the same key, and not the same value
            self.left[typed] = left
        else:
            self.left[values] = left
        return left


EVERYTHING = Plan([], lambda _rule, _field: None, everything=True)
"""For rows of which nothing is known: every rule may fire."""
