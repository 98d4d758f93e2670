"""Rules over the records of a source: their conditions put through the field maps, so that they ask for members.

What a rule asks of `Image` becomes what it asks of `process.executable`, of `winlog.event_data.Image`, ...: for each
class of each shape by the same field map that reads such a record (events/shape.py). The result is a condition tree
over paths of records (members.py) that holds of every record on which the rule fires.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from exfilwatch.detection.condition import All, Any, FieldTest, Node, Not, Selection
from exfilwatch.detection.derived import DERIVED
from exfilwatch.detection.logsource import FAMILIES, LogSource
from exfilwatch.detection.nodes import ABSENT, EVERY, NONE, PRESENT, every, negated, some
from exfilwatch.detection.rule import Rule
from exfilwatch.detection.values import Compare, Text, Wild
from exfilwatch.events.classify import EventClass
from exfilwatch.events.envelopes import TEXTS
from exfilwatch.events.script_blocks import TOTAL
from exfilwatch.events.shape import SHAPES, Shape
from exfilwatch.events.specs import WindowsEvent, windows
from exfilwatch.events.spelling import paths_of
from exfilwatch.siem.queries.globs import Fold, Like, contains, globs
from exfilwatch.siem.queries.members import Paths, View, as_it_is

__all__ = ["PRESENT", "asked", "distinct", "enveloped", "selected", "sources", "within"]

_UNDEMANDING = 80  # priority
# A record of a script block has the word in the names of its data, or in its message, in any language.
_OF_SCRIPT = Text([Wild.ANY, "scriptblock", Wild.ANY], cased=False)


class Asked(NamedTuple):
    """What a rule asks of records: of one kind (`guard`), a condition over the members of that kind."""

    guard: Node
    condition: Node


def asked(
    rule: Rule, shapes: Iterable[Shape] = (), paths: Paths = as_it_is, condition: Node | None = None
) -> list[Asked]:
    """What the rule asks, of each kind of record that it concerns. A record on which it fires fulfils one of these.

    `shapes`: which there may be; none given: all. `condition`: what it asks, where that is not `rule.asked`.
    """
    wanted = rule.asked if condition is None else condition
    made: dict[Node, dict[Node, None]] = {}
    for view in _views(rule, shapes or SHAPES.values(), paths):
        condition = view.translated(wanted, wide=True)
        if condition != NONE and view.guard != NONE:
            made.setdefault(condition, {})[view.guard] = None
    return [Asked(some(guards), condition) for condition, guards in made.items()]


def distinct(rules: Iterable[Rule]) -> list[Rule]:
    """Without those that ask for nothing that another one does not: rules on what command lines do are many."""
    first = {(rule.source, rule.asked): rule for rule in reversed([*rules])}
    parts = {id(rule): frozenset(_parts(rule.asked)) for rule in first.values()}

    def spared(rule: Rule) -> bool:
        return any(
            other is not rule and _covers(other.source, rule.source) and parts[id(other)] <= parts[id(rule)]
            for other in first.values()
        )

    return [rule for rule in reversed(first.values()) if not spared(rule)]


def _parts(node: Node) -> tuple[Node, ...]:
    return node.parts if isinstance(node, All) else (node,)


def _covers(wide: LogSource, source: LogSource) -> bool:
    """Whether every event of a source is one of the other one, and is seen in the same way."""
    asked = ((wide.category, source.category), (wide.product, source.product), (wide.service, source.service))
    return wide.raw == source.raw and all(one in ("", other) for one, other in asked)


def selected(rule: Rule, name: str, shapes: Iterable[Shape] = (), paths: Paths = as_it_is) -> Node:
    """A selection of the rule, as a condition over members of any kind of record that the rule concerns."""
    views = [view for view in _views(rule, shapes or SHAPES.values(), paths) if view.guard != NONE]
    return some(view.translated(rule.selections[name], wide=True) for view in views)


def sources(rule: Rule, field: str, paths: Paths, shapes: Iterable[Shape] = ()) -> dict[str, bool]:
    """Members that give a field in the records that concern a rule; whether one's value is it as it stands, always."""
    found: dict[str, bool] = {}
    for view in _views(rule, shapes or SHAPES.values(), paths):
        for path, plain in view.sources(field):
            found[path] = plain and found.get(path, True)
    return found


def within(node: Node, text: str) -> Node:
    """What a text that holds the whole record has to hold: whatever is asked of a field, in the text."""
    match node:
        case Selection(_, part):
            return within(part, text)
        case All(parts):
            return every(within(part, text) for part in parts)
        case Any(parts):
            return some(within(part, text) for part in parts)
        case FieldTest(field) if field == TOTAL:
            return FieldTest(text, _OF_SCRIPT)
        case FieldTest(field, test) if field not in DERIVED and globs(test) is not None:
            return FieldTest(text, test)
        case FieldTest(field, Compare()) if field not in DERIVED:
            return some(FieldTest(text, Like(contains(name, Fold.NONE))) for name in _members(field))
    return EVERY


