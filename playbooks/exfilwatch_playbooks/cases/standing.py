"""How cases stand in their systems, as it was seen last: open, closed, or gone; and what has changed, when, by whom.

A case that was merged into another there is that other one from then on. One that can't be found any more counts as
open still: it may only be hidden from our account.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, Protocol, TypeAlias

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, insert, select

from exfilwatch.findings import schema
from exfilwatch.findings.filing import rows_in
from exfilwatch.findings.store import Store
from exfilwatch_playbooks.actions.answer import CaseState
from exfilwatch_playbooks.cases.case import Case
from exfilwatch_playbooks.cases.tables import changes, links

Changed: TypeAlias = Literal["opened", "closed", "reopened", "merged", "gone", "found"]
OURS = "exfilwatch"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Known(Protocol):
    """What is known here of a case: a link, or its row."""

    @property
    def case_id(self) -> str | None:
        """Its id there."""

    @property
    def status(self) -> str:
        """open, closed, gone; empty: not known yet."""


class Change(BaseModel):
    """What has become of a case. `case_id`: of the case as it is then, after a merger the other one. `who`: OURS, a
    person who did it here, or empty for somebody in the system. `seen`: UTC; it may have happened before.
    """

    model_config = ConfigDict(frozen=True)
    case_system: str
    incident: str
    case_id: str
    change: Changed
    who: str
    seen: datetime


def changed(known: Known, case: Case | None) -> list[Changed]:
    """What is another than was known. `case` None: it is gone."""
    if case is None:
        return [] if known.status == "gone" else ["gone"]
    found: list[Changed] = ["merged"] if known.case_id not in (None, case.id) else []
    match known.status, _status(case):
        case "closed", "open":
            found.append("reopened")
        case (("" | "open" | "gone"), "closed"):
            found.append("closed")
        case "", "open":
            found.append("opened")
        case "gone", "open":
            found.append("found")
    return found


def note(
    connection: Connection, known: Any, case: Case | None, who: str, now: int
) -> tuple[dict[str, Any], list[Change]]:
    """Write down what has changed about the case of a row of links; what the row is to have, and the changes. `now` in
    µs.
    """
    case_id = case.id if case is not None else known.case_id
    row = {"case_system": known.case_system, "incident": known.incident, "case_id": case_id, "who": who[:200]}
    found = changed(known, case)
    for change in found:
        connection.execute(insert(changes).values(**row, change=change, seen=now))
    made = [Change(**row, change=change, seen=_time(now)) for change in found]
    return _as_seen(known, case, now), made


def _as_seen(known: Any, case: Case | None, now: int) -> dict[str, Any]:
    """What the row of a case has from now on."""
    seen: dict[str, Any] = {"asked": now, "looked": now}
    if case is None:
        return seen | {"status": "gone"}
    closed = (known.closed or now) if _status(case) == "closed" else 0
    told = {"title": case.title, "url": case.url} if case.title or case.url else {}
    return seen | told | {"status": _status(case), "closed": closed, "case_id": case.id}


def history(connection: Connection, incidents: Sequence[str]) -> dict[str, list[Change]]:
    """What became of the cases of these incidents, by incident; oldest first."""
    found: dict[str, list[Change]] = {}
    for row in connection.execute(select(changes).where(changes.c.incident.in_(incidents)).order_by(changes.c.id)):
        values = {name: value for name, value in row._mapping.items() if name != "id"}
        found.setdefault(row.incident, []).append(Change(**values | {"seen": _time(row.seen)}))
    return found


def cases_of(store: Store, findings: Iterable[str]) -> dict[str, list[CaseState]]:
    """The cases of the incidents that these findings (whole ids) are in, by finding; last changed first."""
    store.database.ensure("cases", "exfilwatch_playbooks.cases")
    finding, link = schema.findings.c, links.c
    columns = (finding.id, link.case_system, link.case_id, link.url, link.status)
    query = select(*columns).join_from(schema.findings, links, link.incident == finding.incident)
    query = query.where(link.case_id.is_not(None)).order_by(link.changed.desc())
    found: dict[str, list[CaseState]] = {}
    with store.database.read() as connection:
        for row in rows_in(connection, query, finding.id, findings):
            case = CaseState(system=row.case_system, case_id=row.case_id, url=row.url, status=row.status or "open")
            found.setdefault(row.id, []).append(case)
    return found


def _status(case: Case) -> str:
    return "open" if case.status == "open" else "closed"


def _time(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)
