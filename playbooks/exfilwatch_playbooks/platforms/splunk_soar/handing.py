"""A poll by the platform: the SIEMs are read, and what it has not been told is handed over, as it saves it.

An incident counts as told when the platform has saved its artifacts, which it says by asking for the next one. What is
ended before that comes again, and is there once, as the platform knows containers and artifacts by their ids.
"""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from exfilwatch.errors import ConfigError, ExfilwatchError
from exfilwatch_playbooks.handover import Handed, news, told
from exfilwatch_playbooks.platforms.alone import alone
from exfilwatch_playbooks.platforms.splunk_soar.containers import Artifact, Container, artifacts, container
from exfilwatch_playbooks.policy import check
from exfilwatch_playbooks.polls import Polled, poll_once

if TYPE_CHECKING:
    from exfilwatch.findings.store import Store
    from exfilwatch_playbooks.actions.context import Context

PLATFORM = "splunk_soar"
_NOBODY = "splunk_soar/manual"
"""Who is never told anything, so that everything is news to him."""
_NO_LIMIT = 2**32 - 1
"""What the platform gives as a count where it means none."""
_AT_ONCE = 500  # incidents of one poll; the others come with the next


@dataclass(frozen=True)
class Wanted:
    """What the platform asks for. `start`, `end`: ms since 1970; counts of 0 or None mean no limit.

    A manual poll is for looking: times, counts, and ids of incidents (with commas between) narrow it; what it leaves
    out comes with the next scheduled one. That one hands over whatever is new, as evidence may come late.
    """

    manual: bool = False
    start: int | None = None
    end: int | None = None
    containers: int | None = None
    artifacts: int | None = None
    incidents: str = ""

    @property
    def span(self) -> tuple[datetime | None, datetime | None]:
        """The times that narrow it. Raises ValueError when they are none."""
        start, end = (_moment(each) if self.manual and each else None for each in (self.start, self.end))
        return start, end

    def limit(self, count: int | None) -> int | None:
        """A count of the platform as a limit."""
        return count if self.manual and count and 0 < count < _NO_LIMIT else None


class News(NamedTuple):
    """An incident's container with its new artifacts; the platform knows `findings` of it when it has saved them."""

    container: Container
    artifacts: list[Artifact]
    handed: Handed
    findings: list[str]


@dataclass(frozen=True)
class Pace:
    """`lowest`: from which level on incidents come; `since`: how far back a SIEM's first poll goes; `deadline`: how
    long a poll reads, in seconds, after which the next goes on.
    """

    lowest: str = "medium"
    since: timedelta = timedelta(days=1)
    deadline: float = 240.0


class Handing:
    """What is handed over; iterate it, say `saved` as it goes, and `close` it. `problems`: what could not be read."""

    def __init__(
        self, store: "Store", handed: Iterable[Handed], most: int | None, problems: str, held: ExitStack | None
    ) -> None:
        self.problems = problems
        self._store = store
        self._handed = handed
        self._most = most
        self._held = held
        self._unsaved: list[News] = []
        self._new = self._known = self._artifacts = 0

    def __iter__(self) -> Iterator[News]:
        for each in self._handed:
            made = _news(each, self._most)
            self._new += not each.known
            self._known += each.known
            self._artifacts += len(made.artifacts)
            self._unsaved.append(made)
            yield made

    @property
    def said(self) -> str:
        """What came of the poll, in a sentence, and its problems."""
        if self._held is None:
            counts = "another poll of this asset is under way"
        else:
            counts = f"{self._new:,} new incidents, {self._known:,} with news, {self._artifacts:,} artifacts"
        return f"{counts}; problem: {self.problems}" if self.problems else counts

    def saved(self, *, last: bool = False) -> None:
        """The platform has saved what came before the newest of them; with `last`, that one too."""
        while len(self._unsaved) > (0 if last else 1):
            made = self._unsaved.pop(0)
            incident = made.handed.incident
            told(self._store, PLATFORM, incident.id, made.findings, incident.merged_into)

    def close(self) -> None:
        """Let others hand over."""
        if self._held:
            self._held.close()


async def polled(context: "Context", wanted: Wanted, pace: Pace) -> Handing:
    """Poll once, then what is to be handed over; nothing while another poll of the same database is under way.

    Raises ConfigError and what the store refuses; that a SIEM or a case system fails is in the problems.
    """
    start, end = wanted.span
    async with context:
        with ExitStack() as held:
            if not held.enter_context(alone(context.store.database, PLATFORM)):
                return Handing(context.store, (), None, "", None)
            check(context)
            done = await poll_once(context, since=pace.since, deadline=pace.deadline)
            handed = _chosen(context.store, wanted, pace, start, end)
            return Handing(context.store, handed, wanted.limit(wanted.artifacts), _problems(done), held.pop_all())


def _chosen(
    store: "Store", wanted: Wanted, pace: Pace, start: datetime | None, end: datetime | None
) -> Iterable[Handed]:
    if wanted.manual and wanted.incidents.strip():
        try:
            asked = {store.incident(each).id for each in wanted.incidents.split(",") if each.strip()}
        except ConfigError as error:  # of what was asked, not of the settings
            raise ExfilwatchError(str(error)) from None
        return [each for each in news(store, _NOBODY) if each.incident.id in asked]
    most = wanted.limit(wanted.containers) or _AT_ONCE
    if end is None:
        return news(store, PLATFORM, lowest=pace.lowest, since=start, limit=most)
    found = news(store, PLATFORM, lowest=pace.lowest, since=start)
    return [each for each in found if each.incident.time is None or each.incident.time < end][:most]


def _news(handed: Handed, most: int | None) -> News:
    made: list[Artifact] = []
    findings: list[str] = []
    for finding, its in artifacts(handed):
        if most is not None and len(made) + len(its) > most:
            made += its[len(its) - (most - len(made)) :]  # the finding itself is the last of them
            break
        made += its
        findings += [finding.id] if finding else []
    return News(container(handed), made, handed, findings)


def _problems(polls: Iterable[Polled]) -> str:
    """What ended early and what could not be done, in a text."""
    return "; ".join(dict.fromkeys(problem for each in polls for problem in each.problems))


def _moment(ms: int) -> datetime:
    try:
        return datetime.fromtimestamp(ms / 1000, UTC)
    except (OverflowError, OSError, ValueError):
        raise ValueError(f"{ms}: is no time in milliseconds since 1970") from None
