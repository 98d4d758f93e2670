"""Starts of processes in what grows: a spool can't be asked for them later, so those that were read are kept for as
long as they may link what a sequence matches.

They are looked at when a sequence matches on their host, or when one more comes of a process that such a match names.
"""

from collections.abc import Iterable, Sequence

import msgspec
from sqlalchemy import Connection, delete, insert, select

from exfilwatch.detection.evaluate import Evaluator
from exfilwatch.detection.judge import Waiting
from exfilwatch.detection.starts import Sought, Start, Starts
from exfilwatch.detection.trees import named
from exfilwatch.detection.values import text_of
from exfilwatch.events.timestamps import microseconds
from exfilwatch.polling import linking
from exfilwatch.polling.tables import hashed, starts

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[tuple[str, int, str, str, str, str, str, str, str]]).decode


def keep_starts(connection: Connection, source: str, read: Iterable[Start]) -> list[Start]:
    """Keep those that name a host, a time and a process, each once; these, as they are kept."""
    kept: dict[Start, None] = {}
    for host, when, *told in read:
        if when is not None and named(told):
            time = when if isinstance(when, int) else microseconds(when)
            kept[(text_of(host) or "", time, *(text_of(value) or "" for value in told))] = None
    by_host: dict[str, list[Start]] = {}
    for each in kept:
        by_host.setdefault(each[0], []).append(each)
    rows = [
        {
            "source": source,
            "host": hashed(host),
            "low": min(each[1] for each in of_host),
            "high": max(each[1] for each in of_host),
            "packed": _encode(of_host),
        }
        for host, of_host in by_host.items()
        if host
    ]
    if rows:
        connection.execute(insert(starts), rows)
    return list(kept)


def links(
    connection: Connection, source: str, evaluator: Evaluator, new: Sequence[Waiting], kept: Sequence[Start]
) -> list[Waiting]:
    """The hits that starts give: all that may link the new hits, and what starts that are `kept` now link of others."""
    wanted = linking.newly(connection, evaluator, new, by_guid=True)
    if kept:
        since = min(each[1] for each in kept) - 2 * _longest(evaluator)
        wanted += _told_of(linking.known(connection, evaluator, since), kept)
    if not wanted:
        return []
    found = Starts()
    for host in {each.host for each in wanted}:
        spans = [(each.low, each.high) for each in wanted if each.host == host]
        found.add(_of(connection, source, host, min(low for low, _ in spans), max(high for _, high in spans)))
    return [Waiting(*link) for link in found.linking(wanted, _name)]


def forget_starts(connection: Connection, source: str, evaluator: Evaluator, over: int) -> None:
    """Forget those that can link nothing from after `over` (µs)."""
    old = (starts.c.source == source) & (starts.c.high < over - _longest(evaluator))
    connection.execute(delete(starts).where(old))


def _longest(evaluator: Evaluator) -> int:
    return max((each.plan.timespan for each in linking.asking(evaluator)), default=0)


def _of(connection: Connection, source: str, host: str, low: int, high: int) -> list[Start]:
    mine = (starts.c.source == source) & (starts.c.host == hashed(host))
    near = (starts.c.low <= high) & (starts.c.high >= low)
    found = connection.scalars(select(starts.c.packed).where(mine, near).order_by(starts.c.id))
    return [start for packed in found for start in _decode(packed)]


def _told_of(wanted: Iterable[Sought], kept: Sequence[Start]) -> list[Sought]:
    """What is sought of which some of the starts names a process, or is named by it."""
    wanted = list(wanted)
    by_host: dict[str, list[tuple[int, frozenset[str]]]] = {each.host: [] for each in wanted}
    for host, time, *told in kept:
        if host in by_host:
            by_host[host].append((time, frozenset(named(told) or ())))
    found: list[Sought] = []
    for each in wanted:
        names = {name for kin in each.kins for name in (kin.guid, kin.pid, kin.parent_guid, kin.parent_pid) if name}
        near = (own for time, own in by_host[each.host] if each.low <= time <= each.high)
        if any(not names.isdisjoint(own) for own in near):
            found.append(each)
    return found


def _name(_number: int, start: Start) -> str:
    """The same for the same start, whenever it is looked at."""
    return hashed(*map(str, start))
