"""A cheap first look: which rules can't fire on an event, told from a few of its values.

Tests of short fields (Image, ports, ...) are evaluated exactly, field by field: each value leads from what is left to
ask of all rules to what is left then, and the way is remembered. At its end stand words and expressions in long texts
(command lines, scripts): first it is asked whether one stands there of those that some rule needs, then which. A screen
never says no where the rule would say yes; where it does not know it says yes.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from exfilwatch.commands.named import PROGRAM, TOLD
from exfilwatch.detection.condition import All, FieldTest, Keyword, Node, Not, Selection, fields
from exfilwatch.detection.condition import Any as AnyOf
from exfilwatch.detection.derived import ACTS, DERIVED, LOOKED_AT, TASKS, needs_action
from exfilwatch.detection.left import Ask, Common, Left
from exfilwatch.detection.pattern import Pattern
from exfilwatch.detection.rest import (
    Found,
    Rest,
    Short,
    joined,
    negated,
    weighed,
)
from exfilwatch.detection.rule import Rule
from exfilwatch.detection.texts import Acts, FieldGetter, Late, Made, Numbers, Searched, Words
from exfilwatch.detection.values import Compare, Exists, OneOf, Test
from exfilwatch.detection.words import word_of
from exfilwatch.events.event import Value

# Fields whose values are long or seldom the same twice.
LONG = frozenset(
    [
        *("CommandLine", "ParentCommandLine", "ScriptBlockText", "Payload", "ContextInfo", "HostApplication", "Data"),
        *("TaskContent", "TaskContentNew", "Details", "Message", "TargetObject", "TargetFilename", "ImageLoaded"),
        *("Hashes", "CallTrace", "QueryResults", "QueryName", "UserData", "PipeName", "ServiceFileName", "ImagePath"),
        *("param1", "param2", "param3", "proctitle", "c-uri", "c-useragent", "cs-bytes", "sc-bytes"),
        *("source.bytes", "destination.bytes", "source.packets", "destination.packets"),
        *("DestinationIp", "DestinationHostname", "SourceIp", "SourceHostname", "SourcePort", "CurrentDirectory"),
        *("LogonId", "LogonGuid", "IpAddress"),
    ]
)
COUNTS = frozenset(["source.bytes", "destination.bytes", "source.packets", "destination.packets"])
"""Of connections: how much they carried."""
_CACHED = 10_000


class _Ordinary:
    """Of an image: that its program does nothing of interest (named.ORDINARY)."""

    def holds(self, value: Value) -> bool:
        from exfilwatch.commands.fields import is_ordinary

        return is_ordinary(value)


class _Field:
    """A short field: how to get it, and what is asked of it."""

    def __init__(self, get: FieldGetter) -> None:
        self.get = get
        self.holds: list[Callable[[Value], bool]] = []
        self._numbers: dict[str, int] = {}
        self._known: dict[Any, frozenset[int]] = {}

    def number(self, test: Test | _Ordinary) -> int:
        """The number of a test of this field."""
        said = "ordinary" if isinstance(test, _Ordinary) else repr(test)
        if said not in self._numbers:
            self._numbers[said] = len(self.holds)
            self.holds.append(test.holds)
        return self._numbers[said]

    def true(self, key: Any, value: Value, numbers: frozenset[int]) -> frozenset[int]:
        """Which of some tests hold of a value, by which all are remembered. Raises TimeoutError (pattern.Pattern)."""
        known = self._known.get(key)
        if known is None:
            try:
                known = frozenset(number for number, holds in enumerate(self.holds) if holds(value))
            except TimeoutError:
                return frozenset(number for number in numbers if self.holds[number](value))
            if len(self._known) >= _CACHED:
                self._known.clear()
            self._known[key] = known
        return known & numbers


class _State:
    """What is left to ask of all rules after some fields. `left`: no short field is left to ask."""

    __slots__ = ("asks", "by_found", "by_value", "field", "left", "numbers", "settled")

    def __init__(self, asks: Iterable[Ask], settled: Sequence[Ask], plan: "Plan") -> None:
        """`settled`: what is left of long texts alone, which is most, and the same after all fields."""
        asks = list(asks)
        self.asks = [ask for ask in asks if ask.asked]
        self.settled = [*settled, *(ask for ask in asks if not ask.asked)]
        asked = Counter(chain.from_iterable(ask.asked for ask in self.asks))
        self.left = plan.rest_of(self.settled) if self.settled and not asked else None
        self.field = max(plan.first.intersection(asked) or asked, key=asked.__getitem__) if asked else -1
        self.numbers = frozenset[int]().union(*(ask.asked.get(self.field, ()) for ask in self.asks))
        self.by_value: dict[Any, _State] = {}
        self.by_found: dict[frozenset[int], _State] = {}

    def after(self, field: _Field, value: Value, plan: "Plan") -> "_State":
        """What is left once the field's value is known. Raises TimeoutError (pattern.Pattern)."""
        # 1, 1.0 and true are the same key, and not the same value.
        key = value if type(value) is str else (type(value), repr(value) if type(value) in (list, dict) else value)
        known = self.by_value.get(key)
        if known is None:
            true = field.true(key, value, self.numbers)
            known = self.by_found.get(true)
            if known is None:
                known = self.by_found[true] = _State(self._reduced(true), self.settled, plan)
            if len(self.by_value) >= _CACHED:
                self.by_value.clear()
            self.by_value[key] = known
        return known

    def _reduced(self, true: frozenset[int]) -> Iterator[Ask]:
        field = self.field
        for ask in self.asks:
            left = ask.after(field, true) if field in ask.asked else ask
            if left is not None:
                yield left


