"""What a JSON Schema of ours asks for, in what the platform's SDK has: texts, numbers, flags, lists, and classes.

The same tree writes the classes of the app's source, and fits answers to them: an object of any fields, which the SDK
has no type for, is a text that holds its JSON.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

_SCALARS: dict[str, Literal["str", "int", "float", "bool"]] = {
    "string": "str",
    "integer": "int",
    "number": "float",
    "boolean": "bool",
}


@dataclass(frozen=True)
class Scalar:
    """`kind`: as Python calls it."""

    kind: Literal["str", "int", "float", "bool"]
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Json:
    """Anything, written as JSON."""


@dataclass(frozen=True)
class Many:
    """A list of it."""

    of: "Shape"


@dataclass(frozen=True)
class Record:
    """A class of the SDK."""

    name: str
    fields: tuple["Field", ...]


Shape: TypeAlias = Scalar | Json | Many | Record


@dataclass(frozen=True)
class Field:
    """A field. `default`: of what need not be given."""

    name: str
    shape: Shape
    description: str = ""
    required: bool = True
    optional: bool = False
    default: object = field(default=None)


def record(schema: Mapping[str, Any], name: str) -> Record:
    """The record that a schema of an object describes; those below it are called as the schema calls them."""
    found = _shape(schema, schema.get("$defs", {}), name)
    assert isinstance(found, Record)
    return found


def records(shape: Shape) -> Iterator[Record]:
    """The classes below and including it, each after those that it needs, and each once."""
    if isinstance(shape, Many):
        yield from records(shape.of)
    elif isinstance(shape, Record):
        below = {each.name: each for one in shape.fields for each in records(one.shape)}
        yield from below.values()
        yield shape


def fitted(shape: Shape, value: Any) -> Any:
    """A JSON value as the classes of the SDK take it."""
    if value is None:
        return None
    if isinstance(shape, Json):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(shape, Many):
        return [fitted(shape.of, each) for each in value]
    if isinstance(shape, Record):
        return {each.name: fitted(each.shape, value.get(each.name)) for each in shape.fields}
    return value


def _shape(schema: Mapping[str, Any], defs: Mapping[str, Any], name: str) -> Shape:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return _shape(defs[name], defs, name)
    kind = schema.get("type")
    if kind in _SCALARS:
        return Scalar(_SCALARS[kind], tuple(map(str, schema.get("enum", ()))))
    if kind == "array":
        return Many(_shape(schema.get("items", {}), defs, name))
    if kind == "object" and "properties" in schema:
        return Record(name, tuple(_field(each, value, schema, defs) for each, value in schema["properties"].items()))
    return Json()


def _field(name: str, given: Mapping[str, Any], owner: Mapping[str, Any], defs: Mapping[str, Any]) -> Field:
    kinds = given.get("anyOf", [given])
    some = [each for each in kinds if each.get("type") != "null"]
    shape = _shape(some[0], defs, name.title().replace("_", "")) if len(some) == 1 else Json()
    return Field(
        name=name,
        shape=shape,
        description=given.get("description", ""),
        required=name in owner.get("required", ()),
        optional=len(some) < len(kinds),
        default=given.get("default"),
    )
