"""Events of webhooks that are under way, kept as they were first sent: the same event comes again with the same id and
the same content, whoever sends it and whatever was found meanwhile.
"""

import json
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Row, delete, insert, select, update

from exfilwatch.findings.database import Database
from exfilwatch_playbooks.service.claims import Claims, Held
from exfilwatch_playbooks.service.tables import events


class Event(NamedTuple):
    """News of an incident. `data`: JSON; `findings`: the ids of those that it tells; `made`: when it was news."""

    id: str
    kind: str
    incident: str
    data: str
    findings: tuple[str, ...]
    merged_into: str | None
    made: datetime


class Outbox:
    """The events of one webhook. Only who holds its claim changes anything: the others get ClaimLost."""

    def __init__(self, database: Database, claims: Claims, hook: str) -> None:
        self._database, self._claims, self._hook = database, claims, hook

    def under_way(self) -> list[Event]:
        """Those that were not taken yet, the one that was tried least first."""
        mine = select(events).where(events.c.hook == self._hook)
        with self._database.read() as connection:
            return [_event(row) for row in connection.execute(mine.order_by(events.c.tries, events.c.made))]

    def sending(self, held: Held, lease: timedelta, event: Event) -> None:
        """It is about to be sent. Raises ClaimLost."""
        row = event._asdict() | {"hook": self._hook, "findings": json.dumps(event.findings), "tries": 1}
        with self._database.write() as connection:
            self._claims.keep(connection, held, lease)
            tried = update(events).where(*self._of(event)).values(tries=events.c.tries + 1)
            if not connection.execute(tried).rowcount:
                connection.execute(insert(events).values(row))

    def taken(self, held: Held, lease: timedelta, event: Event) -> None:
        """The receiver has it. Raises ClaimLost."""
        with self._database.write() as connection:
            self._claims.keep(connection, held, lease)
            connection.execute(delete(events).where(*self._of(event)))

    def _of(self, event: Event) -> tuple[Any, ...]:
        return events.c.hook == self._hook, events.c.incident == event.incident


def _event(row: "Row[Any]") -> Event:
    return Event(row.id, row.kind, row.incident, row.data, tuple(json.loads(row.findings)), row.merged_into, row.made)
