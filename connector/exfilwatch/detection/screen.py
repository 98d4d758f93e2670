"""A cheap first look: which rules can't fire on an event, told from a few of its values.

Tests of short fields (Image, ports, ...) are evaluated exactly, once for each combination of values. What is left of a
rule then asks only for expressions in long texts (command lines, scripts), which one RE2 set per field finds all at
once. A screen never says no where the rule would say yes; where it does not know it says yes.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, TypeAlias

import msgspec
import re2

from exfilwatch.commands.fields import acts
from exfilwatch.detection.condition import All, FieldTest, Node, Not, Selection, fields
from exfilwatch.detection.condition import Any as AnyOf
from exfilwatch.detection.derived import ACTS, LOOKED_AT
from exfilwatch.detection.linear import options
from exfilwatch.detection.rule import Rule
from exfilwatch.detection.values import Compare, Exists, OneOf, Screen
from exfilwatch.events.event import Value

# Fields whose values are long or seldom the same twice.
LONG = frozenset(
    [
        *("CommandLine", "ParentCommandLine", "ScriptBlockText", "Payload", "ContextInfo", "HostApplication", "Data"),
        *("TaskContent", "TaskContentNew", "Details", "Message", "TargetObject", "TargetFilename", "ImageLoaded"),
        *("Hashes", "CallTrace", "QueryResults", "QueryName", "UserData", "PipeName", "ServiceFileName", "ImagePath"),
        *("param1", "param2", "param3", "proctitle", "c-uri", "c-useragent", "cs-bytes", "sc-bytes"),
        *("source.bytes", "destination.bytes", "source.packets", "destination.packets"),
    ]
)
COUNTS = frozenset(["source.bytes", "destination.bytes", "source.packets", "destination.packets"])
"""Of connections: how much they carried."""

_NOTHING: frozenset[int] = frozenset()
_SOMETHING = frozenset([0])
_CACHED = 10_000
_LARGEST = 50_000  # characters of the expressions of one RE2 set

FieldGetter: TypeAlias = Callable[[Any], Value]


class Found(msgspec.Struct, frozen=True):
    """An expression that has to be found in a long text: the number of the text's set, and its number there."""

    text: int
    number: int


class Weighed(msgspec.Struct, frozen=True):
    """Parts whose weights must add up to `threshold`."""

    threshold: int
    parts: "tuple[tuple[int, Rest], ...]"


class Some(msgspec.Struct, frozen=True):
    """`every` of the parts, or one."""

    every: bool
    parts: "tuple[Rest, ...]"


class Negated(msgspec.Struct, frozen=True):
    part: "Rest"


Rest: TypeAlias = bool | Found | Weighed | Some | Negated | None
"""What is left to ask; None: not known here."""


def possible(rest: Rest, seen: Mapping[int, frozenset[int] | None], wanted: bool = True) -> bool:
    """Whether what is left can still be `wanted`."""
    match rest:
        case None:
            return True
        case bool():
            return rest is wanted
        case Found(text, number):
            found = seen[text]
            return found is None or (number in found) is wanted
        case Negated(part):
            return possible(part, seen, not wanted)
        case Some(every, parts):
            if every is wanted:
                return all(possible(part, seen, wanted) for part in parts)
            return any(possible(part, seen, wanted) for part in parts)
        case Weighed(threshold, parts):
            return not wanted or sum(weight for weight, part in parts if possible(part, seen)) >= threshold


class TextSet:
    """All expressions that are looked for in one long text of one class, lower-cased or as it is."""

    def __init__(self, get: FieldGetter, cased: bool) -> None:
        self._get = get
        self._cased = cased
        self._numbers: dict[str, int] = {}
        self._sets: list[tuple[int, Any]] = []
        self._known = True

    def number(self, expression: str) -> int:
        """The number of an expression in this set."""
        return self._numbers.setdefault(expression, len(self._numbers))

    def compile(self) -> None:
        """Make the RE2 sets: several, because RE2 refuses very large ones."""
        size = _LARGEST
        try:
            for number, expression in enumerate(self._numbers):
                size += len(expression)
                if size > _LARGEST:
                    size = len(expression)
                    self._sets.append((number, re2.Set.SearchSet(options())))
                self._sets[-1][1].Add(expression)
            for _, each in self._sets:
                each.Compile()
        except re2.error:
            self._known = False

    def search(self, row: Any) -> frozenset[int] | None:
        """The numbers found; None for what is no ASCII text, where lower-casing and RE2 are not to be relied on."""
        text = self._get(row)
        if text is None:
            return _NOTHING
        if not self._known or not isinstance(text, str) or not text.isascii():
            return None
        if not self._cased:
            text = text.lower()
        if len(self._sets) == 1:
            return frozenset(found) if (found := self._sets[0][1].Match(text)) else _NOTHING
        return frozenset(first + number for first, each in self._sets for number in each.Match(text) or ())


