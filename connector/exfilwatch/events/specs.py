"""Field maps as their files have them: shapes/*.yml, windows.yml, taxonomy.yml. What the keys mean: events/shape.py."""

import functools
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import msgspec
import yaml

from exfilwatch.errors import ConfigError
from exfilwatch.events.mapping import Expression
from exfilwatch.packaged import packaged
from exfilwatch.structs import ready


class ClassSpec(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One class of records within a shape: what they are in Sigma's terms and how their fields are named."""

    category: Expression = ""
    product: Expression = ""
    service: Expression = ""
    when: dict[str, Expression] = {}
    fields: dict[str, Expression] = {}


class ShapeSpec(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A field map."""

    title: str
    source: str
    priority: int = 50
    requires: list[str] = []
    one_of: list[str] = []
    excludes: list[str] = []
    equals: dict[str, list[str]] = {}
    escaped: bool = False
    nested: bool = False
    called: str = ""
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
    numbers: dict[str, list[int]]
    events: list["WindowsEvent"]


class WindowsEvent(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The event ids of one service that are one category; `when` tells apart by a field's value."""

    service: str
    ids: list[int]
    category: str = ""
    when: dict[str, Expression] = {}
    fields: dict[str, Expression] = {}


def _read(name: str) -> Any:
    return packaged("exfilwatch.events", name)


@functools.cache
def taxonomy() -> Mapping[str, list[str]]:
    """Sigma's field names by category: what an event of that category shows under its own name."""
    return msgspec.convert(_read("taxonomy.yml"), dict[str, list[str]])


@functools.cache
def windows() -> WindowsSpec:
    """windows.yml, read once."""
    return msgspec.convert(_read("windows.yml"), ready(WindowsSpec))


def shape_specs() -> dict[str, ShapeSpec]:
    """The field maps of shapes/ by name. Raises ConfigError, which names the file."""
    specs: dict[str, ShapeSpec] = {}
    for entry in files("exfilwatch.events").joinpath("shapes").iterdir():
        if entry.name.endswith(".yml"):
            try:
                specs[entry.name[:-4]] = msgspec.convert(_read(f"shapes/{entry.name}"), ready(ShapeSpec))
            except (msgspec.ValidationError, yaml.YAMLError) as error:
                raise ConfigError(f"field map {entry.name}: {error}") from error
    return specs


def inherited(spec: ShapeSpec, parent: ShapeSpec) -> ShapeSpec:
    """The field map with what it leaves out taken from its parent, whose paths are one level deeper here."""
    under = spec.prefix
    return msgspec.structs.replace(
        spec,
        escaped=spec.escaped or parent.escaped,
        raw=spec.raw or [(under + path).rstrip(".") for path in parent.raw],
        system=spec.system or parent.system,
        time=[*spec.time, *(under + path for path in parent.time)],
        ingest_time=[*spec.ingest_time, *(under + path for path in parent.ingest_time)],
        host=[*spec.host, *(under + path for path in parent.host)],
        record=[*spec.record, *(under + path for path in parent.record)],
        classes=parent.classes,
        fallback=spec.fallback or parent.fallback,
    )
