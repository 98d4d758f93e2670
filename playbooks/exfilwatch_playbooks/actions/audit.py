"""The audit log: who ran which action, when, with what input, and what came of it. In the store's database.

A line is written before an action runs, and completed after it: one that was killed in between stays `running`.
A change of this database alone is written together with its line.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Boolean, Column, Connection, Integer, MetaData, Row, String, Table, Text, insert, select, update

from exfilwatch.findings.database import Database
from exfilwatch.findings.node import storable
from exfilwatch.findings.schema import UtcTime

Outcome: TypeAlias = Literal["running", "done", "partial", "refused", "failed", "ended"]
"""`partial`: done, with problems. `refused`: the input is wrong. `ended`: broken off from outside."""
_VALUE, _DETAIL = 2_000, 4_000  # characters of a value and of what came of it

_log = Table(
    "action_log",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("action", String(64), nullable=False),
    Column("who", Text, nullable=False),
    Column("began", UtcTime, nullable=False),
    Column("ended", UtcTime),
    Column("input", Text, nullable=False),
    Column("dry_run", Boolean, nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("changed", Boolean),
    Column("detail", Text, nullable=False),
)


class Entry(BaseModel):
    """A line of the log. `input` has no secrets; `changed` is None where the action changes nothing or did not end."""

    model_config = ConfigDict(frozen=True)
    id: int
    action: str
    who: str
    began: datetime
    ended: datetime | None
    input: dict[str, Any]
    dry_run: bool
    outcome: Outcome
    changed: bool | None
    detail: str


class Audit:
    """The log in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.ensure("actions", "exfilwatch_playbooks.actions")

    def begin(self, action: str, who: str, began: datetime, given: Mapping[str, object], *, dry_run: bool) -> int:
        """Log that an action runs; the number of the line. `given` must be without secrets."""
        row = _begun(action, who, began, given) | {"dry_run": dry_run}
        with self._database.write() as connection:
            key = connection.execute(insert(_log).values(row)).inserted_primary_key
        assert key is not None
        number: int = key[0]
        return number

    def end(
        self, number: int, ended: datetime, outcome: Outcome, detail: str = "", *, changed: bool | None = None
    ) -> None:
        """Log what came of it."""
        row = {"ended": ended, "outcome": outcome, "detail": storable(detail)[:_DETAIL], "changed": changed}
        with self._database.write() as connection:
            connection.execute(update(_log).where(_log.c.id == number).values(row))

    @staticmethod
    def changed(
        connection: Connection, action: str, who: str, at: datetime, given: Mapping[str, object], detail: str
    ) -> None:
        """Log what the transaction of this connection changes. `given` and `detail` must be without secrets."""
        done = {"ended": at, "outcome": "done", "changed": True, "detail": storable(detail)[:_DETAIL]}
        connection.execute(insert(_log).values(_begun(action, who, at, given) | done))

    def entries(
        self,
        *,
        action: str | None = None,
        who: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        before: int | None = None,
        limit: int | None = None,
    ) -> list[Entry]:
        """The lines that fit all that is given, newest first; since <= time < until, id < before."""
        wanted = []
        if action is not None:
            wanted.append(_log.c.action == storable(action.replace("-", "_")))
        if who is not None:
            wanted.append(_log.c.who == storable(who))
        if since is not None:
            wanted.append(_log.c.began >= since)
        if until is not None:
            wanted.append(_log.c.began < until)
        if before is not None:
            wanted.append(_log.c.id < before)
        query = select(_log).where(*wanted).order_by(_log.c.id.desc()).limit(limit)
        with self._database.read() as connection:
            return [_entry(row) for row in connection.execute(query)]


def _begun(action: str, who: str, began: datetime, given: Mapping[str, object]) -> dict[str, object]:
    return {
        "action": action[:64],
        "who": storable(who)[:200],
        "began": began,
        "input": json.dumps({name: _short(value) for name, value in given.items()}, default=str),
        "dry_run": False,
        "outcome": "running",
        "detail": "",
    }


def _short(value: object) -> object:
    if not isinstance(value, str) or len(value) <= _VALUE:
        return value
    return f"{value[:_VALUE]} … ({len(value) - _VALUE:,} characters cut)"


def _entry(row: Row[Any]) -> Entry:
    return Entry.model_validate({**row._mapping, "input": json.loads(row.input)})
