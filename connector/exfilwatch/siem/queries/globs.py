"""Tests of text as globs: the one form that every SIEM's language has, wider than the test where it can't be as narrow.

Which letters are equal differs beyond ASCII between what a rule means and what an engine does: `str.lower` makes k of
the Kelvin sign and two letters of İ, RE2 takes a long s for s, an engine that ignores the case of ASCII does neither.
`plain` widens a glob by just these letters.
"""

import re
import warnings
from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from functools import cached_property, lru_cache
from itertools import product
from typing import Any

import msgspec
import re2

from exfilwatch.detection.linear import compiled, searched
from exfilwatch.detection.pattern import Pattern
from exfilwatch.detection.values import Boolean, OfScalar, OneOf, Part, Place, Test, Text, Wild, text_of
from exfilwatch.events.event import Value

_MOST = 64
_LONGEST = 200
_ANY, _ONE = Wild.ANY, Wild.ONE


class Fold(Enum):
    """Which letters are equal: none but itself; as `str.lower` has it; as RE2's and as the regex package's (?i) do."""

    NONE = ""
    LOWER = "lower"
    RE2 = "re2"
    REGEX = "regex"


class Glob(msgspec.Struct, frozen=True):
    """A whole text: of `parts`, ANY stands for any text, ONE for one character."""

    parts: tuple[Part, ...]
    fold: Fold

    @property
    def open(self) -> bool:
        """Whether every text, the empty one too, fulfils it."""
        return all(part is _ANY for part in self.parts)

    @property
    def literals(self) -> list[str]:
        return [part for part in self.parts if isinstance(part, str)]


class Like(OfScalar):
    """A text that is like a glob."""

    def __init__(self, glob: Glob) -> None:
        self.glob = glob

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Like) and other.glob == self.glob

    def __hash__(self) -> int:
        return hash(self.glob)

    @cached_property
    def _search(self) -> Callable[[str], Any]:
        middle = "".join(re2.escape(part) if isinstance(part, str) else part.value for part in self.glob.parts)
        expression = f"(?{'s' if self.glob.fold in (Fold.NONE, Fold.LOWER) else 'is'})^{middle}$"
        if self.glob.fold is not Fold.REGEX:
            return compiled(expression)
        import regex  # rarely needed, and slow to import

        return regex.compile(expression.removesuffix("$") + r"\Z", regex.V0).search

    def _place(self, value: Value) -> Place | None:
        text = text_of(value)
        seen = text.lower() if text is not None and self.glob.fold is Fold.LOWER else text
        return None if seen is None or not searched(self._search, seen) else Place(seen, None)


def contains(text: str, fold: Fold) -> Glob:
    """The glob of all texts that hold `text`."""
    return Glob((_ANY, text, _ANY), fold)


def globs(test: Test) -> tuple[Glob, ...] | None:
    """Globs of which each text that fulfils the test fulfils at least one; None where nothing narrower than all is."""
    match test:
        case Like(glob=glob):
            return (glob,)
        case Text():
            return (Glob(tuple(_merged(test.parts)), Fold.NONE if test.cased else Fold.LOWER),)
        case OneOf(texts=texts):
            return tuple(each for text in texts for each in globs(text) or ())
        case Boolean(wanted=wanted):
            return (Glob((wanted,), Fold.LOWER),)
        case Pattern():
            found = _of_expression(test.expression, test.linear)
            return None if any(not glob.literals for glob in found) else found
    return None


def exact(test: Test) -> bool:
    """Whether `globs` of the test are fulfilled by no other text."""
    return isinstance(test, Like | Text | OneOf | Boolean)


@lru_cache(10_000)
def piece(glob: Glob, breakers: str) -> Glob | None:
    """A glob of every text from which one like `glob` may have been taken or put together at `breakers`."""
    pieces = [part for literal in glob.literals for part in _split(literal, breakers)]
    longest = max(pieces, key=len, default="")
    return contains(longest, glob.fold) if longest else None


def _split(text: str, breakers: str) -> list[str]:
    return re.split(f"[{re.escape(breakers)}]", text) if breakers else [text]


@lru_cache(10_000)
def plain(glob: Glob) -> tuple[Part, ...]:
    """The glob for an engine that ignores the case of ASCII letters only (of none, for a cased one); not too long."""
    parts = _spelled(glob, _letter)
    if len(parts) > _LONGEST:
        parts = [*parts[:_LONGEST], _ANY]
    return tuple(_merged(parts))


@lru_cache(10_000)
def simplified(glob: Glob) -> tuple[Part, ...]:
    """The glob for an engine whose (?i) is RE2's, or PCRE's for UTF-8."""
    return tuple(_merged(_spelled(glob, _without_case)))


