"""What polling remembers, in the findings' database, so that it is committed together with what was found.

Times are µs since 1970 UTC. Texts that come from records are hashed or packed: hostile ones fit no index.
"""

import hashlib
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from exfilwatch.detection.hits import Hit, group_key
from exfilwatch.detection.judge import Waiting
from exfilwatch.detection.rule import RuleSet
from exfilwatch.errors import ExfilwatchError
from exfilwatch.findings.filing import rows_in
from exfilwatch.polling.slices import Interval

PART, PACKAGE = "polling", "exfilwatch.polling"
metadata = MetaData()
_NUMBER = BigInteger().with_variant(Integer, "sqlite")

sources = Table(
    "poll_sources",
    metadata,
    Column("name", String(200), primary_key=True),
    Column("clock", String(16), nullable=False),
    Column("frontier", BigInteger, nullable=False),
    Column("rules", String(32), nullable=False),
    Column("position", LargeBinary),
    Column("ahead", BigInteger, nullable=False, server_default="0"),
)
slices = Table(
    "poll_slices",
    metadata,
    Column("id", _NUMBER, primary_key=True, autoincrement=True),
    Column("source", String(200), nullable=False),
    Column("low", BigInteger, nullable=False),
    Column("high", BigInteger, nullable=False),
    Column("tries", Integer, nullable=False, default=0),
    Column("problem", Text, nullable=False, default=""),
    Column("owner", String(100), nullable=False, default=""),
    Column("token", Integer, nullable=False, default=0),
    Column("until", BigInteger, nullable=False, default=0),
    Index("poll_slices_source", "source", "low"),
)
seen = Table(
    "poll_seen",
    metadata,
    Column("source", String(200), primary_key=True),
    Column("event", String(64), primary_key=True),
    Column("until", BigInteger, nullable=False),
    Index("poll_seen_until", "source", "until"),
)
hits = Table(
    "poll_hits",
    metadata,
    Column("member", String(32), primary_key=True),
    Column("event", String(64), primary_key=True),
    Column("correlation", String(32), nullable=False),
    Column("grp", String(32), nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("hit", LargeBinary, nullable=False),
    Index("poll_hits_group", "correlation", "grp", "time"),
)

decoders = Table(
    "poll_decoders",
    metadata,
    Column("source", String(200), primary_key=True),
    Column("log", String(32), primary_key=True),
    Column("state", LargeBinary, nullable=False),
)

_TOO_LONG = 3_600_000_000  # µs
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Hit).decode


class LeaseLost(ExfilwatchError):
    """Another worker has taken the slice over, and will read it."""


class Slice(NamedTuple):
    """An interval to read, claimed under `token`; `tries` counts the claims."""

    id: int
    interval: Interval
    token: int
    tries: int


class Waits(NamedTuple):
    """Intervals that wait to be read, in order, and what was wrong when that was last tried."""

    intervals: list[Interval]
    problem: str


class SourceState(NamedTuple):
    """A source as it is stored; `ahead`: how much its clock was before ours (µs)."""

    clock: str
    frontier: int
    rules: str
    position: bytes | None
    ahead: int = 0


def hashed(*texts: str) -> str:
    """A short name for texts of any length and content."""
    joined = "\n".join(texts).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(joined, digest_size=16).hexdigest()


def rules_key(rules: RuleSet) -> str:
    """A name for what rules see: another set, or a changed one, has another."""
    return hashed(*sorted(f"{rule.id} {rule.condition!r} {rule.nodes!r} {rule.weights}" for rule in rules.rules))


# Sources


def source_state(connection: Connection, source: str, *, lock: bool = False) -> SourceState | None:
    """What is stored of a source; `lock`: until the end of the transaction nobody else changes it."""
    query = select(sources.c.clock, sources.c.frontier, sources.c.rules, sources.c.position, sources.c.ahead)
    query = query.where(sources.c.name == source)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    return SourceState(*row) if row else None


def keep_source(connection: Connection, source: str, state: SourceState) -> None:
    """Store a source, new or known."""
    values = state._asdict()
    if not connection.execute(update(sources).where(sources.c.name == source).values(values)).rowcount:
        connection.execute(insert(sources).values(name=source, **values))


def decoder_state(connection: Connection, source: str, log: str) -> bytes:
    """What the decoder of a log in a spool remembered; empty when it is new."""
    mine = (decoders.c.source == source) & (decoders.c.log == hashed(log))
    return connection.scalar(select(decoders.c.state).where(mine)) or b""


