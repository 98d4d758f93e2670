"""Which actions there are: the modules of this folder that have `run`."""

import pkgutil
import re
import shlex
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from importlib import import_module
from types import ModuleType, NoneType
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from exfilwatch.errors import ConfigError
from exfilwatch_playbooks import actions
from exfilwatch_playbooks.actions.context import Context


@dataclass(frozen=True)
class Action:
    """An action. `description` is its docstring's first line, `details` the rest; `references`: ids of ATT&CK, D3FEND
    or RE&CT. `approval`: a person is to agree before a platform runs it.
    """

    name: str
    title: str
    description: str
    details: str
    input: type[BaseModel]
    output: type[BaseModel]
    changes: bool
    approval: bool
    references: tuple[str, ...]
    run: Callable[[BaseModel, Context], Awaitable[BaseModel]]

    @property
    def scope(self) -> Literal["read", "act"]:
        """What whoever runs it must be allowed."""
        return "act" if self.changes else "read"

    @property
    def accepts(self) -> dict[str, Any]:
        """Its input as a JSON Schema, which takes no other fields."""
        return self.input.model_json_schema() | {"additionalProperties": False}

    @property
    def answers(self) -> dict[str, Any]:
        """Its output as a JSON Schema."""
        return self.output.model_json_schema(mode="serialization")

    @property
    def examples(self) -> list[dict[str, object]]:
        """Inputs as one would give them."""
        extra = self.input.model_config.get("json_schema_extra")
        found = extra.get("examples") if isinstance(extra, dict) else None
        return [dict(each) for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def action(name: str) -> Action:
    """The action of this name; dashes count as underscores. Raises ConfigError."""
    asked = name.replace("-", "_")
    if asked in _modules():
        module = _module(asked)
        if hasattr(module, "run"):
            return _action(asked, module)
    known = [each.name for each in every()]
    near = get_close_matches(asked, known, 1)
    hint = f"did you mean {near[0]}?" if near else f"use {', '.join(known)}"
    raise ConfigError(f"there is no action {name!r}: {hint}")


def every() -> list[Action]:
    """All actions, by name."""
    found = ((name, _module(name)) for name in _modules())
    return [_action(name, module) for name, module in found if hasattr(module, "run")]


def call(wanted: Action, example: dict[str, object]) -> str:
    """An example as a command line."""
    words = ["exfilwatch", "action", wanted.name]
    for name, value in example.items():
        option = f"--{name.replace('_', '-')}"
        words += [option] if value is True else [] if value is False else [option, shlex.quote(str(value))]
    return " ".join(words)


def kind_of(field: FieldInfo) -> str:
    """What a field takes, in a word: TEXT, NUMBER, TIME, yes|no, or its words with bars between."""
    kinds = [each for each in get_args(field.annotation) if each is not NoneType]
    if get_origin(field.annotation) is Literal:
        return "|".join(map(str, kinds))
    kind = kinds[0] if kinds else field.annotation
    if get_origin(kind) is Literal:
        return "|".join(map(str, get_args(kind)))
    words: dict[object, str] = {bool: "yes|no", int: "NUMBER", float: "NUMBER", datetime: "TIME"}
    return words.get(kind, "TEXT")


def _modules() -> list[str]:
    return sorted(each.name for each in pkgutil.iter_modules(actions.__path__) if not each.ispkg)


def _module(name: str) -> ModuleType:
    return import_module(f"{actions.__name__}.{name}")


def _action(name: str, module: ModuleType) -> Action:
    first, _, rest = (module.__doc__ or "").strip().partition("\n")
    return Action(
        name=name,
        title=name.replace("_", " ").capitalize(),
        description=first.strip(),
        details=re.sub(r"[ \t]+\n", "\n", rest).strip(),
        input=module.Input,
        output=module.Output,
        changes=module.CHANGES,
        approval=getattr(module, "APPROVAL", False),
        references=tuple(getattr(module, "REFERENCES", ())),
        run=module.run,
    )
