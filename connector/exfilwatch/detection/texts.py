"""What is looked for in the long texts of rows: words and expressions of rules, and what is told otherwise."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from functools import cached_property
from typing import Any, Protocol, TypeAlias

import re2

from exfilwatch.detection.derived import TASKS
from exfilwatch.detection.linear import finder, standing
from exfilwatch.detection.values import Compare, Screen, Test, Text
from exfilwatch.events.event import Value

_CACHED = 10_000
_EXPRESSION = 4
"""Characters that an expression counts for where the heaviest of several texts is chosen."""

COSTLY = -(1 << 40)
"""The weight of what costs more to tell than to find any text."""

FieldGetter: TypeAlias = Callable[[Any], Value]
Looking: TypeAlias = Callable[[Any], Iterable[int] | None]
"""What may be found in a row; None where that can't be told."""
Seen: TypeAlias = Callable[[int], bool | None]
"""Whether what has this number is found in a text; None where that can't be told."""


class Searched(Protocol):
    """Something that is looked through, for what has a number there."""

    def among(self, numbers: Sequence[int]) -> "Looking":
        """The same as `found`, of these alone."""

    def found(self, row: Any) -> Iterable[int] | None:
        """What may be found in a row, possibly more than once, and nothing else is; None where that can't be told."""

    def of(self, row: Any) -> Seen:
        """Whether one is found in a row; None where that can't be told."""

    def weight(self, number: int) -> int:
        """How seldom one is found: about the characters of it that have to be there; below zero: how often it was."""


def _never(_number: int) -> bool:
    return False


def _nowhere(_text: str) -> bool:
    return False


def _unknown(_number: int) -> None:
    return None


class Words:
    """All that is looked for in one long text of one class, lower-cased or as it is."""

    def __init__(self, get: FieldGetter, cased: bool) -> None:
        self.get = get
        self.cased = cased
        self.expressions: dict[str, int] = {}
        """What is looked for, each with its number, in their order."""
        self._finds: list[Callable[[str], bool]] = []
        self._needles: list[str] = []
        self._weights: list[int] = []
        self._with: dict[str, list[int]] = {}
        """By a text that has to stand there: what has it."""
        self._loose: list[int] = []
        """Expressions, of which no such text is known."""
        self._counts: Counter[int] = Counter()
        """How often what was found."""

    def number(self, test: Test, screen: Screen) -> int:
        """The number of a test; `screen` is its own."""
        number = self.expressions.setdefault(screen.expression, len(self._finds))
        if number == len(self._finds):
            self._finds.append(_plain(test) or finder([screen.expression]))
            parts = test.parts if isinstance(test, Text) else ()
            longest = max((part for part in parts if isinstance(part, str)), key=len, default="")
            literal = longest.isascii() and longest
            self._needles.append(re2.escape(longest) if literal else screen.expression)
            self._weights.append(len(longest) or _EXPRESSION)
            if literal:
                self._with.setdefault(longest, []).append(number)
            else:
                self._loose.append(number)
            self.__dict__.pop("_search", None)
        return number

    def weight(self, number: int) -> int:
        return -self._counts[number] or self._weights[number]

    def among(self, numbers: Sequence[int]) -> Looking:
        finds, which = finder(sorted(self._needles[number] for number in numbers)), self._which(numbers)
        get, cased = self.get, self.cased

        def found(row: Any) -> Iterable[int] | None:
            text = get(row)
            if text is None:
                return ()
            if not isinstance(text, str) or not text.isascii():
                return None
            seen = text if cased else text.lower()
            return which(seen) if finds(seen) else ()

        return found

    def found(self, row: Any) -> Iterable[int] | None:
        text = self.get(row)
        if text is None:
            return ()
        if not isinstance(text, str) or not text.isascii():
            return None
        return self._search(text if self.cased else text.lower())

    @cached_property
    def _search(self) -> Callable[[str], Sequence[int]]:
        return self._which(range(len(self._finds)))

    def _which(self, numbers: Iterable[int]) -> Callable[[str], Sequence[int]]:
        """One look for all texts of which one has to stand there for these: what has those that do; and one for the
        expressions."""
        wanted = set(numbers)
        having = {text: chosen for text, each in self._with.items() if (chosen := [n for n in each if n in wanted])}
        stands, each = standing(tuple(having)), list(having.values())
        loose = [number for number in self._loose if number in wanted]
        spoken = finder([self._needles[number] for number in loose]) if loose else _nowhere
        counts, finds = self._counts, self._finds

        def found(seen: str) -> Sequence[int]:
            there = [number for text in stands(seen) for number in each[text]]
            if spoken(seen):
                there += [number for number in loose if finds[number](seen)]
            for number in there:
                counts[number] += 1
            return there

        return found

    def of(self, row: Any) -> Seen:
        text = self.get(row)
        if text is None:
            return _never
        if not isinstance(text, str) or not text.isascii():
            return _unknown  # lower-casing and RE2 are not to be relied on
        seen, finds = text if self.cased else text.lower(), self._finds
        return lambda number: finds[number](seen)


