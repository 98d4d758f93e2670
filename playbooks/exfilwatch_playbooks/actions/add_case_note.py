"""Add a note of one's own to the case of an incident; the same note again adds nothing."""

import hashlib

from pydantic import BaseModel, ConfigDict, Field

from exfilwatch_playbooks.actions.answer import CaseChange
from exfilwatch_playbooks.actions.context import Context
from exfilwatch_playbooks.actions.inputs import CaseSystemName, DryRun, IncidentId, Reason

CHANGES = True


class Input(BaseModel):
    """Of which incident, and what."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"incident": "4b77887a", "text": "The owner knows nothing of this upload."}]}
    )
    incident: IncidentId
    system: CaseSystemName = ""
    text: Reason = Field(description="What the note says, as plain text.")
    dry_run: DryRun = False


class Output(CaseChange):
    """As of every action about a case."""


async def run(given: Input, context: Context) -> Output:
    """Have it added."""
    from exfilwatch.errors import CaseRefused
    from exfilwatch_playbooks.cases.acting import case_of
    from exfilwatch_playbooks.cases.case import Note
    from exfilwatch_playbooks.cases.document import Paragraph, Text

    system, incident = context.case_system(given.system), context.store.incident(given.incident)
    case = await case_of(system, incident.id, context)
    if case is None:
        raise CaseRefused(f"incident {incident.id[:8]} has no case in {system.name}: open_case opens it")
    mark = f"note {hashlib.sha256(given.text.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"
    changed = mark not in case.marks
    if changed and not given.dry_run:
        document = tuple(Paragraph((Text(line, 4000),)) for line in given.text.splitlines() if line.strip())
        note = Note(key=mark, text=system.renderer.write(document), document=document)
        changed = await system.add_note(case.id, note)
    did = "has this note" if not changed else "would get the note" if given.dry_run else "got the note"
    return Output(
        summary=f"case {case.id} in {system.name} {did}",
        changed=changed,
        incident=incident.id,
        system=system.name,
        case_id=case.id,
        url=case.url,
    )
