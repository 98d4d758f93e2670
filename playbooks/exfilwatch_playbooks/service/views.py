"""What is kept of cases, runs and rules, as lists have it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from pydantic import BaseModel
from sqlalchemy import Row, or_, select

from exfilwatch.detection.detection import RuleInfo
from exfilwatch.events.timestamps import to_datetime
from exfilwatch.findings.node import storable
from exfilwatch.findings.store import Store
from exfilwatch.polling.kinds import Feed, State
from exfilwatch.polling.runs import Lateness, Run
from exfilwatch.polling.tables import runs as run_table
from exfilwatch.structs import ready
from exfilwatch_playbooks.cases.tables import links

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class CaseView(BaseModel):
    """What is known here of an incident's case in a case system. `case_id` is empty where it could not be opened yet,
    `problem` says why; `changed`: when we last did something about it. `status`: open, closed or gone, as it was in the
    system when we `looked`; `closed`: when that was seen.
    """

    system: str
    incident: str
    case_id: str
    title: str
    level: str
    url: str
    problem: str
    changed: datetime
    status: str
    closed: datetime | None
    looked: datetime | None


class RuleView(msgspec.Struct):
    """A rule that gives findings. `feed`: whether there are events for it: `fed`, `ended` (none for a week), `missing`
    (none was ever seen), `unknown` (polls have not looked yet); `cannot_fire`: why it can't, else empty.
    """

    id: str
    title: str
    level: str
    branch: str
    attack: list[str]
    description: str
    guide: str
    falsepositives: list[str]
    references: list[str]
    feed: State
    cannot_fire: str


class RunView(msgspec.Struct):
    """A poll of one SIEM. `watermark`: everything before it was read whole; `left`: intervals that remain to be read;
    `lateness`: seconds from event to ingest; `problem`: why it ended early. Times are UTC.
    """

    id: int
    source: str
    worker: str
    started: datetime | None
    ended: datetime | None
    watermark: datetime | None
    slices: int
    failed: int
    left: int
    records: int
    events: int
    findings: int
    requests: int
    bytes: int
    retries: int
    lateness: Lateness | None
    problem: str


def cases_of(store: Store, incident: str) -> list[CaseView]:
    """The cases of an incident, the one that was changed last first."""
    query = select(links).where(links.c.incident == incident).order_by(links.c.changed.desc(), links.c.case_system)
    return _cases(store, query)


def all_cases(store: Store, system: str = "") -> list[CaseView]:
    """Cases of this system, else of all, the one that was changed last first."""
    query = select(links).order_by(links.c.changed.desc(), links.c.case_system, links.c.incident)
    return _cases(store, query.where(links.c.case_system == storable(system)) if system else query)


def page_of_cases(store: Store, after: tuple[int, str, str] | None, limit: int) -> list[tuple[CaseView, int]]:
    """Cases, the one that was changed last first, each with when that was in µs since 1970."""
    table = links.c
    query = select(links).order_by(table.changed.desc(), table.case_system, table.incident).limit(limit)
    if after is not None:
        changed, system, incident = after
        later = or_(table.case_system > system, (table.case_system == system) & (table.incident > incident))
        query = query.where(or_(table.changed < changed, (table.changed == changed) & later))
    return [(each, round((each.changed - _EPOCH) / timedelta(microseconds=1))) for each in _cases(store, query)]


def page_of_runs(store: Store, source: str, before: int | None, limit: int) -> list[RunView]:
    """Polls, newest first."""
    query = select(run_table.c.id, run_table.c.record).order_by(run_table.c.id.desc()).limit(limit)
    if source:
        query = query.where(run_table.c.source == storable(source))
    if before is not None:
        query = query.where(run_table.c.id < before)
    with store.database.read() as connection:
        rows = connection.execute(query).all()
    return [_run(row.id, msgspec.json.decode(row.record, type=ready(Run))) for row in rows]


def rule_view(info: RuleInfo, feed: Feed) -> RuleView:
    """A rule, without where its file is."""
    return RuleView(
        id=info.id,
        title=info.title,
        level=info.level,
        branch=info.branch,
        attack=list(info.attack),
        description=info.description,
        guide=info.guide,
        falsepositives=list(info.falsepositives),
        references=list(info.references),
        feed=feed.state,
        cannot_fire=feed.said,
    )


def run_view(run: Run, number: int = 0) -> RunView:
    """A poll that has just ended."""
    return _run(number, run)


def _cases(store: Store, query: Any) -> list[CaseView]:
    with store.database.read() as connection:
        return [_case(row) for row in connection.execute(query)]


def _case(row: Row[Any]) -> CaseView:
    return CaseView(
        system=row.case_system,
        incident=row.incident,
        case_id=row.case_id or "",
        title=row.title,
        level=row.level,
        url=row.url,
        problem=row.problem,
        changed=_EPOCH + timedelta(microseconds=row.changed),
        status=row.status,
        closed=to_datetime(row.closed or None),
        looked=to_datetime(row.looked or None),
    )


def _run(number: int, run: Run) -> RunView:
    return RunView(
        id=number,
        source=run.source,
        worker=run.worker,
        started=to_datetime(run.started or None),
        ended=to_datetime(run.ended or None),
        watermark=to_datetime(run.watermark or None),
        slices=run.slices,
        failed=run.failed,
        left=run.left,
        records=run.records,
        events=run.events,
        findings=run.findings,
        requests=run.requests,
        bytes=run.bytes,
        retries=run.retries,
        lateness=run.lateness,
        problem=run.problem,
    )
