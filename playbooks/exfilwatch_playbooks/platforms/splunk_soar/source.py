"""The app's source: what the templates of project/ are filled with."""

import json
import keyword
import re
from collections.abc import Iterable, Mapping
from typing import Any

from exfilwatch_playbooks.actions.registry import Action
from exfilwatch_playbooks.platforms.splunk_soar.containers import FINDING, INCIDENT
from exfilwatch_playbooks.platforms.splunk_soar.shapes import Field, Many, Record, Scalar, Shape, record, records

_WRAPPED = re.compile(r"(?<!\n)\n(?!\n)")
TEST = "test_connectivity"
"""The action that the platform has a place of its own for."""
_VIEWS = {"list_findings": "findings", "hunt": "findings"}
_TYPES = {
    "finding": [FINDING],
    "incident": [INCIDENT],
    "host": ["host name"],
    "hosts": ["host name"],
    "user": ["user name"],
    "users": ["user name"],
    "program": ["process name"],
    "process_id": ["pid"],
    "destination": ["ip", "domain", "url"],
    "url": ["url"],
    "sha256": ["sha256"],
}
"""The platform's types of data by a field's name; an id stands as `id` in what is listed."""
_LISTED = {"Listed": FINDING, "Finding": FINDING}
_LONG = frozenset({"html", "content", "document", "guide", "markdown"})


def action(wanted: Action) -> dict[str, object]:
    """What the file of an action is filled with."""
    asked = record(wanted.input.model_json_schema(), "Input")
    answered = record(wanted.answers, "Output")
    view = _VIEWS.get(wanted.name, "")
    ask = " A person is to agree before it runs." if wanted.approval else ""
    return {
        "action": wanted,
        "kind": "generic" if wanted.changes else "investigate",
        "verbose": (_WRAPPED.sub(" ", wanted.details) + ask).strip(),
        "params": [_param(each) for each in asked.fields],
        "records": [_record(each, view) for each in records(answered)],
        "view": view,
    }


def asset(configuration: Mapping[str, Any]) -> list[dict[str, object]]:
    """The asset's fields, from a JSON Schema with its list of `secrets`."""
    needed, secrets = configuration.get("required", ()), configuration.get("secrets", ())
    return [
        {
            "name": name,
            "kind": _python(scalar := _scalar(each)),
            "description": each.get("description") or each.get("title") or name,
            "required": name in needed,
            "default": each.get("default", _EMPTY.get(scalar.kind)),
            "choices": list(scalar.choices),
            "secret": name in secrets,
        }
        for name, each in configuration["properties"].items()
    ]


_EMPTY: dict[str, object] = {"str": ""}
"""Every field has a default, so that one that is left out is missed in our words, and not in the SDK's."""


def literal(value: object) -> str:
    """A JSON value in Python's spelling."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(literal, value))}]"
    return repr(value)


def _param(field: Field) -> dict[str, object]:
    assert isinstance(field.shape, Scalar), field.name  # actions take flat scalars
    return {
        "name": field.name,
        "kind": _python(field.shape) + (" | None" if field.optional else ""),
        "description": field.description or field.name.replace("_", " ").capitalize(),
        "required": field.required,
        "default": field.default,
        "choices": list(field.shape.choices),
        "primary": field.required and field.name in ("finding", "incident"),
        "types": _TYPES.get(field.name, []),
    }


def _record(shape: Record, view: str) -> dict[str, object]:
    top = shape.name == "Output"
    return {"name": shape.name, "fields": [_output(each, shape.name, column=top and not view) for each in shape.fields]}


def _output(field: Field, owner: str, *, column: bool) -> dict[str, object]:
    assert not keyword.iskeyword(field.name), field.name
    details = []
    types = [_LISTED[owner]] if field.name == "id" and owner in _LISTED else _TYPES.get(field.name)
    text = isinstance(field.shape, Scalar) or (isinstance(field.shape, Many) and isinstance(field.shape.of, Scalar))
    if types and text:
        details.append(f"cef_types={literal(types)}")
    if column and isinstance(field.shape, Scalar) and field.name not in _LONG:
        details.append(f"column_name={literal(field.name.replace('_', ' ').capitalize())}")
    kind = _python(field.shape) + (" | None" if field.optional else "")
    return {"name": field.name, "kind": kind, "details": ", ".join(details)}


def _python(shape: Shape) -> str:
    if isinstance(shape, Many):
        return f"list[{_python(shape.of)}]"
    if isinstance(shape, Record):
        return shape.name
    return shape.kind if isinstance(shape, Scalar) else "str"


def _scalar(given: Mapping[str, Any]) -> Scalar:
    """What the asset has a field for: a text, unless the schema says that it is a number or a flag."""
    found = record({"type": "object", "properties": {"it": given}}, "It").fields[0].shape
    return found if isinstance(found, Scalar) else Scalar("str")


def names(actions: Iterable[Action]) -> list[str]:
    """The actions that have a file: all but the test."""
    return [each.name for each in actions if each.name != TEST]
