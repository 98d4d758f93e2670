"""How the members of a path are written in a record: nested objects, keys with dots, or both."""

from collections.abc import Iterator
from typing import Any

from exfilwatch.events.event import Value
from exfilwatch.events.mapping import Expression, Getter, compile_expression
from exfilwatch.events.shape import based


def splits(path: str) -> Iterator[tuple[str, ...]]:
    """Every way in which a path can be written with dots in its keys."""
    yield (path,)
    for position, char in enumerate(path):
        if char == ".":
            yield from ((path[:position], *rest) for rest in splits(path[position + 1 :]))


def has(record: Value, spelling: tuple[str, ...]) -> bool:
    """Whether a record has the members so written, and not null."""
    for name in spelling:
        if not isinstance(record, dict) or name not in record:
            return False
        record = record[name]
    return record is not None


def paths_of(expression: Expression, bases: tuple[str, ...]) -> list[str]:
    """The paths that an expression looks at."""
    seen: list[str] = []

    def record(path: str) -> Getter[Any]:
        seen.append(path)
        return lambda _row: None

    compile_expression(expression, based(record, bases), "typed")
    return seen
