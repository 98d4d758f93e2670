"""The store: findings and incidents, each kept once however often it is saved and by however many processes."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Row,
    Select,
    exists,
    insert,
    literal,
    or_,
    select,
)

from exfilwatch.detection.detection import LEVELS
from exfilwatch.errors import ConfigError, UnknownId
from exfilwatch.findings import marks, schema
from exfilwatch.findings.database import Database
from exfilwatch.findings.filing import Saved, describe, file, rows_in
from exfilwatch.findings.finding import Finding
from exfilwatch.findings.grouping import WINDOW
from exfilwatch.findings.incident import Incident, rank
from exfilwatch.findings.listing import (
    After,
    Brief,
    Evidence,
    Wanted,
    of_findings,
    of_incidents,
    page_of_findings,
    page_of_incidents,
)
from exfilwatch.findings.marks import Disposition
from exfilwatch.findings.node import short
from exfilwatch.findings.superseding import supersede

_MERGED = "merged into "


class Pending(NamedTuple):
    """What a case system has not been told of an incident: findings, or that it went into `incident.merged_into`."""

    incident: Incident
    findings: tuple[str, ...]


class Store:
    """Findings and incidents in a database: a SQLite file's path, or a URL of SQLAlchemy. `kept`: see Database."""

    def __init__(
        self,
        url: str,
        *,
        window: timedelta = WINDOW,
        patience: float = 30.0,
        kept: bool = False,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.database = Database(url, patience=patience, kept=kept)
        self._window = window
        self._evidence = Evidence()
        self._clock = clock
        self.database.ensure("findings", "exfilwatch.findings")

    def save(self, findings: Iterable[Finding]) -> list[Finding]:
        """Save findings and put them into incidents, all or nothing; returns those that were not there yet."""
        return self.record(findings).findings

    def record(self, findings: Iterable[Finding], superseded: Mapping[str, str | None] | None = None) -> Saved:
        """`save`, and say which incidents it opened, extended, and merged into others.

        `superseded`: stored findings that go, each with the id of the finding that takes its place, in the incident
        that it was in; None where nothing does: see superseding.py. Ids that are not stored are no error.
        """
        new = list(findings)
        if not new and not superseded:
            return Saved([], [], [], [], [])
        with self.database.write() as connection:
            return self.record_in(connection, new, superseded)

    def record_in(
        self,
        connection: Connection,
        findings: Iterable[Finding],
        superseded: Mapping[str, str | None] | None = None,
    ) -> Saved:
        """`record` as a part of what is committed by a transaction of `database.write()`."""
        successors = {old: new for old, new in (superseded or {}).items() if old != new}
        unique = {finding.id: finding for finding in reversed(list(findings)) if finding.id not in successors}
        known = {row.id for row in rows_in(connection, select(schema.findings.c.id), schema.findings.c.id, unique)}
        new = [finding for finding in reversed(unique.values()) if finding.id not in known]
        outgrown = supersede(connection, successors, {finding.id for finding in new})
        saved = file(connection, new, self._window, self._clock(), outgrown.homes)
        for incident in outgrown.changed:
            describe(connection, incident)
        merged = outgrown.merged + saved.merged
        extended = [each for each in outgrown.extended if each not in (*merged, *saved.extended)]
        return saved._replace(extended=saved.extended + extended, merged=merged, superseded=outgrown.gone)

    def find(
        self,
        *,
        host: str | None = None,
        user: str | None = None,
        rule: str | None = None,
        level: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        incident: str | None = None,
        limit: int | None = None,
    ) -> list[Finding]:
        """The findings that fit all that is given, newest first.

        Host and user compare as incidents do (WS1 = ws1.corp.local, CORP\\anna = anna); `rule` is an id, a title or a
        branch; `level` that level and above; since <= time < until (naive: UTC); `incident` an id or unique prefix.
        """
        table = schema.findings.c
        whole = None if incident is None else self.incident(incident).id
        wanted = of_findings(Wanted(host, user, rule, level, since, until, whole))
        query = select(table.body).where(*wanted).order_by(table.time.desc().nulls_last(), table.id).limit(limit)
        with self.database.read() as connection:
            return [_finding(body) for body in connection.scalars(query)]

    def get(self, identity: str) -> Finding:
        """The finding with this id, or with the only id that starts so. Raises ConfigError."""
        table = schema.findings.c
        with self.database.read() as connection:
            return _finding(_only(connection, select(table.id, table.body), table.id, identity, "finding").body)

    def incident_of(self, finding: str) -> str:
        """The id of the incident of the finding with this whole id; empty when it is not stored."""
        table = schema.findings.c
        with self.database.read() as connection:
            return connection.scalar(select(table.incident).where(table.id == finding)) or ""

    def mark(self, identity: str, disposition: Disposition, why: str) -> Finding:
        """Say what the finding with this id, or the only id that starts so, turned out to be. Raises ConfigError."""
        if not why.strip():
            raise ConfigError("a mark needs a reason: say why")
        found = self.get(identity)
        with self.database.write() as connection:
            marks.put(connection, found.id, marks.Mark(disposition=disposition, why=why.strip(), at=self._clock()))
        return found

    def marks(self, findings: Iterable[str]) -> dict[str, marks.Mark]:
        """The marks of these findings (whole ids), as far as they have one."""
        with self.database.read() as connection:
            return marks.of(connection, findings)

    def incidents(
        self,
        *,
        host: str | None = None,
        user: str | None = None,
        level: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> list[Incident]:
        """The incidents that fit all that is given, newest first, without those that went into others."""
        table = schema.incidents.c
        wanted = of_incidents(Wanted(host, user, None, level, since, until))
        query = select(schema.incidents).where(*wanted).order_by(table.time.desc().nulls_last(), table.id)
        with self.database.read() as connection:
            return _with_findings(connection, connection.execute(query).all())

    def page_of_findings(self, wanted: Wanted, after: After | None = None, limit: int = 100) -> list[Brief]:
        """At most `limit` findings that come after `after`, newest first, as lists have them: see listing.py."""
        with self.database.read() as connection:
            return page_of_findings(connection, wanted, after, limit, self._evidence)

    def page_of_incidents(self, wanted: Wanted, after: After | None = None, limit: int = 100) -> list[Incident]:
        """At most `limit` incidents that come after `after`, newest first, without those that went into others."""
        with self.database.read() as connection:
            return _with_findings(connection, page_of_incidents(connection, wanted, after, limit))

    def incident(self, identity: str) -> Incident:
        """The incident with this id or unique prefix; the one that it went into, where it did. Raises ConfigError."""
        table = schema.incidents.c
        with self.database.read() as connection:
            row = _only(connection, select(schema.incidents), table.id, identity, "incident")
            if row.merged_into:
                row = connection.execute(select(schema.incidents).where(table.id == row.merged_into)).one()
            return _with_findings(connection, [row])[0]

    def pending(self, case_system: str, lowest: str = LEVELS[0]) -> list[Pending]:
        """What `case_system` must still be told, oldest incident first. Kept until `tell`, also over a crash.

        Incidents without a finding of the level `lowest` or above wait, unless something of them was told before.
        """
        found, told, table = schema.findings.c, schema.told.c, schema.incidents.c

        def heard(incident: ColumnElement[str], what: ColumnElement[str]) -> ColumnElement[bool]:
            return exists().where(told.case_system == case_system, told.incident == incident, told.what == what)

        news = select(found.incident, found.id).where(~heard(found.incident, found.id))
        if rank(lowest) > 0:
            weak = [level for level in LEVELS if rank(level) < rank(lowest)]
            grave = select(table.id).where(table.highest.not_in(weak))
            known = select(told.incident).where(told.case_system == case_system)
            news = news.where(or_(found.incident.in_(grave), found.incident.in_(known)))
        moved = select(schema.incidents).where(
            table.merged_into.is_not(None), ~heard(table.id, literal(_MERGED) + table.merged_into)
        )
        with self.database.read() as connection:
            untold: dict[str, list[str]] = {}
            for incident, finding in connection.execute(news.order_by(found.time, found.id)):
                untold.setdefault(incident, []).append(finding)
            rows = rows_in(connection, select(schema.incidents), table.id, untold)
            rows += connection.execute(moved).all()
            incidents = _with_findings(connection, rows)
        incidents.sort(key=lambda incident: (incident.merged_into is not None, incident.first_seen, incident.id))
        return [Pending(incident, tuple(untold.get(incident.id, ()))) for incident in incidents]

    def tell(
        self, case_system: str, incident: str, findings: Iterable[str] = (), merged_into: str | None = None
    ) -> None:
        """Note that `case_system` knows these findings of the incident, or that it went into another."""
        with self.database.write() as connection:
            self.tell_in(connection, case_system, incident, findings, merged_into)

    def tell_in(
        self,
        connection: Connection,
        case_system: str,
        incident: str,
        findings: Iterable[str] = (),
        merged_into: str | None = None,
    ) -> None:
        """`tell` as a part of what is committed by a transaction of `database.write()`."""
        news = {*findings, *([_MERGED + merged_into] if merged_into else [])}
        told = schema.told.c
        about = select(told.what).where(told.case_system == case_system, told.incident == incident)
        news -= set(connection.scalars(about))
        if news:
            rows = [{"case_system": case_system, "incident": incident, "what": what} for what in sorted(news)]
            connection.execute(insert(schema.told), rows)


def _finding(body: str) -> Finding:
    return Finding.model_validate(json.loads(body))


def _only(connection: Connection, query: Select[Any], column: Column[str], identity: str, thing: str) -> Row[Any]:
    """The row with this id, else the only one whose id starts so."""
    start = short(identity.strip().lower(), 64)
    if start and (exact := connection.execute(query.where(column == start)).first()):
        return exact
    rows = connection.execute(query.where(column.startswith(start, autoescape=True)).limit(2)).all() if start else []
    if len(rows) == 1:
        return rows[0]
    if rows:
        raise UnknownId(f"several {thing}s have ids that start with {identity!r}: give more of the id")
    raise UnknownId(
        f"no {thing} has an id that starts with {identity!r}: `exfilwatch findings list` shows what there is"
    )


def _with_findings(connection: Connection, rows: Sequence[Row[Any]]) -> list[Incident]:
    """The incidents of `rows`, in their order."""
    table = schema.findings.c
    members: dict[str, list[str]] = {}
    query = select(table.incident, table.id).order_by(table.time.asc().nulls_first(), table.id)
    for member in rows_in(connection, query, table.incident, [row.id for row in rows]):
        members.setdefault(member.incident, []).append(member.id)
    return [
        Incident(
            id=row.id,
            host=row.host,
            user=row.user_name,
            level=row.level,
            highest=row.highest,
            kinds=tuple(json.loads(row.kinds)),
            attack=tuple(json.loads(row.attack)),
            time=row.time,
            end=row.end_time,
            findings=tuple(members.get(row.id, ())),
            first_seen=row.first_seen,
            merged_into=row.merged_into,
        )
        for row in rows
    ]
