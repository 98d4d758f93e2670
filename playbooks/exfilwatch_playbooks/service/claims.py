"""Which of several services on one database does what only one is to do: who claims it holds it for a while, longer
when it is renewed, and is taken over when that is over or its process is known to be gone.

Who was taken over is told so (ClaimLost) before it changes anything more: the token of the claim is another one then.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, insert, select, update

from exfilwatch.errors import ExfilwatchError
from exfilwatch.findings.database import Database
from exfilwatch.polling.worker import is_dead
from exfilwatch_playbooks.service.tables import claims


class ClaimLost(ExfilwatchError):
    """Another service has it now."""


class Held(NamedTuple):
    """What is held, under which token."""

    name: str
    token: int


class Claims:
    """The claims of the service `me`, as workers are named."""

    def __init__(self, database: Database, me: str, clock: Callable[[], datetime]) -> None:
        self._database, self._me, self._clock = database, me, clock

    def take(self, name: str, lease: timedelta, longest: timedelta) -> Held | timedelta:
        """Hold it for `lease`; else how long to wait until it may be free. Nobody holds it, or puts it off, for longer
        than `longest`: a clock was wrong then, or another setting was in force.
        """
        now, mine = self._clock(), {"name": name, "owner": self._me, "until": self._clock() + lease}
        with self._database.write() as connection:  # one at a time: on PostgreSQL by its lock, on SQLite anyway
            row = connection.execute(select(claims).where(claims.c.name == name)).one_or_none()
            if row is None:
                connection.execute(insert(claims).values(mine | {"token": 1}))
                return Held(name, 1)
            gone = row.owner != self._me and is_dead(row.owner, self._me)
            if now < row.until <= now + max(lease, longest) and not gone:
                return timedelta(seconds=(row.until - now).total_seconds())
            connection.execute(update(claims).where(claims.c.name == name).values(mine | {"token": row.token + 1}))
            return Held(name, row.token + 1)

    def renew(self, held: Held, lease: timedelta) -> None:
        """Hold it longer. Raises ClaimLost."""
        with self._database.write() as connection:
            self.keep(connection, held, lease)

    def keep(self, connection: Connection, held: Held, lease: timedelta) -> None:
        """The same, with what else a transaction changes. Raises ClaimLost."""
        mine = (claims.c.name == held.name, claims.c.token == held.token)
        if not connection.execute(update(claims).where(*mine).values(until=self._clock() + lease)).rowcount:
            raise ClaimLost(f"{held.name}: another service has taken it over")

    def release(self, held: Held, wait: timedelta = timedelta(0)) -> None:
        """Let it go: after `wait`, whoever comes first has it. Nothing happens when it was lost before."""
        mine = (claims.c.name == held.name, claims.c.token == held.token)
        with self._database.write() as connection:
            connection.execute(update(claims).where(*mine).values(until=self._clock() + wait))
