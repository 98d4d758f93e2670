"""Open the case of an incident, once, with all that is known of it.

Where it has one already, also one that another worker opened, that one is told what is new. What the case system does
not take now is kept, and sent by the next run (`exfilwatch cases list --pending`).
"""

from pydantic import BaseModel, ConfigDict

from exfilwatch_playbooks.actions.answer import CaseChange
from exfilwatch_playbooks.actions.context import Context
from exfilwatch_playbooks.actions.inputs import CaseSystemName, DryRun, IncidentId

CHANGES = True


class Input(BaseModel):
    """Of which incident, and where."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"incident": "4b77887a"}]})
    incident: IncidentId
    system: CaseSystemName = ""
    dry_run: DryRun = False


class Output(CaseChange):
    """As of every action about a case."""


async def run(given: Input, context: Context) -> Output:
    """Have it opened."""
    from exfilwatch_playbooks.cases.acting import case_of, told

    system, incident = context.case_system(given.system), context.store.incident(given.incident)
    if given.dry_run:
        case = await case_of(system, incident.id, context)
        did, changed, remarks = ("has a case" if case else "would get a case"), case is None, list[str]()
    else:
        case, outcome = await told(system, incident.id, context)
        changed = outcome is not None and outcome.did != "known"
        did = f"case {outcome.did}" if outcome else "has everything"
        remarks = list(outcome.remarks) if outcome else []
    where = f": {system.name} {case.id} {case.url}".rstrip() if case else ""
    return Output(
        summary=f"incident {incident.id[:8]} {did}{where}",
        problems=remarks,
        changed=changed,
        incident=incident.id,
        system=system.name,
        case_id=case.id if case else "",
        url=case.url if case else "",
    )
