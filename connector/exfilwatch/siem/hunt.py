"""How the tables of Microsoft's SIEMs are read: one query each, and of one moment's records as many as there are.

A table that nobody listed and that is not there has no records: which ones a workspace has depends on its connectors.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Annotated, TypeAlias

import msgspec
from pydantic import AfterValidator, Field, model_validator

from exfilwatch.errors import AuthError, PartialResult, SourceError
from exfilwatch.events.timestamps import micros
from exfilwatch.siem import kql
from exfilwatch.siem.answers import Unresolved
from exfilwatch.siem.connection import Texts
from exfilwatch.siem.entra import Application
from exfilwatch.siem.kql import Table
from exfilwatch.siem.siem import SECOND, Ask, Capabilities, Place
from exfilwatch.structs import ready

Run: TypeAlias = Callable[[str, Ask | None], Awaitable[list[bytes]]]
"""Runs a query, for an Ask where there is one, and gives its rows, or raises a SourceError."""
_STEP = 1  # µs: Kusto tells 0.1 µs apart, we do not
_SETTLE = (
    120 * SECOND
)  # as Sentinel's own rules by ingestion time: learn.microsoft.com/azure/sentinel/near-real-time-rules
_MOST_PARTS = 1024


def _names(names: tuple[str, ...]) -> tuple[str, ...]:
    if not names or not all(re.fullmatch(r"[A-Za-z_]\w{0,127}", name, re.ASCII) for name in names):
        raise ValueError("list names of tables: letters, digits and _")
    return names


TableNames: TypeAlias = Annotated[Texts, AfterValidator(_names)]


class Tables(Application):
    """`tables`: what to read; in a variable with commas between. `rows`: in one answer, at most: an interval that has
    more is halved.
    """

    tables: TableNames
    rows: Annotated[int, Field(ge=1, le=99_999)] = 30_000

    @model_validator(mode="after")
    def _ingested(self) -> "Tables":
        views = [name for name in self.tables if kql.table(name).view]
        if views and self.clock != "event":
            raise ValueError(
                f'{", ".join(views)}: a view knows no ingestion times: list tables, or set clock = "event"'
            )
        return self


class _Count(msgspec.Struct, rename="pascal"):
    records: int
    newest: str | None


class _Now(msgspec.Struct, rename="pascal"):
    now: str


def capabilities(settings: Tables) -> Capabilities:
    """What both can do; a query can't be ended, but ends by itself when the client goes (or is late)."""
    return Capabilities(
        ingest_time=not any(kql.table(name).view for name in settings.tables),
        settle=_SETTLE,
        step=_STEP,
        cap=settings.rows,
        pages=True,
        partial="PartialError beside the rows, or an error that names a limit",
        aggregation=True,
        cancel=False,
        most_near=50,
    )


async def records(
    ask: Ask, settings: Tables, tables: Sequence[Table], run: Run
) -> AsyncGenerator[Sequence[bytes], None]:
    """What Siem.fetch gives."""
    listed, absent = "tables" in settings.model_fields_set, set()
    for table in tables:
        select = kql.selections(ask.rules, table.name, settings.pushdown)
        try:
            if select:
                async for batch in _whole(ask, settings.rows, table, select, run):
                    yield batch
        except Unresolved as error:
            if listed or error.named != table.name:
                raise
            absent.add(table.name)
    if len(absent) == len(tables):
        raise SourceError(f"none of these tables is there: {', '.join(sorted(absent))}: see `tables`")


async def _whole(ask: Ask, most: int, table: Table, select: Sequence[str], run: Run) -> AsyncGenerator[list[bytes]]:
    """The rows of one table. More than one answer can have: cut in parts when the interval can't be halved any more."""
    indivisible = ask.low is None or ask.high is None or ask.high - ask.low <= _STEP
    parts = 1
    while True:
        try:
            for part in range(parts):
                rows = await run(kql.query(table, ask, select, most, (part, parts)), ask)
                if len(rows) >= most:
                    raise PartialResult(f"{table.name}: {most} records or more: halve the interval, or raise `rows`")
                yield rows
        except PartialResult:
            if not indivisible or parts >= _MOST_PARTS:
                raise
            parts *= 4
        else:
            return


async def places(tables: Sequence[Table], run: Run) -> list[Place]:
    """What Siem.places gives: of the last day."""

    async def look(table: Table) -> Place:
        counted = f"summarize Records = count(), Newest = max({table.time})"
        try:
            (row,) = await run(f"{table.name}\n| where {table.time} > ago(1d)\n| {counted}", None)
        except (Unresolved, AuthError, PartialResult) as error:
            return Place(table.name, problem=str(error))
        found = msgspec.json.decode(row, type=ready(_Count))
        return Place(table.name, found.records, micros(found.newest))

    found = []
    for each in await asyncio.gather(*map(look, tables), return_exceptions=True):  # so that none is left running
        if isinstance(each, BaseException):
            raise each
        found.append(each)
    return found


async def now(run: Run) -> int:
    """What Siem.now gives."""
    (row,) = await run("print Now = now()", None)
    found = micros(msgspec.json.decode(row, type=ready(_Now)).now)
    if found is None:
        raise SourceError(f"no time: {row!r}")
    return found
