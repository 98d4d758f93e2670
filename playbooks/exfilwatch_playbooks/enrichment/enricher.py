"""What an enricher is: something that is asked about one indicator, or about the whole of a subject.

An enricher of indicators that is an outsider (`outside`) is given nothing but what may leave the organisation, so it
can tell nothing else. Errors are ExfilwatchErrors that say what to change; whatever else is raised, or takes longer
than `deadline`, costs only that enricher's facts.

Found by place: a class in a module of enrichment/enrichers/ that has `name`; others by an entry point of the group
`exfilwatch.enrichment` that names such a class.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, ClassVar, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from exfilwatch.siem.connection import Duration
from exfilwatch_playbooks.enrichment.indicator import Indicator, Kind
from exfilwatch_playbooks.enrichment.model import Answer, Step
from exfilwatch_playbooks.enrichment.subject import Subject

if TYPE_CHECKING:
    from exfilwatch.findings.store import Store
    from exfilwatch_playbooks.enrichment.history import History


class Options(BaseModel):
    """Settings that every enricher has. `kind`: which enricher, where the table's name does not say it. `deadline`: for
    each question. `lifetime`: how long its answers are kept.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
    kind: str = ""
    enabled: bool = True
    deadline: Annotated[Duration, Field(gt=timedelta(0))] = timedelta(seconds=10)
    lifetime: Annotated[Duration, Field(ge=timedelta(0))] = timedelta(days=1)

    def missing(self) -> str:
        """What has to be set before it can be asked; "" for nothing."""
        return ""


class Quota(NamedTuple):
    """How often a service may be asked (0: any number of times)."""

    per_minute: int = 0
    per_day: int = 0


class Means(NamedTuple):
    """What enrichers may work with. `own`: domains and networks of the organisation. `days`: how far to look back."""

    store: "Store | None"
    history: "History"
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    own: tuple[str, ...] = ()
    days: int = 30


class Enricher(ABC):
    """`title`: for people. `by_default`: it works without a table in the settings. `of_history`: it asks SIEMs or files
    for what was before. `asks`: whom, in words.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    by_default: ClassVar[bool] = False
    of_history: ClassVar[bool] = False
    Settings: ClassVar[type[Options]] = Options

    def __init__(self, name: str, settings: Options, means: Means) -> None:
        self.called = name
        self.options = settings
        self.means = means

    @property
    def asks(self) -> str:
        return (", ".join(self.means.history.names) or "no source") if self.of_history else self.title

    @property
    def quota(self) -> Quota:
        return Quota()

    async def close(self) -> None:
        """End what is still running, and the connections."""
        return


class OfIndicator(Enricher):
    """Says something of one indicator of the `kinds` that it knows. `outside`: it is not the organisation's own."""

    kinds: ClassVar[frozenset[Kind]]
    outside: bool = False

    @abstractmethod
    async def look_up(self, given: Indicator) -> Sequence[Answer]:
        """What is known of it; empty: nothing."""


class Said(NamedTuple):
    """What a survey gives: answers, each with what it is about, and the process tree. `problems`: what could not be
    looked at, so that the answers may not be whole.
    """

    answers: Sequence[tuple[str, Answer]] = ()
    processes: Sequence[Step] = ()
    problems: Sequence[str] = ()


class OfSubject(Enricher):
    """Says something of the subject as a whole. It stays inside: SIEMs, the store, files."""

    @abstractmethod
    def question(self, subject: Subject) -> str | None:
        """What the answer depends on, so that it can be kept; None: there is nothing to ask."""

    @abstractmethod
    async def survey(self, subject: Subject) -> Said:
        """What is known of it."""
