"""Get one finding with all that is known of it: the rule, who, when, why, and its events."""

from pydantic import BaseModel, ConfigDict, Field

from exfilwatch.findings.finding import Finding
from exfilwatch.findings.marks import Mark
from exfilwatch_playbooks.actions.answer import Answer, CaseState
from exfilwatch_playbooks.actions.context import Context
from exfilwatch_playbooks.actions.inputs import FindingId

CHANGES = False


class Input(BaseModel):
    """Which."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"finding": "3fa9c2d1"}]})
    finding: FindingId


class Output(Answer):
    """The finding, and what somebody marked it as."""

    finding: Finding
    incident: str = Field(description="The id of the incident that it is in.")
    mark: Mark | None
    cases: list[CaseState] = Field(description="The cases of its incident, as they stand in their systems.")


async def run(given: Input, context: Context) -> Output:
    """Ask the store."""
    from exfilwatch_playbooks.cases.standing import cases_of

    found = context.store.get(given.finding)
    mark = context.store.marks([found.id]).get(found.id)
    place = f" on {found.host}" if found.host else ""
    return Output(
        summary=f"{found.rule.level}: {found.rule.title}{place}",
        finding=found,
        incident=context.store.incident_of(found.id),
        mark=mark,
        cases=cases_of(context.store, [found.id]).get(found.id, []),
    )
