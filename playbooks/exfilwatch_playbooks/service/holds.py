"""Incidents that were handed to a platform, and are not handed to it again for a while, unless it says what it has.

Platforms that ask every few minutes would start a playbook twice for an incident whose first run takes longer than that
before it says so; and two that ask at once would.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import delete, func, insert, select

from exfilwatch.findings.database import Database
from exfilwatch_playbooks.service.tables import holds


class Holds:
    """Those of a platform; times are UTC."""

    def __init__(self, database: Database, platform: str) -> None:
        self._database, self._platform = database, platform

    def count(self, now: datetime) -> int:
        """How many are held."""
        mine = select(func.count()).where(holds.c.platform == self._platform, holds.c.until > now)
        with self._database.read() as connection:
            return connection.scalar(mine) or 0

    def take(self, incidents: Iterable[str], most: int, now: datetime, length: timedelta) -> set[str]:
        """Hold the first of these that are not held, `most` at most: which."""
        mine = holds.c.platform == self._platform
        with self._database.write() as connection:  # one at a time: who asks meanwhile gets others
            connection.execute(delete(holds).where(mine, holds.c.until <= now))
            held = set(connection.scalars(select(holds.c.incident).where(mine)))
            taken = [each for each in incidents if each not in held][:most]
            if taken:
                row = {"platform": self._platform, "until": now + length}
                connection.execute(insert(holds), [row | {"incident": each} for each in taken])
        return set(taken)

    def release(self, incident: str) -> None:
        """The platform has said what it has: what is new from now on may come at once."""
        with self._database.write() as connection:
            connection.execute(delete(holds).where(holds.c.platform == self._platform, holds.c.incident == incident))
