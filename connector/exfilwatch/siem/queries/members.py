"""How the records of a shape show the fields that a rule asks for: as conditions over their members.

Never narrower than what is asked, wider where a field is made of several members or by a table. Under a `not` it is the
other way round, so `wide` is handed down and turned there.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache

from exfilwatch.detection.condition import All, Any, FieldTest, Node, Not, Selection
from exfilwatch.detection.derived import DERIVED
from exfilwatch.detection.nodes import ABSENT, EVERY, NONE, PRESENT, every, negated, some
from exfilwatch.detection.rule import Rule
from exfilwatch.detection.values import Exists, Null, Number, OneOf, Test, Text
from exfilwatch.events.classify import EventClass
from exfilwatch.events.mapping import Expression
from exfilwatch.events.shape import Shape
from exfilwatch.siem.queries.globs import Fold, Like, contains, globs, piece
from exfilwatch.siem.queries.needle import Nothing

Paths = Callable[[str], Sequence[str]]
"""The paths that a path may be found under; none, where no record has it. `a.*.b`: whatever stands between."""
_QUOTED = " \t\n\r\"'\\$`|&;<>()*?[]{}!#"
_ESCAPED = "<>&\"'"
_NUMBERED = contains("&#", Fold.NONE)


def as_it_is(path: str) -> Sequence[str]:
    """For a source of whose records nothing is known: any path may be there."""
    return (path,)


class View:
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
            case FieldTest(field, Nothing()):
                return every(self._nothing(e, bases) for e, bases in self._options(field)) if wide else NONE
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

    def sources(self, field: str) -> Iterator[tuple[str, bool]]:
        """Members of which a field is made that a record may have; whether one's value is the field's as it stands, or
        the name in it."""
        for expression, bases in self._options(field):
            named = expression["name"] if isinstance(expression, dict) and "directory" in expression else expression
            if isinstance(named, str):
                found = self._found(named, bases)
                yield from ((path, "*" not in path and not self._shape.spec.escaped) for path in found)
            else:
                # What else it is made of is not asked: no part says what the whole is.
                yield from ((path, False) for each in _members(named) for path in self._found(each, bases))

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
        if not any(not isinstance(part, str) or self._found(part, bases) for part in parts):
            return NONE  # no record has any of them
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

    def _nothing(self, expression: Expression, bases: tuple[str, ...]) -> Node:
        """Where the expression gives nothing, its members have no text."""
        match expression:
            case str():
                found = self._found(expression, bases)
                return every(Not(FieldTest(path, PRESENT)) for path in found if "*" not in path)
            case list():
                return every(self._nothing(each, bases) for each in expression)
            case {"directory": _, "name": name}:
                return self._nothing(name, bases)
        return EVERY

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


def _members(expression: Expression) -> Iterator[str]:
    """The paths that an expression is made of."""
    match expression:
        case str():
            yield expression
        case list():
            for each in expression:
                yield from _members(each)
        case {"join": parts}:
            yield from _members(parts)
        case dict():
            for word in ("int", "map", "else", "argv", "lines", "regex", "unescape", "path_product"):
                if word in expression:
                    yield from _members(expression[word])


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
