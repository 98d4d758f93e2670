"""What a case is, and what a case system must be able to do.

One case per incident. Implementations promise: `open` twice for one incident gives the first case again, also when
two processes call it at once; a note with a key that the case has is not added again. Systems that cannot promise it
themselves (most) look up, create, and look up again.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal, Protocol, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, SkipValidation

from exfilwatch_playbooks.cases.document import Document

Written: TypeAlias = Annotated[SkipValidation[Document], Field(exclude=True, repr=False)]
"""The document that a text was written of, for systems that take several forms; it stays in the process."""


class Note(BaseModel):
    """Something new about a case. `key` is the same for the same news in any run.

    `text` is written in the case system's markup, of the `document`. `findings`: ids that the note tells of; `level`:
    the severity from now on; `duplicate_of`: the id of the case that goes on instead of this one.
    """

    model_config = ConfigDict(frozen=True)
    key: str
    text: str
    document: Written = ()
    findings: tuple[str, ...] = ()
    level: str | None = None
    duplicate_of: str | None = None


class Draft(BaseModel):
    """A case to be opened. `title` and `body` are written in the case system's markup, `body` of the `document`;
    `level` is one of Sigma's levels."""

    model_config = ConfigDict(frozen=True)
    incident: str
    title: str
    level: str
    body: str
    document: Written = ()
    findings: tuple[str, ...]


class CaseNote(BaseModel):
    """A note as the case system has it; `time` in UTC."""

    model_config = ConfigDict(frozen=True)
    key: str
    text: str
    time: datetime


class Case(BaseModel):
    """A case as the case system has it. `findings`: ids of all that its body and notes tell of."""

    model_config = ConfigDict(frozen=True)
    id: str
    incident: str
    title: str
    level: str
    body: str
    status: Literal["open", "duplicate", "closed"]
    duplicate_of: str | None = None
    opened: datetime
    findings: tuple[str, ...]
    notes: tuple[CaseNote, ...] = ()


class CaseSystem(Protocol):
    """Raises CaseError where the system refuses or can't be reached."""

    @property
    def name(self) -> str:
        """Names the system and, if there are several of a kind, which: the store keeps by it what was told."""

    def find(self, incident: str) -> Case | None:
        """The case of an incident."""

    def open(self, draft: Draft) -> tuple[Case, bool]:
        """The case of the draft's incident, and whether this call made it."""

    def add_note(self, case_id: str, note: Note) -> bool:
        """Add a note. False, and nothing added, when the case has its key or knows one of its findings already."""

    def get(self, case_id: str) -> Case:
        """The case with this id."""

    def list(self) -> Sequence[Case]:
        """All cases, newest first."""
