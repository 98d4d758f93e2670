"""Filing new findings: which stored incident each belongs to, within the writer's transaction.

Only what can be linked to the new findings is read: those of their hosts within the window, and those that share a
process. A stored finding without a user counts as its incident's user, so it never changes incidents later. When a
new finding ties stored incidents together, the one first seen takes the others' findings; the others stay, empty,
with `merged_into`.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, TypeVar

import msgspec
from sqlalchemy import Column, Connection, Row, Select, func, insert, or_, select, update

from exfilwatch.findings import schema
from exfilwatch.findings.finding import Finding
from exfilwatch.findings.grouping import partition
from exfilwatch.findings.incident import incident, incident_id
from exfilwatch.findings.node import Node, Process, Span, node, storable

T = TypeVar("T")
_IN = 400  # values in one IN (...), well below any database's limit


class Saved(NamedTuple):
    """What a save changed: the findings that are new, and ids of incidents opened, extended, merged into others.

    `superseded`: the ids of stored findings that went.
    """

    findings: list[Finding]
    opened: list[str]
    extended: list[str]
    merged: list[str]
    superseded: list[str]


class Home(NamedTuple):
    """The incident that a new finding belongs to before anything is compared, and the incident's host and user."""

    incident: str
    host_key: str
    user_key: str | None


def file(
    connection: Connection, new: list[Finding], window: timedelta, now: datetime, homes: Mapping[str, Home]
) -> Saved:
    """Insert findings that are not stored yet, each into its incident. `homes`: those that are decided, by finding."""
    saved = Saved(new, [], [], [], [])
    fresh = {finding.id: (finding, _housed(node(finding), homes.get(finding.id))) for finding in new}
    nodes = [node for _, node in fresh.values()]
    stored, known = _linkable(connection, nodes, window)
    known |= {finding: home.incident for finding, home in homes.items()}
    opening: list[tuple[dict[str, Any], list[tuple[Finding, Node]]]] = []
    for together in partition([*stored, *nodes], window, known):
        arrived = [fresh[member.id] for member in together if member.id in fresh]
        if not arrived:
            continue
        olds = {known[member.id] for member in together if member.id in known}
        if olds:
            survivor, *others = oldest_first(connection, olds)
            merge(connection, survivor, others)
            saved.extended.append(survivor)
            saved.merged.extend(others)
            _insert(connection, {survivor: arrived}, now)
            describe(connection, survivor)
        else:
            survivor = incident_id(together[0].id)
            saved.opened.append(survivor)
            first = {"id": survivor, "host_key": together[0].host_key, "first_seen": now}
            opening.append((first | _summary(survivor, together), arrived))
    if opening:
        connection.execute(insert(schema.incidents), [row for row, _ in opening])
        _insert(connection, {row["id"]: arrived for row, arrived in opening}, now)
    return saved


def describe(connection: Connection, identity: str) -> None:
    """Bring what is said of an incident up to its findings; one without any is left as it was."""
    members = list(_nodes(rows_in(connection, _QUERY, schema.findings.c.incident, [identity]), {}))
    if members:
        table = schema.incidents
        connection.execute(update(table).where(table.c.id == identity).values(_summary(identity, members)))


def _housed(node: Node, home: Home | None) -> Node:
    if home is None:
        return node
    return msgspec.structs.replace(node, host_key=home.host_key, user_key=home.user_key or node.user_key)


def rows_in(connection: Connection, query: Select[Any], column: Column[Any], values: Iterable[str]) -> list[Row[Any]]:
    """The rows of `query` whose `column` is one of `values`, asked in pieces that any database takes."""
    return [row for piece in pieces(values) for row in connection.execute(query.where(column.in_(piece)))]


def pieces(values: Iterable[T], size: int = _IN) -> Iterator[list[T]]:
    """Lists of at most `size` of them: without it, of values that any database takes in one IN (...)."""
    wanted = list(values)
    yield from (wanted[start : start + size] for start in range(0, len(wanted), size))


_QUERY = select(
    schema.findings, func.coalesce(schema.findings.c.user_key, schema.incidents.c.user_key).label("settled_user")
).join(schema.incidents, schema.findings.c.incident == schema.incidents.c.id)


