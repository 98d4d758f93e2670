"""What is done about incidents by the policy of the settings: enrich, open a case, page. `run` and `poll` share it.

Nothing of it is done twice: each case system is told only what it has not been told, and answers to enrichers are kept.
An enrichment that fails is a problem, and never keeps a case from being opened; a page that fails keeps nothing else
from being done, and is sent with the next run.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from exfilwatch.detection.detection import LEVELS
from exfilwatch.errors import ExfilwatchError
from exfilwatch.findings.incident import Incident, rank
from exfilwatch_playbooks.cases.body import level_of
from exfilwatch_playbooks.cases.links import Links
from exfilwatch_playbooks.cases.opening import Outcome, open_cases
from exfilwatch_playbooks.enrichment.keeping import Kept

if TYPE_CHECKING:
    from exfilwatch_playbooks.actions.context import Context

_NEWS = timedelta(days=1)
"""How long an incident is one that somebody is paged for."""
_FIRST, _TOGETHER = 4, 64
"""Incidents that are enriched at once: what several of them ask is asked once. Few at first, so that cases are soon
opened, then twice as many each time.
"""


@dataclass(frozen=True)
class Handled:
    """What was done: `enriched` incidents, `outcomes` of cases, `pages` by the system that paged, and `problems`."""

    enriched: int = 0
    outcomes: list[Outcome] = field(default_factory=list)
    pages: list[tuple[str, Outcome]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def errors(self) -> list[str]:
        """What failed, each in a line."""
        failed = [each for each in self.outcomes if each.error is not None]
        unpaged = [(name, each) for name, each in self.pages if each.error is not None]
        return [
            *(f"incident {each.incident}: {each.error}" for each in failed),
            *(f"incident {each.incident} was not paged: {each.error}" for _, each in unpaged),
        ]


def check(context: "Context") -> None:
    """Raises ConfigError where the settings of policy, cases or enrichment are wrong, before anything is done."""
    from exfilwatch_playbooks.enrichment.enrich import Enrichers
    from exfilwatch_playbooks.enrichment.enricher import Means
    from exfilwatch_playbooks.enrichment.history import History

    policy = context.settings.policy
    if policy.open != "never":
        context.case_system()
    for name in context.paging:
        context.case_system(name)
    if policy.enrich != "never":
        Enrichers(context.enrichers, Means(context.store, History([]), context.clock))


async def handle(context: "Context", paths: Sequence[str] = ()) -> Handled:
    """Enrich, open and page what is new, as the policy says. `paths`: files to look into beside the SIEMs."""
    with context.store.database.held():
        return await _handled(context, paths)


async def _handled(context: "Context", paths: Sequence[str]) -> Handled:
    policy, store = context.settings.policy, context.store
    done = Handled()
    rules = {info.id: info for info in context.rules.infos}
    async with _enriching(context, done.problems, paths) as enriching:
        if policy.open != "never":
            system, kept = context.case_system(), Kept(store)
            lowest = _lower(policy.open, policy.enrich) if enriching.incidents else policy.open
            grave = {each.incident.id for each in store.pending(system.name, policy.open)}

            async def ready(incident: Incident) -> bool:
                await enriching.over(incident.merged_into or incident.id)
                return incident.id in grave or _is_found_grave(kept, incident, policy.open)

            done.outcomes.extend(await open_cases(store, system, rules=rules, lowest=lowest, ready=ready))
    if policy.page != "never":
        for name in context.paging:
            wanted = _to_page(context, name)
            if wanted:
                outcomes = await open_cases(store, context.case_system(name), rules=rules, only=wanted)
                done.pages.extend((name, each) for each in outcomes)
    return Handled(enriching.enriched, done.outcomes, done.pages, done.problems)


class _Enriching:
    """The enrichment of `incidents`, some together, one group after the other: what is waited for is one's own group,
    so that cases of the first are opened while the next is looked at.
    """

    def __init__(self, incidents: Sequence[str]) -> None:
        self.incidents = incidents
        self.enriched = 0
        self._groups = list(_groups(incidents))
        self._over = {each: over for group in self._groups for over in (asyncio.Event(),) for each in group}

    async def over(self, incident: str) -> None:
        """No more is found out about it."""
        if incident in self._over:
            await self._over[incident].wait()

    async def all(self, context: "Context", problems: list[str], paths: Sequence[str]) -> None:
        """Enrich them all, or until it fails."""
        if not self._groups:
            return
        from exfilwatch_playbooks.enrichment import enriching

        try:
            for group in self._groups:
                self.enriched += len(await enriching.of_incidents(context, group, paths))
                self._over[group[0]].set()
        except ExfilwatchError as error:
            problems.append(f"enrichment: {error}")
        except Exception as error:  # noqa: BLE001 whatever is wrong with it must not keep a case from being opened
            problems.append(f"enrichment broke, please report it: {type(error).__name__}: {error}")
        finally:
            for over in self._over.values():
                over.set()


def _groups(incidents: Sequence[str]) -> Iterator[Sequence[str]]:
    at, size = 0, _FIRST
    while at < len(incidents):
        yield incidents[at : at + size]
        at, size = at + size, min(2 * size, _TOGETHER)


@asynccontextmanager
async def _enriching(context: "Context", problems: list[str], paths: Sequence[str]) -> AsyncIterator[_Enriching]:
    """Meanwhile the incidents that some system is to be told of are enriched; at the end all are."""
    policy = context.settings.policy
    systems = [context.case_system().name] if policy.open != "never" else context.paging
    waiting = [
        each.incident
        for name in (systems if policy.enrich != "never" else ())
        for each in context.store.pending(name, policy.enrich)
    ]
    enriching = _Enriching(
        list(dict.fromkeys(each.id for each in waiting if each.merged_into is None and each.findings))
    )
    task = asyncio.create_task(enriching.all(context, problems, paths))
    try:
        yield enriching
        await task
    finally:
        task.cancel()
        await asyncio.wait([task])


def _lower(one: str, other: str) -> str:
    return min(one, other, key=rank) if "never" not in (one, other) else one


def _is_found_grave(kept: Kept, incident: Incident, level: str) -> bool:
    """Whether what was found out about an incident, not its findings, makes it so grave."""
    found = kept.get(incident.id)
    return found is not None and bool(found.severity.reasons) and rank(level_of(incident, found)) >= rank(level)


def _to_page(context: "Context", system: str) -> set[str]:
    """The incidents that somebody is to be paged for, and those that somebody was. What the store has had for long is
    no news: who sets up paging is not paged for the past.
    """
    policy, store, kept = context.settings.policy, context.store, Kept(context.store)
    since = context.clock() - _NEWS
    paged = Links(store.database, system).all().keys()
    # Kinds of evidence that agree raise an incident by one level, what was found out by more.
    lowest = _lower(LEVELS[max(0, rank(policy.page) - 1)], policy.enrich)
    wanted: set[str] = set()
    for incident in (each.incident for each in store.pending(system, lowest)):
        new = incident.first_seen is not None and incident.first_seen >= since and incident.merged_into is None
        grave = new and rank(level_of(incident, kept.get(incident.id))) >= rank(policy.page)
        if grave or incident.id in paged:
            wanted.add(incident.id)
    return wanted
