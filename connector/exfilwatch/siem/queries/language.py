"""From a condition over a source's members (native.py) to a language: what it can't say exactly is made wider.

A language says of one test on one member either something that holds wherever the test does (`wide`), or something that
holds only where the test does; under a `not` the two change places. True and False: always, never.
"""

from collections.abc import Sequence
from typing import Protocol, TypeVar

from exfilwatch.detection.condition import All, Any, FieldTest, Node, Not
from exfilwatch.detection.values import Test

Q = TypeVar("Q", str, dict[str, object])


class Language(Protocol[Q]):
    """How a language says things."""

    def test(self, path: str, test: Test, *, wide: bool) -> Q | bool: ...
    def every(self, parts: Sequence[Q]) -> Q: ...
    def some(self, parts: Sequence[Q]) -> Q: ...
    def negated(self, part: Q) -> Q: ...


def said(node: Node, language: Language[Q], *, wide: bool = True) -> Q | bool:
    """The condition in a language: it holds wherever `node` does (`wide`), or only there."""
    match node:
        case FieldTest(path, test):
            return language.test(path, test, wide=wide)
        case Not(part):
            inner = said(part, language, wide=not wide)
            return not inner if isinstance(inner, bool) else language.negated(inner)
        case All(parts) | Any(parts):
            return joined([said(part, language, wide=wide) for part in parts], language, every=isinstance(node, All))
    return wide


def joined(parts: Sequence[Q | bool], language: Language[Q], *, every: bool) -> Q | bool:
    """And (`every`) or or, without what always or never holds."""
    if (not every) in [part for part in parts if isinstance(part, bool)]:
        return not every
    left: list[Q] = []
    for part in parts:
        if not isinstance(part, bool) and part not in left:
            left.append(part)
    if len(left) < 2:
        return left[0] if left else every
    return language.every(left) if every else language.some(left)