class _Numbers:
    """Which comparisons with a number hold, in the place of expressions that are found in a text."""

    def __init__(self, get: FieldGetter) -> None:
        self._get = get
        self._tests: list[Compare] = []
        self._least: Decimal | None = None
        """What is smaller than this meets no comparison; None: not known."""

    def number(self, test: Compare) -> int:
        """The number of a comparison."""
        self._tests.append(test)
        limits = [each.limit for each in self._tests if each.op in ("gt", "gte")]
        self._least = min(limits) if len(limits) == len(self._tests) else None
        return len(self._tests) - 1

    def search(self, row: Any) -> frozenset[int]:
        """The numbers of those that hold."""
        value = self._get(row)
        if value is None or (type(value) is int and self._least is not None and value < self._least):
            return _NOTHING
        return frozenset(number for number, test in enumerate(self._tests) if test.holds(value))


class _Acting:
    """Whether the command line of a row does something, in the place of an expression that is found in a text."""

    def __init__(self, gets: Mapping[str, FieldGetter | None]) -> None:
        self._gets = gets

    def search(self, row: Any) -> frozenset[int]:
        """0 when it does."""

        def get(field: str) -> Value:
            found = self._gets.get(field)
            return found(row) if found else None

        return _SOMETHING if acts(get) else _NOTHING


class Plan:
    """The screen of all rules that look at one class of events."""

    def __init__(
        self, rules: Iterable[Rule], getter: Callable[[Rule, str], FieldGetter | None], *, everything: bool = False
    ) -> None:
        """`getter` gives for a rule's field how to get it from a row; None when that is not known.

        `everything`: every row may make some rule fire.
        """
        self._getter = getter
        self._everything = everything
        self.texts: list[TextSet | _Numbers | _Acting] = []
        self._numbers: dict[int, int] = {}
        self._acts: int | None = None
        self._by_field: dict[tuple[int, bool], int] = {}
        self._gets: dict[tuple[str, bool], FieldGetter | None] = {}
        # Many rules that ask for derived fields (derived.py) come to the same screen.
        alike = {rule.screen if rule.threshold is None else rule: rule for rule in rules}
        self._rules = [self._prepared(rule) for rule in alike.values()]
        for text in self.texts:
            if isinstance(text, TextSet):
                text.compile()

    def _prepared(self, rule: Rule) -> Callable[[Any], Rest]:
        condition = self._node(rule, rule.screen)
        if rule.threshold is None:
            return condition
        threshold = rule.threshold
        weighed = [(weight, self._node(rule, rule.nodes[name])) for name, weight in rule.weights.items()]

        def both(row: Any) -> Rest:
            first = condition(row)
            if first is False:
                return False
            return joined((first, _weighed(threshold, [(weight, part(row)) for weight, part in weighed])), every=True)

        return both

    def _node(self, rule: Rule, node: Node) -> Callable[[Any], Rest]:
        match node:
            case Selection(_, part):
                return self._node(rule, part)
            case Not(part):
                inner = self._node(rule, part)
                return lambda row: _negated(inner(row))
            case All(parts) | AnyOf(parts):
                every = isinstance(node, All)
                some = [self._node(rule, part) for part in parts]
                return lambda row: joined((part(row) for part in some), every=every)
            case FieldTest(field) if field == ACTS.field:
                acting = self._acting(rule)
                return lambda _row: acting
            case FieldTest(field, test):
                get = self._get(rule, field)
                if get is None:
                    return lambda _row: None
                if isinstance(test, Exists):
                    return lambda _row: None  # a member that is null exists, and has no value here
                if field not in LONG:
                    holds = test.holds
                    return lambda row: holds(get(row))
                if isinstance(test, Compare):
                    compared = self._compared(get, test)
                    return lambda _row: compared
                tests = test.texts if isinstance(test, OneOf) else (test,)
                screens = [each.screen() for each in tests]
                found = joined((self._found(get, screen) if screen else None for screen in screens), every=False)
                return lambda _row: found
        return lambda _row: None

    def _acting(self, rule: Rule) -> Found | None:
        """That the command line of a row does something; None: not known here."""
        gets = {field: self._get(rule, field) for field in LOOKED_AT}
        if gets["CommandLine"] is None and gets["ScriptBlockText"] is None and gets["TaskContent"] is None:
            return None
        if self._acts is None:
            self._acts = len(self.texts)
            self.texts.append(_Acting(gets))
        return Found(self._acts, 0)

    def _get(self, rule: Rule, field: str) -> FieldGetter | None:
        key = field, rule.source.raw
        if key not in self._gets:
            self._gets[key] = self._getter(rule, field)
        return self._gets[key]

    def _compared(self, get: FieldGetter, test: Compare) -> Found:
        at = self._numbers.get(id(get))
        if at is None:
            at = self._numbers[id(get)] = len(self.texts)
            self.texts.append(_Numbers(get))
        numbers = self.texts[at]
        assert isinstance(numbers, _Numbers)
        return Found(at, numbers.number(test))

    def _found(self, get: FieldGetter, screen: Screen) -> Found:
        key = id(get), screen.cased
        number = self._by_field.get(key)
        if number is None:
            number = self._by_field[key] = len(self.texts)
            self.texts.append(TextSet(get, screen.cased))
        found = self.texts[number]
        assert isinstance(found, TextSet)
        return Found(number, found.number(screen.expression))

    def left(self, row: Any) -> "Left | None":
        """What the long texts of such rows still have to show; None when no rule can fire whatever they hold."""
        if self._everything:
            return Left(True)
        try:
            rest = joined((rule(row) for rule in self._rules), every=False)
        except TimeoutError:
            rest = True
        return None if rest is False else Left(rest)

    def may_fire(self, left: "Left", row: Any) -> bool:
        """Whether a rule can fire on this row, of which `left` is left."""
        if not left.texts:
            return left.rest is not False
        found = tuple([self.texts[number].search(row) for number in left.texts])
        known = left.known.get(found)
        if known is None:
            if len(left.known) >= _CACHED:
                left.known.clear()
            known = left.known[found] = possible(left.rest, dict(zip(left.texts, found, strict=True)))
        return known


