"""Intervals that are to be read, and who reads them: each is held by one worker, for as long as its lease is renewed.

A worker that lost its lease can't commit what it read: the token in the row is no longer the one that it was given.
"""

import secrets
from collections.abc import Callable, Iterable
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, delete, func, insert, or_, select, update

from exfilwatch.errors import ExfilwatchError
from exfilwatch.polling.slices import Interval
from exfilwatch.polling.tables import slices

_TOO_LONG = 3_600_000_000  # µs


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
    found: dict[int, Waits] = {}
    for row in connection.execute(free):
        waits = found.setdefault(row.tries, Waits([], row.problem))
        waits.intervals.append(Interval(row.low, row.high))
    connection.execute(delete(slices).where(slices.c.source == source, _free(now)))
    return found


def left(connection: Connection, source: str) -> list[tuple[Interval, str]]:
    """What was planned and not read whole, in order, and why not (empty: not tried, or under way)."""
    query = select(slices.c.low, slices.c.high, slices.c.problem).where(slices.c.source == source)
    return [(Interval(low, high), problem) for low, high, problem in connection.execute(query.order_by(slices.c.low))]


def count(connection: Connection, source: str) -> int:
    """How many intervals were planned and not read whole."""
    found = select(func.count()).select_from(slices).where(slices.c.source == source)
    return connection.scalar(found) or 0


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
