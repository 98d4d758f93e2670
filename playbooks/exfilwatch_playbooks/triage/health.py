"""How polls and rules do: what each SIEM's last poll came to, and how often each rule fires, and is wrong."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Literal

from sqlalchemy import func, select

from exfilwatch.detection.rule import RuleSet
from exfilwatch.events.timestamps import microseconds
from exfilwatch.findings import schema
from exfilwatch.findings.marks import Disposition
from exfilwatch.findings.store import Store
from exfilwatch.polling import kinds
from exfilwatch.polling.advising import told
from exfilwatch.polling.runs import polled_sources
from exfilwatch_playbooks.report.wording import lasting
from exfilwatch_playbooks.service.views import RunView, page_of_runs

_LATE = 3
"""Times the time between polls, after which one that has not come is late."""
_SHORTEST, _UNKNOWN = timedelta(minutes=1), timedelta(hours=8)
"""Times between polls that something else starts: at least, and where there were too few to tell."""
_LOOKED_AT, _FEW, _QUIET = 20, 3, timedelta(hours=1)
"""Polls that are looked at, and so many over so long without a record mean that nothing comes."""


@dataclass(frozen=True)
class Siem:
    """A SIEM. `said`: its state in words; `last`: the newest poll that is kept, None where there is none."""

    name: str
    state: Literal["fine", "behind", "silent", "late", "failed", "never"]
    said: str
    last: RunView | None


@dataclass(frozen=True)
class RuleHealth:
    """A rule. `fires`: findings that are kept; `judged` those with a disposition other than duplicate, `wrong` the
    false positives of these. `loaded`: it is among the rules of today. `feed`: whether there are events for it.
    """

    id: str
    title: str
    level: str
    branch: str
    loaded: bool
    fires: int
    last: datetime | None
    judged: int
    wrong: int
    feed: kinds.Feed

    @property
    def share(self) -> float | None:
        """Of false positives among what was judged, 0 to 1; None where nothing was."""
        return self.wrong / self.judged if self.judged else None


def siems(store: Store, configured: Sequence[str], apart: timedelta | None, now: datetime) -> list[Siem]:
    """Those of the settings, and others that were polled once. `apart`: the time between polls, None where something
    else starts them.
    """
    with store.database.read() as connection:
        names = list(dict.fromkeys([*configured, *polled_sources(connection)]))
    return [judged(name, page_of_runs(store, name, None, _LOOKED_AT), apart, now) for name in names]


def judged(name: str, runs: Sequence[RunView], apart: timedelta | None, now: datetime) -> Siem:
    """What a SIEM's last polls say of it; the newest first."""
    last = next(iter(runs), None)
    if last is None:
        return Siem(name, "never", "never polled", None)
    if last.problem:
        return Siem(name, "failed", told(name, last.problem), last)
    ended = last.ended or last.started
    if ended and now - ended > _LATE * (apart or _usually(runs)):
        return Siem(name, "late", f"the next poll has not come: nothing was read for {lasting(now - ended)}", last)
    if last.left:
        return Siem(name, "behind", "intervals remain to be read; the next poll goes on", last)
    if (silent := _silent(runs)) is not None:
        said = f"the last {len(runs)} polls, of {lasting(silent)}, have brought no record: is it still fed?"
        return Siem(name, "silent", said, last)
    return Siem(name, "fine", "read to the end", last)


def _usually(runs: Sequence[RunView]) -> timedelta:
    """How far apart polls are that something else starts: the middle of the last ones."""
    started = [each.started for each in runs if each.started]
    gaps = sorted(later - earlier for later, earlier in pairwise(started))
    return max(gaps[len(gaps) // 2], _SHORTEST) if len(gaps) + 1 >= _FEW else _UNKNOWN


def _silent(runs: Sequence[RunView]) -> timedelta | None:
    """For how long no poll has brought a record; None where one did, or it is not long."""
    first, last = runs[-1].started, runs[0].ended or runs[0].started
    if len(runs) < _FEW or any(each.records for each in runs) or first is None or last is None:
        return None
    return last - first if last - first >= _QUIET else None


def feeds(store: Store, loaded: RuleSet, now: datetime) -> dict[str, kinds.Feed]:
    """Whether there are events for rules, by their ids, as far as polls know."""
    with store.database.read() as connection:
        found = kinds.known(connection)
    return kinds.feeds(loaded, found, microseconds(now))


def rules(store: Store, loaded: RuleSet, now: datetime) -> list[RuleHealth]:
    """All rules that are loaded, and those that have findings; the most frequent first."""
    fed = feeds(store, loaded, now)
    finding, mark = schema.findings.c, schema.marks.c
    fired = select(finding.rule_id, func.count().label("fires"), func.max(finding.time).label("last")).group_by(
        finding.rule_id
    )
    said = (
        select(finding.rule_id, mark.disposition, func.count().label("times"))
        .select_from(schema.marks.join(schema.findings, mark.finding == finding.id))
        .group_by(finding.rule_id, mark.disposition)
    )
    with store.database.read() as connection:
        fires = {each.rule_id: each for each in connection.execute(fired)}
        marks: dict[str, dict[str, int]] = {}
        for each in connection.execute(said):
            marks.setdefault(each.rule_id, {})[each.disposition] = each.times
    known = {each.id: each for each in loaded.infos}
    made = []
    for name in dict.fromkeys([*known, *fires]):
        rule, row, counts = known.get(name), fires.get(name), marks.get(name, {})
        made.append(
            RuleHealth(
                id=name,
                title=rule.title if rule else name,
                level=rule.level if rule else "",
                branch=rule.branch if rule else "",
                loaded=rule is not None,
                fires=row.fires if row else 0,
                last=row.last if row else None,
                judged=sum(counts.values()) - counts.get(Disposition.DUPLICATE, 0),
                wrong=counts.get(Disposition.FALSE_POSITIVE, 0),
                feed=fed.get(name, kinds.Feed("unknown")),
            )
        )
    return sorted(made, key=lambda each: (-each.fires, each.title))
