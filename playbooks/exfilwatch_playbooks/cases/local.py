"""The local case system: three tables beside the findings. Enough to work with, and the yardstick for the real ones."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    ForeignKey,
    Integer,
    MetaData,
    Row,
    String,
    Table,
    Text,
    insert,
    select,
    update,
)

from exfilwatch.errors import CaseError
from exfilwatch.findings.filing import rows_in
from exfilwatch.findings.schema import UtcTime
from exfilwatch.findings.store import Store
from exfilwatch_playbooks.cases.case import Case, CaseNote, Draft, Note

metadata = MetaData()
cases = Table(
    "cases",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("incident", String(64), nullable=False, unique=True),
    Column("title", Text, nullable=False),
    Column("level", String(32), nullable=False),
    Column("body", Text, nullable=False),
    Column("status", String(16), nullable=False),
    Column("duplicate_of", ForeignKey("cases.id")),
    Column("opened", UtcTime, nullable=False),
)
notes = Table(
    "case_notes",
    metadata,
    Column("case_id", ForeignKey(cases.c.id), primary_key=True),
    Column("note_key", String(128), primary_key=True),
    Column("text", Text, nullable=False),
    Column("time", UtcTime, nullable=False),
)
known = Table(
    "case_findings",
    metadata,
    Column("case_id", ForeignKey(cases.c.id), primary_key=True),
    Column("finding", String(64), primary_key=True),
)


class Local:
    """Cases in the store's own database."""

    name = "local"

    def __init__(self, store: Store, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database = store.database
        self._clock = clock
        self._database.ensure("cases", "exfilwatch_playbooks.cases")

    def find(self, incident: str) -> Case | None:
        """The case of an incident; None when there is none."""
        with self._database.read() as connection:
            return _case_of(connection, incident)

    def open(self, draft: Draft) -> tuple[Case, bool]:
        """The case of the draft's incident, and whether this call made it."""
        with self._database.write() as connection:
            if case := _case_of(connection, draft.incident):
                return case, False
            values = draft.model_dump(exclude={"findings"}) | {"status": "open", "opened": self._clock()}
            number = connection.execute(insert(cases).values(values).returning(cases.c.id)).scalar_one()
            _learn(connection, number, draft.findings)
            return _complete(connection, [_row(connection, str(number))])[0], True

    def add_note(self, case_id: str, note: Note) -> bool:
        """Add a note; False when the case has its key or knows one of its findings already."""
        with self._database.write() as connection:
            case = _complete(connection, [_row(connection, case_id)])[0]
            if note.key in {each.key for each in case.notes} or set(note.findings) & set(case.findings):
                return False
            number = int(case.id)
            row = {"case_id": number, "note_key": note.key, "text": note.text, "time": self._clock()}
            connection.execute(insert(notes).values(row))
            _learn(connection, number, note.findings)
            changes: dict[str, object] = {"level": note.level} if note.level else {}
            if note.duplicate_of:
                changes |= {"status": "duplicate", "duplicate_of": _row(connection, note.duplicate_of).id}
            if changes:
                connection.execute(update(cases).where(cases.c.id == number).values(changes))
            return True

    def get(self, case_id: str) -> Case:
        """The case with this id. Raises CaseError when there is none."""
        with self._database.read() as connection:
            return _complete(connection, [_row(connection, case_id)])[0]

    def list(self) -> Sequence[Case]:
        """All cases, newest first."""
        with self._database.read() as connection:
            return _complete(connection, connection.execute(select(cases).order_by(cases.c.id.desc())).all())


def _row(connection: Connection, case_id: str) -> Row[Any]:
    number = int(case_id) if case_id.isascii() and case_id.isdecimal() and len(case_id) < 10 else 0
    row = connection.execute(select(cases).where(cases.c.id == number)).first()
    if row is None:
        raise CaseError(f"there is no local case {case_id!r}: `exfilwatch cases list` shows those there are")
    return row


def _case_of(connection: Connection, incident: str) -> Case | None:
    rows = connection.execute(select(cases).where(cases.c.incident == incident)).all()
    return _complete(connection, rows)[0] if rows else None


def _complete(connection: Connection, rows: Sequence[Row[Any]]) -> list[Case]:
    numbers = [row.id for row in rows]
    told: dict[int, list[CaseNote]] = {}
    for row in rows_in(connection, select(notes).order_by(notes.c.time, notes.c.note_key), notes.c.case_id, numbers):
        told.setdefault(row.case_id, []).append(CaseNote(key=row.note_key, text=row.text, time=row.time))
    findings: dict[int, list[str]] = {}
    for row in rows_in(connection, select(known).order_by(known.c.finding), known.c.case_id, numbers):
        findings.setdefault(row.case_id, []).append(row.finding)
    return [
        Case(
            id=str(row.id),
            incident=row.incident,
            title=row.title,
            level=row.level,
            body=row.body,
            status=row.status,
            duplicate_of=str(row.duplicate_of) if row.duplicate_of else None,
            opened=row.opened,
            findings=tuple(findings.get(row.id, ())),
            notes=tuple(told.get(row.id, ())),
        )
        for row in rows
    ]


def _learn(connection: Connection, number: int, findings: Sequence[str]) -> None:
    if findings:
        rows = [{"case_id": number, "finding": finding} for finding in dict.fromkeys(findings)]
        connection.execute(insert(known), rows)
