"""The part of CACAO 2.0 that our plans and our playbook use: steps from start to end; branches have ends of their own.

Written from the specification (docs.oasis-open.org/cacao/security-playbooks/v2.0): sections 3 (playbook), 4 (steps),
5 (commands), 7 (agents), 8 (extensions), 9 (markings), 10.10 (identifiers: RFC 4122), 10.17 (timestamps, to the
millisecond).
"""

import re
from base64 import b64decode
from collections.abc import Iterable
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, model_validator

_UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
Identifier = Annotated[str, Field(pattern=rf"^[a-z][a-z0-9-]+[a-z0-9]--{_UUID}$")]
Timestamp = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$")]
Base64 = Annotated[str, Field(pattern=r"^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$")]
Words = Annotated[str, Field(min_length=1)]
VariableName = Annotated[str, Field(pattern=r"^__[a-zA-Z_][a-zA-Z0-9_-]{0,199}__$")]
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

_VARIABLE = re.compile(r"(__[a-zA-Z_][a-zA-Z0-9_-]*?__):value")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Reference(_Part):
    """Section 10.9: beside the name at least one of the others."""

    name: Words
    external_id: Words
    url: Words | None = None


class Variable(_Part):
    """Section 10.18.3. `external`: given from outside."""

    type: Literal["string"] = "string"
    description: Words
    value: str | None = None
    constant: bool = False
    external: bool = False


class CommandData(_Part):
    """Section 5: a text for a person, or a command for a machine, which goes as base 64 when it has quotes.

    `headers` and `content` are of a request: its `command` is method, path and version.
    """

    type: Literal["manual", "bash", "powershell", "elastic", "http-api"]
    description: Words | None = None
    command: Words | None = None
    command_b64: Base64 | None = None
    headers: dict[str, list[str]] | None = None
    content_b64: Base64 | None = None
    playbook_activity: Activity

    @model_validator(mode="after")
    def _one_text(self) -> Self:
        if (self.command is None) == (self.command_b64 is None):
            raise ValueError("either command or command_b64")
        if self.type == "elastic" and self.command_b64 is None:
            raise ValueError("an elastic command is base 64")
        if (self.type == "http-api") != (self.headers is not None):
            raise ValueError("a request, and nothing else, has headers")
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


class _Goes(_Part):
    """Section 4.1: what comes after it. `timeout`: milliseconds, after which it has failed."""

    name: Words
    description: Words
    timeout: Annotated[int, Field(ge=1)] | None = None
    on_completion: Identifier | None = None
    on_success: Identifier | None = None
    on_failure: Identifier | None = None

    @model_validator(mode="after")
    def _one_way_on(self) -> Self:
        if (self.on_completion is None) == (self.on_success is None):
            raise ValueError("either on_completion or on_success")
        if self.on_completion is not None and self.on_failure is not None:
            raise ValueError("on_failure goes with on_success")
        return self

    @property
    def following(self) -> tuple[str, ...]:
        """What may come after it."""
        return tuple(each for each in (self.on_completion, self.on_success, self.on_failure) if each)


class Action(_Goes):
    """Section 4.5. `agent`: who carries it out; `targets`: on what; `in_args`, `out_args`: variables."""

    type: Literal["action"] = "action"
    external_references: Annotated[list[Reference], Field(min_length=1)] | None = None
    commands: Annotated[list[CommandData], Field(min_length=1)]
    agent: Identifier
    in_args: Annotated[list[VariableName], Field(min_length=1)] | None = None
    out_args: Annotated[list[VariableName], Field(min_length=1)] | None = None
    step_extensions: dict[Identifier, Effort] | None = None


class Parallel(_Goes):
    """Section 4.7. Each branch ends with an end of its own; all are waited for."""

    type: Literal["parallel"] = "parallel"
    next_steps: Annotated[list[Identifier], Field(min_length=2)]

    @property
    def branches(self) -> tuple[str, ...]:
        """What the branches begin with."""
        return tuple(self.next_steps)


class IfCondition(_Goes):
    """Section 4.8. `condition` is of STIX's patterning grammar; each branch ends with an end of its own."""

    type: Literal["if-condition"] = "if-condition"
    condition: Words
    on_true: Identifier
    on_false: Identifier | None = None

    @property
    def branches(self) -> tuple[str, ...]:
        """What the branches begin with."""
        return tuple(each for each in (self.on_true, self.on_false) if each)


class SwitchCondition(_Goes):
    """Section 4.10. `switch`: a variable; each branch ends with an end of its own."""

    type: Literal["switch-condition"] = "switch-condition"
    switch: Words
    cases: dict[Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]{1,250}$")], Identifier]

    @property
    def branches(self) -> tuple[str, ...]:
        """What the branches begin with."""
        return tuple(self.cases.values())


