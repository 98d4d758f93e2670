"""What is known here of each incident's case in a case system: its id there, what is being done, what went wrong.

What is meant to be done is written before the call, and what came of it after it; so whoever comes after a crash knows
what to look for. A link is held by one worker at a time, whose lease ends with its process (where that can be seen), or
two minutes after its last sign of life.
"""

import json
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from sqlalchemy import Connection, Row, insert, select, update

from exfilwatch.errors import CaseBlocked, CaseError, CaseRefused, CaseUnreachable
from exfilwatch.findings import schema
from exfilwatch.findings.database import Database
from exfilwatch.polling.worker import is_dead, our_clock, worker_name
from exfilwatch_playbooks.cases.case import Case
from exfilwatch_playbooks.cases.standing import OURS, Change, note
from exfilwatch_playbooks.cases.tables import links

LEASE = 120_000_000  # µs
_SECOND = 1_000_000
_LONGEST_WAIT = 3600.0  # seconds
_PROBLEM = 1000  # characters

Step = Literal["new", "creating", "open"]
Reading = Literal["", "later", "refused", "person"]

_NEW: dict[str, Any] = {
    "case_id": None,
    "title": "",
    "level": "",
    "url": "",
    "step": "new",
    "mark": "",
    "telling": "[]",
    "owner": "",
    "until": 0,
    "look_again": 0,
    "problem": "",
    "reading": "",
    "tries": 0,
    "not_before": 0,
}
_process = ""


@dataclass(frozen=True)
class Link:
    """`key`: what the case is found by. `case_id`: where it is known. `step`: what was begun last. `mark`, `telling`:
    the note that was begun, and the findings that it tells of. `problem`: why it is not done, and by its `reading`
    whether that passes. Times are in µs since 1970 UTC: `look_again` (0: never) until when late doubles may turn up,
    `not_before` when the system wants to be asked again. `left`: whoever held it before has just died with it, and
    what it asked for last may be done this moment. How the case stands there: `status` as it was seen last, `closed`
    (0: it is not), when it was `asked` for, and when that was answered (`looked`).
    """

    case_system: str
    incident: str
    key: str
    case_id: str | None = None
    title: str = ""
    level: str = ""
    url: str = ""
    step: Step = "new"
    mark: str = ""
    telling: tuple[str, ...] = ()
    look_again: int = 0
    problem: str = ""
    reading: Reading = ""
    tries: int = 0
    not_before: int = 0
    changed: int = 0
    closed: int = 0
    status: str = ""
    asked: int = 0
    looked: int = 0
    left: bool = False


class Busy(CaseUnreachable):
    """Another worker is at this incident."""


