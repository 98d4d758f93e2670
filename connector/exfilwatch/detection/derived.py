"""Fields that are made of a command line (commands/fields.py), as rules see them.

Making them costs more than looking at a text, and no SIEM has them. So for screens and for queries a condition is put
in terms of what they imply of the event's own fields (implied.py).
"""

from collections.abc import Iterable

from exfilwatch.commands.acting import PASSIVE
from exfilwatch.commands.fields import FIELDS, Fields, acts, fields
from exfilwatch.detection.condition import All, Any, FieldTest, Get, Node, Not, Selection
from exfilwatch.detection.values import Exists
from exfilwatch.events.event import Event, Value

DERIVED = frozenset(FIELDS)
ACTS = FieldTest("exfilwatch.acts", Exists(True))
"""Stands in a screen for: the command line does something (commands/fields.py, acts)."""
LOOKED_AT = ("Image", "OriginalFileName", "CommandLine", "ScriptBlockText", "TaskContent", "TaskContentNew")
"""What derived fields are made of."""
_DOES = ("transfer.direction", "command.does")
_ACTIVE = ("archive.", "collect.")
_EVERY: Node = All(())
_NONE: Node = Any(())
_made: list[tuple[Event, Fields]] = []
_acting: list[tuple[Event, bool]] = []


def seeing(event: Event, get: Get) -> Get:
    """Fields as a rule sees them that asks for derived ones: these are made when the first is asked for."""

    def seen(name: str) -> Value:
        if name not in DERIVED:
            return acts_of(event, get) or None if name == ACTS.field else get(name)
        return fields_of(event, get).get(name)

    return seen


def fields_of(event: Event, get: Get) -> Fields:
    """The derived fields of an event. Those of the last one are kept, since many rules look at it in turn."""
    last = _made[-1] if _made else None
    if last is None or last[0] is not event:
        last = (event, fields(get))
        _made[:] = [last]
    return last[1]


def acts_of(event: Event, get: Get) -> bool:
    """Whether an event's command line does something; that of the last one is kept."""
    last = _acting[-1] if _acting else None
    if last is None or last[0] is not event:
        last = (event, acts(get))
        _acting[:] = [last]
    return last[1]


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


def implying(node: Node, implied: Node) -> Node:
    """A condition that holds wherever `node` does, without derived fields; `implied`: what doing something implies."""
    return _simple(_implying(node, implied, positive=True))


def screened(node: Node) -> Node:
    """The same for a screen of events that are here."""
    return implying(node, ACTS)


def needs_action(node: Node) -> bool:
    """Whether the condition holds only of command lines that do something."""
    match screened(node):
        case All(parts):
            return ACTS in parts
        case found:
            return found == ACTS


def _implying(node: Node, implied: Node, *, positive: bool) -> Node:
    match node:
        case FieldTest(field) if field in DERIVED:
            # What does not hold may well be so where nothing is done at all.
            return _of_tests([node], implied) if positive else _NONE
        case Selection(_, part):
            return _implying(part, implied, positive=positive)
        case Not(part):
            return Not(_implying(part, implied, positive=not positive))
        case Any(parts):
            return Any(tuple(_implying(part, implied, positive=positive) for part in parts))
        case All(parts):
            derived = [part for part in parts if isinstance(part, FieldTest) and part.field in DERIVED]
            if not positive or not derived:
                return All(tuple(_implying(part, implied, positive=positive) for part in parts))
            rest = [_implying(part, implied, positive=True) for part in parts if part not in derived]
            return All((_of_tests(derived, implied), *rest))
    return node


def _of_tests(tests: Iterable[FieldTest], implied: Node) -> Node:
    """What tests of derived fields imply together: nothing, unless they hold only where something is done."""
    having = [each for each in tests if not each.test.holds(None)]
    acting = any(each.field.startswith(_ACTIVE) for each in having) or any(
        each.field in _DOES and not any(map(each.test.holds, PASSIVE)) for each in having
    )
    return implied if acting else _EVERY


def _simple(node: Node) -> Node:
    """The node without what always holds or never does, and without doublings, so that equal conditions are equal."""
    match node:
        case Not(part):
            inner = _simple(part)
            if inner in (Any(()), All(())):
                return All(()) if inner == Any(()) else Any(())
            return Not(inner)
        case All(parts) | Any(parts):
            every = isinstance(node, All)
            kept: dict[Node, None] = {}
            for part in map(_simple, parts):
                if part == (Any(()) if every else All(())):
                    return part
                if part != (All(()) if every else Any(())):
                    kept[part] = None
            if len(kept) == 1:
                return next(iter(kept))
            return All(tuple(kept)) if every else Any(tuple(kept))
    return node
