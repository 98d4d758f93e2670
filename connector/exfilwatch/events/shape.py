"""Shapes: how one kind of record becomes an event. Each is a field map in shapes/*.yml, read and applied here.

A field map (all paths and expressions: events/mapping.py):

    title:     what it is, for people
    source:    where its form is documented
    priority:  lower is tried first (default 50)
    requires:  [path, ...]      a record is of this shape when all of these are present and not null
    one_of:    [path, ...]      and, where given, at least one of these
    excludes:  [path, ...]      and none of these
    equals:    {path: [values]} and each of these has one of the values (compared as text, lower-cased)
    raw:       [object, ...]    objects whose members are the record's own fields ('' = the record itself; a last
                                part '*' = each object inside)
    system:    {Name: expression}   further own fields (EventID, Channel, Provider_Name, ...)
    time, ingest_time, host, record:  [path, ...]   the first one present; record: the log's own record number or id
    windows:   {channel: e, event_id: e, provider: e}   classified by windows.yml, whose paths are members of `raw`
    classes:   [{when: {path: value | [values] | '*' | null}, category, product, service, fields: {Name: e}}]
               the first class that fits; '*' = present, null = absent
    classes_from: another shape, with prefix: 'path.'    its classes and head fields, one level deeper
    fallback:  {category: {Name: e}}   for fields that the class leaves empty

`category`, `product` and `service` of a class are plain words or an expression (a mapping).
"""

import functools
import hashlib
from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import Any, TypeAlias

import msgspec
import yaml

from exfilwatch.errors import ConfigError
from exfilwatch.events.event import Event, Origin, Value
from exfilwatch.events.mapping import Access, Expression, Getter, T, compile_expression, dict_access, to_int
from exfilwatch.events.timestamps import micros

Record: TypeAlias = dict[str, Value]