class Plan:
    """The screen of all rules that look at one class of events."""

    def __init__(
        self,
        rules: Iterable[Rule],
        getter: Callable[[Rule, str], FieldGetter | None],
        *,
        everything: bool = False,
        derived: bool = False,
        wordless: bool = False,
    ) -> None:
        """`getter` gives for a rule's field how to get it from a row; None when that is not known.

        `everything`: every row may make some rule fire. `derived`: fields can be had that are made of others.
        `wordless`: no keyword is found in any row of which a word can be told (words.py).
        """
        rules = list(rules)
        self._derived = derived
        self._wordless = wordless
        self._getter = getter
        self._everything = everything
        self.texts: list[Searched] = []
        self._common = Common(self.texts)
        self._of: dict[tuple[int, str], int] = {}
        self._fields: list[_Field] = []
        self._short: dict[int, int] = {}
        self.first: set[int] = set()
        """Fields that are asked for before the others."""
        self._gets: dict[tuple[str, bool], FieldGetter | None] = {}
        self._acts: int | None = None
        # Many rules that ask for derived fields (derived.py) come to the same screen.
        alike: dict[object, list[Rule]] = {}
        for rule in rules:
            alike.setdefault(self._asked(rule) if rule.threshold is None else rule, []).append(rule)
        self._rules = list(alike.values())
        self._order = {rule.id: number for number, rule in enumerate(rules)}
        asks = [Ask(number, self._prepared(each[0])) for number, each in enumerate(self._rules)]
        self._start = _State([ask for ask in asks if ask.rest is not False], [], self)

    def _asked(self, rule: Rule) -> Node:
        """What holds wherever the rule fires."""
        if not self._derived:
            return rule.screen
        return _acted(rule.alone) if rule.derives else rule.alone

    def _prepared(self, rule: Rule) -> Rest:
        condition = self._node(rule, self._asked(rule))
        if rule.threshold is None:
            return condition
        weights = [(weight, self._node(rule, rule.nodes[name])) for name, weight in rule.weights.items()]
        return joined((condition, weighed(rule.threshold, weights)), every=True)

    def _node(self, rule: Rule, node: Node) -> Rest:
        match node:
            case Selection(_, part):
                return self._node(rule, part)
            case Not(part):
                return negated(self._node(rule, part))
            case All(parts) | AnyOf(parts):
                return joined([self._node(rule, part) for part in parts], every=isinstance(node, All))
            case Keyword() if self._wordless and word_of(node):
                return False
            case FieldTest(field) if field == ACTS.field and not self._derived:
                return self._acting(rule)
            case FieldTest(field, test) if field == ACTS.field:
                get = self._get(rule, field)
                return None if get is None else self._test(get, test, first=True)
            case FieldTest(field, test):
                get = self._get(rule, field)
                if get is None or isinstance(test, Exists):
                    return None  # a member that is null exists, and has no value here
                if field in TOLD and rule.needs_action and not _is_slow(test):
                    return self._test(get, test)  # asked only of command lines that do something, which comes first
                if field in DERIVED and field != PROGRAM:
                    return None if _is_slow(test) else self._asked_late(get, test, Made)
                if field not in LONG:
                    return self._test(get, test)
                tests = test.texts if isinstance(test, OneOf) else (test,)
                return joined([self._found(get, each) for each in tests], every=False)
        return None

    def _acting(self, rule: Rule) -> Rest:
        """That the command line of a row does something; None: not known here."""
        gets = {field: self._get(rule, field) for field in LOOKED_AT}
        if gets["CommandLine"] is None and gets["ScriptBlockText"] is None and gets["TaskContent"] is None:
            return None
        if self._acts is None:
            self._acts = len(self.texts)
            self.texts.append(Acts(gets))
        acts, image = Found(self._acts, 0), gets["Image"]
        if image is None or any(gets[task] for task in TASKS):
            return acts
        return joined((negated(self._test(image, _Ordinary())), acts), every=True)

    def _get(self, rule: Rule, field: str) -> FieldGetter | None:
        key = field, rule.source.raw
        if key not in self._gets:
            self._gets[key] = self._getter(rule, field)
        return self._gets[key]

    def _test(self, get: FieldGetter, test: Test | _Ordinary, *, first: bool = False) -> Short:
        field = self._short.get(id(get))
        if field is None:
            field = self._short[id(get)] = len(self._fields)
            self._fields.append(_Field(get))
            if first:
                self.first.add(field)
        return Short(field, self._fields[field].number(test))

    def _found(self, get: FieldGetter, test: Test) -> Rest:
        if _is_slow(test):
            return None
        screen = test.screen()
        if screen is None:
            return self._asked_late(get, test, Numbers if isinstance(test, Compare) else Late)
        text = self._text(get, "cased" if screen.cased else "lower", lambda: Words(get, screen.cased))
        words = self.texts[text]
        assert isinstance(words, Words)
        return Found(text, words.number(test, screen))

    def _asked_late(self, get: FieldGetter, test: Test, kind: type[Late]) -> Found:
        text = self._text(get, kind.__name__, lambda: kind(get))
        late = self.texts[text]
        assert isinstance(late, Late)
        return Found(text, late.number(test))

    def _text(self, get: FieldGetter, kind: str, make: Callable[[], Searched]) -> int:
        number = self._of.get((id(get), kind))
        if number is None:
            number = self._of[id(get), kind] = len(self.texts)
            self.texts.append(make())
        return number

    def left(self, row: Any) -> Left | None:
        """What the long texts of such rows still have to show; None when no rule can fire whatever they hold."""
        if self._everything:
            return _EVERY
        state = self._start
        try:
            while state.field >= 0:
                field = self._fields[state.field]
                state = state.after(field, field.get(row), self)
        except TimeoutError:
            return self.rest_of([Ask(ask.number, True) for ask in (*state.asks, *state.settled)])
        return state.left

    def rest_of(self, asks: Sequence[Ask]) -> Left:
        """What is left to ask of rules of some numbers."""
        return Left(asks, self.texts, self._common)

    def rules(self, row: Any) -> list[Rule]:
        """The rules that may fire on a row, in their order."""
        left = self.left(row)
        if left is None:
            return []
        rules = [rule for number in left.rules(row) for rule in self._rules[number]]
        return sorted(rules, key=lambda rule: self._order[rule.id])


_EVERY = Left([], [], Common([]), every=True)


def _acted(node: Node) -> Node:
    """The same, with ACTS first wherever a part holds of command lines alone that do something."""
    if needs_action(node):
        return All((ACTS, node))
    match node:
        case Selection(name, part):
            return Selection(name, _acted(part))
        case All(parts) | AnyOf(parts):
            return type(node)(tuple(map(_acted, parts)))
    return node


def _is_slow(test: Test) -> bool:
    """Whether a test may take too long (pattern.Pattern)."""
    return isinstance(test, Pattern) and not test.linear


def looked_at(rules: Iterable[Rule]) -> Mapping[tuple[str, bool], None]:
    """The fields that a screen of these rules looks at, each with whether the rule sees raw names first."""
    return {
        (each, rule.source.raw): None
        for rule in rules
        for node in (rule.screen, *(rule.nodes[name] for name in rule.weights))
        for field in fields(node)
        for each in (LOOKED_AT if field == ACTS.field else (field,))
    }
