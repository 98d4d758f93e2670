"""Tell the case of an incident what was found since: a note, the files, and the severity where it rose.

An incident without case gets none by this. A closed case is opened again, or one that is linked to it, as the settings
of the case system say (`closed`).
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
    """Have it told."""
    from exfilwatch_playbooks.cases.acting import case_of, told
    from exfilwatch_playbooks.cases.links import Links

    system, incident = context.case_system(given.system), context.store.incident(given.incident)
    case = await case_of(system, incident.id, context)
    new = len(set(incident.findings) - Links(context.store.database, system.name).heard(incident.id))
    did, changed, remarks = "has no case", False, list[str]()
    if case is not None and (given.dry_run or not new):
        did, changed = (f"would be told {new:,} findings" if new else "has everything"), bool(new)
    elif case is not None:
        case, outcome = await told(system, incident.id, context)
        changed = outcome is not None and outcome.did != "known"
        did = f"told {outcome.findings:,} findings" if outcome else "has everything"
        remarks = list(outcome.remarks) if outcome else []
    return Output(
        summary=f"case of incident {incident.id[:8]} {did}",
        problems=remarks,
        changed=changed,
        incident=incident.id,
        system=system.name,
        case_id=case.id if case else "",
        url=case.url if case else "",
    )
