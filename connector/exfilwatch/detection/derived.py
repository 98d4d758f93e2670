"""Fields that are made of a command line (commands/fields.py) or of a record of traffic (network/fields.py), as rules
see them.

Making them costs more than looking at a text, and no SIEM has them. So for screens and for queries a condition is put
in terms of what they imply of the event's own fields (implied.py). Those of traffic imply nothing: a rule asks for
fields of the record itself beside them (bytes, a method), which tell most records apart.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Generic, TypeVar

from exfilwatch.commands.named import FIELDS, PASSIVE, PROGRAM
from exfilwatch.detection.condition import All, Any, FieldTest, Get, Node, Not, Selection
from exfilwatch.detection.nodes import EVERY, NONE, every, negated, some
from exfilwatch.detection.pattern import Pattern
from exfilwatch.detection.trees import STARTS
from exfilwatch.detection.values import Exists
from exfilwatch.events.event import Event, Value
from exfilwatch.network.fields import FIELDS as OF_TRAFFIC
from exfilwatch.network.fields import field as of_traffic

_TRAFFIC = frozenset(OF_TRAFFIC)
DERIVED = frozenset(FIELDS) | _TRAFFIC
ACTS = FieldTest("exfilwatch.acts", Exists(True))
"""Stands in a screen for: the command line does something (commands/fields.py, acts)."""
LOOKED_AT = ("Image", "OriginalFileName", "CommandLine", "ScriptBlockText", "TaskContent", "TaskContentNew")
"""What derived fields are made of."""
TASKS = ("TaskContent", "TaskContentNew")
"""Those of them that are no business of starts of processes."""
_DOES = ("transfer.direction", "command.does")
_ACTIVE = ("archive.", "collect.")
T = TypeVar("T")


def seeing(event: Event, get: Get) -> Get:
    """Fields as a rule sees them that asks for derived ones: these are made when the first is asked for."""

    def seen(name: str) -> Value:
        if name not in DERIVED:
            return acts_of(event, get) or None if name == ACTS.field else get(name)
        if name == PROGRAM:
            return _program(get)
        return of_traffic(name, get) if name in _TRAFFIC else _fields.of(event, get).get(name)

    return seen


def _untasked(get: Get) -> Get:
    return lambda field: None if field in TASKS else get(field)


class _Last(Generic[T]):
    """What was made of the last event: many rules look at one in turn."""

    def __init__(self, make: Callable[[Get], T]) -> None:
        self._make = make
        self._kept: tuple[Event, T] | None = None

    def of(self, event: Event, get: Get) -> T:
        kept = self._kept
        if kept is None or kept[0] is not event:
            kept = self._kept = (event, self._make(_untasked(get) if event.category == STARTS else get))
        return kept[1]


# What reads command lines is loaded by rules that ask for it: to load it takes as long as to read 80,000 events.
def _made(get: Get) -> Mapping[str, Value]:
    from exfilwatch.commands.fields import fields

    return fields(get)


def _told(get: Get) -> bool:
    from exfilwatch.commands.fields import acts

    return acts(get)


def _program(get: Get) -> Value:
    from exfilwatch.commands.fields import program_of

    return program_of(get)


_fields, _acts = _Last(_made), _Last(_told)


def acts_of(event: Event, get: Get) -> bool:
    """Whether an event's command line does something."""
    return _acts.of(event, get)


def understood(event: Event) -> Mapping[str, Value]:
    """What is made of an event's command line, script or task, for people: the fields that have a value."""
    return {name: value for name, value in _fields.of(event, event.get).items() if value not in (None, "")}


def is_derived(node: Node) -> bool:
    """Whether the node tests a derived field."""
    match node:
        case FieldTest(field):
            return field in DERIVED
        case Not(part) | Selection(_, part):
            return is_derived(part)
        case All(parts) | Any(parts):
            return any(map(is_derived, parts))
    return False


def screened(node: Node) -> Node:
    """The same for a screen of events that are here."""
    return implying(node, ACTS)


MADE, UNMADE = 1, 1000
"""What a derived field costs where the line was understood before, and where it was not; a short text costs 10."""


def cheapest_first(node: Node, derived: int) -> Node:
    """The same, asking first for what is told soonest; `derived`: what asking for a derived field costs."""
    match node:
        case Selection(_, part):
            return cheapest_first(part, derived)
        case Not(part):
            return Not(cheapest_first(part, derived))
        case All(parts) | Any(parts):
            each = [cheapest_first(part, derived) for part in parts]
            each.sort(key=lambda part: _cost(part, derived))
            return type(node)(tuple(each))
    return node


def _cost(node: Node, derived: int) -> int:
    match node:
        case FieldTest(field, test):
            return derived if field in DERIVED else 50 if isinstance(test, Pattern) else 10
        case Not(part):
            return _cost(part, derived)
        case All(parts) | Any(parts):
            return sum(_cost(part, derived) for part in parts)
    return 100


def needs_action(node: Node) -> bool:
    """Whether the condition holds only of command lines that do something."""
    match screened(node):
        case All(parts):
            return ACTS in parts
        case found:
            return found == ACTS


def implying(node: Node, implied: Node, *, positive: bool = True) -> Node:
    """A condition that holds wherever `node` does, without derived fields; `implied`: what doing something implies.

    Not `positive`: one that holds only where `node` does, as it stands under a `not`.
    """
    match node:
        case FieldTest(field) if field in DERIVED:
            # What does not hold may well be so where nothing is done at all.
            return _of_tests([node], implied) if positive else NONE
        case Selection(_, part):
            return implying(part, implied, positive=positive)
        case Not(part):
            return negated(implying(part, implied, positive=not positive))
        case Any(parts):
            return some(implying(part, implied, positive=positive) for part in parts)
        case All(parts):
            derived = [part for part in parts if isinstance(part, FieldTest) and part.field in DERIVED]
            if not positive or not derived:
                return every(implying(part, implied, positive=positive) for part in parts)
            rest = [implying(part, implied, positive=True) for part in parts if part not in derived]
            return every([_of_tests(derived, implied), *rest])
    return node


def _of_tests(tests: Iterable[FieldTest], implied: Node) -> Node:
    """What tests of derived fields imply together: nothing, unless they hold only where something is done."""
    having = [each for each in tests if not each.test.holds(None)]
    acting = any(each.field.startswith(_ACTIVE) for each in having) or any(
        each.field in _DOES and not any(map(each.test.holds, PASSIVE)) for each in having
    )
    return implied if acting else EVERY
