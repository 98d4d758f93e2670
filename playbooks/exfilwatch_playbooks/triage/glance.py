"""What is broken right now, at one glance: SIEMs, case systems, rules. Asked with each page, so it asks little."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from exfilwatch.findings.store import Store
from exfilwatch_playbooks.cases.looking import Asked, asked
from exfilwatch_playbooks.cases.tables import links
from exfilwatch_playbooks.report.wording import counted
from exfilwatch_playbooks.service.service import Service
from exfilwatch_playbooks.triage.health import Siem, siems

_SAID = 300  # characters


@dataclass(frozen=True)
class Trouble:
    """Something that somebody must look at. `what`: whose it is; `where`: the page that has more."""

    what: str
    said: str
    where: str = "/polls"


@dataclass(frozen=True)
class Glance:
    """All that is wrong, the worst first, and what is looked after."""

    troubles: tuple[Trouble, ...]
    siems: tuple[Siem, ...]
    systems: tuple[Asked, ...]

    @property
    def polled(self) -> datetime | None:
        """When the SIEM that was polled least lately was polled."""
        ended = [each.last.ended for each in self.siems if each.last and each.last.ended]
        return min(ended) if ended and len(ended) == len(self.siems) else None


def glance(service: Service) -> Glance:
    """Now."""
    store = service.store
    found = siems(store, list(service.settings.siem), service.serve.poll_every, service.clock())
    with store.database.read() as connection:
        systems = asked(connection)
    troubles = [*_of_siems(found), *_of_cases(store, systems)]
    if problem := getattr(service.rules, "problem", ""):
        troubles.append(Trouble("rules", f"can't be loaded, those of before go on: {problem}"[:_SAID], "/rules"))
    return Glance(tuple(troubles), tuple(found), tuple(systems))


def _of_siems(found: Sequence[Siem]) -> list[Trouble]:
    return [Trouble(each.name, each.said) for each in found if each.state not in ("fine", "behind")]


def _of_cases(store: Store, systems: Sequence[Asked]) -> list[Trouble]:
    """What could not be told to case systems, and those that do not tell how their cases stand."""
    column = links.c
    query = select(column.case_system, func.count().label("times"), func.max(column.problem).label("problem"))
    query = query.where(column.problem != "").group_by(column.case_system).order_by(column.case_system)
    with store.database.read() as connection:
        parked = connection.execute(query).all()
    told = [
        Trouble(row.case_system, f"{counted(row.times, 'incident')} can't be told to it: {row.problem}"[:_SAID])
        for row in parked
    ]
    silent = [
        Trouble(each.system, f"does not tell how its cases stand: {each.problem}"[:_SAID])
        for each in systems
        if each.problem and each.system not in {row.case_system for row in parked}
    ]
    return told + silent
