"""What is being done about incidents: one thing at a time for each, whichever of several services does it.

It is in the database while it lasts, renewed by who does it, so that every service's page tells it; what is not renewed
any more, or whose process is gone, is over.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, delete, insert, select, update

from exfilwatch.findings.database import Database
from exfilwatch.findings.node import storable
from exfilwatch.polling.worker import is_dead
from exfilwatch_playbooks.service.tables import doings

LEASE = timedelta(minutes=1)
BEAT = 20.0
"""Seconds between two renewals."""


class UnderWay(NamedTuple):
    """What is being done about an incident. `said`: for people."""

    said: str
    who: str
    began: datetime


class Doings:
    """Those in a database, for the service `me`, as workers are named; times are UTC."""

    def __init__(self, database: Database, me: str, clock: Callable[[], datetime]) -> None:
        self._database, self._me, self._clock = database, me, clock

    def begin(self, incident: str, said: str, who: str) -> UnderWay | None:
        """Do something about an incident; what is being done already, where it is something else."""
        now = self._clock()
        row = {"incident": incident, "owner": self._me, "who": who, "said": storable(said)}
        with self._database.write() as connection:
            found = connection.execute(select(doings).where(doings.c.incident == incident)).one_or_none()
            if found is not None and now < found.until <= now + LEASE and not self._gone(found.owner):
                return UnderWay(found.said, found.who, found.began)
            connection.execute(delete(doings).where(doings.c.incident == incident))
            connection.execute(insert(doings).values(row | {"began": now, "until": now + LEASE}))
        return None

    def keep(self, incident: str) -> None:
        """It lasts."""
        with self._database.write() as connection:
            connection.execute(update(doings).where(*self._mine(incident)).values(until=self._clock() + LEASE))

    def end(self, incident: str) -> None:
        """It is over."""
        with self._database.write() as connection:
            connection.execute(delete(doings).where(*self._mine(incident)))

    def of(self, incident: str) -> UnderWay | None:
        """What is being done about an incident."""
        with self._database.read() as connection:
            found = connection.execute(select(doings).where(doings.c.incident == incident)).one_or_none()
        if found is None or found.until <= self._clock() or self._gone(found.owner):
            return None
        return UnderWay(found.said, found.who, found.began)

    def _mine(self, incident: str) -> tuple[ColumnElement[bool], ...]:
        return (doings.c.incident == incident, doings.c.owner == self._me)

    def _gone(self, owner: str) -> bool:
        return owner != self._me and is_dead(owner, self._me)
