"""Handing incidents over to a SOAR platform: each once, and later what is new about it.

A platform asks for its news, takes them, and says so (`taken`). What it was given and did not take comes again, so that
nothing is lost where it is ended in between: it knows an incident again by its id, and a finding by its.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from exfilwatch.detection.detection import LEVELS
from exfilwatch.findings.finding import Finding
from exfilwatch.findings.incident import Incident, rank

if TYPE_CHECKING:
    from exfilwatch.findings.store import Pending, Store
    from exfilwatch_playbooks.cases.links import Link


_RAISED = 2
"""By how many levels agreeing evidence and enrichment raise an incident above its findings."""


class Handed(BaseModel):
    """News of an incident. `findings`: those that the platform has not taken, oldest first.

    `known`: it has taken some of this incident before. `level` counts what enrichment found out. `case_url`: of the
    case that was opened, empty where there is none or it has no address. Of one that went into another incident
    (`incident.merged_into`) nothing else is told: its findings are news of that one.
    """

    model_config = ConfigDict(frozen=True)
    incident: Incident
    title: str
    level: str
    known: bool
    case_system: str = ""
    case_id: str = ""
    case_url: str = ""
    findings: tuple[Finding, ...]


def news(
    store: "Store", platform: str, *, lowest: str = LEVELS[0], since: datetime | None = None, limit: int | None = None
) -> list[Handed]:
    """What `platform` has not taken, oldest incident first, at most `limit` incidents.

    An incident comes once it is of the level `lowest` or above, with all its findings. `since`: incidents
    whose last event is older do not come, unless the platform has taken some of them.
    """
    from exfilwatch_playbooks.cases.body import level_of
    from exfilwatch_playbooks.cases.links import Links
    from exfilwatch_playbooks.enrichment.keeping import Kept

    named, found = _name(platform), list[Handed]()
    links, cases, enriched = Links(store.database, named), _cases(store), Kept(store)
    for pending in store.pending(named, LEVELS[max(0, rank(lowest) - _RAISED)]):
        incident = pending.incident
        known = bool(links.heard(incident.id))
        old = since is not None and incident.end is not None and incident.end < since
        if not known and (old or incident.merged_into):
            continue
        level = level_of(incident, enriched.get(incident.id))
        if known or rank(level) >= rank(lowest):
            found.append(_handed(store, pending, level, cases.get(incident.id), known=known))
        if limit is not None and len(found) >= limit:
            break
    return found


def taken(store: "Store", platform: str, handed: Iterable[Handed]) -> None:
    """Note that `platform` has these; noting it twice changes nothing."""
    for each in handed:
        told(store, platform, each.incident.id, [finding.id for finding in each.findings], each.incident.merged_into)


def told(store: "Store", platform: str, incident: str, findings: Sequence[str], merged_into: str | None = None) -> None:
    """Note that `platform` knows these findings of an incident, or that it went into another."""
    store.tell(_name(platform), incident, findings, merged_into)


def _name(platform: str) -> str:
    """What it is called among those that are told of incidents: no case system of the settings has a slash."""
    return f"platform/{platform}"


def _cases(store: "Store") -> dict[str, "Link"]:
    """The case of each incident, the one that was changed last where several systems have one."""
    from exfilwatch_playbooks.cases.links import all_links

    with store.database.read() as connection:
        return {each.incident: each for each in reversed(all_links(connection)) if each.case_id}


def _handed(store: "Store", pending: "Pending", level: str, link: "Link | None", *, known: bool) -> Handed:
    from exfilwatch_playbooks.cases import summary
    from exfilwatch_playbooks.cases.evidence import in_order
    from exfilwatch_playbooks.response.facts import facts

    incident, wanted = pending.incident, set(pending.findings)
    every = in_order(store.find(incident=incident.id)) if incident.merged_into is None else []
    return Handed(
        incident=incident,
        title=summary.title(incident, every, [facts(each) for each in every]) if every else incident.id,
        level=level,
        known=known,
        case_system=link.case_system if link else "",
        case_id=(link.case_id or "") if link else "",
        case_url=link.url if link else "",
        findings=tuple(each for each in every if each.id in wanted),
    )
