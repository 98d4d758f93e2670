"""The part of CACAO 2.0 that our plans use: a playbook of action steps in a line, from start to end.

Written from the specification (docs.oasis-open.org/cacao/security-playbooks/v2.0): sections 3 (playbook), 4 (steps),
5 (commands), 7 (agents), 8 (extensions), 9 (markings), 10.10 (identifiers: RFC 4122), 10.17 (timestamps, to the
millisecond).
"""

import re
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

_UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
Identifier = Annotated[str, Field(pattern=rf"^[a-z][a-z0-9-]+[a-z0-9]--{_UUID}$")]
Timestamp = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$")]
Base64 = Annotated[str, Field(pattern=r"^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$")]
Words = Annotated[str, Field(min_length=1)]
Activity = Literal[
    "analyze-collected-data",
    "restrict-access",
    "scan-system",
    "identify-indicators",
    "eliminate-risk",
    "restore-capabilities",
    "deliver-content",
    "compose-content",
]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Reference(_Part):
    """Section 10.9: beside the name at least one of the others."""

    name: Words
    external_id: Words
    url: Words | None = None


class CommandData(_Part):
    """Section 5: a text for a person, or a command for a machine, which goes as base 64 when it has quotes."""

    type: Literal["manual", "bash", "powershell", "elastic"]
    description: Words | None = None
    command: Words | None = None
    command_b64: Base64 | None = None
    playbook_activity: Activity

    @model_validator(mode="after")
    def _one_text(self) -> Self:
        if (self.command is None) == (self.command_b64 is None):
            raise ValueError("either command or command_b64")
        if self.type == "elastic" and self.command_b64 is None:
            raise ValueError("an elastic command is base 64")
        return self


class Start(_Part):
    type: Literal["start"] = "start"
    on_completion: Identifier


class End(_Part):
    type: Literal["end"] = "end"


class Effort(_Part):
    """What CACAO has no place for: our extension of a step. `minutes`: at most."""

    phase: Words
    who: Words
    minutes: int
    needs: list[str]
    automatable: Literal["yes", "approval", "no"]
    decision: str


class Action(_Part):
    """Section 4.5. `agent`: who carries it out."""

    type: Literal["action"] = "action"
    name: Words
    description: Words
    external_references: Annotated[list[Reference], Field(min_length=1)] | None = None
    on_completion: Identifier
    commands: Annotated[list[CommandData], Field(min_length=1)]
    agent: Identifier
    step_extensions: dict[Identifier, Effort]


Step = Annotated[Start | Action | End, Field(discriminator="type")]


class Group(_Part):
    """Section 7.4: people of one role."""

    type: Literal["group"] = "group"
    name: Words
    description: Words | None = None


class Extension(_Part):
    """Section 8. `schema` is its normative definition, as text."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
    type: Literal["extension-definition"] = "extension-definition"
    name: Words
    description: Words
    created_by: Identifier
    definition: Annotated[Words, Field(alias="schema")]
    version: Words


class Marking(_Part):
    """Section 9: FIRST's traffic light, version 2."""

    type: Literal["marking-tlp"] = "marking-tlp"
    id: Identifier
    created_by: Identifier
    created: Timestamp
    tlpv2_level: Literal["TLP:RED", "TLP:AMBER", "TLP:AMBER+STRICT", "TLP:GREEN", "TLP:CLEAR"]


class Playbook(_Part):
    """Section 3. Every identifier that it names is one of its own; one line of steps leads from start to end."""

    type: Literal["playbook"] = "playbook"
    spec_version: Literal["cacao-2.0"] = "cacao-2.0"
    id: Identifier
    name: Words
    description: Words
    playbook_types: list[Literal["investigation", "mitigation", "notification", "remediation"]]
    playbook_activities: Annotated[list[Activity], Field(min_length=1)]
    created_by: Identifier
    created: Timestamp
    modified: Timestamp
    severity: Annotated[int, Field(ge=0, le=100)] | None = None
    labels: Annotated[list[str], Field(min_length=1)] | None = None
    external_references: Annotated[list[Reference], Field(min_length=1)] | None = None
    markings: Annotated[list[Identifier], Field(min_length=1)] | None = None
    workflow_start: Identifier
    workflow: dict[Identifier, Step]
    agent_definitions: dict[Identifier, Group]
    extension_definitions: dict[Identifier, Extension]
    data_marking_definitions: dict[Identifier, Marking]

    @model_validator(mode="after")
    def _keys_are_of_their_types(self) -> Self:
        parts = (self.workflow, self.agent_definitions, self.extension_definitions, self.data_marking_definitions)
        for part in parts:
            for key, value in part.items():
                if not re.match(rf"{re.escape(value.type)}--", key):
                    raise ValueError(f"{key} is a {value.type}")
        uuids = [key.split("--")[1] for part in parts for key in part]
        if len(set(uuids)) < len(uuids):
            raise ValueError("a UUID is used twice")
        return self

    @model_validator(mode="after")
    def _one_line(self) -> Self:
        seen: list[str] = []
        at = self.workflow_start
        while at not in seen:
            if at not in self.workflow:
                raise ValueError(f"{at} is no step of the workflow")
            seen.append(at)
            step = self.workflow[at]
            if isinstance(step, End):
                break
            at = step.on_completion
        if not isinstance(self.workflow[seen[0]], Start) or not isinstance(self.workflow[seen[-1]], End):
            raise ValueError("the workflow has to lead from start to end")
        if len(seen) < len(self.workflow) or len(seen) < 3:
            raise ValueError("each step has to be on the way from start to end, with at least one action")
        return self

    @model_validator(mode="after")
    def _all_is_defined(self) -> Self:
        actions = [step for step in self.workflow.values() if isinstance(step, Action)]
        if lost := {step.agent for step in actions} - set(self.agent_definitions):
            raise ValueError(f"agents that are not defined: {', '.join(sorted(lost))}")
        if lost := {key for step in actions for key in step.step_extensions} - set(self.extension_definitions):
            raise ValueError(f"extensions that are not defined: {', '.join(sorted(lost))}")
        if lost := set(self.markings or ()) - set(self.data_marking_definitions):
            raise ValueError(f"markings that are not defined: {', '.join(sorted(lost))}")
        named = [each for step in actions for each in step.external_references or ()]
        if any(each not in (self.external_references or ()) for each in named):
            raise ValueError("a reference of a step has to be one of the playbook's too")
        done = {command.playbook_activity for step in actions for command in step.commands}
        if not done.issuperset(self.playbook_activities):
            raise ValueError("an activity that no step does")
        if self.modified < self.created:
            raise ValueError("modified before it was created")
        return self
