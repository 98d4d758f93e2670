"""The local case system: tables beside the findings. Enough to work with, and the yardstick for the real ones."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from exfilwatch.errors import CaseRefused
from exfilwatch.findings.filing import rows_in
from exfilwatch.findings.store import Store
from exfilwatch_playbooks.cases.case import Attachment, Case, CaseNote, Draft, Note, Status
from exfilwatch_playbooks.cases.render.markdown import MARKDOWN
from exfilwatch_playbooks.cases.settings import CaseSettings
from exfilwatch_playbooks.cases.system import Account, Capabilities, Created, Creation, Exists
from exfilwatch_playbooks.cases.tables import cases, files, known, notes


class Local:
    """Cases in the store's own database, whose one writer at a time is their lock."""

    Settings = CaseSettings
    kind = "local"
    renderer = MARKDOWN
    capabilities = Capabilities(unique=True)

    def __init__(
        self,
        store: Store,
        *,
        name: str = "local",
        settings: CaseSettings | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.name = name
        self.settings = settings or CaseSettings(kind="local", attach=())
        self._database = store.database
        self._clock = clock
        self._database.ensure("cases", "exfilwatch_playbooks.cases")

    async def probe(self) -> Account:
        """See CaseSystem."""
        return Account("everybody who can read the database", self._database.name)

    async def find(self, key: str) -> Case | None:
        """The case of an incident; None when there is none."""
        with self._database.read() as connection:
            return _case_of(connection, key)

    async def create(self, draft: Draft) -> Creation:
        """See CaseSystem."""
        with self._database.write() as connection:
            if case := _case_of(connection, draft.key):
                return Exists(case.id)
            told = draft.model_dump(include={"title", "level", "body"})
            values = {**told, "incident": draft.key, "status": "open", "opened": self._clock()}
            number = connection.execute(insert(cases).values(values).returning(cases.c.id)).scalar_one()
            _learn(connection, number, draft.findings)
            return Created(str(number))

    async def converge(self, key: str, own: str | None) -> Case:  # noqa: ARG002 the protocol's
        """See CaseSystem: there is one at most."""
        case = await self.find(key)
        if case is None:
            raise CaseRefused(f"there is no local case of incident {key} (any more): run again")
        return case

    async def add_note(self, case_id: str, note: Note) -> bool:
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

    async def attach(self, case_id: str, attachment: Attachment) -> bool:
        """See CaseSystem."""
        with self._database.write() as connection:
            number = _row(connection, case_id).id
            there = select(files.c.name).where(files.c.case_id == number, files.c.name == attachment.name)
            if connection.scalar(there) is not None:
                return False
            row = {"name": attachment.name, "media": attachment.media, "content": attachment.content}
            connection.execute(insert(files).values(case_id=number, **row))
            return True

    async def files(self, case_id: str) -> dict[str, bytes]:
        """The files of a case, by name."""
        with self._database.read() as connection:
            wanted = select(files).where(files.c.case_id == _row(connection, case_id).id).order_by(files.c.name)
            return {row.name: row.content for row in connection.execute(wanted)}

    async def set_status(self, case_id: str, status: Status) -> Case:
        """See CaseSystem."""
        with self._database.write() as connection:
            number = _row(connection, case_id).id
            changes: dict[str, object] = {"status": status}
            if status != "duplicate":
                changes["duplicate_of"] = None
            connection.execute(update(cases).where(cases.c.id == number).values(changes))
            return _complete(connection, [_row(connection, case_id)])[0]

    async def get(self, case_id: str) -> Case:
        """The case with this id. Raises CaseRefused when there is none."""
        with self._database.read() as connection:
            return _complete(connection, [_row(connection, case_id)])[0]

    async def list(self) -> Sequence[Case]:
        """All cases, newest first."""
        with self._database.read() as connection:
            return _complete(connection, connection.execute(select(cases).order_by(cases.c.id.desc())).all())

    async def close(self) -> None:
        """See CaseSystem."""


def _row(connection: Connection, case_id: str) -> Row[Any]:
    number = int(case_id) if case_id.isascii() and case_id.isdecimal() and len(case_id) < 10 else 0
    row = connection.execute(select(cases).where(cases.c.id == number)).first()
    if row is None:
        raise CaseRefused(f"there is no local case {case_id!r}: `exfilwatch cases list` shows those there are")
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
            marks=frozenset(note.key for note in told.get(row.id, ())),
        )
        for row in rows
    ]


def _learn(connection: Connection, number: int, findings: Sequence[str]) -> None:
    if findings:
        rows = [{"case_id": number, "finding": finding} for finding in dict.fromkeys(findings)]
        connection.execute(insert(known), rows)
