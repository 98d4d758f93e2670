"""Pages of findings and incidents: the newest first, without reading what findings hold, however many there are."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Column, ColumnElement, Connection, Row, Select, func, or_, select

from exfilwatch.detection.detection import LEVELS
from exfilwatch.errors import ConfigError
from exfilwatch.findings import schema
from exfilwatch.findings.filing import rows_in
from exfilwatch.findings.incident import rank
from exfilwatch.findings.node import host_key, storable, user_key

_TELLING = ("CommandLine", "ScriptBlockText", "Payload", "TargetFilename", "TaskName")
_LONGEST = 500  # characters of evidence


class After(NamedTuple):
    """The last of the page before: its time and its id."""

    time: datetime | None
    id: str


class Wanted(NamedTuple):
    """What narrows a list, as Store.find has it; `incident` is a whole id. `seen_since`: of incidents, those of which
    something was first kept from then on.
    """

    host: str | None = None
    user: str | None = None
    rule: str | None = None
    level: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    incident: str | None = None
    seen_since: datetime | None = None


class Brief(msgspec.Struct):
    """A finding in a list. `evidence` is hostile text, as it was logged, and its beginning only; times are UTC."""

    id: str
    incident: str
    time: datetime | None
    end: datetime | None
    first_seen: datetime
    level: str
    rule: str
    title: str
    branch: str
    attack: list[str]
    host: str | None
    user: str | None
    evidence: str


class Evidence:
    """The evidence of findings by their ids, remembered: a finding never changes, and reading whole ones takes most of
    the time of a list.
    """

    def __init__(self, most: int = 20_000) -> None:
        self._most = most
        self._known: dict[str, str] = {}

    def of(self, connection: Connection, findings: Sequence[str]) -> dict[str, str]:
        """That of these."""
        known = self._known
        found = {each: known[each] for each in findings if each in known}
        table = schema.findings.c
        left = [each for each in findings if each not in found]
        for row in rows_in(connection, select(table.id, table.body), table.id, left):
            found[row.id] = _evidence(row.body)
        if len(known) + len(left) > self._most:
            known.clear()
        known.update((each, found[each]) for each in left)
        return found


def page_of_findings(
    connection: Connection, wanted: Wanted, after: After | None, limit: int, evidence: Evidence
) -> list[Brief]:
    """At most `limit` findings that come after `after`, newest first; those without a time last."""
    table = schema.findings.c
    columns = [column for column in table if column.name not in ("host_key", "user_key", "kind", "body")]
    rows = _page(connection, select(*columns).where(*of_findings(wanted)), table.time, table.id, after, limit)
    telling = evidence.of(connection, [row.id for row in rows])
    return [
        Brief(
            id=row.id,
            incident=row.incident,
            time=row.time,
            end=row.end_time,
            first_seen=row.first_seen,
            level=row.level,
            rule=row.rule_id,
            title=row.rule_title,
            branch=row.branch,
            attack=json.loads(row.attack),
            host=row.host,
            user=row.user_name,
            evidence=telling[row.id],
        )
        for row in rows
    ]


def page_of_incidents(connection: Connection, wanted: Wanted, after: After | None, limit: int) -> list[Row[Any]]:
    """Rows of incidents, likewise; without those that went into others."""
    table = schema.incidents.c
    return _page(connection, select(schema.incidents).where(*of_incidents(wanted)), table.time, table.id, after, limit)


def of_findings(wanted: Wanted) -> list[ColumnElement[bool]]:
    """What narrows a list of findings."""
    table = schema.findings.c
    found = _shared(wanted, table.time, table.host_key, table.user_key, table.level)
    if wanted.rule is not None:
        name = storable(wanted.rule).lower()
        found.append(or_(*(func.lower(column) == name for column in (table.rule_id, table.rule_title, table.branch))))
    if wanted.incident is not None:
        found.append(table.incident == wanted.incident)
    return found


def of_incidents(wanted: Wanted) -> list[ColumnElement[bool]]:
    """What narrows a list of incidents."""
    table, finding = schema.incidents.c, schema.findings.c
    found = [table.merged_into.is_(None), *_shared(wanted, table.time, table.host_key, table.user_key, table.level)]
    if wanted.seen_since is not None:
        found.append(table.id.in_(select(finding.incident).where(finding.first_seen >= _utc(wanted.seen_since))))
    return found


def at_least(level: str) -> list[str]:
    """This level and those above. Raises ConfigError."""
    if level not in LEVELS:
        raise ConfigError(f"level {level!r} is unknown: use one of {', '.join(LEVELS)}")
    return list(LEVELS[rank(level) :])


def _shared(
    wanted: Wanted, time: Column[datetime], host: Column[str], user: Column[str], level: Column[str]
) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.since is not None:
        found.append(time >= _utc(wanted.since))
    if wanted.until is not None:
        found.append(time < _utc(wanted.until))
    if wanted.host is not None:
        found.append(host == host_key(wanted.host, ""))
    if wanted.user is not None:
        found.append(user == user_key(wanted.user))
    if wanted.level is not None:
        found.append(level.in_(at_least(wanted.level)))
    return found


def _page(
    connection: Connection,
    query: Select[Any],
    time: Column[datetime],
    identity: Column[str],
    after: After | None,
    limit: int,
) -> list[Row[Any]]:
    """Those with a time by its index, then those without: in one query, no database would use the index."""
    rows: Sequence[Row[Any]] = []
    timed = query.where(time.is_not(None)).order_by(time.desc(), identity)
    if after is None:
        rows = connection.execute(timed.limit(limit)).all()
    elif after.time is not None:
        at = _utc(after.time)
        rows = connection.execute(timed.where(time <= at, or_(time < at, identity > after.id)).limit(limit)).all()
    if len(rows) < limit:
        untimed = query.where(time.is_(None)).order_by(identity)
        if after is not None and after.time is None:
            untimed = untimed.where(identity > after.id)
        rows = [*rows, *connection.execute(untimed.limit(limit - len(rows))).all()]
    return list(rows)


def _utc(time: datetime) -> datetime:
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


_Fields = msgspec.defstruct("_Fields", [(name, Any, None) for name in _TELLING])


class _Event(msgspec.Struct):
    fields: _Fields  # type: ignore[valid-type]


class _Body(msgspec.Struct):
    events: list[_Event]


_decoder = msgspec.json.Decoder(_Body)


def _evidence(body: str) -> str:
    """The text of a finding that tells most."""
    try:
        events = [each.fields for each in _decoder.decode(body).events]
    except msgspec.DecodeError:  # lone surrogates of hostile text
        events = [
            _Fields(**{name: each["fields"].get(name) for name in _TELLING}) for each in json.loads(body)["events"]
        ]
    for name in _TELLING:
        for event in events:
            if found := getattr(event, name):
                return str(found)[:_LONGEST]
    return ""
