"""Shapes: how one kind of record becomes an event. Each is a field map in shapes/*.yml, read and applied here.

A field map (all paths and expressions: events/mapping.py):

    title:     what it is, for people
    source:    where its form is documented
    priority:  lower is tried first (default 50)
    requires:  [path, ...]      a record is of this shape when all of these are present and not null
    one_of:    [path, ...]      and, where given, at least one of these
    excludes:  [path, ...]      and none of these
    equals:    {path: [values]} and each of these has one of the values (compared as text, lower-cased)
    escaped:   true             its texts have `&lt;` for `<` and so on
    called:    name             shown instead of the file's: one shape that is told apart in two ways
    nested:    true             nobody writes its records with dots in the keys (for typed decoding, events/typed.py)
    raw:       [object, ...]    objects whose members are the record's own fields, the first ones first ('' = the record
                                itself; a last part '*' = each object inside)
    system:    {Name: expression}   further own fields (EventID, Channel, Provider_Name, ...)
    time, ingest_time, host, record:  [path, ...]   the first one present; record: the log's own record number or id
    windows:   {channel: e, event_id: e, provider: e}   classified by windows.yml, whose paths are members of `raw`
    classes:   [{when: {path: value | [values] | '*' | null}, category, product, service, fields: {Name: e}}]
               the first class that fits; '*' = present, null = absent; of a list, one element has to fit
    classes_from: another shape, with prefix: 'path.'    what this one leaves out is that one's, one level deeper
    fallback:  {category: {Name: e}}   for fields that the class leaves empty

`category`, `product` and `service` of a class are plain words or an expression (a mapping).
"""

import functools
import hashlib
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import TypeAlias

from exfilwatch.events.classify import Classifier, EventClass, by_classes, by_windows_log
from exfilwatch.events.event import Event, Origin, Value
from exfilwatch.events.event_xml import unescape
from exfilwatch.events.mapping import (
    Access,
    Expression,
    Getter,
    T,
    compile_expression,
    dict_access,
    first_filled,
    first_present,
    heads,
    object_access,
)
from exfilwatch.events.specs import ShapeSpec, inherited, shape_specs, taxonomy
from exfilwatch.events.timestamps import micros

__all__ = ["SHAPES", "Classifier", "EventClass", "Record", "Shape", "based", "recognise", "taxonomy"]

Record: TypeAlias = dict[str, Value]
_Words: TypeAlias = tuple[str | Getter[Record], ...]
_ABSENT: tuple[Value, ...] = (None, "", [])


def based(access: Access[T], bases: tuple[str, ...]) -> Access[T]:
    """Access relative to one or more base objects ('' = the record itself); the first base that has the path wins."""

    def relative(path: str) -> Getter[T]:
        return first_present([access(f"{base}.{path}" if base else path) for base in bases])

    return relative


