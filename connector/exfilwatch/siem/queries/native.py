"""Rules over the records of a source: their conditions put through the field maps, so that they ask for members.

What a rule asks of `Image` becomes what it asks of `process.executable`, of `winlog.event_data.Image`, ...: for each
class of each shape by the same field map that reads such a record (events/shape.py). The result is a condition tree
over paths of records that holds of every record on which the rule fires: never narrower, wider where a field is made
of several members or by a table. Under a `not` it is the other way round, so `wide` is handed down and turned there.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from exfilwatch.detection.condition import All, Any, FieldTest, Node, Not, Selection
from exfilwatch.detection.derived import DERIVED
from exfilwatch.detection.logsource import FAMILIES
from exfilwatch.detection.rule import Rule
from exfilwatch.detection.values import Exists, Null, Number, OneOf, Test, Text, Wild
from exfilwatch.events.classify import EventClass
from exfilwatch.events.envelopes import TEXTS
from exfilwatch.events.mapping import Expression
from exfilwatch.events.shape import SHAPES, Shape
from exfilwatch.events.specs import WindowsEvent, windows
from exfilwatch.siem.queries.globs import Fold, Like, contains, globs, piece

EVERY: Node = All(())
NONE: Node = Any(())
"""What holds of every record, and of none."""
PRESENT = Text([Wild.ANY, Wild.ONE, Wild.ANY], cased=True)
"""A text that is there and not empty, or a number."""
ABSENT = Null()

Paths = Callable[[str], Sequence[str]]
"""The paths that a path may be found under; none, where no record has it. `a.*.b`: whatever stands between."""
_QUOTED = " \t\n\r\"'\\$`|&;<>()*?[]{}!#"
_ESCAPED = "<>&\"'"
_NUMBERED = contains("&#", Fold.NONE)
_UNDEMANDING = 80  # priority


def as_it_is(path: str) -> Sequence[str]:
    """For a source of whose records nothing is known: any path may be there."""
    return (path,)


class Asked(NamedTuple):
    """What a rule asks of records: of one kind (`guard`), a condition over the members of that kind."""

    guard: Node
    condition: Node


def asked(rule: Rule, shapes: Iterable[Shape] = (), paths: Paths = as_it_is) -> list[Asked]:
    """What the rule asks, of each kind of record that it concerns. A record on which it fires fulfils one of these.

    `shapes`: which there may be; none given: all.
    """
    made: dict[Node, dict[Node, None]] = {}
    for view in _views(rule, shapes or SHAPES.values(), paths):
        condition = view.translated(rule.screen, wide=True)
        if condition != NONE and view.guard != NONE:
            made.setdefault(condition, {})[view.guard] = None
    return [Asked(some(guards), condition) for condition, guards in made.items()]


def selected(rule: Rule, name: str, shapes: Iterable[Shape] = (), paths: Paths = as_it_is) -> Node:
    """A selection of the rule, as a condition over members of any kind of record that the rule concerns."""
    views = [view for view in _views(rule, shapes or SHAPES.values(), paths) if view.guard != NONE]
    return some(view.translated(rule.screens[name], wide=True) for view in views)


def within(node: Node, text: str) -> Node:
    """What a text that holds the whole record has to hold: whatever is asked of a field, in the text."""
    match node:
        case Selection(_, part):
            return within(part, text)
        case All(parts):
            return every(within(part, text) for part in parts)
        case Any(parts):
            return some(within(part, text) for part in parts)
        case FieldTest(field, test) if field not in DERIVED and globs(test) is not None:
            return FieldTest(text, test)
    return EVERY


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


class _View:
    """How records of one shape, and of some of its classes, show their fields to a rule."""

    def __init__(self, rule: Rule, shape: Shape, classes: Sequence[EventClass], paths: Paths) -> None:
        self._raw_first = rule.source.raw
        self._shape = shape
        self._paths = paths
        self._alike = len(classes) == 1
        self._classes = [shape.field_expressions(found) for found in classes]
        self.root = (shape.spec.prefix.rstrip("."),)
        self.guard = EVERY

    def translated(self, node: Node, *, wide: bool) -> Node:
        """The condition over members; holds wherever `node` does (`wide`), or only where it does."""
        match node:
            case Selection(_, part):
                return self.translated(part, wide=wide)
            case Not(part):
                return negated(self.translated(part, wide=not wide))
            case All(parts):
                return every(self.translated(part, wide=wide) for part in parts)
            case Any(parts):
                return some(self.translated(part, wide=wide) for part in parts)
            case FieldTest(field) if field in DERIVED:  # no record has it: what it implies stands beside it
                return EVERY if wide else NONE
            case FieldTest(field, Exists(wanted=wanted)):
                return self._exists(field, wide=wide) if wanted else negated(self._exists(field, wide=not wide))
            case FieldTest(field, Null()):
                return self._null(field, wide=wide)
            case FieldTest(field, test):
                return self._field(field, test) if wide else self._surely(field, test)
        return EVERY if wide else NONE

    def _options(self, field: str) -> Iterator[tuple[Expression, tuple[str, ...]]]:
        """Where the value of a field comes from: the first that is there."""
        spec = self._shape.spec
        own: list[tuple[Expression, tuple[str, ...]]] = [(field, self._shape.bases)]
        if field in spec.system:
            own.append((spec.system[field], (spec.prefix.rstrip("."),)))
        mapped = [option for fields in self._classes for option in fields.get(field, ())]
        if field == "Computer":
            mapped.append((spec.host, ("",)))
        for expression, bases in [*own, *mapped] if self._raw_first else [*mapped, *own]:
            for each in expression if isinstance(expression, list) else [expression]:
                yield each, bases

    def _field(self, field: str, test: Test) -> Node:
        return some(self._made(expression, bases, test) for expression, bases in self._options(field))

    def _made(self, expression: Expression, bases: tuple[str, ...], test: Test) -> Node:
        """Holds wherever the value of the expression fulfils the test."""
        match expression:
            case str():
                found = [path for base in bases for path in self._under(base, expression)]
                return some(self._member(path, test) for path in found)
            case list():
                return some(self._made(each, bases, test) for each in expression)
            case {"const": constant}:
                return EVERY if test.holds(constant) else NONE
            case {"join": list(parts), "with": str(glue)}:
                if not glue and len(parts) == 1:
                    return self._made(parts[0], bases, test)
                return self._within(parts, bases, test, glue) if glue else EVERY
            case {"int": part}:
                number = _as_number(test)
                return self._made(part, bases, number) if number else EVERY
            case {"map": part, "values": dict(values)}:
                keys = [Text([str(key)], cased=False) for key, value in values.items() if test.holds(value)]
                rest = dict(expression).get("else")
                found_keys = [self._made(part, bases, key) for key in keys]
                return some([*found_keys, NONE if rest is None else self._made(rest, bases, test)])
            case {"argv": part}:
                return self._within([part], bases, test, _QUOTED)
            case {"lines": part} | {"regex": part}:
                return self._within([part], bases, test, "")
            case {"unescape": part}:
                marks = self._made(part, bases, Like(_NUMBERED))
                return some([marks, self._within([part], bases, test, _ESCAPED)])
            case {"directory": folder, "name": name}:
                return self._within([folder, name], bases, test, "/\\")
        return EVERY

    def _within(self, parts: Sequence[Expression], bases: tuple[str, ...], test: Test, breakers: str) -> Node:
        """Holds where the parts, put together at `breakers`, may give a value that fulfils the test."""
        pieces = [piece(glob, breakers) for glob in globs(test) or ()]
        if not pieces or None in pieces:
            return EVERY
        return some(self._made(part, bases, Like(each)) for each in pieces if each for part in parts)

    def _member(self, path: str, test: Test) -> Node:
        if "*" in path:  # in one of several objects: known is only whether there are any
            return FieldTest(path.partition(".*")[0], PRESENT)
        if not self._shape.spec.escaped:
            return FieldTest(path, test)
        pieces = [piece(glob, _ESCAPED) for glob in globs(test) or ()]
        if not pieces or None in pieces:
            return EVERY
        return some(FieldTest(path, Like(each)) for each in (_NUMBERED, *pieces) if each)

    def _under(self, base: str, name: str) -> Iterator[str]:
        yield from self._paths(f"{base}.{name}" if base else name)

    def _first(self, field: str) -> tuple[Expression, tuple[str, ...], bool] | None:
        """The option that comes first, leaving out those that no record has; whether it is the only one."""
        left = [(e, bases) for e, bases in self._options(field) if not isinstance(e, str) or self._found(e, bases)]
        return (*left[0], len({str(e) for e, _ in left}) == 1) if left else None

    def _found(self, name: str, bases: tuple[str, ...]) -> list[str]:
        return [path for base in bases for path in self._under(base, name)]

    def _surely(self, field: str, test: Test) -> Node:
        """Holds only where the field fulfils the test: known where its first source is a member as it stands."""
        first = self._first(field)
        if first is None or not (self._alike or self._raw_first):
            return NONE
        expression, bases, only = first
        if not isinstance(expression, str) or self._shape.spec.escaped or (test.holds("") and not only):
            return NONE
        path = self._found(expression, bases)[0]
        return NONE if "*" in path else FieldTest(path, test)

    def _null(self, field: str, *, wide: bool) -> Node:
        """The field is absent: then its last source is, and its own name."""
        known = [(e, bases) for e, bases in self._options(field) if not isinstance(e, str) or self._found(e, bases)]
        if not known:
            return EVERY
        if not wide:
            return NONE
        plain = [each for e, bases in known[-1:] if isinstance(e, str) for each in self._found(e, bases)]
        return every(FieldTest(path, ABSENT) for path in plain if "*" not in path)

    def _exists(self, field: str, *, wide: bool) -> Node:
        """The field is there, be it null, which no engine can tell from being absent."""
        if self._null(field, wide=False) == EVERY:
            return NONE
        return EVERY if wide else negated(self._null(field, wide=True))

    def word(self, expression: Expression, wanted: tuple[str, ...]) -> Node:
        """Category or service, which a class gives as a word or as an expression, is one of the wanted ones."""
        if isinstance(expression, str):
            return EVERY if expression in wanted else NONE
        return self.word_of(expression, wanted)

    def word_of(self, expression: Expression, wanted: tuple[str, ...]) -> Node:
        """What the expression gives is one of the wanted words."""
        return self._made(expression, self.root, _word(*wanted)) if wanted else NONE

    def absent(self, expression: Expression) -> Node:
        """The expression gives nothing, so far as it is made of members as they stand."""
        options = expression if isinstance(expression, list) else [expression]
        plain = [path for each in options if isinstance(each, str) for path in self._found(each, self.root)]
        return every(Not(FieldTest(path, PRESENT)) for path in plain)

    def when(self, path: str, wanted: Expression) -> Node:
        """What a class asks of the value at a path."""
        if wanted is None:
            return EVERY
        words = wanted if isinstance(wanted, list) else [wanted]
        return self._made(path, self.root, PRESENT if wanted == "*" else _word(*map(str, words)))

    def numbered(self, expression: Expression, numbers: Iterable[int]) -> Node:
        """An event id is one of the numbers."""
        return some(self._made(expression, self.root, _number(each)) for each in numbers)


def _as_number(test: Test) -> Test | None:
    """The test of a number's text as one of the number."""
    if isinstance(test, Text):
        return _number(int(test.plain)) if test.plain and _is_whole(test) else None
    return None if isinstance(test, OneOf) or globs(test) is not None else test


