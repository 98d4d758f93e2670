"""What the actions of cases have in common: an incident's case, found in whichever system it is."""

from exfilwatch_playbooks.actions.context import Context
from exfilwatch_playbooks.cases.case import Case
from exfilwatch_playbooks.cases.links import Links
from exfilwatch_playbooks.cases.opening import Outcome, open_cases
from exfilwatch_playbooks.cases.system import CaseSystem


async def case_of(system: CaseSystem, incident: str, context: Context) -> Case | None:
    """The case of an incident (whole id); None when it has none. Raises CaseError."""
    await system.probe()
    link = Links(context.store.database, system.name).of(incident)
    if link is not None and link.case_id is not None:
        return await system.get(link.case_id)
    return await system.find(link.key if link else incident)


async def told(system: CaseSystem, incident: str, context: Context) -> tuple[Case | None, Outcome | None]:
    """Tell the system all of the incident: its case, and what was done (None: it had everything). Raises CaseError."""
    rules = {info.id: info for info in context.rules.infos}
    outcomes = await open_cases(context.store, system, rules=rules, only=(incident,))
    outcome = next(iter(outcomes), None)
    if outcome is not None and outcome.error is not None:
        raise outcome.error
    if outcome is not None and outcome.case is not None:
        return outcome.case, outcome
    return await case_of(system, incident, context), outcome
