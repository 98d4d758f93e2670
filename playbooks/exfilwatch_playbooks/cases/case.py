"""What a case is, what is told to a case system, and what comes back.

One case per incident. Its **key** is the incident's id (of a case that goes on where a closed one ended: the id with
-2, -3 and so on). What the body tells, and what each note tells, has a **mark**: the same text for the same news in
any run, by which the case system is asked whether it has it already.
"""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, SkipValidation

from exfilwatch_playbooks.cases.document import Document

Written: TypeAlias = Annotated[SkipValidation[Document], Field(exclude=True, repr=False)]
"""The document that a text was written of, for systems that take several forms; it stays in the process."""

Status = Literal["open", "closed", "duplicate"]


class Note(BaseModel):
    """Something new about a case. `key` is its mark.

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
    `level` is one of Sigma's levels.

    `key`: what the case is found by, the incident's id unless another is given. `follows`: the id of the closed case
    that it goes on from. `values`: what templates and field mappings can use beside the above, as it was (hostile).
    `fields`: what other fields of the system get, by their names there.
    """

    model_config = ConfigDict(frozen=True)
    incident: str
    title: str
    level: str
    body: str
    document: Written = ()
    findings: tuple[str, ...]
    key: str = ""
    follows: str | None = None
    values: Mapping[str, str] = {}
    fields: Mapping[str, str] = {}

    def model_post_init(self, _context: object) -> None:
        if not self.key:
            object.__setattr__(self, "key", self.incident)

    @property
    def mark(self) -> str:
        """The mark of what the body tells."""
        return mark_of(self.findings)


class Attachment(BaseModel):
    """A file of a case. Its name has its checksum in it, so that a case is asked by name whether it has it."""

    model_config = ConfigDict(frozen=True)
    stem: str
    suffix: str
    media: str
    content: bytes

    @property
    def checksum(self) -> str:
        """SHA-256, hexadecimal."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def name(self) -> str:
        """evidence-1a2b3c4d5e6f.jsonl"""
        return f"{self.stem}-{self.checksum[:12]}{self.suffix}"


class CaseNote(BaseModel):
    """A note as the case system has it; `time` in UTC. `key` is empty for notes that are not ours."""

    model_config = ConfigDict(frozen=True)
    key: str
    text: str
    time: datetime


class Case(BaseModel):
    """A case as the case system has it.

    `incident`: the key that it holds, empty when it holds none. `level`: empty where the system has none that we know.
    `findings`: ids of all that its body and notes tell of, as far as the system keeps them (the local one does).
    `marks`: of its body and notes. `url`: where people look at it.
    """

    model_config = ConfigDict(frozen=True)
    id: str
    incident: str
    title: str
    level: str
    body: str
    status: Status
    duplicate_of: str | None = None
    opened: datetime
    findings: tuple[str, ...] = ()
    notes: tuple[CaseNote, ...] = ()
    marks: Annotated[frozenset[str], Field(exclude=True)] = frozenset()
    url: str = ""


def mark_of(findings: Iterable[str]) -> str:
    """The mark of a text that tells of these findings, in whatever order."""
    return "findings " + hashlib.sha256("\n".join(sorted(findings)).encode()).hexdigest()[:32]
