"""Close the case of an incident, with the reason as a note; a closed one stays as it is.

New evidence opens it again, or a case that is linked to it, as the settings of the case system say (`closed`).
"""

import hashlib

from pydantic import BaseModel, ConfigDict, Field

from exfilwatch_playbooks.actions.answer import CaseChange
from exfilwatch_playbooks.actions.context import Context
from exfilwatch_playbooks.actions.inputs import CaseSystemName, DryRun, IncidentId, Reason

CHANGES = True


class Input(BaseModel):
    """Of which incident, and why."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"incident": "4b77887a", "why": "The nightly backup of the branch office."}]}
    )
    incident: IncidentId
    system: CaseSystemName = ""
    why: Reason = Field(description="The reason, for whoever reads it later.")
    dry_run: DryRun = False


class Output(CaseChange):
    """As of every action about a case."""


async def run(given: Input, context: Context) -> Output:
    """Have it closed; whether it is, is read back."""
    from exfilwatch.errors import CaseRefused
    from exfilwatch_playbooks.cases.acting import case_of
    from exfilwatch_playbooks.cases.case import Note
    from exfilwatch_playbooks.cases.document import Paragraph, Text
    from exfilwatch_playbooks.cases.links import Links

    system, incident = context.case_system(given.system), context.store.incident(given.incident)
    case = await case_of(system, incident.id, context)
    if case is None:
        raise CaseRefused(f"incident {incident.id[:8]} has no case in {system.name}")
    changed = case.status == "open"
    if changed and not given.dry_run:
        mark = f"closed {hashlib.sha256(given.why.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"
        document = (Paragraph(("Closed: ", Text(given.why, 4000))),)
        await system.add_note(case.id, Note(key=mark, text=system.renderer.write(document), document=document))
        case = await system.set_status(case.id, "closed")
    if case.status != "open":
        by = context.who if changed and not given.dry_run else ""
        Links(context.store.database, system.name).saw(incident.id, case, by)
    did = f"is {case.status} already" if not changed else "would be closed" if given.dry_run else "is closed"
    return Output(
        summary=f"case {case.id} in {system.name} {did}",
        changed=changed,
        incident=incident.id,
        system=system.name,
        case_id=case.id,
        url=case.url,
    )
