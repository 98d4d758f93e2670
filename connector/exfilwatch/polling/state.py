"""What is stored of a source: how far it was planned, what its decoders remember, which events were seen."""

from typing import NamedTuple

from sqlalchemy import Connection, delete, insert, select, update

from exfilwatch.detection.rule import RuleSet
from exfilwatch.findings.filing import rows_in
from exfilwatch.polling.tables import decoders, hashed, seen, sources


class SourceState(NamedTuple):
    """A source as it is stored; `ahead`: how much its clock was before ours (µs)."""

    clock: str
    frontier: int
    rules: str
    position: bytes | None
    ahead: int = 0


def rules_key(rules: RuleSet) -> str:
    """A name for what rules see: another set, or a changed one, has another."""
    return hashed(*sorted(f"{rule.id} {rule.condition!r} {rule.nodes!r} {rule.weights}" for rule in rules.rules))


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
