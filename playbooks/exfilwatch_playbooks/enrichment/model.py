"""The result of enrichment: facts, each with who says it of what, and the severity that follows from them.

What is in a fact may come from hostile text (names of hosts, command lines, answers of services): it is text, and is
escaped where it goes.
"""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class Status(StrEnum):
    """What became of a question. `ok`: answered, also with "nothing known"."""

    OK = "ok"
    FAILED = "failed"
    NOT_CONFIGURED = "not configured"
    LATE = "late"


class Answer(BaseModel):
    """One thing that an enricher says. `key` names it for rules and programs (`prevalence.hosts`), `label` for people.

    `value` is for people: one line. `number` is the same for programs where it is a count, bytes or a share (0 to 1).
    `items` are names that the value counts (hosts, users, tags), 20 at most, not all of them where there are more.
    `link`: a page of the service about this, for people.
    """

    model_config = ConfigDict(frozen=True)
    key: str
    label: str
    value: str
    number: float | None = None
    items: tuple[str, ...] = ()
    link: str = ""


class Fact(Answer):
    """An answer, or why there is none: then `status` says what happened, `reason` why and what to do, `value` is empty.

    `enricher` is its name in the settings, `source` whom it asked, in words (a SIEM, a service, a file). `about` is
    what was asked about: a destination, a hash, a command template; empty for the incident as a whole.
    `time` (UTC): when the source was asked, which may be earlier than the enrichment, as answers are kept for a while.
    """

    SHOWN: ClassVar = ("label", "value", "items", "about", "status", "reason", "source")
    enricher: str
    about: str = ""
    source: str = ""
    time: datetime
    status: Status = Status.OK
    reason: str = ""


class Step(BaseModel):
    """A process of the process tree, in the order in which a tree is drawn; `depth` 0 is a root.

    `evidence`: it is one of the finding's own. Times in UTC.
    """

    model_config = ConfigDict(frozen=True)
    depth: int
    time: datetime | None
    process_id: str
    image: str
    command_line: str
    user: str
    evidence: bool


class Severity(BaseModel):
    """How bad it is, before and after the facts were known; levels are Sigma's. `reasons`: why it changed, in words."""

    model_config = ConfigDict(frozen=True)
    before: str
    after: str
    reasons: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """raised to high: destination new in this organisation, 1.2 GB out"""
        from exfilwatch.findings.incident import rank

        if not self.reasons:
            return f"{self.after}, which nothing that was looked up changes"
        steps = rank(self.after) - rank(self.before)
        did = "raised to" if steps > 0 else "lowered to" if steps < 0 else "stays"
        return f"{did} {self.after}: {', '.join(self.reasons)}"


class Enrichment(BaseModel):
    """All that was found about an incident or a finding, whose id is `of`. `time` (UTC): when it was made.

    `facts` are in the order in which people read them. `processes` is the process tree around the evidence.
    """

    model_config = ConfigDict(frozen=True)
    of: str
    time: datetime
    facts: tuple[Fact, ...]
    severity: Severity
    processes: tuple[Step, ...] = ()

    @property
    def known(self) -> tuple[Fact, ...]:
        """The facts that are answers."""
        return tuple(fact for fact in self.facts if fact.status is Status.OK)

    @property
    def unknown(self) -> tuple[Fact, ...]:
        """What is not known, each with its reason."""
        return tuple(fact for fact in self.facts if fact.status is not Status.OK)

    @property
    def subjects(self) -> tuple[str, ...]:
        """What the answers are about, each once: destinations first, as they come."""
        return tuple(dict.fromkeys(fact.about for fact in self.known if fact.about))

    def of_subject(self, about: str) -> tuple[Fact, ...]:
        """The answers about one thing; `""`: about the incident as a whole."""
        return tuple(fact for fact in self.known if fact.about == about)

    def fact(self, key: str, about: str | None = None) -> Fact | None:
        """The first answer of this key, of one thing or of anything."""
        return first(self.known, key, about)


def first(facts: Iterable[Fact], key: str, about: str | None = None) -> Fact | None:
    """The first of these facts with this key, of one thing or of anything."""
    return next((fact for fact in facts if fact.key == key and about in (None, fact.about)), None)
