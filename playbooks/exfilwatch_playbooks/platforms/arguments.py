"""The arguments of an action as platforms ask for them: flat, each with a kind, a description and what it may be."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Argument:
    """`kind`: string, integer, number or boolean; `words`: what it may be, where that is a list."""

    name: str
    kind: str
    description: str
    required: bool
    default: str
    words: tuple[str, ...]


def arguments(schema: dict[str, Any]) -> Iterator[Argument]:
    """Those of an input's JSON schema, in its order."""
    for name, field in schema.get("properties", {}).items():
        known = resolved(field, schema)
        kind, default = known.get("type", "string"), known.get("default", "")
        words = known.get("enum") or (["true", "false"] if kind == "boolean" else [])
        yield Argument(
            name=name,
            kind=kind,
            description=sentence(known.get("description") or name.replace("_", " ").capitalize()),
            required=name in schema.get("required", []),
            default=str(default).lower() if kind == "boolean" else str(default),
            words=tuple(words),
        )


def sentence(text: str) -> str:
    """A description as the platform wants it: on one line, with a full stop."""
    text = " ".join(text.split())
    return text if text.endswith((".", "!", "?")) else f"{text}."


def resolved(field: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    """A field without references, and without `or null`; its own description stays."""
    options = [each for each in field.get("anyOf", []) if each.get("type") != "null"]
    if len(options) == 1:
        return {**resolved(options[0], root), **{key: value for key, value in field.items() if key != "anyOf"}}
    if "$ref" in field:
        target = root["$defs"][field["$ref"].rpartition("/")[2]]
        own = {key: value for key, value in field.items() if key != "$ref"}
        return {**{key: value for key, value in target.items() if key != "description"}, **own}
    return field
