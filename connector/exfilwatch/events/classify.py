"""Which class of its shape a record is: a process creation, a connection, an event of some Windows log, ..."""

import functools
from collections.abc import Callable, Mapping, Sequence

import msgspec

from exfilwatch.events.event import Value
from exfilwatch.events.mapping import Expression, to_int
from exfilwatch.events.specs import ClassSpec, WindowsEvent, windows


class EventClass(msgspec.Struct, frozen=True):
    """A class ready to use: expressions of its own record paths, the field expressions with their base paths."""

    category: Expression
    product: Expression
    service: Expression
    fields: dict[str, Expression]
    bases: tuple[str, ...]


class Classifier(msgspec.Struct, frozen=True):
    """Chooses the class of a record from a few of its values, so that the choice can be remembered by those values.

    `keys` are (path expression, bases, presence only); `choose` takes their values in that order. A value that is a
    list fits when one of its elements does. `classes` are all that it may choose.
    """

    keys: tuple[tuple[Expression, tuple[str, ...], bool], ...]
    choose: Callable[[tuple[Value, ...]], EventClass | None]
    classes: tuple[EventClass, ...]


def by_classes(specs: Sequence[ClassSpec], bases: tuple[str, ...]) -> Classifier:
    """The first class all of whose `when` fits."""
    paths: dict[str, bool] = {}
    for spec in specs:
        for path, wanted in spec.when.items():
            paths[path] = paths.get(path, True) and wanted in (None, "*")
    order = {path: position for position, path in enumerate(paths)}
    classes = [
        (
            [(order[path], _test(wanted)) for path, wanted in spec.when.items()],
            EventClass(spec.category, spec.product, spec.service, spec.fields, bases),
        )
        for spec in specs
    ]

    def choose(values: tuple[Value, ...]) -> EventClass | None:
        for tests, found in classes:
            if all(fits(values[position]) for position, fits in tests):
                return found
        return None

    keys = tuple((path, bases, presence) for path, presence in paths.items())
    return Classifier(keys, choose, tuple(found for _, found in classes))


def by_windows_log(spec: Mapping[str, Expression], bases: tuple[str, ...]) -> Classifier:
    """By channel (or provider) and event id, as windows.yml has them. Sysmon for Linux has the ids of Sysmon."""
    where = sorted({path for event in windows().events for path in event.when})
    names = ("channel", "event_id", "provider")
    heads = tuple((spec.get(name, {"const": None}), ("",), False) for name in names)

    @functools.cache
    def made(service: str, position: int | None, product: str) -> EventClass:
        if position is None:
            return EventClass("", product, service, {}, bases)
        event = windows().events[position]
        return EventClass(event.category, product, event.service, event.fields, bases)

    def choose(values: tuple[Value, ...]) -> EventClass | None:
        channel, number, provider = str(values[0] or "").lower(), to_int(values[1]), str(values[2] or "").lower()
        number = -1 if number is None else number
        if channel or provider:
            service = _services().get(channel) or _services().get(provider, "")
        else:
            service = _numbers().get(number, "")
        product = "linux" if channel.startswith("linux-") or provider.startswith("linux-") else "windows"
        seen = dict(zip(where, values[3:], strict=True))
        for position, event in _events().get((service, number), []):
            if all(_test(wanted)(seen[path]) for path, wanted in event.when.items()):
                return made(service, position, product)
        return made(service, None, product)

    classes = [
        made(service, position, product)
        for product in ("windows", "linux")
        for (service, _), found in _events().items()
        for position in (None, *(position for position, _ in found))
    ]
    classes += [made(service, None, product) for product in ("windows", "linux") for service in windows().services]
    keys = (*heads, *((path, bases, False) for path in where))
    return Classifier(keys, choose, tuple({id(each): each for each in classes}.values()))


def _test(wanted: Expression) -> Callable[[Value], bool]:
    if wanted is None:
        return lambda value: value in (None, "", [])
    if wanted == "*":
        return lambda value: value not in (None, "", [])
    options = frozenset(str(option).lower() for option in (wanted if isinstance(wanted, list) else [wanted]))

    def fits(value: Value) -> bool:
        if isinstance(value, list | tuple):
            return any(str(element).lower() in options for element in value)
        return str(value).lower() in options

    return fits


@functools.cache
def _services() -> Mapping[str, str]:
    return {channel.lower(): service for service, channels in windows().services.items() for channel in channels}


@functools.cache
def _numbers() -> Mapping[int, str]:
    return {number: service for service, numbers in windows().numbers.items() for number in numbers}


@functools.cache
def _events() -> Mapping[tuple[str, int], list[tuple[int, WindowsEvent]]]:
    table: dict[tuple[str, int], list[tuple[int, WindowsEvent]]] = {}
    for position, event in enumerate(windows().events):
        for number in event.ids:
            table.setdefault((event.service, number), []).append((position, event))
    return table
