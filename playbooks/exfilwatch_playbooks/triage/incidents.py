"""The list of incidents: which, in what order, and how each stands. Two queries however many there are."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias, get_args
from urllib.parse import urlencode

from sqlalchemy import Connection, Select, case, func, or_, select

from exfilwatch.detection.detection import LEVELS
from exfilwatch.events.timestamps import to_datetime
from exfilwatch.findings import schema
from exfilwatch.findings.incident import rank
from exfilwatch.findings.listing import at_least
from exfilwatch.findings.node import storable
from exfilwatch.findings.store import Store
from exfilwatch_playbooks.cases.tables import links

State: TypeAlias = Literal["open", "case", "judge", "closed"]
"""`judge`: its cases are closed, and not all of its findings have a disposition."""
STATES: tuple[State, ...] = get_args(State)
ORDERS = {"severity": "gravest first", "newest": "newest first", "oldest": "oldest first"}
SIZE = 50
"""Rows of a page."""


@dataclass(frozen=True)
class Asked:
    """What a list is to show. `level`: that and above; `text`: in host or user, or how an id starts; `state` empty:
    all; `page` counts from 1.
    """

    state: str = "open"
    level: str = ""
    text: str = ""
    order: str = "severity"
    page: int = 1

    def link(self, **other: object) -> str:
        """The address of this list with something else; of its first page, unless a page is given."""
        values = {"state": self.state, "level": self.level, "text": self.text, "order": self.order, **other}
        return "/?" + urlencode({name: value for name, value in values.items() if value or name == "state"})


@dataclass(frozen=True)
class Case:
    """A case in a case system. `id` is empty where it could not be opened; `problem` says why. `status` is as it was
    there when it was `looked` at last.
    """

    system: str
    id: str
    url: str
    problem: str
    closed: bool
    status: str
    looked: datetime | None


@dataclass(frozen=True)
class Row:
    """An incident in the list. `title`: of its gravest finding; `rules`: how many have fired; `judged`: how many of
    its findings have a disposition. Times are UTC.
    """

    id: str
    level: str
    title: str
    rules: int
    host: str | None
    user: str | None
    time: datetime | None
    first_seen: datetime
    findings: int
    judged: int
    state: State
    cases: tuple[Case, ...]


@dataclass(frozen=True)
class Page:
    """A page of the list. `counts`: how many there are in each state with the same filter."""

    asked: Asked
    rows: tuple[Row, ...]
    counts: dict[str, int]
    pages: int

    @property
    def total(self) -> int:
        """In the list as a whole."""
        return sum(count for state, count in self.counts.items() if self.asked.state in ("", state))


def page(store: Store, asked: Asked) -> Page:
    """The page that was asked for; the last one where there are fewer."""
    standing = _standing(asked)
    of_state = standing.subquery()
    with store.database.read() as connection:
        counted = select(of_state.c.state, func.count().label("times")).group_by(of_state.c.state)
        counts = dict.fromkeys(map(str, STATES), 0) | {row.state: row.times for row in connection.execute(counted)}
        total = sum(count for state, count in counts.items() if asked.state in ("", state))
        pages = max(1, -(-total // SIZE))
        number = min(max(1, asked.page), pages)
        query = select(of_state).order_by(*_order(of_state, asked.order)).offset((number - 1) * SIZE).limit(SIZE)
        rows = connection.execute(query.where(of_state.c.state == asked.state) if asked.state else query).all()
        titles = _titles(connection, [row.id for row in rows])
        cases = cases_of(connection, [row.id for row in rows])
    shown = Asked(asked.state, asked.level, asked.text, asked.order, number)
    return Page(shown, tuple(_row(row, titles, cases) for row in rows), counts, pages)


def state_of(store: Store, incident: str) -> State:
    """How the incident with this whole id stands."""
    with store.database.read() as connection:
        row = connection.execute(_standing(Asked()).where(schema.incidents.c.id == incident)).one()
    found: State = row.state
    return found


def cases_of(connection: Connection, incidents: Sequence[str]) -> dict[str, list[Case]]:
    """The cases of these incidents, by incident; the one that was changed last first."""
    found: dict[str, list[Case]] = {}
    query = select(links).where(links.c.incident.in_(incidents)).order_by(links.c.changed.desc())
    for row in connection.execute(query):
        known = Case(
            system=row.case_system,
            id=row.case_id or "",
            url=row.url,
            problem=row.problem,
            closed=bool(row.closed),
            status=row.status,
            looked=to_datetime(row.looked or None),
        )
        found.setdefault(row.incident, []).append(known)
    return found


def _standing(asked: Asked) -> "Select[Any]":
    """Incidents and how each stands: with a case that is open, judged whole, with closed cases only, else open."""
    table, finding = schema.incidents.c, schema.findings.c
    all_ = select(finding.incident, func.count().label("findings")).group_by(finding.incident).subquery()
    # Not a join: SQLite would read each finding, whole, to see whether it has a mark.
    marked = finding.id.in_(select(schema.marks.c.finding))
    some = select(finding.incident, func.count().label("judged")).where(marked).group_by(finding.incident).subquery()
    alive = case((links.c.closed == 0, 2), else_=1)
    cased = (
        select(links.c.incident, func.max(alive).label("alive"))
        .where(links.c.case_id.is_not(None))
        .group_by(links.c.incident)
        .subquery()
    )
    judged = func.coalesce(some.c.judged, 0)
    state = case(
        (cased.c.alive == 2, "case"),
        (judged >= all_.c.findings, "closed"),
        (cased.c.alive == 1, "judge"),
        else_="open",
    )
    whole = (
        schema.incidents.join(all_, all_.c.incident == table.id)
        .outerjoin(some, some.c.incident == table.id)
        .outerjoin(cased, cased.c.incident == table.id)
    )
    columns = (table.id, table.level, table.host, table.user_name, table.time, table.first_seen)
    query = select(*columns, all_.c.findings, judged.label("judged"), state.label("state")).select_from(whole)
    query = query.where(table.merged_into.is_(None))
    if asked.level:
        query = query.where(table.level.in_(at_least(asked.level)))
    if asked.text:
        text = storable(asked.text).lower()
        here = (func.lower(column).contains(text, autoescape=True) for column in (table.host, table.user_name))
        query = query.where(or_(*here, table.id.startswith(text, autoescape=True)))
    return query


def _order(of_state: Any, order: str) -> list[Any]:
    column = of_state.c
    newest = [column.time.desc().nulls_last(), column.id]
    if order == "newest":
        return newest
    if order == "oldest":
        return [column.time.asc().nulls_last(), column.id]
    grave = case({level: rank(level) for level in LEVELS}, value=column.level, else_=rank("medium"))
    return [grave.desc(), *newest]


def _titles(connection: Connection, incidents: Sequence[str]) -> dict[str, list[str]]:
    """The titles of the rules that have fired, by incident: the gravest first, of these the earliest, as a case's title
    has it.
    """
    finding = schema.findings.c
    columns = (finding.incident, finding.rule_title, finding.level)
    query = select(*columns).where(finding.incident.in_(incidents)).order_by(finding.time.nulls_first(), finding.id)
    found: dict[str, list[str]] = {}
    for row in sorted(connection.execute(query), key=lambda each: -rank(each.level)):
        found.setdefault(row.incident, []).append(row.rule_title)
    return {incident: list(dict.fromkeys(titles)) for incident, titles in found.items()}


def _row(row: Any, titles: dict[str, list[str]], cases: dict[str, list[Case]]) -> Row:
    named = titles.get(row.id, [])
    return Row(
        id=row.id,
        level=row.level,
        title=(named[0] if named else "") or "Exfiltration",
        rules=len(named),
        host=row.host,
        user=row.user_name,
        time=row.time,
        first_seen=row.first_seen,
        findings=row.findings,
        judged=row.judged,
        state=row.state,
        cases=tuple(cases.get(row.id, ())),
    )