class Links:
    """The links of one case system."""

    def __init__(self, database: Database, case_system: str) -> None:
        self._database = database
        self._system = case_system
        self._me = owner()
        database.ensure("cases", "exfilwatch_playbooks.cases")

    def claim(self, incident: str) -> Link | None:
        """The link of an incident, held by us from now on; None while another worker holds it."""
        with self._database.write() as connection:
            now = our_clock()
            row = connection.execute(select(links).where(*self._of(incident))).one_or_none()
            if row is None:
                known = {"case_system": self._system, "incident": incident, "key": incident, "changed": now}
                connection.execute(insert(links).values(_NEW | known | {"owner": self._me, "until": now + LEASE}))
                return Link(self._system, incident, incident, changed=now)
            if row.owner and now < row.until <= now + 2 * LEASE and not _dead(row.owner):
                return None
            connection.execute(update(links).where(*self._of(incident)).values(owner=self._me, until=now + LEASE))
            return replace(link_of(row), left=bool(row.owner) and now < row.until)

    def renew(self, incidents: Iterable[str]) -> None:
        """Hold these longer."""
        wanted = list(incidents)
        if wanted:
            with self._database.write() as connection:
                mine = (links.c.case_system == self._system, links.c.owner == self._me, links.c.incident.in_(wanted))
                connection.execute(update(links).where(*mine).values(until=our_clock() + LEASE))

    def put(self, incident: str, *, stands: Case | None = None, who: str = OURS, **values: Any) -> None:
        """Write down what is meant, or what came of it: how the case `stands` there, which `who` has made so. Raises
        Busy when another worker has taken the link over.
        """
        with self._database.write() as connection:
            self.put_in(connection, incident, stands=stands, who=who, **values)

    def put_in(
        self, connection: Connection, incident: str, *, stands: Case | None = None, who: str = OURS, **values: Any
    ) -> None:
        """`put` as a part of what is committed by a transaction of `database.write()`."""
        if "telling" in values:
            values["telling"] = json.dumps(sorted(values["telling"]))
        now = our_clock()
        mine = (*self._of(incident), links.c.owner == self._me)
        if stands is not None and (row := connection.execute(select(links).where(*mine)).one_or_none()):
            values |= note(connection, row, stands, who, now)[0]
        changed = {**values, "until": now + LEASE, "changed": now}
        if json.loads(values.get("telling", "[]")):
            changed["closed"] = 0  # whoever closed it has not seen this
        if not connection.execute(update(links).where(*mine).values(changed)).rowcount:
            raise Busy(f"{self._system}: another worker has taken over incident {incident}")

    def finish(self, incident: str) -> None:
        """What was to be done is done."""
        done = {"problem": "", "reading": "", "tries": 0, "not_before": 0, "mark": "", "telling": "[]"}
        with self._database.write() as connection:
            mine = (*self._of(incident), links.c.owner == self._me)
            connection.execute(update(links).where(*mine).values({**done, "owner": "", "until": 0}))

    def saw(self, incident: str, case: Case | None, who: str = "", unless: Link | None = None) -> list[Change]:
        """Note how a case stands there (None: it is gone), which `who` has made so, empty for somebody there; what has
        changed. Nothing is noted where the link is another than `unless`: what was seen is older then.
        """
        with self._database.write() as connection:
            row = connection.execute(select(links).where(*self._of(incident))).one_or_none()
            if row is None or row.case_id is None:
                return []
            if unless is not None and (row.case_id, row.changed) != (unless.case_id, unless.changed):
                return []
            values, found = note(connection, row, case, who, our_clock())
            connection.execute(update(links).where(*self._of(incident)).values(values))
            return found

    def asked(self, incident: str) -> None:
        """Its case was asked for, without an answer."""
        with self._database.write() as connection:
            connection.execute(update(links).where(*self._of(incident)).values(asked=our_clock()))

    def release(self, incident: str) -> None:
        """Let the link go, with what is written in it: the next one goes on from there."""
        with self._database.write() as connection:
            mine = (*self._of(incident), links.c.owner == self._me)
            connection.execute(update(links).where(*mine).values(owner="", until=0))

    def park(self, incidents: Sequence[str], error: CaseError) -> None:
        """Note for these why nothing could be done. Another worker's being at it is no reason."""
        if isinstance(error, Busy):
            return
        wait = error.wait if isinstance(error, CaseUnreachable) else None
        now = our_clock()
        values: dict[str, Any] = {
            "problem": str(error)[:_PROBLEM],
            "reading": reading(error),
            "not_before": now + round(min(wait, _LONGEST_WAIT) * _SECOND) if wait else 0,
            "changed": now,
        }
        with self._database.write() as connection:
            for incident in incidents:
                again = {**values, "tries": links.c.tries + 1}
                if not connection.execute(update(links).where(*self._of(incident)).values(again)).rowcount:
                    known = {"case_system": self._system, "incident": incident, "key": incident, "tries": 1}
                    connection.execute(insert(links).values({**_NEW, **known, **values}))

    def heard(self, incident: str) -> set[str]:
        """The findings of the incident that the case system was told of."""
        told = schema.told.c
        with self._database.read() as connection:
            wanted = select(told.what).where(told.case_system == self._system, told.incident == incident)
            return set(connection.scalars(wanted))

    def all(self) -> dict[str, Link]:
        """By incident."""
        with self._database.read() as connection:
            rows = connection.execute(select(links).where(links.c.case_system == self._system)).all()
        return {row.incident: link_of(row) for row in rows}

    def of(self, incident: str) -> Link | None:
        """The link of an incident, without holding it."""
        with self._database.read() as connection:
            row = connection.execute(select(links).where(*self._of(incident))).one_or_none()
        return None if row is None else link_of(row)

    def to_look_at(self) -> list[Link]:
        """Cases of which doubles may have turned up since: see `look_again`."""
        with self._database.read() as connection:
            wanted = (links.c.case_system == self._system, links.c.look_again > 0)
            return [link_of(row) for row in connection.execute(select(links).where(*wanted))]

    def _of(self, incident: str) -> tuple[Any, Any]:
        return links.c.case_system == self._system, links.c.incident == incident


def all_links(connection: Connection) -> list[Link]:
    """Of all case systems, as they were changed last."""
    return [link_of(row) for row in connection.execute(select(links).order_by(links.c.changed.desc()))]


def reading(error: CaseError) -> Reading:
    """Whether what went wrong passes by itself."""
    if isinstance(error, CaseBlocked):
        return "person"
    return "refused" if isinstance(error, CaseRefused) else "later"


def owner() -> str:
    """Who holds links: this process, and which of those that work in it. After a fork it is another one."""
    global _process
    mine = worker_name()
    if _process.rpartition("/")[0] != mine.rpartition("/")[0]:
        _process = mine
    return f"{_process}/{secrets.token_hex(4)}"


def _dead(held_by: str) -> bool:
    """Whether the process that holds a link is known to have ended."""
    process = held_by.rpartition("/")[0]
    return process != _process and is_dead(process, _process)


def link_of(row: Row[Any]) -> Link:
    """As the table has it."""
    told = {name: getattr(row, name) for name in Link.__dataclass_fields__ if name not in ("telling", "left")}
    return Link(**told, telling=tuple(json.loads(row.telling)))