Ends: TypeAlias = frozenset[str]
Branching: TypeAlias = Parallel | IfCondition | SwitchCondition
Step = Annotated[Start | Action | Parallel | IfCondition | SwitchCondition | End, Field(discriminator="type")]


class HttpApi(_Part):
    """Section 7.5: what requests are sent to."""

    type: Literal["http-api"] = "http-api"
    name: Words
    description: Words | None = None
    address: dict[Literal["url"], list[Words]]


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
    """Section 3. Every identifier and variable that it names is one of its own; its steps lead from start to end."""

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
    playbook_variables: Annotated[dict[VariableName, Variable], Field(min_length=1)] | None = None
    workflow_start: Identifier
    workflow: dict[Identifier, Step]
    agent_definitions: dict[Identifier, Group | HttpApi]
    extension_definitions: Annotated[dict[Identifier, Extension], Field(min_length=1)] | None = None
    data_marking_definitions: dict[Identifier, Marking]

    @model_validator(mode="after")
    def _keys_are_of_their_types(self) -> Self:
        extensions = self.extension_definitions or {}
        parts = (self.workflow, self.agent_definitions, extensions, self.data_marking_definitions)
        for part in parts:
            for key, value in part.items():
                if not re.match(rf"{re.escape(value.type)}--", key):
                    raise ValueError(f"{key} is a {value.type}")
        uuids = [key.split("--")[1] for part in parts for key in part]
        if len(set(uuids)) < len(uuids):
            raise ValueError("a UUID is used twice")
        return self

    @model_validator(mode="after")
    def _leads_from_start_to_end(self) -> Self:
        if not isinstance(self.workflow.get(self.workflow_start), Start) or len(self.workflow) < 3:
            raise ValueError("the workflow has to lead from start to end, with at least one action")
        known: dict[str, Ends] = {}
        _line(self.workflow, self.workflow_start, known, [])
        if len(known) < len(self.workflow):
            raise ValueError("each step has to be on the way from start to end")
        return self

    @model_validator(mode="after")
    def _all_is_defined(self) -> Self:
        actions = [step for step in self.workflow.values() if isinstance(step, Action)]
        if lost := {step.agent for step in actions} - set(self.agent_definitions):
            raise ValueError(f"agents that are not defined: {', '.join(sorted(lost))}")
        extensions = {key for step in actions for key in step.step_extensions or ()}
        if lost := extensions - set(self.extension_definitions or ()):
            raise ValueError(f"extensions that are not defined: {', '.join(sorted(lost))}")
        if lost := _variables(self.workflow.values()) - set(self.playbook_variables or ()):
            raise ValueError(f"variables that are not defined: {', '.join(sorted(lost))}")
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


def _line(
    workflow: dict[str, Step], at: str, known: dict[str, frozenset[str]], on_the_way: list[str]
) -> frozenset[str]:
    """The ends of a line of steps, of which there has to be one; `known`: those of steps that were looked at, to which
    several ways may lead. Raises ValueError.
    """
    if at in on_the_way:
        raise ValueError("steps go round in a circle")
    if at not in workflow:
        raise ValueError(f"{at} is no step of the workflow")
    if at not in known:
        known[at] = _ends(workflow, at, known, [*on_the_way, at])
    return known[at]


def _ends(workflow: dict[str, Step], at: str, known: dict[str, Ends], way: list[str]) -> Ends:
    step = workflow[at]
    if isinstance(step, End):
        return frozenset([at])
    if isinstance(step, Branching):
        ends = [_line(workflow, each, known, way) for each in step.branches]
        if len(frozenset[str]().union(*ends)) < len(ends):
            raise ValueError("each branch has to have an end of its own")
    following = (step.on_completion,) if isinstance(step, Start) else step.following
    found = frozenset[str]().union(*(_line(workflow, each, known, way) for each in following))
    if len(found) > 1:
        raise ValueError("what comes after a step has to come to one end")
    return found


def _variables(steps: Iterable[Step]) -> set[str]:
    """Those that steps name."""
    named = set[str]()
    for step in steps:
        if isinstance(step, Action):
            contents = [b64decode(each.content_b64).decode() for each in step.commands if each.content_b64]
            named |= {*(step.in_args or ()), *(step.out_args or ())}
            texts = [*contents, *(each.command or "" for each in step.commands)]
            named |= {found for text in texts for found in _VARIABLE.findall(text)}
        elif isinstance(step, IfCondition | SwitchCondition):
            named |= set(_VARIABLE.findall(step.condition if isinstance(step, IfCondition) else step.switch))
    return named