class ClassSpec(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One class of records within a shape: what they are in Sigma's terms and how their fields are named."""

    category: Expression = ""
    product: Expression = ""
    service: Expression = ""
    when: dict[str, Expression] = {}
    fields: dict[str, Expression] = {}


class ShapeSpec(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A field map as its file has it; the module's docstring explains the keys."""

    title: str
    source: str
    priority: int = 50
    requires: list[str] = []
    one_of: list[str] = []
    excludes: list[str] = []
    equals: dict[str, list[str]] = {}
    raw: list[str] = []
    system: dict[str, Expression] = {}
    time: list[str] = []
    ingest_time: list[str] = []
    host: list[str] = []
    record: list[str] = []
    windows: dict[str, Expression] = {}
    classes: list[ClassSpec] = []
    classes_from: str = ""
    prefix: str = ""
    fallback: dict[str, dict[str, Expression]] = {}


class WindowsSpec(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """windows.yml: channels by Sigma service, and event ids of a channel that have a category or other field names."""

    title: str
    source: str
    services: dict[str, list[str]]
    events: list["WindowsEvent"]


class WindowsEvent(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The event ids of one service that are one category; `when` tells apart by a field's value."""

    service: str
    ids: list[int]
    category: str = ""
    when: dict[str, Expression] = {}
    fields: dict[str, Expression] = {}


class EventClass(msgspec.Struct, frozen=True):
    """A class ready to use: expressions of its own record paths, the field expressions with their base paths."""

    category: Expression
    product: Expression
    service: Expression
    fields: dict[str, Expression]
    bases: tuple[str, ...]


def _read(name: str) -> Any:
    return yaml.safe_load(files("exfilwatch.events").joinpath(name).read_text("utf-8"))


@functools.cache
def taxonomy() -> Mapping[str, list[str]]:
    """Sigma's field names by category: what an event of that category shows under its own name."""
    return msgspec.convert(_read("taxonomy.yml"), dict[str, list[str]])


@functools.cache
def windows() -> WindowsSpec:
    """windows.yml, read once."""
    return msgspec.convert(_read("windows.yml"), WindowsSpec)


@functools.cache
def _service_of() -> Mapping[str, str]:
    return {channel.lower(): service for service, channels in windows().services.items() for channel in channels}


@functools.cache
def _windows_events() -> Mapping[tuple[str, int], list[WindowsEvent]]:
    table: dict[tuple[str, int], list[WindowsEvent]] = {}
    for event in windows().events:
        for number in event.ids:
            table.setdefault((event.service, number), []).append(event)
    return table


def _fits(value: Value, wanted: Value) -> bool:
    if wanted is None:
        return value in (None, "")
    if wanted == "*":
        return value not in (None, "")
    text = str(value).lower()
    return any(text == str(option).lower() for option in (wanted if isinstance(wanted, list) else [wanted]))


def based(access: Access[T], bases: tuple[str, ...]) -> Access[T]:
    """Access relative to one or more base objects ('' = the record itself); the first base that has the path wins."""

    def relative(path: str) -> Getter[T]:
        getters = [access(f"{base}.{path}" if base else path) for base in bases]
        if len(getters) == 1:
            return getters[0]

        def first(record: T) -> Value:
            for getter in getters:
                value = getter(record)
                if value is not None:
                    return value
            return None

        return first

    return relative


class Classifier(msgspec.Struct, frozen=True):
    """Chooses the class of a record from a few of its values, so that the choice can be remembered by those values.

    `keys` are (path expression, bases, presence only); `choose` takes their values in that order.
    """

    keys: tuple[tuple[Expression, tuple[str, ...], bool], ...]
    choose: Callable[[tuple[Value, ...]], EventClass | None]


class Shape:
    """One field map, compiled for decoded records."""

    def __init__(self, name: str, spec: ShapeSpec, parent: "Shape | None" = None) -> None:
        self.name = name
        self.spec = spec
        self.bases: tuple[str, ...] = tuple(spec.raw) or ("",)
        self._parent = parent
        where = f"shape {name}"
        self._requires = [dict_access(path) for path in spec.requires]
        self._one_of = [dict_access(path) for path in spec.one_of]
        self._excludes = [dict_access(path) for path in spec.excludes]
        self._equals = [
            (dict_access(path), frozenset(v.lower() for v in values)) for path, values in spec.equals.items()
        ]
        self._raw = [self._objects(path) for path in spec.raw]
        self._system = [(key, compile_expression(e, dict_access, where)) for key, e in spec.system.items()]
        self.classifier = self._windows_classifier() if spec.windows else self._classifier(self._class_specs())
        self._keys = [
            (compile_expression(expression, based(dict_access, bases), where), presence)
            for expression, bases, presence in self.classifier.keys
        ]
        self._time = self._head(spec.time)
        self._ingest = self._head(spec.ingest_time)
        self._host = self._head(spec.host)
        self._record = self._head(spec.record)
        self._getters: dict[int, list[tuple[str, Getter[Record]]]] = {}

    def _class_specs(self) -> list[ClassSpec]:
        return self._parent.spec.classes if self._parent else self.spec.classes

    def _head(self, paths: list[str]) -> Getter[Record]:
        if not paths:
            return lambda _record: None
        return compile_expression(list(paths), dict_access, f"shape {self.name}")

    @staticmethod
    def _objects(path: str) -> Callable[[Record], list[Record]]:
        if path == "":
            return lambda record: [record]
        every = path.endswith(".*")
        get = dict_access(path.removesuffix(".*"))

        def objects(record: Record) -> list[Record]:
            found = get(record)
            if not isinstance(found, dict):
                return []
            return [inner for inner in found.values() if isinstance(inner, dict)] if every else [found]

        return objects

    # Classes

    def _class_bases(self) -> tuple[str, ...]:
        return (self.spec.prefix.rstrip("."),)

    def _classifier(self, specs: list[ClassSpec]) -> Classifier:
        bases = self._class_bases()
        paths: dict[str, bool] = {}
        for spec in specs:
            for path, wanted in spec.when.items():
                presence = wanted is None or wanted == "*"
                paths[path] = paths.get(path, True) and presence
        order = list(paths)
        classes = [(spec, EventClass(spec.category, spec.product, spec.service, spec.fields, bases)) for spec in specs]

        def choose(values: tuple[Value, ...]) -> EventClass | None:
            seen = dict(zip(order, values, strict=True))
            for spec, found in classes:
                if all(_fits(seen[path], wanted) for path, wanted in spec.when.items()):
                    return found
            return None

        return Classifier(tuple((path, bases, presence) for path, presence in paths.items()), choose)

    def _windows_classifier(self) -> Classifier:
        bases = tuple(base for base in self.bases if not base.endswith("*"))
        where = sorted({path for event in windows().events for path in event.when})
        heads = tuple((self.spec.windows.get(key, {"const": None}), ("",), False) for key in ("channel", "event_id"))
        provider = self.spec.windows.get("provider", {"const": None})
        plain: dict[str, EventClass] = {}

        def choose(values: tuple[Value, ...]) -> EventClass | None:
            channel, number, source = str(values[0] or ""), to_int(values[1]), str(values[2] or "")
            service = _service_of().get(channel.lower()) or _service_of().get(source.lower(), "")
            seen = dict(zip(where, values[3:], strict=True))
            for event in _windows_events().get((service, number if number is not None else -1), []):
                if all(_fits(seen[path], wanted) for path, wanted in event.when.items()):
                    return made(event)
            return plain.setdefault(service, EventClass("", "windows", service, {}, bases))

        @functools.cache
        def at(position: int) -> EventClass:
            event = windows().events[position]
            return EventClass(event.category, "windows", event.service, event.fields, bases)

        positions = {id(event): position for position, event in enumerate(windows().events)}

        def made(event: WindowsEvent) -> EventClass:
            return at(positions[id(event)])

        keys = (*heads, (provider, ("",), False), *((path, bases, False) for path in where))
        return Classifier(keys, choose)

    def field_expressions(self, found: EventClass) -> dict[str, list[tuple[Expression, tuple[str, ...]]]]:
        """Sigma field -> the (expression, bases) to try in order, for one class of this shape.

        Sigma's own names come last, so that a record that already uses them needs no map.
        """
        category = found.category if isinstance(found.category, str) else ""
        options: dict[str, list[tuple[Expression, tuple[str, ...]]]] = {}
        for name, expression in found.fields.items():
            options.setdefault(name, []).append((expression, found.bases))
        for name in taxonomy().get(category, taxonomy()[""]):
            if name not in found.fields:
                bases = tuple(base for base in self.bases if not base.endswith("*"))
                options.setdefault(name, []).append((name, bases))
        for name, expression in self.spec.fallback.get(category, {}).items():
            options.setdefault(name, []).append((expression, ("",)))
        return options

    def _compiled(self, found: EventClass) -> list[tuple[str, Getter[Record]]]:
        getters = self._getters.get(id(found))
        if getters is None:
            getters = []
            for name, options in self.field_expressions(found).items():
                compiled = [
                    compile_expression(expression, based(dict_access, bases), f"shape {self.name}, field {name}")
                    for expression, bases in options
                ]
                getters.append((name, compiled[0] if len(compiled) == 1 else _first_of(compiled)))
            self._getters[id(found)] = getters
        return getters

    # Records

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
        own: Record = {}
        for objects in self._raw:
            for found_object in objects(record):
                for key, value in found_object.items():
                    own[key] = value.get("#text") if isinstance(value, dict) and "#text" in value else value
        for key, getter in self._system:
            value = getter(record)
            if value is not None:
                own[key] = value
        values = tuple(
            (value not in (None, "")) and "*" if presence else value
            for value, presence in ((getter(record), presence) for getter, presence in self._keys)
        )
        found = self.classifier.choose(tuple(value or None for value in values))
        fields: Record = {}
        category = product = service = ""
        if found is not None:
            category, product, service = (
                part if isinstance(part, str) else self._word(part, found, record)
                for part in (found.category, found.product, found.service)
            )
            for name, getter in self._compiled(found):
                value = getter(record)
                if value is not None:
                    fields[name] = value
        time = micros(self._time(record))
        host = self._host(record)
        host_name = str(host) if host not in (None, "", "-") else None
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
            id=self._identity(self._record(record), host_name, time, own, raw),
            origin=origin,
            fields=fields,
            raw=own,
        )

    def _word(self, expression: Expression, found: EventClass, record: Record) -> str:
        getter = compile_expression(expression, based(dict_access, found.bases), f"shape {self.name}")
        return str(getter(record) or "")

    @staticmethod
    def _identity(record: Value, host: str | None, time: int | None, own: Record, raw: bytes) -> str:
        """A record number is unique only in one log of one host, until the log is cleared: so with the time."""
        if record not in (None, "", 0, "0") and host:
            raw = f"{own.get('Channel') or ''}\n{host.lower()}\n{record}\n{time}".encode("utf-8", "surrogatepass")
        return hashlib.blake2b(raw.strip(), digest_size=16).hexdigest()


def _first_of(getters: list[Getter[Record]]) -> Getter[Record]:
    def first(record: Record) -> Value:
        value: Value = None
        for getter in getters:
            value = getter(record)
            if value not in (None, ""):
                return value
        return value

    return first


def _load() -> dict[str, Shape]:
    specs: dict[str, ShapeSpec] = {}
    for entry in files("exfilwatch.events").joinpath("shapes").iterdir():
        if entry.name.endswith(".yml"):
            try:
                specs[entry.name[:-4]] = msgspec.convert(yaml.safe_load(entry.read_text("utf-8")), ShapeSpec)
            except (msgspec.ValidationError, yaml.YAMLError) as error:
                raise ConfigError(f"field map {entry.name}: {error}") from error
    plain = {name: Shape(name, spec) for name, spec in specs.items() if not spec.classes_from}
    derived = {name: Shape(name, spec, plain[spec.classes_from]) for name, spec in specs.items() if spec.classes_from}
    return dict(sorted((plain | derived).items(), key=lambda item: (item[1].spec.priority, item[0])))


SHAPES: dict[str, Shape] = _load()


def recognise(record: Record) -> Shape | None:
    """The shape of a decoded record: the first, by priority, that fits; None when no shape does."""
    for shape in SHAPES.values():
        if shape.recognises(record):
            return shape
    return None