class Shape:
    """One field map, compiled for decoded records: what recognises these at once, the rest when there is one."""

    def __init__(self, name: str, spec: ShapeSpec, parent: "Shape | None" = None) -> None:
        self.name = spec.called or name
        spec = inherited(spec, parent.spec) if parent else spec
        self.spec: ShapeSpec = spec
        self.bases: tuple[str, ...] = tuple(spec.raw) or ("",)
        self._where = f"shape {name}"
        self._root = (spec.prefix.rstrip("."),)
        self._requires = [dict_access(path) for path in spec.requires]
        self._one_of = [dict_access(path) for path in spec.one_of]
        self._excludes = [dict_access(path) for path in spec.excludes]
        self._equals = [
            (dict_access(path), frozenset(v.lower() for v in values)) for path, values in spec.equals.items()
        ]
        self._made: dict[int, tuple[_Words, list[tuple[str, Getter[Record]]]]] = {}

    @cached_property
    def classifier(self) -> Classifier:
        """What class of records one is of."""
        spec = self.spec
        if spec.windows:
            return by_windows_log(spec.windows, self._field_bases())
        return by_classes(spec.classes, self._root)

    @cached_property
    def _keys(self) -> list[tuple[Getter[Record], bool]]:
        return [
            (compile_expression(expression, based(dict_access, bases), self._where), presence)
            for expression, bases, presence in self.classifier.keys
        ]

    @cached_property
    def _raw(self) -> list[Callable[[Record], list[Record]]]:
        return [_objects(path) for path in self.spec.raw]

    @cached_property
    def _system(self) -> list[tuple[str, Getter[Record]]]:
        access = based(dict_access, self._root)
        return [(key, compile_expression(each, access, self._where)) for key, each in self.spec.system.items()]

    @cached_property
    def _time(self) -> Getter[Record]:
        return self._head(self.spec.time)

    @cached_property
    def _ingest(self) -> Getter[Record]:
        return self._head(self.spec.ingest_time)

    @cached_property
    def _host(self) -> Getter[Record]:
        return self._head(self.spec.host)

    @cached_property
    def _record(self) -> Getter[Record]:
        return self._head(self.spec.record)

    def _head(self, paths: list[str]) -> Getter[Record]:
        getters = [dict_access(path) for path in paths]

        def first(record: Record) -> Value:
            for getter in getters:
                value = getter(record)
                if isinstance(value, list) and value:
                    value = value[0]
                if value not in (None, "", "-", []):
                    return value
            return None

        return first

    def _field_bases(self) -> tuple[str, ...]:
        return tuple(base for base in self.bases if not base.endswith("*"))

    def field_expressions(self, found: EventClass) -> dict[str, list[tuple[Expression, tuple[str, ...]]]]:
        """Sigma field -> the (expression, bases) to try in order, for one class of this shape.

        Sigma's own names come last, so that a record that already uses them needs no map.
        """
        options: dict[str, list[tuple[Expression, tuple[str, ...]]]] = {}
        for name, expression in found.fields.items():
            options.setdefault(name, []).append((expression, found.bases))
        for name in _names(found.category):
            if name not in found.fields:
                options.setdefault(name, []).append((name, self._field_bases()))
        category = found.category if isinstance(found.category, str) else ""
        for name, expression in self.spec.fallback.get(category, {}).items():
            options.setdefault(name, []).append((expression, self._root))
        return options

    def _compiled(self, found: EventClass) -> tuple[_Words, list[tuple[str, Getter[Record]]]]:
        """Category, product and service, and the fields."""
        made = self._made.get(id(found))
        if made is None:
            words = tuple(
                word if isinstance(word, str) else self._getter(word, found.bases)
                for word in (found.category, found.product, found.service)
            )
            getters = [
                (
                    name,
                    first_filled([self._getter(expression, bases, f", field {name}") for expression, bases in options]),
                )
                for name, options in self.field_expressions(found).items()
            ]
            made = self._made[id(found)] = (words, getters)
        return made

    def _getter(self, expression: Expression, bases: tuple[str, ...], what: str = "") -> Getter[Record]:
        return compile_expression(expression, based(dict_access, bases), self._where + what)

    def may_recognise(self, keys: Iterable[str]) -> bool:
        """Whether a record with these top-level keys can be of this shape at all."""
        present = set(keys)
        return all(not heads(path).isdisjoint(present) for path in self.spec.requires) and (
            not self.spec.one_of or any(not heads(path).isdisjoint(present) for path in self.spec.one_of)
        )

    def recognises(self, record: Record) -> bool:
        """Whether the record is of this shape."""
        return (
            all(get(record) is not None for get in self._requires)
            and (not self._one_of or any(get(record) is not None for get in self._one_of))
            and all(get(record) is None for get in self._excludes)
            and all(str(get(record)).lower() in values for get, values in self._equals)
        )

    def event(self, record: Record, origin: Origin, raw: bytes) -> Event:
        """The event of a record of this shape; `raw` is the record as it stood in its source, for its identity."""
        if self.spec.escaped:
            record = {name: unescape(value) if isinstance(value, str) else value for name, value in record.items()}
        own = self._own(record)
        seen = ((getter(record), presence) for getter, presence in self._keys)
        values = (("*" if presence else value) if value not in _ABSENT else None for value, presence in seen)
        found = self.classifier.choose(tuple(values))
        fields: Record = {}
        category = product = service = ""
        if found is not None:
            words, getters = self._compiled(found)
            category, product, service = (
                word if isinstance(word, str) else str(word(record) or "").lower() for word in words
            )
            for name, getter in getters:
                value = getter(record)
                if value is not None:
                    fields[name] = value
        time = micros(self._time(record))
        host = self._host(record)
        host_name = str(host) if isinstance(host, str | int) else None
        if host_name:
            fields.setdefault("Computer", host_name)
        return Event(
            shape=self.name,
            category=category,
            product=product,
            service=service,
            time=time,
            ingest_time=micros(self._ingest(record)),
            host=host_name,
            id=self._identity(self._record(record), host_name, time, category, own, raw),
            origin=origin,
            fields=fields,
            raw=own,
        )

    def _own(self, record: Record) -> Record:
        own: Record = {}
        for objects in self._raw:
            for found in objects(record):
                for key, value in found.items():
                    if key not in own:
                        own[key] = value["#text"] if isinstance(value, dict) and "#text" in value else value
        for key, getter in self._system:
            value = getter(record)
            if value is not None:
                own[key] = value
        if self.spec.windows:  # Sigma's taxonomy: names of Windows events lose their spaces
            for key in [key for key in own if " " in key]:
                own.setdefault(key.replace(" ", ""), own[key])
        return own

    @staticmethod
    def _identity(record: Value, host: str | None, time: int | None, category: str, own: Record, raw: bytes) -> str:
        """A record number is unique only in one log of one host, until the log is cleared: so with the time."""
        if record not in (None, "", 0, "0") and host:
            text = f"{own.get('Channel') or category}\n{host.lower()}\n{record}\n{time}"
            raw = text.encode("utf-8", "surrogatepass")
        return hashlib.blake2b(raw.strip(), digest_size=16).hexdigest()


