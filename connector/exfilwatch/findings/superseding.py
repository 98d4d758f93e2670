"""Findings that go because others take their place, within the writer's transaction.

A burst that grew is a new match, with an id of its own: the finding of the smaller one goes, and its successor is put
into the incident that it was in, under the host and user of that incident, so that the case stays the same one. Where
the successor takes the place of findings of several incidents, these are merged as others are; one of another host or
user stays with the findings that it has left, and is merged only when it has none.

A finding that goes with nothing in its place leaves its incident as it was last described, be it the last one there:
a case may be open on it. An incident without findings is told to no case system, and no later finding joins it.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, delete, select

from exfilwatch.findings import schema
from exfilwatch.findings.filing import Home, merge, oldest_first, pieces, rows_in


class Superseded(NamedTuple):
    """What went: ids of stored findings; where their successors belong, as far as these are new.

    Incidents: `changed` are to be described anew, `extended` got a finding that was stored in another, which `merged`.
    """

    gone: list[str]
    homes: dict[str, Home]
    changed: list[str]
    extended: list[str]
    merged: list[str]


def supersede(connection: Connection, successors: Mapping[str, str | None], arriving: Collection[str]) -> Superseded:
    """Take out the findings that have `successors`: old id to new id, None where nothing takes its place.

    A successor that is neither stored nor `arriving` is none.
    """
    table = schema.findings.c
    heirs = {old: _last(old, successors) for old in successors}
    there = {*heirs, *(heir for heir in heirs.values() if heir)}
    place = {row.id: row.incident for row in rows_in(connection, select(table.id, table.incident), table.id, there)}
    gone = [old for old in heirs if old in place]
    lost = {place[old] for old in gone}
    inherited: dict[str, list[str]] = {}
    without_heir: list[str] = []
    for old in gone:
        heir = heirs[old]
        if heir is not None and (heir in arriving or heir in place):
            inherited.setdefault(heir, []).append(old)
        else:
            without_heir.append(old)
    merged: list[str] = []
    before = dict(place)
    for heir, olds in inherited.items():
        together = {place[each] for each in (heir, *olds) if each in place}
        survivor, others = _merge(connection, together, {*olds, *without_heir})
        merged += others
        place = {each: survivor if incident in others else incident for each, incident in place.items()}
    _delete(connection, gone)
    homes = _homes(connection, {heir: {place[old] for old in olds} for heir, olds in inherited.items()})
    changed = {place[each] for each in (*gone, *inherited) if each in place} | lost
    extended = {place[heir] for heir in inherited if heir in place and place[heir] != before[heir]}
    new = {heir: home for heir, home in homes.items() if heir in arriving}
    return Superseded(gone, new, sorted(changed), sorted(extended), merged)


def _last(old: str, successors: Mapping[str, str | None]) -> str | None:
    """The successor's successor and so on."""
    passed: set[str] = set()
    current: str | None = old
    while current is not None and current in successors:
        if current in passed:
            return None
        passed.add(current)
        current = successors[current]
    return current


def _merge(connection: Connection, incidents: Collection[str], leaving: Collection[str]) -> tuple[str, list[str]]:
    """Merge what may be merged into the incident that was first seen; that one, and those that were merged."""
    survivor, *others = oldest_first(connection, incidents)
    about = _about(connection, incidents) if others else {}
    merged, user = [], about[survivor].user_key if others else None
    for other in others:
        theirs = about[other].user_key
        if about[other].host_key == about[survivor].host_key and (user is None or theirs in (user, None)):
            user = user or theirs
        elif _findings_in(connection, other) - set(leaving):
            continue
        merged.append(other)
    merge(connection, survivor, merged)
    return survivor, merged


def _about(connection: Connection, incidents: Iterable[str]) -> dict[str, Row[Any]]:
    table = schema.incidents.c
    rows = rows_in(connection, select(table.id, table.host_key, table.user_key), table.id, incidents)
    return {row.id: row for row in rows}


def _findings_in(connection: Connection, incident: str) -> set[str]:
    table = schema.findings.c
    return set(connection.scalars(select(table.id).where(table.incident == incident)))


def _homes(connection: Connection, incidents: Mapping[str, Collection[str]]) -> dict[str, Home]:
    chosen = {heir: oldest_first(connection, several)[0] for heir, several in incidents.items()}
    about = _about(connection, set(chosen.values()))
    return {
        heir: Home(incident, about[incident].host_key, about[incident].user_key) for heir, incident in chosen.items()
    }


def _delete(connection: Connection, findings: Collection[str]) -> None:
    for piece in pieces(findings):
        connection.execute(delete(schema.processes).where(schema.processes.c.finding.in_(piece)))
        connection.execute(delete(schema.findings).where(schema.findings.c.id.in_(piece)))