def _spelled(glob: Glob, letter: Callable[[str, Fold], Part]) -> list[Part]:
    """Character by character, each as an engine has to be asked for it."""
    parts: list[Part] = []
    for part in glob.parts:
        if isinstance(part, str) and glob.fold is not Fold.NONE:
            parts += [letter(char, glob.fold) for char in part]
        else:
            parts += part if isinstance(part, str) else [part]
    return list(_without_dotted_i(parts)) if glob.fold is Fold.LOWER else parts


def _without_case(char: str, fold: Fold) -> Part:
    if not char.isascii():
        return _ANY if fold is Fold.LOWER else _ONE
    return _ONE if fold is Fold.REGEX and char in "iI" else char


def _letter(char: str, fold: Fold) -> Part:
    if not char.isascii():
        return _ANY if fold is Fold.LOWER else _ONE
    folded = {Fold.LOWER: "kK", Fold.RE2: "kKsS", Fold.REGEX: "kKsSiI"}[fold]
    return _ONE if char in folded else char


def _without_dotted_i(parts: list[Part]) -> Iterator[Part]:
    """An İ is one character, of which `str.lower` makes an i and a dot: what may be the two halves becomes ANY."""
    for position, part in enumerate(parts):
        before = parts[position - 1] if position else None
        after = parts[position + 1] if position + 1 < len(parts) else None
        if (part == "i" and isinstance(after, Wild)) or (part is _ONE and (before in ("i", _ONE) or after is _ONE)):
            yield _ONE if part == "i" and after is _ANY else _ANY
        else:
            yield part


def _merged(parts: Iterable[Part]) -> Iterator[Part]:
    """Texts joined, of several ANY one."""
    text = ""
    last: Part | None = None
    for part in parts:
        if isinstance(part, str):
            text += part
            continue
        if text:
            yield text
            text, last = "", None
        if not (part is _ANY and last is _ANY):
            yield part
        last = part
    if text:
        yield text


@lru_cache(1_000)
def _of_expression(text: str, linear: bool) -> tuple[Glob, ...]:
    """A regular expression, read by Python's parser, whose syntax is RE2's but for what is refused here."""
    everything = (Glob((_ANY,), Fold.NONE),)
    if "[[" in text or "[:" in text or len(text) > 5_000:
        return everything
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            tree = re._parser.parse(text)  # type: ignore[attr-defined]
    except (re.error, RecursionError, OverflowError, Warning):
        return everything
    folds = bool(tree.state.flags & re.IGNORECASE) or "i" in "".join(re.findall(r"\(\?([a-zA-Z]*)[-:)]", text))
    fold = Fold.NONE if not folds else Fold.RE2 if linear else Fold.REGEX
    found = [_searched(parts) for parts in _sequence(tree)]
    return tuple(Glob(parts, fold) for parts in dict.fromkeys(found))


_Parts = tuple[Part, ...]


def _searched(parts: _Parts) -> _Parts:
    """Anywhere in a text; that some character stands before or after it is not worth asking."""
    inner = list(_merged([_ANY, *parts, _ANY]))
    while len(inner) > 2 and inner[1] in (_ONE, _ANY):
        del inner[1]
    while len(inner) > 2 and inner[-2] in (_ONE, _ANY):
        del inner[-2]
    return tuple(inner)


def _sequence(items: Iterable[Any]) -> list[_Parts]:
    made: list[_Parts] = [()]
    for item in items:
        options = _item(*item)
        if len(made) * len(options) > _MOST:
            options = [(_ANY,)]
        made = [(*head, *tail) for head, tail in product(made, options)]
    return made


def _item(op: Any, value: Any) -> list[_Parts]:
    """What one part of an expression may stand for."""
    match str(op):
        case "LITERAL":
            return [(chr(value),)]
        case "NOT_LITERAL" | "ANY" | "CATEGORY":
            return [(_ONE,)]
        case "IN":
            return [(chr(value[0][1]),)] if len(value) == 1 and str(value[0][0]) == "LITERAL" else [(_ONE,)]
        case "AT" | "ASSERT" | "ASSERT_NOT":
            return [()]
        case "SUBPATTERN":
            return _sequence(value[3])
        case "ATOMIC_GROUP":
            return _sequence(value)
        case "BRANCH":
            return [parts for branch in value[1] for parts in _sequence(branch)]
        case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
            return _repeated(*value)
    return [(_ANY,)]


def _repeated(least: int, most: int, body: Any) -> list[_Parts]:
    if least == 0:
        return [(_ANY,)]
    times = min(least, 8)
    made = _sequence([each for _ in range(times) for each in body])
    return made if times == most else [(*parts, _ANY) for parts in made]
