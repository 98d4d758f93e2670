"""Condition trees over members of records: what always and never holds, and, or and not of others."""

from collections.abc import Iterable

from exfilwatch.detection.condition import All, Any, Node, Not
from exfilwatch.detection.values import Null, Text, Wild

EVERY: Node = All(())
NONE: Node = Any(())
"""What holds of every record, and of none."""
PRESENT = Text([Wild.ANY, Wild.ONE, Wild.ANY], cased=True)
"""A text that is there and not empty, or a number."""
ABSENT = Null()


def every(parts: Iterable[Node]) -> Node:
    """All of the parts, without those that always hold or that another implies, and none where one never does."""
    left = dict.fromkeys(each for part in parts for each in (part.parts if isinstance(part, All) else (part,)))
    if NONE in left:
        return NONE
    kept = [part for part in left if not (isinstance(part, Any) and any(each in left for each in part.parts))]
    return kept[0] if len(kept) == 1 else All(tuple(kept))


def some(parts: Iterable[Node]) -> Node:
    """One of the parts, without those that never hold or that imply another, and always where one does."""
    left = dict.fromkeys(each for part in parts for each in (part.parts if isinstance(part, Any) else (part,)))
    if EVERY in left:
        return EVERY
    kept = [part for part in left if not (isinstance(part, All) and any(each in left for each in part.parts))]
    return kept[0] if len(kept) == 1 else Any(tuple(kept))


def negated(part: Node) -> Node:
    if part in (EVERY, NONE):
        return NONE if part == EVERY else EVERY
    return Not(part)