def _is_whole(text: Text) -> bool:
    return bool(text.plain) and text.plain.isdecimal() and not (text.open_start or text.open_end)  # type: ignore[union-attr]


@lru_cache(1_000)
def _word(*words: str) -> Test:
    """One of some words, whatever their case."""
    texts = [Text([word], cased=False) for word in words]
    return texts[0] if len(texts) == 1 else OneOf(texts)


@lru_cache(1_000)
def _number(wanted: int) -> Test:
    return Number(wanted)


def _views(rule: Rule, shapes: Iterable[Shape], paths: Paths) -> Iterator[_View]:
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


def _of_classes(rule: Rule, shape: Shape, paths: Paths) -> Iterator[_View]:
    """The classes of a shape that tells them apart by `when`."""
    source = rule.source
    for spec, found in zip(shape.spec.classes, shape.classifier.classes, strict=True):
        if isinstance(found.product, str) and source.product and found.product not in ("", source.product):
            continue
        view = _View(rule, shape, [found], paths)
        guards = [view.when(path, wanted) for path, wanted in spec.when.items()]
        if source.category:
            guards.append(view.word(found.category, tuple(sorted(FAMILIES.get(source.category, (source.category,))))))
        if source.service:
            guards.append(view.word(found.service, (source.service,)))
        view.guard = every(guards)
        yield view


