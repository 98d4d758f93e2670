"""What people say of a finding: a mark, one for each finding; the last one counts."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, delete, insert, select

from exfilwatch.findings import schema
from exfilwatch.findings.filing import rows_in
from exfilwatch.findings.node import storable


class Disposition(StrEnum):
    """What a finding turned out to be."""

    FALSE_POSITIVE = "false-positive"
    TRUE_POSITIVE = "true-positive"
    BENIGN = "benign"
    DUPLICATE = "duplicate"


class Mark(BaseModel):
    """A disposition, the reason that was given for it, and when (UTC)."""

    model_config = ConfigDict(frozen=True)
    disposition: Disposition
    why: str
    at: datetime


def put(connection: Connection, finding: str, mark: Mark) -> None:
    """Mark a finding, in the place of an earlier mark."""
    table = schema.marks
    connection.execute(delete(table).where(table.c.finding == finding))
    row = {"finding": finding, "disposition": mark.disposition.value, "why": storable(mark.why), "marked_at": mark.at}
    connection.execute(insert(table).values(row))


def of(connection: Connection, findings: Iterable[str]) -> dict[str, Mark]:
    """The marks of those findings that have one."""
    rows = rows_in(connection, select(schema.marks), schema.marks.c.finding, findings)
    return {row.finding: Mark(disposition=Disposition(row.disposition), why=row.why, at=row.marked_at) for row in rows}
