"""What case systems have not been told yet, and why: `exfilwatch cases list --pending`."""

from collections.abc import Iterable
from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict

from exfilwatch.findings.incident import rank
from exfilwatch.findings.store import Store
from exfilwatch_playbooks.cases.links import Links


class Waiting(BaseModel):
    """News of an incident that a case system does not have. `findings`: how many. `problem`: why not (empty: it was not
    tried yet); `passes`: `by itself`, or what must happen; `not_before`: when the system wants to be asked again.
    """

    model_config = ConfigDict(frozen=True)
    case_system: str
    incident: str
    level: str
    host: str | None
    findings: int
    case_id: str | None
    problem: str
    passes: str
    tries: int
    last_tried: datetime | None
    not_before: datetime | None


_PASSES = {
    "": "with the next run",
    "later": "by itself: the next run tries again",
    "refused": "when the settings or the system take it",
    "person": "when a person has changed what it says",
}


def waiting(store: Store, case_systems: Iterable[str], lowest: str) -> list[Waiting]:
    """What waits for these systems, the gravest first. `lowest`: as in `open_cases`."""
    found: list[Waiting] = []
    for name in case_systems:
        links = Links(store.database, name).all()
        for pending in store.pending(name, lowest):
            incident, link = pending.incident, links.get(pending.incident.id)
            tried = link is not None and link.tries > 0
            found.append(
                Waiting(
                    case_system=name,
                    incident=incident.id,
                    level=incident.level,
                    host=incident.host,
                    findings=len(pending.findings),
                    case_id=link.case_id if link else None,
                    problem=link.problem if link else "",
                    passes=_PASSES[link.reading if link else ""],
                    tries=link.tries if link else 0,
                    last_tried=_time(link.changed) if link and tried else None,
                    not_before=_time(link.not_before) if link and link.not_before else None,
                )
            )
    return sorted(found, key=lambda each: (-rank(each.level), each.case_system, each.incident))


def _time(micros: int) -> datetime:
    return datetime.fromtimestamp(micros / 1_000_000, UTC)