def _of_windows(rule: Rule, shape: Shape, paths: Paths) -> Iterator[_View]:
    """The events of a shape that has them as windows.yml does: by their number and log."""
    source = rule.source
    if source.product not in ("", "windows", "linux"):
        return
    if source.category:
        for event in windows().events:
            if source.fits(event.category, source.product, event.service):
                found = [each for each in shape.classifier.classes if _is(each, event)]
                view = _View(rule, shape, found[:1], paths)
                kinds = [view.when(path, wanted) for path, wanted in event.when.items()]
                view.guard = every([view.numbered(shape.spec.windows.get("event_id"), event.ids), *kinds])
                yield view
        return
    classes = [each for each in shape.classifier.classes if source.fits("", "", str(each.service))]
    kinds_of = {id(each.fields): each for each in classes}
    view = _View(rule, shape, list(kinds_of.values()), paths)
    if source.service:
        view.guard = _log(view, shape, source.service)
    yield view


def _is(found: EventClass, event: WindowsEvent) -> bool:
    return (found.category, found.service, found.fields) == (event.category, event.service, event.fields)


def _log(view: _View, shape: Shape, service: str) -> Node:
    """The record is of this log, by channel or provider; by its number where it names neither."""
    spec = shape.spec.windows
    names = [spec[name] for name in ("channel", "provider") if name in spec]
    named = [view.word_of(name, tuple(windows().services.get(service, ()))) for name in names]
    number = view.numbered(spec.get("event_id"), windows().numbers.get(service, ()))
    return some([*named, every([number, *(view.absent(name) for name in names)])])