class Left:
    """What is left to ask, of which texts, and what was answered so far for what was found in them."""

    __slots__ = ("known", "rest", "texts")

    def __init__(self, rest: Rest) -> None:
        self.rest = rest
        self.texts = sorted(set(_texts(rest)))
        self.known: dict[tuple[frozenset[int] | None, ...], bool] = {}


def _texts(rest: Rest) -> Iterator[int]:
    match rest:
        case Found(text):
            yield text
        case Negated(part):
            yield from _texts(part)
        case Some(_, parts):
            for part in parts:
                yield from _texts(part)
        case Weighed(_, weighed):
            for _, part in weighed:
                yield from _texts(part)


def joined(parts: Iterable[Rest], *, every: bool) -> Rest:
    """And (`every`) or or, with what is known already taken out."""
    left: dict[Rest, None] = {}
    for part in parts:
        if part is (not every):
            return not every
        if part is not every:
            left[part] = None
    if not left:
        return every
    if len(left) == 1:
        return next(iter(left))
    return Some(every, tuple(left))


def _negated(part: Rest) -> Rest:
    if part is None or isinstance(part, bool):
        return None if part is None else not part
    return Negated(part)


def _weighed(threshold: int, parts: list[tuple[int, Rest]]) -> Rest:
    threshold -= sum(weight for weight, part in parts if part is True)
    left = tuple((weight, part) for weight, part in parts if not isinstance(part, bool))
    if threshold <= 0:
        return True
    return Weighed(threshold, left) if sum(weight for weight, _ in left) >= threshold else False


def needed(node: Node) -> frozenset[str]:
    """Fields without which the condition does not hold."""
    match node:
        case Selection(_, part):
            return needed(part)
        case All(parts):
            return frozenset[str]().union(*map(needed, parts))
        case AnyOf(parts):
            first, *others = map(needed, parts)
            return first.intersection(*others)
        case FieldTest(field, test) if not test.holds(None):
            return frozenset([field])
    return frozenset()


def looked_at(rules: Iterable[Rule]) -> Mapping[tuple[str, bool], None]:
    """The fields that a screen of these rules looks at, each with whether the rule sees raw names first."""
    return {
        (each, rule.source.raw): None
        for rule in rules
        for node in (rule.screen, *(rule.nodes[name] for name in rule.weights))
        for field in fields(node)
        for each in (LOOKED_AT if field == ACTS.field else (field,))
    }
