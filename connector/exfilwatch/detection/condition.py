"""Conditions as trees of tests, compiled to functions of an event.

Selection(name, node)      a named part of a rule's `detection`
All, Any, Not              and, or, not
FieldTest(field, test)     one value (values.py)
Keyword(test)              any value of the event
FieldRef(field, other)     two fields of the event against each other
OfProduct(product)         the product that the event says it is of
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

import msgspec

from exfilwatch.detection.values import Exists, Place, Test, Text, scalars, text_of
from exfilwatch.events.event import Event, Value

Get: TypeAlias = Callable[[str], Value]
Holds: TypeAlias = Callable[[Get, Event], bool]


class FieldTest(msgspec.Struct, frozen=True):
    """A test of one field."""

    field: str
    test: Test


class Keyword(msgspec.Struct, frozen=True):
    """A test that some value of the event satisfies."""

    test: Test


class FieldRef(msgspec.Struct, frozen=True):
    """The value of `field` is that of `other`, begins with it (`starts`), ends with it, or (both) contains it."""

    field: str
    other: str
    starts: bool = False
    ends: bool = False

    def holds(self, value: Value, other: Value) -> bool:
        return any(self._holds(text_of(a), text_of(b)) for a in scalars(value) for b in scalars(other))

    def _holds(self, text: str | None, other: str | None) -> bool:
        if text is None or other is None:
            return False
        text, other = text.lower(), other.lower()
        if self.starts and self.ends:
            return other in text
        if self.starts or self.ends:
            return text.startswith(other) if self.starts else text.endswith(other)
        return text == other


class OfProduct(msgspec.Struct, frozen=True):
    """The event says that it is of this product."""

    product: str


class Not(msgspec.Struct, frozen=True):
    part: "Node"


class All(msgspec.Struct, frozen=True):
    parts: "tuple[Node, ...]"


class Any(msgspec.Struct, frozen=True):
    parts: "tuple[Node, ...]"


class Selection(msgspec.Struct, frozen=True):
    """A named part of a rule's `detection`."""

    name: str
    part: "Node"


Node: TypeAlias = FieldTest | Keyword | FieldRef | OfProduct | Not | All | Any | Selection


class Evidence(NamedTuple):
    """A field (empty: any) and what in it satisfied a test."""

    field: str
    place: Place


def compiled(node: Node) -> Holds:
    """A function that says whether an event satisfies the node; `get` gives the values of its fields."""
    match node:
        case FieldTest(field, Exists(wanted=wanted)):
            return lambda get, event: exists(field, get, event) is wanted
        case FieldTest(field, test):
            holds = test.holds
            return lambda get, _event: holds(get(field))
        case Keyword() | Any() if words := _words(node):
            in_lower, as_is = ([word for word, cased in words if cased is wanted] for wanted in (False, True))
            return lambda _get, event: _said.has(event, in_lower, cased=False) or _said.has(event, as_is, cased=True)
        case Keyword(test):
            test_holds = test.holds
            return lambda _get, event: any(test_holds(value) for value in values_of(event))
        case FieldRef(field, other):
            return lambda get, _event: node.holds(get(field), get(other))
        case OfProduct(product):
            return lambda _get, event: event.product == product
        case Not(part):
            inner = compiled(part)
            return lambda get, event: not inner(get, event)
        case Selection(_, part):
            return compiled(part)
        case All(parts):
            every = [compiled(part) for part in parts]
            return lambda get, event: all(part(get, event) for part in every)
        case Any(parts):
            some = [compiled(part) for part in parts]
            return lambda get, event: any(part(get, event) for part in some)


def _words(node: Node) -> list[tuple[str, bool]]:
    """Keywords that are texts to be found anywhere, of which one is enough, each with whether in its case; else []."""
    words: list[tuple[str, bool]] = []
    for part in node.parts if isinstance(node, Any) else (node,):
        match part:
            case Keyword(Text(plain=str(word), open_start=True, open_end=True, cased=cased)):
                words.append((word, cased))
            case _:
                return []
    return words if all(word and "\0" not in word for word, _ in words) else []


