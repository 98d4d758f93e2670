"""The commands of the integration: one for each action, with the arguments and the context outputs of its models."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from exfilwatch_playbooks.actions.registry import Action
from exfilwatch_playbooks.platforms.arguments import Argument, arguments, resolved, sentence

BRAND = "ExfilWatch"
_DEEPEST = 5
"""Parts of a context path, as demisto-sdk allows them (BA127)."""
_LATER = frozenset({"hunt"})
"""Actions that can run so long that they are asked for as a job."""
_FILES = ("html", "content")
"""Fields that hold a file, where the answer has a media type."""
_TYPES = {"string": "String", "integer": "Number", "number": "Number", "boolean": "Boolean"}


@dataclass(frozen=True)
class Output:
    """A path in the context; `type` as the platform calls it."""

    path: str
    type: str
    description: str


@dataclass(frozen=True)
class Command:
    """`key`: what tells one answer from another in the context, by `subject`, an argument that is put there, or by a
    field of the answer; empty where an answer takes the place of the one before. `file`: the field that is a file.
    """

    name: str
    action: Action
    arguments: tuple[Argument, ...]
    outputs: tuple[Output, ...]
    prefix: str
    key: str
    subject: str
    file: str
    later: bool


def command(action: Action) -> Command:
    """The command of an action."""
    taken, given = action.input.model_json_schema(), action.answers
    fields = given["properties"]
    prefix = f"{BRAND}.{''.join(word.capitalize() for word in action.name.split('_'))}"
    file = next((each for each in _FILES if each in fields), "") if "media_type" in fields else ""
    key, subject = _key(taken, given)
    outputs = [each for each in _outputs(given, given, prefix) if each.path != f"{prefix}.{file}"]
    if subject:
        outputs.append(Output(f"{prefix}.{subject}", "String", f"The {subject} that was asked about."))
    return Command(
        name=f"exfilwatch-{action.name.replace('_', '-')}",
        action=action,
        arguments=tuple(arguments(taken)),
        outputs=tuple(outputs),
        prefix=prefix,
        key=key,
        subject=subject,
        file=file,
        later=action.name in _LATER,
    )


def _key(taken: dict[str, Any], given: dict[str, Any]) -> tuple[str, str]:
    for name in taken.get("required", []):
        if name in ("finding", "incident"):
            field = given["properties"].get(name)
            if field is None:
                return name, name
            return (f"{name}.id" if "properties" in resolved(field, given) else name), ""
    return "", ""


def _outputs(schema: dict[str, Any], root: dict[str, Any], path: str) -> Iterator[Output]:
    """The paths of a model, as deep as they may be."""
    for name, field in schema.get("properties", {}).items():
        known = resolved(field, root)
        inner = resolved(known["items"], root) if known.get("type") == "array" else known
        deeper = f"{path}.{name}"
        if inner.get("properties") and deeper.count(".") < _DEEPEST - 1:
            yield from _outputs(inner, root, deeper)
        else:
            parents = path.split(".")[2:]
            told = " of ".join([name.replace("_", " ").capitalize(), *parents[-1:]])
            yield Output(deeper, _type(inner), sentence(known.get("description") or told))


def _type(field: dict[str, Any]) -> str:
    if field.get("format") == "date-time":
        return "Date"
    return _TYPES.get(field.get("type", ""), "Unknown")
