"""Which log sources of the rules a SIEM has: seen in polls or, once a day, looked for with a question each.

A poll asks for what rules may fire on, so that no event of a log source in it does not tell that there is none.
"""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple, TypeAlias

from sqlalchemy import Connection, delete, func, insert, select

from exfilwatch.detection.logsource import LogSource
from exfilwatch.detection.rule import Correlation, RuleSet
from exfilwatch.errors import ExfilwatchError
from exfilwatch.events.report import Report
from exfilwatch.findings.database import Database
from exfilwatch.polling import advising, sampling
from exfilwatch.polling.logs import log
from exfilwatch.polling.lookback import clock_of
from exfilwatch.polling.sampling import DAY, HOUR, Sample
from exfilwatch.polling.tables import kinds
from exfilwatch.siem.siem import SECOND, Siem
from exfilwatch.siem.spool import Spool

QUIET = 7 * DAY
"""µs without an event after which a log source that there was is told to have ended."""
_AT_ONCE, _PATIENCE = 8, 60.0
"""Log sources that one poll looks for, and seconds that it takes for that."""
_MOST_KEYS = 1000
Key: TypeAlias = tuple[str, str, str]
"""Category, product and service of an event."""
State: TypeAlias = Literal["fed", "ended", "missing", "unknown"]


class Kind(NamedTuple):
    """A log source over all SIEMs, times in µs: since when it is asked for, when an event of it was seen last (0:
    never), and when and how often it was looked for.
    """

    since: int
    seen: int
    looked: int
    looks: int

    def state(self, now: int) -> State:
        """`missing`: it was looked for, and no event was ever seen."""
        if self.seen:
            return "fed" if now - self.seen < QUIET else "ended"
        return "missing" if self.looks else "unknown"


class Feed(NamedTuple):
    """Whether a rule can fire. `said`: why it can't, for people, and `advice` what to collect; "" where it can, or
    nobody has looked yet.
    """

    state: State
    said: str = ""
    advice: str = ""


def more(seen: set[Key], key: Key) -> None:
    """Remember what an event was. Records may name their log source themselves, so that there is a limit."""
    if len(seen) < _MOST_KEYS:
        seen.add(key)


def saw(connection: Connection, source: str, rules: RuleSet, keys: Iterable[Key], now: int) -> None:
    """Note of which log sources of the rules a SIEM has delivered events; within an hour once."""
    there = {each for each in _wanted(rules) if any(each.fits(*key) for key in keys)}
    known = _of(connection, source)
    for each in there:
        old = known.get(each)
        if old is None or now - old.seen >= HOUR:
            _keep(connection, source, each, Kind(old.since if old else now, now, *(old[2:] if old else (0, 0))))


async def look(siem: Siem | Spool, rules: RuleSet, database: Database, now: int) -> None:
    """Look for the log sources of which no event was seen for a day, those first that were looked for longest ago.
    What a SIEM refuses is logged: the next poll tries again.
    """
    with database.read() as connection:
        known = _of(connection, siem.name)
    new = Kind(now, 0, 0, 0)
    due = [each for each in _wanted(rules) if now - max(known.get(each, new)[1:3]) >= DAY]
    due = sorted(due, key=lambda each: known.get(each, new).looked)
    try:
        async with asyncio.timeout(_PATIENCE):
            found = await _looked(siem, due, now)
    except (ExfilwatchError, TimeoutError) as error:
        log.info("log sources could not be looked for", source=siem.name, error=str(error))
        return
    with database.write() as connection:
        for each, there in found.items():
            old = known.get(each, new)
            _keep(connection, siem.name, each, Kind(old.since, now if there else old.seen, now, old.looks + 1))


async def _looked(siem: Siem | Spool, due: list[LogSource], now: int) -> dict[LogSource, bool]:
    if not due:
        return {}
    if isinstance(siem, Spool):
        sample = sampling.of_tails(siem.name, siem.tails(Report()))
        return {each: bool(sample.of(each)) for each in due} if sample.events else {}
    found = {}
    for each in due[:_AT_ONCE]:
        sample, taken = Sample(siem.name), await sampling.of_a_kind(siem, clock_of(siem), now, each)
        sample.add(taken.records)
        if sample.of(each) or taken.whole:  # what was broken off tells nothing
            found[each] = bool(sample.of(each))
    return found


def known(connection: Connection) -> dict[LogSource, Kind]:
    """Each log source that was seen or looked for, over all SIEMs."""
    column = kinds.c
    query = select(
        column.kind, func.min(column.since), func.max(column.seen), func.max(column.looked), func.max(column.looks)
    ).group_by(column.kind)
    return {_source(kind): Kind(*numbers) for kind, *numbers in connection.execute(query)}


def feeds(rules: RuleSet, known: Mapping[LogSource, Kind], now: int) -> dict[str, Feed]:
    """By the id of each rule and correlation. A correlation of several rules that must all fire is as its worst part,
    another as its best.
    """
    made = {rule.id: _feed(rule.source, known.get(rule.source), now) for rule in rules.rules}
    titles = {rule.id: rule.info.title for rule in rules.rules}
    for each in rules.correlations:  # those come after what they refer to
        titles[each.id] = each.info.title
        made[each.id] = _of_parts(each, made, titles)
    return made


def _of_parts(correlation: Correlation, made: Mapping[str, Feed], titles: Mapping[str, str]) -> Feed:
    there = [each for each in correlation.plan.members if each in made]
    dry = [each for each in there if made[each].said]
    alive = set(there) - set(dry)
    enough = correlation.plan.met_by(alive) if correlation.plan.kind.startswith("temporal") else bool(alive)
    if dry and not enough:
        part = made[dry[0]]
        return part._replace(said=f"{part.said} (needed: {titles[dry[0]]})" if len(there) > 1 else part.said)
    states: list[State] = [made[each].state for each in there if each not in dry]
    return Feed("unknown" if "unknown" in states or not states else "fed")


def _feed(source: LogSource, kind: Kind | None, now: int) -> Feed:
    state = kind.state(now) if kind else "unknown"
    if kind is None or state in ("fed", "unknown"):
        return Feed(state)
    name = " ".join(filter(None, (source.product, source.category or source.service)))
    if state == "ended":
        said = f"it can't fire now: no {name} event has come for {advising.span((now - kind.seen) / SECOND)}"
    else:
        asked = "once" if kind.looks == 1 else f"{kind.looks} times"
        span = advising.span((now - kind.since + DAY) / SECOND)
        said = f"it can't fire: no {name} event was seen in {span} (looked for {asked})"
    return Feed(state, said, advising.collecting(name) or "collect such events, or leave this rule out")


def _wanted(rules: RuleSet) -> list[LogSource]:
    """The log sources of rules that some field map makes."""
    return [each for each in dict.fromkeys(rule.source for rule in rules.rules) if each.made()]


def _of(connection: Connection, source: str) -> dict[LogSource, Kind]:
    query = select(kinds).where(kinds.c.source == source)
    return {_source(row.kind): Kind(row.since, row.seen, row.looked, row.looks) for row in connection.execute(query)}


def _keep(connection: Connection, source: str, kind: LogSource, value: Kind) -> None:
    name = f"{kind.category}/{kind.product}/{kind.service}"
    connection.execute(delete(kinds).where(kinds.c.source == source, kinds.c.kind == name))
    connection.execute(insert(kinds).values(source=source, kind=name, **value._asdict()))


def _source(kind: str) -> LogSource:
    return LogSource(*kind.split("/", 2))
