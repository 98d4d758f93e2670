"""Hits that wait for others: those of the members of correlations, kept until nothing can join them any more."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Any

import msgspec
from msgspec.structs import replace
from sqlalchemy import Connection, Row, Select, delete, func, insert, or_, select

from exfilwatch.detection import cadence, crowding
from exfilwatch.detection.correlate import LINK
from exfilwatch.detection.correlation_plan import CorrelationPlan
from exfilwatch.detection.hits import Hit, group_key
from exfilwatch.detection.judge import Waiting
from exfilwatch.detection.newness import Newness, forgettable
from exfilwatch.detection.rule import Correlation
from exfilwatch.findings.filing import pieces, rows_in
from exfilwatch.polling.tables import hashed, hits, records

_TOGETHER = 1_000
"""Rows that are written at once."""
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Hit).decode


def member_key(correlation: str, rule: str) -> str:
    """The name of a member of a correlation in the table."""
    return hashed(correlation, rule)


def keep_hits(connection: Connection, waiting: Iterable[Waiting], plans: Mapping[str, CorrelationPlan]) -> None:
    """Add hits that are not there. `plans`: those of their correlations."""
    new = sorted(waiting, key=lambda each: (each.correlation, each.hit.group))  # neighbours in the indexes
    packed = {id(hit.record): hit.record for _, hit in new if hit.record}  # hits of one event share its record
    names = {each: blake2b(record, digest_size=16).hexdigest() for each, record in packed.items()}
    _keep_records(connection, {name: packed[each] for each, name in names.items()})
    for some in pieces(new, _TOGETHER):
        rows = [_row(correlation, hit, plans[correlation], names.get(id(hit.record))) for correlation, hit in some]
        connection.execute(insert(hits), rows)


def _row(correlation: str, hit: Hit, plan: CorrelationPlan, record: str | None) -> dict[str, object]:
    return {
        "member": member_key(correlation, hit.rule),
        "event": hit.event,
        "correlation": hashed(correlation),
        "grp": hashed(group_key(hit.group)),
        "host": hashed(plan.host(hit.group)),
        "time": hit.time,
        "hit": _encode(replace(hit, record=b"")),
        "record": record,
    }


def _keep_records(connection: Connection, packed: Mapping[str, bytes]) -> None:
    known = {row.name for row in rows_in(connection, select(records.c.name), records.c.name, packed)}
    for some in pieces(sorted(packed.keys() - known), _TOGETHER):
        connection.execute(insert(records), [{"name": name, "packed": packed[name]} for name in some])


def hits_of(
    connection: Connection,
    correlation: str,
    groups: Iterable[tuple[str, ...]] | None = None,
    low: int | None = None,
    high: int | None = None,
    *,
    events: bool = True,
) -> list[Hit]:
    """The hits of some groups (None: of all) of a correlation, low <= time <= high where these are given; `events`:
    with their records.
    """
    query: Select[Any] = select(hits.c.hit, hits.c.record).where(hits.c.correlation == hashed(correlation))
    if low is not None:
        query = query.where(hits.c.time >= low)
    if high is not None:
        query = query.where(hits.c.time <= high)
    if groups is None:
        rows: Sequence[Row[Any]] = connection.execute(query).all()
    else:
        names = sorted({hashed(group_key(group)) for group in groups})
        rows = rows_in(connection, query, hits.c.grp, names)
    if not events:
        return [_decode(row.hit) for row in rows]
    named = {row.record for row in rows if row.record}
    packed = {row.name: row.packed for row in rows_in(connection, select(records), records.c.name, named)}
    return [_with(_decode(row.hit), packed.get(row.record)) for row in rows]


def _with(hit: Hit, record: bytes | None) -> Hit:
    return replace(hit, record=record) if record else hit


def leading(connection: Connection, leaders: Iterable[tuple[str, str]], since: int) -> Iterator[Waiting]:
    """The hits of the leaders of correlations since a time, without their records."""
    for correlation, rule in leaders:
        member = member_key(correlation, rule)
        query = select(hits.c.hit).where(hits.c.member == member, hits.c.time >= since)
        yield from (Waiting(correlation, _decode(packed)) for packed in connection.scalars(query))


def forget_hits(connection: Connection, correlations: Iterable[Correlation], over: int) -> None:
    """Forget hits that nothing from after `over` can be joined with, neither at once nor by others in between.

    Hits are cut off only where a gap is longer than the timespan: what matched stays what it was, or goes altogether.
    What an inner correlation matches is a hit of the outer one, so that both are cut at the same gap. Starts of
    processes, which only link hits, fill no gap and go with them.
    """
    before = waiting_hits(connection)
    _forget(connection, correlations, over)
    if waiting_hits(connection) < before:
        used = select(hits.c.record).where(hits.c.record.is_not(None))
        connection.execute(delete(records).where(records.c.name.not_in(used)))


def _forget(connection: Connection, correlations: Iterable[Correlation], over: int) -> None:
    for family in _families(correlations):
        plans = [each.plan for each in family]
        if len(plans) == 1 and plans[0].jitter is not None:
            _forget_irregular(connection, plans[0], over)
            _forget_crowded(connection, plans[0])
        if len(plans) == 1 and plans[0].newness is not None:
            _forget_known(connection, plans[0], plans[0].newness, over)
            continue
        span = sum(plan.timespan for plan in plans)
        own = hits.c.correlation.in_([hashed(plan.rule) for plan in plans])
        links = [member_key(plan.rule, LINK) for plan in plans]
        old = own & (hits.c.time < over - span)
        if len({plan.group_by for plan in plans}) == 1 and not any(plan.aliases for plan in plans):
            groups = connection.scalars(select(hits.c.grp).where(old).distinct()).all()
            parts = [own & (hits.c.grp == group) for group in groups]
        else:
            parts = [own] if connection.scalar(select(hits.c.time).where(old).limit(1)) is not None else []
        for part in parts:
            waits = part & hits.c.member.not_in(links)
            times = connection.scalars(select(hits.c.time).where(waits).order_by(hits.c.time)).all()
            cut = _last_gap(times, over - span, span) if times else over - span - 1  # what links nothing can go
            if cut is not None:
                connection.execute(delete(hits).where(part, hits.c.time <= cut))


def _forget_irregular(connection: Connection, plan: CorrelationPlan, over: int) -> None:
    """Of a correlation that is `regular` and in no other: what changes no series that goes on."""
    own = hits.c.correlation == hashed(plan.rule)
    counted = select(hits.c.grp).where(own).group_by(hits.c.grp).having(func.count() > cadence.LOOK_BACK)
    for group in connection.scalars(counted).all():
        part = own & (hits.c.grp == group)
        times = connection.scalars(select(hits.c.time).where(part).order_by(hits.c.time)).all()
        # What is late may still stand among those after `over`: they are looked at as if they were not there yet.
        settled = times[: bisect_left(times, over)]
        cut = cadence.forgettable(settled, plan.jitter or 0, plan.least, plan.timespan, over)
        if cut:
            end = settled[cut] if cut < len(settled) else over
            connection.execute(delete(hits).where(part, hits.c.time < end))


def _forget_crowded(connection: Connection, plan: CorrelationPlan) -> None:
    """Of a correlation that is `regular` and in no other: what a host has beyond what is kept of one."""
    own = hits.c.correlation == hashed(plan.rule)
    groups, most = func.count(hits.c.grp.distinct()), func.count()
    counted = select(hits.c.host).where(own, hits.c.host != "unknown").group_by(hits.c.host)
    for host in connection.scalars(counted.having(or_(groups > crowding.GROUPS, most > crowding.HITS))).all():
        of_host = own & (hits.c.host == host)
        times: dict[str, list[int]] = {}
        for group, time in connection.execute(select(hits.c.grp, hits.c.time).where(of_host).order_by(hits.c.time)):
            times.setdefault(group, []).append(time)
        for gone in pieces(crowding.crowded(times, plan.jitter or 0, plan.least, plan.timespan)):
            connection.execute(delete(hits).where(of_host, hits.c.grp.in_(gone)))


def _forget_known(connection: Connection, plan: CorrelationPlan, asked: Newness, over: int) -> None:
    """Of a correlation that asks for what is new: what no later hit is held against."""
    own = hits.c.correlation == hashed(plan.rule)
    for group in connection.scalars(select(hits.c.grp).where(own).distinct()).all():
        part = own & (hits.c.grp == group)
        known = (_decode(packed) for packed in connection.scalars(select(hits.c.hit).where(part, hits.c.time < over)))
        for hit in forgettable(asked, known, over):
            one = (hits.c.member == member_key(plan.rule, hit.rule)) & (hits.c.event == hit.event)
            connection.execute(delete(hits).where(one))


def _families(correlations: Iterable[Correlation]) -> list[list[Correlation]]:
    """Correlations, together with those that they refer to."""
    families: list[list[Correlation]] = []
    for correlation in correlations:
        within = [family for family in families if any(each.id in correlation.plan.members for each in family)]
        families = [family for family in families if family not in within]
        families.append([*(each for family in within for each in family), correlation])
    return families


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
