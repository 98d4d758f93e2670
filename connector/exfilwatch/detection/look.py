"""A look at the rows of one class: what their short values leave to ask is remembered by these values."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any

from exfilwatch.detection.left import Left
from exfilwatch.detection.screen import Plan
from exfilwatch.detection.together import Together
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

    together: Together | None = None

    def lefts(self, rows: Sequence[Row]) -> list[Left | None]:
        """What the short values of each row leave."""
        found: list[Any] = list(map(self.left.get, map(self.values, rows), repeat(self)))
        if self in found:
            found = [self._known(row) if left is self else left for left, row in zip(found, rows, strict=True)]
        return found

    def firing(self, rows: Sequence[Row], lefts: Sequence[Left]) -> list[bool]:
        """Of each row whether some rule can fire on it, of which that is left."""
        if self.together is None:
            return [left.may_fire(row) for left, row in zip(lefts, rows, strict=True)]
        return [
            left.every or (left.may_fire(row) if found is None else left.told(found))
            for left, row, found in zip(lefts, rows, self.together.found(rows), strict=True)
        ]

    def may_fire(self, row: Row) -> bool:
        """Whether some rule can fire on a row whose values leave what is not known yet, or depends on their types."""
        left = self._known(row)
        return left is not None and left.may_fire(row)

    def _known(self, row: Row) -> Left | None:
        values = self.values(row)
        found = self.left.get(values, self)
        if isinstance(found, Look):
            typed = (values, _types(values))
            found = self.left.get(typed, self)
            if isinstance(found, Look):
                found = self._ask(values, typed, row)
        return found

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