def keep_decoder(connection: Connection, source: str, log: str, remembered: bytes) -> None:
    """Store what a decoder remembers; nothing is kept of one that remembers nothing."""
    mine = (decoders.c.source == source) & (decoders.c.log == hashed(log))
    connection.execute(delete(decoders).where(mine))
    if remembered:
        connection.execute(insert(decoders).values(source=source, log=hashed(log), state=remembered))


# Slices


def plan_slices(
    connection: Connection, source: str, intervals: Iterable[Interval], tries: int = 0, problem: str = ""
) -> None:
    """Add intervals that are to be read; `tries` that failed already, and how the last one did."""
    what = {"source": source, "tries": tries, "problem": problem}
    # SQLite gives ids of deleted rows again: no token of before may fit.
    rows = [{**what, "low": each.low, "high": each.high, "token": secrets.randbelow(1 << 30)} for each in intervals]
    if rows:
        connection.execute(insert(slices), rows)


def take_waiting(connection: Connection, source: str, now: int) -> dict[int, Waits]:
    """Take out the slices that nobody holds, to be planned anew; by how often they were tried."""
    free = select(slices).where(slices.c.source == source, _free(now)).order_by(slices.c.low)
    waiting: dict[int, Waits] = {}
    for row in connection.execute(free):
        waits = waiting.setdefault(row.tries, Waits([], row.problem))
        waits.intervals.append(Interval(row.low, row.high))
    connection.execute(delete(slices).where(slices.c.source == source, _free(now)))
    return waiting


def left(connection: Connection, source: str) -> list[tuple[Interval, str]]:
    """What was planned and not read whole, in order, and why not (empty: not tried, or under way)."""
    query = select(slices.c.low, slices.c.high, slices.c.problem).where(slices.c.source == source)
    return [(Interval(low, high), problem) for low, high, problem in connection.execute(query.order_by(slices.c.low))]


def claim(
    connection: Connection, source: str, worker: str, now: int, lease: int, besides: Iterable[int] = ()
) -> Slice | None:
    """The earliest slice that nobody holds, held by `worker` for `lease` µs; None when there is none. Those that were
    tried come after those that were not, so that one that can't be read keeps nothing else waiting.

    On PostgreSQL, workers that claim at the same time pass over each other's row; SQLite has one writer anyway.
    """
    free = select(slices).where(slices.c.source == source, _free(now), slices.c.id.not_in(list(besides)))
    order = (slices.c.tries, slices.c.low, slices.c.id)
    row = connection.execute(free.order_by(*order).limit(1).with_for_update(skip_locked=True)).one_or_none()
    if row is None:
        return None
    values = {"owner": worker, "token": row.token + 1, "until": now + lease, "tries": row.tries + 1}
    connection.execute(update(slices).where(slices.c.id == row.id).values(values))
    return Slice(row.id, Interval(row.low, row.high), row.token + 1, row.tries + 1)


def renew(connection: Connection, held: Slice, now: int, lease: int) -> None:
    """Hold a slice longer. Raises LeaseLost."""
    _change(connection, held, {"until": now + lease})


def release(connection: Connection, held: Slice, until: int, problem: str) -> None:
    """Give a slice back, not to be claimed before `until`. Raises LeaseLost."""
    _change(connection, held, {"until": until, "owner": "", "problem": problem})


def finish(connection: Connection, held: Slice) -> None:
    """The slice was read whole, or others take its place. Raises LeaseLost."""
    mine = (slices.c.id == held.id) & (slices.c.token == held.token)
    if not connection.execute(delete(slices).where(mine)).rowcount:
        raise LeaseLost(f"slice {held.id} was taken over by another worker")


def free_the_dead(connection: Connection, source: str, is_dead: Callable[[str], bool]) -> None:
    """Let slices go whose owner is known to have ended, before their lease does."""
    held = select(slices.c.owner).where(slices.c.source == source, slices.c.owner != "").distinct()
    dead = [owner for owner in connection.scalars(held) if is_dead(owner)]
    if dead:
        connection.execute(update(slices).where(slices.c.owner.in_(dead)).values(until=0, owner=""))