@lru_cache(1_000)
def _members(field: str) -> tuple[str, ...]:
    """The names that the members have of which some field map makes a field: one stands in each text that has it.

    Of a path the last name: JSON may have objects or dots between them.
    """
    expressions = (
        option
        for shape in SHAPES.values()
        for found in shape.classifier.classes
        for option in shape.field_expressions(found).get(field, ())
    )
    paths = {path for expression, _ in expressions for path in paths_of(expression, ("",))}
    names = {path.rpartition(".")[2] for path in (field, *paths)}
    return tuple(sorted(name for name in names if not any(other in name for other in names - {name})))


def _views(rule: Rule, shapes: Iterable[Shape], paths: Paths) -> Iterator[View]:
    for shape in shapes:
        spec = shape.spec
        if all(paths(path) for path in spec.requires) and (not spec.one_of or any(paths(path) for path in spec.one_of)):
            last = every(negated(_surely(other, paths)) for other in _before(shape))
            for view in _of_windows(rule, shape, paths) if spec.windows else _of_classes(rule, shape, paths):
                view.guard = every([_demanded(shape, paths) if view.guard == EVERY else view.guard, last])
                yield view


def _before(shape: Shape) -> list[Shape]:
    """The shapes that are tried before one that asks for so little that it would take their records."""
    if shape.spec.priority < _UNDEMANDING:
        return []
    return [other for other in SHAPES.values() if other.spec.priority < shape.spec.priority and other.spec.requires]


def _surely(shape: Shape, paths: Paths) -> Node:
    """A record is of this shape, or of one that is tried before it."""
    if any(paths(path) for path in shape.spec.excludes) or shape.spec.equals:
        return NONE
    return _demanded(shape, paths)


def enveloped(paths: Paths) -> Node:
    """A record of no shape, one of whose members may hold the text of a whole event (events/envelopes.py)."""
    shaped = [_demanded(shape, paths) for shape in SHAPES.values()]
    return every([some(_present(name, paths) for name in TEXTS), negated(some(shaped))])


def _demanded(shape: Shape, paths: Paths) -> Node:
    """What a shape demands of a record is there. (What it forbids is what another one demands.)"""
    spec = shape.spec
    there = [_present(path, paths) for path in spec.requires]
    return every([*there, some(_present(path, paths) for path in spec.one_of)] if spec.one_of else there)


def _present(path: str, paths: Paths) -> Node:
    return some(Not(FieldTest(each, ABSENT)) for each in paths(path))


def _of_classes(rule: Rule, shape: Shape, paths: Paths) -> Iterator[View]:
    """The classes of a shape that tells them apart by `when`."""
    source = rule.source
    for spec, found in zip(shape.spec.classes, shape.classifier.classes, strict=True):
        if isinstance(found.product, str) and source.product and found.product not in ("", source.product):
            continue
        view = View(rule, shape, [found], paths)
        guards = [view.when(path, wanted) for path, wanted in spec.when.items()]
        if source.category:
            guards.append(view.word(found.category, tuple(sorted(FAMILIES.get(source.category, (source.category,))))))
        if source.service:
            guards.append(view.word(found.service, (source.service,)))
        view.guard = every(guards)
        yield view


def _of_windows(rule: Rule, shape: Shape, paths: Paths) -> Iterator[View]:
    """The events of a shape that has them as windows.yml does: by their number and log."""
    source = rule.source
    if source.product not in ("", "windows", "linux"):
        return
    if source.category:
        for event in windows().events:
            if source.fits(event.category, source.product, event.service):
                found = [each for each in shape.classifier.classes if _is(each, event)]
                view = View(rule, shape, found[:1], paths)
                kinds = [view.when(path, wanted) for path, wanted in event.when.items()]
                view.guard = every([view.numbered(shape.spec.windows.get("event_id"), event.ids), *kinds])
                yield view
        return
    classes = [each for each in shape.classifier.classes if source.fits("", "", str(each.service))]
    kinds_of = {id(each.fields): each for each in classes}
    view = View(rule, shape, list(kinds_of.values()), paths)
    if source.service:
        view.guard = _log(view, shape, source.service)
    yield view


def _is(found: EventClass, event: WindowsEvent) -> bool:
    return (found.category, found.service, found.fields) == (event.category, event.service, event.fields)


def _log(view: View, shape: Shape, service: str) -> Node:
    """The record is of this log, by channel or provider; by its number where it names neither."""
    spec = shape.spec.windows
    names = [spec[name] for name in ("channel", "provider") if name in spec]
    named = [view.word_of(name, tuple(windows().services.get(service, ()))) for name in names]
    number = view.numbered(spec.get("event_id"), windows().numbers.get(service, ()))
    return some([*named, every([number, *(view.absent(name) for name in names)])])
