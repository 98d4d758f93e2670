"""The manifest: what the product is for a SOAR platform, made from the version, the settings and the actions.

Its first seven keys are those of a Sekoia module's manifest; `triggers` and `actions` are ours.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, UUID, uuid5

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from exfilwatch.errors import ConfigError

if TYPE_CHECKING:
    from exfilwatch_playbooks.actions.registry import Action

FILE = "manifest.json"
DRAFT = "http://json-schema.org/draft-07/schema#"
WRITE = f"exfilwatch manifest --out {FILE}"
"""What to run when the file is stale."""
_SCHEMA: JsonDict = {"$ref": DRAFT}
_FROZEN = ConfigDict(frozen=True, extra="forbid")
_NAME = r"^[a-z][a-z0-9_]*$"


class Trigger(BaseModel):
    """What begins a playbook. `arguments`: what people set at it; `results`: what it hands over, as JSON Schemas."""

    model_config = _FROZEN
    name: str = Field(pattern=_NAME)
    title: str = Field(min_length=1)
    description: str = Field(min_length=1)
    arguments: dict[str, Any] = Field(json_schema_extra=_SCHEMA)
    results: dict[str, Any] = Field(json_schema_extra=_SCHEMA)


class ManifestAction(Trigger):
    """A step of a playbook; its arguments are flat scalars. `changes`: something is another afterwards, here or in a
    case system. `approval`: a person is to agree before. `references`: ids of ATT&CK, D3FEND or RE&CT.
    """

    changes: bool
    approval: bool
    references: tuple[str, ...] = Field(json_schema_extra={"uniqueItems": True})


class Manifest(BaseModel):
    """What a platform has to know."""

    model_config = _FROZEN
    name: str = Field(min_length=1)
    slug: str = Field(pattern=r"^[a-z]([a-z_.\-]|\d)*$")
    uuid: UUID
    version: str = Field(pattern=r"^\d+\.\d+\.\d+([-+][0-9A-Za-z.+-]+)?$", description="By Semantic Versioning.")
    description: str = Field(min_length=1)
    categories: tuple[str, ...] = Field(min_length=1)
    configuration: dict[str, Any] = Field(
        description="What people set, flat; `secrets` lists what is shown to nobody.", json_schema_extra=_SCHEMA
    )
    triggers: tuple[Trigger, ...]
    actions: tuple[ManifestAction, ...]

    def text(self) -> str:
        """As it stands in the file."""
        return json.dumps(self.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n"


def built(actions: "Iterable[Action] | None" = None) -> Manifest:
    """The manifest of this version, with these actions, else all."""
    from exfilwatch import __version__
    from exfilwatch_playbooks.actions.registry import every
    from exfilwatch_playbooks.platforms import configuration

    return Manifest(
        name="exfilwatch",
        slug="exfilwatch",
        uuid=uuid5(NAMESPACE_URL, "exfilwatch"),
        version=__version__,
        description="Finds automated data exfiltration in process and network events, explains it, and opens cases",
        categories=("Endpoint", "Network"),
        configuration=configuration.schema(),
        triggers=(_poll(),),
        actions=tuple(_action(each) for each in (every() if actions is None else actions)),
    )


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) that every manifest is valid by; the schemas in it are of draft-07."""
    made = Manifest.model_json_schema(mode="serialization")
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "The manifest of exfilwatch"}
    return head | {name: value for name, value in made.items() if name != "title"}


def check(file: Path) -> None:
    """Whether a file is the manifest of today. Raises ConfigError, which says what to run."""
    try:
        found = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(f"{file}: there is no such file: run {WRITE}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: can't be read: {error}") from None
    if found != built().text():
        raise ConfigError(f"{file}: is stale: run {WRITE}")


def _poll() -> Trigger:
    from exfilwatch_playbooks.handover import Handed
    from exfilwatch_playbooks.platforms.schedule import Schedule

    return Trigger(
        name="poll",
        title="Poll for incidents",
        description="Polls the SIEM on a schedule, and hands over each incident that is new or has new evidence",
        arguments=_draft(Schedule.model_json_schema(ref_template="#/definitions/{model}")),
        results=_draft(Handed.model_json_schema(mode="serialization", ref_template="#/definitions/{model}")),
    )


def _action(action: "Action") -> ManifestAction:
    results = action.output.model_json_schema(mode="serialization", ref_template="#/definitions/{model}")
    return ManifestAction(
        name=action.name,
        title=action.title,
        description=action.description,
        arguments=_draft(action.input.model_json_schema(ref_template="#/definitions/{model}")),
        results=_draft(results),
        changes=action.changes,
        approval=action.approval,
        references=action.references,
    )


def _draft(made: dict[str, Any]) -> dict[str, Any]:
    """A schema of pydantic as one of draft-07."""
    return {"$schema": DRAFT} | {"definitions" if name == "$defs" else name: value for name, value in made.items()}