def _plain(test: Test) -> Callable[[str], bool] | None:
    """A test of plain ASCII text as one of a text in the case that it compares in."""
    if not isinstance(test, Text) or test.plain is None or not test.plain.isascii():
        return None
    plain = test.plain
    if test.open_start:
        return (lambda seen: plain in seen) if test.open_end else (lambda seen: seen.endswith(plain))
    return (lambda seen: seen.startswith(plain)) if test.open_end else (lambda seen: seen == plain)


class Late:
    """Tests of values that no expression stands for."""

    def __init__(self, get: FieldGetter) -> None:
        self._get = get
        self._tests: list[Test] = []
        self._numbers: dict[str, int] = {}

    def number(self, test: Test) -> int:
        """The number of a test among these."""
        number = self._numbers.setdefault(repr(test), len(self._tests))
        if number == len(self._tests):
            self._tests.append(test)
        return number

    def weight(self, number: int) -> int:
        del number
        return 2  # looked for one by one

    def among(self, numbers: Sequence[int]) -> Looking:
        get, tests = self._get, [(number, self._tests[number]) for number in numbers]
        known: dict[str, Sequence[int]] = {}

        def found(row: Any) -> Sequence[int]:
            value = get(row)
            there = known.get(value) if isinstance(value, str) else None
            if there is None:
                there = [number for number, test in tests if test.holds(value)]
                if isinstance(value, str):
                    if len(known) >= _CACHED:
                        known.clear()
                    known[value] = there
            return there

        return found

    def found(self, row: Any) -> Iterable[int] | None:
        return self._every(row)

    @cached_property
    def _every(self) -> Looking:
        return self.among(range(len(self._tests)))

    def of(self, row: Any) -> Seen:
        value, tests = self._get(row), self._tests
        return lambda number: tests[number].holds(value)


class Numbers(Late):
    """Comparisons with numbers, of values of which most are too small for any."""

    def __init__(self, get: FieldGetter) -> None:
        super().__init__(get)
        self._least: Decimal | None = None
        """What is smaller than this meets no comparison; None: not known."""

    def number(self, test: Test) -> int:
        found = super().number(test)
        limits = [each.limit for each in self._tests if isinstance(each, Compare) and each.op in ("gt", "gte")]
        self._least = min(limits) if len(limits) == len(self._tests) else None
        return found

    def among(self, numbers: Sequence[int]) -> Looking:
        get, least, some = self._get, self._least, super().among(numbers)

        def found(row: Any) -> Iterable[int] | None:
            value = get(row)
            return () if value is None or (type(value) is int and least is not None and value < least) else some(row)

        return found


class Made(Late):
    """Tests of a field that is made of others."""

    def weight(self, number: int) -> int:
        del number
        return COSTLY


class Acts:
    """Whether the command line of a row does something, in the place of what is found in a text; its number is 0."""

    def __init__(self, gets: Mapping[str, FieldGetter | None]) -> None:
        from exfilwatch.commands.fields import acts, line_acts

        self._acts, self._line_acts = acts, line_acts
        self._gets = gets
        nothing: FieldGetter = lambda _row: None  # noqa: E731
        self._line, self._image, self._original = (
            gets[field] or nothing for field in ("CommandLine", "Image", "OriginalFileName")
        )
        self._tasked = any(gets[task] for task in TASKS)

    def weight(self, number: int) -> int:
        del number
        return COSTLY

    def among(self, numbers: Sequence[int]) -> Looking:
        del numbers
        return self.found

    def found(self, row: Any) -> Iterable[int] | None:
        return (0,) if self._does(row) else ()

    def of(self, row: Any) -> Seen:
        return lambda _number: self._does(row)

    def _does(self, row: Any) -> bool:
        line = None if self._tasked else self._line(row)
        if line and isinstance(line, str):
            return self._line_acts(line, self._image(row), self._original(row))

        def get(field: str) -> Value:
            found = self._gets.get(field)
            return found(row) if found else None

        return self._acts(get)
