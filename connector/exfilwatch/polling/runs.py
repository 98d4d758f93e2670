"""The record of each poll: what was asked, what came, how late it was; the newest thousand of a source are kept."""

from collections.abc import Iterable, Sequence

import msgspec
from sqlalchemy import Connection, delete, insert, select

from exfilwatch.findings.node import storable
from exfilwatch.polling.tables import runs
from exfilwatch.structs import ready

_KEPT = 1000


class Lateness(msgspec.Struct, frozen=True):
    """Ingest minus event time of the events that a rule looked at, in seconds; negative: clocks disagree."""

    p50: float
    p99: float
    max: float


class Run(msgspec.Struct):
    """One poll. Times in µs since 1970 UTC; `watermark`: everything before it was read whole, as far as is known now.

    `slices` were read whole, `halved` and `failed` not; `left` remain to be read. `records` came from the SIEM;
    `events` are those of them that a rule looked at and that were not seen before. `problem` is why it ended early.
    """

    source: str
    worker: str
    started: int
    ended: int = 0
    clock: str = ""
    watermark: int = 0
    slices: int = 0
    halved: int = 0
    failed: int = 0
    left: int = 0
    records: int = 0
    events: int = 0
    findings: int = 0
    superseded: int = 0
    requests: int = 0
    bytes: int = 0
    retries: int = 0
    lateness: Lateness | None = None
    problem: str = ""


def lateness(seconds: Iterable[float]) -> Lateness | None:
    """The middle, the 99th percentile (nearest rank) and the most; None of nothing."""
    ordered = sorted(seconds)
    if not ordered:
        return None

    def rank(percent: int) -> float:
        return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]

    return Lateness(rank(50), rank(99), ordered[-1])


def keep_run(connection: Connection, run: Run) -> None:
    """Store a run, and forget the oldest."""
    text = storable(msgspec.json.encode(run).decode())
    connection.execute(insert(runs).values(source=run.source, started=run.started, record=text))
    own = select(runs.c.id).where(runs.c.source == run.source).order_by(runs.c.id.desc())
    oldest = connection.scalar(own.offset(_KEPT - 1).limit(1))
    if oldest is not None:
        connection.execute(delete(runs).where(runs.c.source == run.source, runs.c.id < oldest))


def last_runs(connection: Connection, source: str | None = None, count: int = 20) -> Sequence[Run]:
    """The last runs, of one source or of all, newest first."""
    query = select(runs.c.record).order_by(runs.c.id.desc()).limit(count)
    query = query.where(runs.c.source == source) if source else query
    return [msgspec.json.decode(text, type=ready(Run)) for text in connection.scalars(query)]


def most_late(connection: Connection, source: str) -> float:
    """The most that an event was seen to come late in the runs that are kept, s; 0 where none tells."""
    return max((run.lateness.max for run in last_runs(connection, source, _KEPT) if run.lateness), default=0.0)


def polled_sources(connection: Connection) -> list[str]:
    """The names of the sources of which there are runs."""
    return sorted(connection.scalars(select(runs.c.source).distinct()))
