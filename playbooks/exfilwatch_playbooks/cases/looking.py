"""Looking how cases stand in their systems: somebody may have closed, opened again, merged or deleted one there.

Nothing is changed there. A look takes a few cases, those that were asked for longest ago first, and never long: what is
left comes with the next one. Of closed cases those of the last weeks are looked at too, less often.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, delete, insert, select

from exfilwatch.errors import CaseError, CaseRefused, ConfigError, ExfilwatchError
from exfilwatch.events.timestamps import to_datetime
from exfilwatch.findings.database import Database
from exfilwatch.polling.worker import our_clock
from exfilwatch_playbooks.actions.context import Context
from exfilwatch_playbooks.cases.case import Case
from exfilwatch_playbooks.cases.links import Link, Links, link_of
from exfilwatch_playbooks.cases.standing import Change
from exfilwatch_playbooks.cases.system import CaseSystem
from exfilwatch_playbooks.cases.tables import links, looks

APART = timedelta(minutes=5)
MOST = 50
WITHIN = 20.0  # seconds
_SELDOM = 12
"""Times APART, after which a closed case is looked at again."""
_CLOSED = timedelta(days=30)
"""How long a closed case is looked at."""
_SHARE = 5
"""Of so many cases one may be a closed one, though open ones wait."""
_IN_A_ROW = 3
"""Failures after which a system is left alone until the next look."""
_MICROS = timedelta(microseconds=1)
_LONGEST_WAIT = 3600.0  # seconds
_PROBLEM = 1000  # characters


@dataclass
class Look:
    """At the cases of one system: how many were `due`, how many answered; what was seen to have changed."""

    system: str
    due: int = 0
    seen: int = 0
    changes: list[Change] = field(default_factory=list)
    problem: str = ""


@dataclass(frozen=True)
class Asked:
    """How a system was asked last. `problem`: why it gave no answer, for `tries` times now; `looked`: when it gave one.
    Times are UTC.
    """

    system: str
    looked: datetime | None
    tried: datetime | None
    tries: int
    problem: str


async def look(
    context: Context,
    names: Iterable[str] = (),
    *,
    apart: timedelta = APART,
    most: int = MOST,
    within: float = WITHIN,
) -> list[Look]:
    """Look at the cases in the systems of these names, else in all that have some and are in the settings, all at once:
    at most `most` of each, for at most `within` seconds, and at none that was asked for less than `apart` ago.
    What a system does not answer is in its Look. Raises ConfigError for a name that is not in the settings.
    """
    database = context.store.database
    database.ensure("cases", "exfilwatch_playbooks.cases")
    with database.read() as connection:
        known = connection.scalars(select(links.c.case_system).where(links.c.case_id.is_not(None)).distinct()).all()
    wanted = [context.case_system(name).name for name in names] or [
        name for name in context.case_systems if name in known
    ]
    found = await asyncio.gather(*(_one(context, name, apart, most, within) for name in wanted))
    return [each for each in found if each is not None]


async def _one(context: Context, name: str, apart: timedelta, most: int, within: float) -> Look | None:
    """The look at one system; None where it can't be asked, or nothing of it is due."""
    database, done = context.store.database, Look(name)
    kept, wait = Links(database, name), None
    try:
        system = context.case_system(name)
        if not system.capabilities.reads_notes:  # it is told, and can't be asked
            return None
        with database.read() as connection:
            due = _due(connection, name, apart, most)
            if not due or _left_alone(connection, name):
                return None
        done.due = len(due)
        async with asyncio.timeout(within):
            await system.probe()
            await _each(system, kept, due, done)
    except TimeoutError:
        done.problem = f"{name}: {done.seen} of {done.due} cases were looked at in {within:.0f} s: it is slow"
    except (CaseError, ConfigError) as error:
        done.problem, wait = str(error), getattr(error, "wait", None)
    except ExfilwatchError:  # our own database
        raise
    except Exception as error:  # noqa: BLE001 a case system of a third party: it costs no other one anything
        done.problem = f"{name} broke, please report it: {type(error).__name__}: {error}"
    _note(database, done, wait)
    return done


async def _each(system: CaseSystem, kept: Links, due: Sequence[Link], done: Look) -> None:
    """Raises CaseError after some failures one after the other; what fails else is the case's own, and said."""
    failures = 0
    for link in due:
        try:
            case = await _as_it_is(system, link)
        except CaseError as error:
            failures += 1
            kept.asked(link.incident)
            done.problem = str(error)
            if failures >= _IN_A_ROW:
                raise
            continue
        failures = 0
        done.seen += 1
        done.changes += kept.saw(link.incident, case, unless=link)


async def _as_it_is(system: CaseSystem, link: Link) -> Case | None:
    """The case; where it was merged, the one that goes on; None when it is not there any more."""
    assert link.case_id is not None
    try:
        case = await system.get(link.case_id)
    except CaseRefused:
        return await system.find(link.key)
    seen: set[str] = set()
    while case.duplicate_of is not None and case.id not in seen:
        seen.add(case.id)
        try:
            case = await system.get(case.duplicate_of)
        except CaseRefused:  # the other one is hidden from us
            break
    return case


def _due(connection: Connection, system: str, apart: timedelta, most: int) -> list[Link]:
    """Open ones first, but for a few."""
    now, step = our_clock(), apart // _MICROS
    theirs = (links.c.case_system == system, links.c.case_id.is_not(None), links.c.step == "open")

    def oldest(ago: int, *which: "ColumnElement[bool]") -> list[Link]:
        query = select(links).where(*theirs, links.c.asked <= now - ago, *which)
        rows = connection.execute(query.order_by(links.c.asked, links.c.incident).limit(most))
        return [link_of(row) for row in rows]

    open_ = oldest(step, links.c.closed == 0)
    closed = oldest(_SELDOM * step, links.c.closed > now - _CLOSED // _MICROS)
    closed = closed[: max(most - len(open_), most // _SHARE)]
    return [*open_[: most - len(closed)], *closed]


def _left_alone(connection: Connection, system: str) -> bool:
    """Whether the system has said how long to leave it alone, and that is not over."""
    until = connection.scalar(select(looks.c.not_before).where(looks.c.case_system == system))
    return until is not None and until > our_clock()


def _note(database: Database, done: Look, wait: float | None) -> None:
    """Keep how the system was asked."""
    now = our_clock()
    until = now + round(min(wait, _LONGEST_WAIT) * 1e6) if wait else 0
    with database.write() as connection:
        before = connection.execute(select(looks).where(looks.c.case_system == done.system)).one_or_none()
        connection.execute(delete(looks).where(looks.c.case_system == done.system))
        connection.execute(
            insert(looks).values(
                case_system=done.system,
                looked=now if not done.problem else before.looked if before else 0,
                tried=now,
                tries=0 if not done.problem else (before.tries if before else 0) + 1,
                not_before=until,
                problem=done.problem[:_PROBLEM],
            )
        )


def asked(connection: Connection) -> list[Asked]:
    """How each system was asked last."""
    return [
        Asked(row.case_system, to_datetime(row.looked or None), to_datetime(row.tried or None), row.tries, row.problem)
        for row in connection.execute(select(looks).order_by(looks.c.case_system))
    ]