def _objects(path: str) -> Callable[[Record], list[Record]]:
    if path == "":
        return lambda record: [record]
    every = path.endswith(".*")
    get = object_access(path.removesuffix(".*"))

    def objects(record: Record) -> list[Record]:
        found = get(record)
        return [inner for inner in found.values() if isinstance(inner, dict)] if every else [found]

    return objects


@functools.cache
def _every_name() -> list[str]:
    return list(dict.fromkeys(name for names in taxonomy().values() for name in names))


def _names(category: Expression) -> list[str]:
    """The fields of a category; of one that only the record itself names, any."""
    return taxonomy().get(category, taxonomy()[""]) if isinstance(category, str) else _every_name()


def _load() -> dict[str, Shape]:
    specs = shape_specs()
    plain = {name: Shape(name, spec) for name, spec in specs.items() if not spec.classes_from}
    derived = {name: Shape(name, spec, plain[spec.classes_from]) for name, spec in specs.items() if spec.classes_from}
    return dict(sorted((plain | derived).items(), key=lambda item: (item[1].spec.priority, item[0])))


SHAPES: dict[str, Shape] = _load()


@functools.lru_cache(512)
def _candidates(keys: tuple[str, ...]) -> list[Shape]:
    return [shape for shape in SHAPES.values() if shape.may_recognise(keys)]


def recognise(record: Record) -> Shape | None:
    """The shape of a decoded record: the first, by priority, that fits; None when no shape does."""
    for shape in _candidates(tuple(record)) if len(record) <= _MOST_KEYS else SHAPES.values():
        if shape.recognises(record):
            return shape
    return None


_MOST_KEYS = 200  # of a record with more, the keys are not worth remembering