def _free(now: int) -> ColumnElement[bool]:
    """Nobody holds it, or for longer than leases last: a clock was wrong then. Who reads it yet can't commit."""
    return or_(slices.c.until <= now, slices.c.until > now + _TOO_LONG)


def _change(connection: Connection, held: Slice, values: dict[str, int | str]) -> None:
    mine = (slices.c.id == held.id) & (slices.c.token == held.token)
    if not connection.execute(update(slices).where(mine).values(values)).rowcount:
        raise LeaseLost(f"slice {held.id} was taken over by another worker")


# Events that were looked at


def unseen(connection: Connection, source: str, events: dict[str, int]) -> set[str]:
    """Of the events (id: the clock's time up to which it may be read again), those not seen before; remembered now."""
    own = select(seen.c.event).where(seen.c.source == source)
    known = {row.event for row in rows_in(connection, own, seen.c.event, events)}
    new = events.keys() - known
    if new:
        connection.execute(
            insert(seen), [{"source": source, "event": event, "until": events[event]} for event in sorted(new)]
        )
    return new


def forget_seen(connection: Connection, source: str, before: int | None) -> None:
    """Forget events that can't come again (`before`), or all of a source."""
    wanted = delete(seen).where(seen.c.source == source)
    connection.execute(wanted if before is None else wanted.where(seen.c.until <= before))


# Hits that wait


def member_key(correlation: str, rule: str) -> str:
    """The name of a member of a correlation in the table."""
    return hashed(correlation, rule)


def keep_hits(connection: Connection, waiting: Iterable[Waiting]) -> None:
    """Add hits that are not there."""
    rows = [
        {
            "member": member_key(correlation, hit.rule),
            "event": hit.event,
            "correlation": hashed(correlation),
            "grp": hashed(group_key(hit.group)),
            "time": hit.time,
            "hit": _encode(hit),
        }
        for correlation, hit in waiting
    ]
    if rows:
        connection.execute(insert(hits), rows)


def hits_of(
    connection: Connection,
    correlation: str,
    groups: Iterable[tuple[str, ...]] | None = None,
    low: int | None = None,
    high: int | None = None,
) -> Iterator[Hit]:
    """The hits of some groups (None: of all) of a correlation, low <= time <= high where these are given."""
    query = select(hits.c.hit).where(hits.c.correlation == hashed(correlation))
    if low is not None:
        query = query.where(hits.c.time >= low)
    if high is not None:
        query = query.where(hits.c.time <= high)
    if groups is None:
        rows: Sequence[tuple[bytes]] = [tuple(row) for row in connection.execute(query)]
    else:
        names = sorted({hashed(group_key(group)) for group in groups})
        rows = [tuple(row) for row in rows_in(connection, query, hits.c.grp, names)]
    return (_decode(packed) for (packed,) in rows)


def leading(connection: Connection, leaders: Iterable[tuple[str, str]], since: int) -> Iterator[Waiting]:
    """The hits of the leaders of correlations since a time."""
    for correlation, rule in leaders:
        member = member_key(correlation, rule)
        query = select(hits.c.hit).where(hits.c.member == member, hits.c.time >= since)
        yield from (Waiting(correlation, _decode(packed)) for packed in connection.scalars(query))


def forget_hits(connection: Connection, correlation: str, before: int, timespan: int) -> None:
    """Forget the hits of each group from before a time, as far as no window joins them with later ones.

    A group is cut only where a gap is longer than the timespan: what matched stays what it was, or goes altogether.
    """
    name = hashed(correlation)
    own = hits.c.correlation == name
    old = connection.scalars(select(hits.c.grp).where(own, hits.c.time < before).distinct()).all()
    for group in old:
        times = connection.scalars(select(hits.c.time).where(own, hits.c.grp == group).order_by(hits.c.time)).all()
        cut = _last_gap(times, before, timespan)
        if cut is not None:
            connection.execute(delete(hits).where(own, hits.c.grp == group, hits.c.time <= cut))


def _last_gap(times: Sequence[int], before: int, timespan: int) -> int | None:
    """The last time of what can be cut off: followed by nothing for longer than the timespan, and before `before`."""
    cut = None
    for at, time in enumerate(times):
        if time >= before:
            break
        if at + 1 == len(times) or times[at + 1] - time > timespan:
            cut = time
    return cut


def waiting_hits(connection: Connection) -> int:
    """How many hits wait."""
    return connection.scalar(select(func.count()).select_from(hits)) or 0