def _linkable(connection: Connection, nodes: list[Node], window: timedelta) -> tuple[list[Node], dict[str, str]]:
    """The stored findings that may be linked to `nodes`, and the incident of each."""
    hosts: dict[str, list[Node]] = {}
    for each in nodes:
        hosts.setdefault(each.host_key, []).append(each)
    table, processes = schema.findings.c, schema.processes.c
    rows: dict[str, Row[Any]] = {}
    told_of = {row.host_key for row in rows_in(connection, select(table.host_key).distinct(), table.host_key, hosts)}
    for host, of_host in hosts.items():
        if host not in told_of:
            continue
        spans = [each.span for each in of_host if each.span]
        if spans:
            since, until = _around(spans, window)
            near = _QUERY.where(table.host_key == host, table.time <= until, table.end_time >= since)
            rows.update((row.id, row) for row in connection.execute(near))
        names = sorted({process.key for each in of_host for process in each.processes})
        sharing = _QUERY.join(schema.processes, processes.finding == table.id).where(table.host_key == host)
        rows.update((row.id, row) for row in rows_in(connection, sharing, processes.process, names))
    touched: dict[str, set[Process]] = {}
    for row in rows_in(connection, select(schema.processes), processes.finding, rows):
        touched.setdefault(row.finding, set()).add(Process(row.process, row.anchor))
    return list(_nodes(rows.values(), touched)), {row.id: row.incident for row in rows.values()}


def _around(spans: list[Span], window: timedelta) -> tuple[datetime, datetime]:
    """From one window before the first to one after the last, as far as a datetime can say."""
    first, last = min(span.start for span in spans), max(span.end for span in spans)
    lowest, highest = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    return (
        first - window if first - lowest > window else lowest,
        last + window if highest - last > window else highest,
    )


def _nodes(rows: Iterable[Row[Any]], touched: Mapping[str, Collection[Process]]) -> Iterator[Node]:
    for row in rows:
        yield Node(
            id=row.id,
            host_key=row.host_key,
            user_key=row.settled_user,
            host=row.host,
            user=row.user_name,
            span=Span(row.time, row.end_time) if row.time else None,
            level=row.level,
            kind=row.kind,
            attack=tuple(json.loads(row.attack)),
            evidence=row.evidence,
            processes=frozenset(touched.get(row.id, ())),
        )


def oldest_first(connection: Connection, incidents: Collection[str]) -> list[str]:
    """Incidents in the order in which they were first seen."""
    table = schema.incidents.c
    rows = rows_in(connection, select(table.id, table.first_seen, table.time), table.id, incidents)
    latest = datetime.max.replace(tzinfo=UTC)
    return [row.id for row in sorted(rows, key=lambda row: (row.first_seen, row.time or latest, row.id))]


def merge(connection: Connection, survivor: str, others: Iterable[str]) -> None:
    """Give the findings of others to `survivor`."""
    findings, incidents = schema.findings, schema.incidents
    for other in others:
        connection.execute(update(findings).where(findings.c.incident == other).values(incident=survivor))
        gone = or_(incidents.c.id == other, incidents.c.merged_into == other)
        connection.execute(update(incidents).where(gone).values(merged_into=survivor))


def _summary(identity: str, nodes: list[Node]) -> dict[str, Any]:
    """The columns of an incident that its findings decide."""
    made = incident(identity, nodes)
    return {
        "host": made.host,
        "user_name": made.user,
        "user_key": next((each.user_key for each in nodes if each.user_key), None),
        "level": made.level,
        "highest": made.highest,
        "kinds": json.dumps(made.kinds),
        "attack": json.dumps(made.attack),
        "time": made.time,
        "end_time": made.end,
    }


def _insert(connection: Connection, arrived: Mapping[str, list[tuple[Finding, Node]]], now: datetime) -> None:
    """Insert findings, by incident."""
    for some in pieces((identity, *pair) for identity, those in arrived.items() for pair in those):
        rows = [_row(identity, finding, node, now) for identity, finding, node in some]
        connection.execute(insert(schema.findings), rows)
    touched = [
        {"finding": each.id, "process": process.key, "anchor": process.anchor}
        for those in arrived.values()
        for _, each in those
        for process in _strongest(each.processes)
    ]
    if touched:
        connection.execute(insert(schema.processes), touched)


def _row(identity: str, finding: Finding, node: Node, now: datetime) -> dict[str, Any]:
    return {
        "id": finding.id,
        "incident": identity,
        "rule_id": storable(finding.rule.id),
        "rule_title": storable(finding.rule.title),
        "branch": storable(finding.rule.branch),
        "level": node.level,
        "kind": storable(node.kind),
        "attack": json.dumps(node.attack),
        "evidence": node.evidence,
        "host": node.host,
        "user_name": node.user,
        "host_key": node.host_key,
        "user_key": node.user_key,
        "time": node.span.start if node.span else None,
        "end_time": node.span.end if node.span else None,
        "first_seen": now,
        "body": json.dumps(finding.model_dump(mode="json")),
    }


def _strongest(processes: Iterable[Process]) -> Iterator[Process]:
    """One of each name: an anchor where there is one."""
    yield from {process.key: process for process in sorted(processes)}.values()