class _Said:
    """All that the last event says, as one text: many keywords are looked for in one in turn."""

    def __init__(self) -> None:
        self._kept: tuple[Event, str, str] | None = None

    def has(self, event: Event, words: Sequence[str], *, cased: bool) -> bool:
        """Whether one of some words stands in a value, in lower case or (`cased`) as it is."""
        if not words:
            return False
        kept = self._kept
        if kept is None or kept[0] is not event:
            said = "\0".join(dict.fromkeys(_texts_of(event)))
            kept = self._kept = (event, said, said.lower())
        said = kept[1] if cased else kept[2]
        return any(word in said for word in words)


def _texts_of(event: Event) -> Iterator[str]:
    """Its values as texts."""
    for record in (event.fields, event.raw):
        for value in record.values():
            if type(value) is str:  # nearly all
                yield value
            else:
                yield from (text for each in _leaves(value) if (text := text_of(each)) is not None)


_said = _Said()


def exists(field: str, get: Get, event: Event) -> bool:
    """Whether the event has the field, be it null."""
    return get(field) is not None or field in event.raw or field in event.fields


def values_of(event: Event) -> Iterator[Value]:
    """Every scalar of an event, each place once."""
    seen: set[int] = set()
    for record in (event.fields, event.raw):
        for value in record.values():
            if id(value) not in seen:
                seen.add(id(value))
                yield from _leaves(value)


def _leaves(value: Value) -> Iterator[Value]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner)
    elif value is not None:
        yield value


def evidence(node: Node, get: Get, event: Event) -> list[Evidence] | None:
    """What satisfied the node: of `any` the first part that did, of `not` nothing to show. None: nothing did."""
    match node:
        case FieldTest(field, Exists(wanted=wanted)):
            there = Evidence(field, Place(text_of(get(field)) or "", None))
            return [there] if exists(field, get, event) is wanted else None
        case FieldTest(field, test):
            place = test.place(get(field))
            return None if place is None else [Evidence(field, place)]
        case Keyword(test):
            places = (test.place(value) for value in values_of(event))
            place = next((place for place in places if place is not None), None)
            return None if place is None else [Evidence("", place)]
        case FieldRef(field, other):
            return (
                [Evidence(field, Place(text_of(get(field)) or "", 0))] if node.holds(get(field), get(other)) else None
            )
        case OfProduct(product):
            return [] if event.product == product else None
        case Not(part):
            return [] if evidence(part, get, event) is None else None
        case Selection(_, part):
            return evidence(part, get, event)
        case All(parts):
            shown = [evidence(part, get, event) for part in parts]
            return None if any(each is None for each in shown) else [item for each in shown for item in each or ()]
        case Any(parts):
            return next((found for part in parts if (found := evidence(part, get, event)) is not None), None)


def fields(node: Node) -> Iterator[str]:
    """The names of the fields that the node looks at, in order, possibly more than once."""
    match node:
        case FieldTest(field):
            yield field
        case FieldRef(field, other):
            yield from (field, other)
        case Not(part) | Selection(_, part):
            yield from fields(part)
        case All(parts) | Any(parts):
            for part in parts:
                yield from fields(part)


def selections(node: Node, *, positive: bool = True) -> Iterator[tuple[str, bool]]:
    """The names of the selections in a condition, and whether each stands there to be met rather than to be not."""
    match node:
        case Selection(name):
            yield name, positive
        case Not(part):
            yield from selections(part, positive=not positive)
        case All(parts) | Any(parts):
            for part in parts:
                yield from selections(part, positive=positive)


def needed(node: Node) -> frozenset[str]:
    """Fields without which the condition does not hold."""
    match node:
        case Selection(_, part):
            return needed(part)
        case All(parts):
            return frozenset[str]().union(*map(needed, parts))
        case Any(parts):
            first, *others = map(needed, parts)
            return first.intersection(*others)
        case FieldTest(field, test) if not test.holds(None):
            return frozenset([field])
    return frozenset()
