"""What is done about incidents by the policy of the settings: enrich, open a case, page. `run` and `poll` share it.

Nothing of it is done twice: each case system is told only what it has not been told, and answers to enrichers are kept.
An enrichment that fails is a problem, and never keeps a case from being opened; a page that fails keeps nothing else
from being done, and is sent with the next run.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from exfilwatch.detection.detection import LEVELS
from exfilwatch.errors import ExfilwatchError
from exfilwatch.findings.incident import rank
from exfilwatch_playbooks.cases.body import level_of
from exfilwatch_playbooks.cases.links import Links
from exfilwatch_playbooks.cases.opening import Outcome, open_cases
from exfilwatch_playbooks.enrichment.keeping import Kept

if TYPE_CHECKING:
    from exfilwatch.findings.store import Store
    from exfilwatch_playbooks.actions.context import Context

_NEWS = timedelta(days=1)
"""How long an incident is one that somebody is paged for."""


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
    enriched = await _enriched(context, done, paths)
    rules = {info.id: info for info in context.rules.infos}
    if policy.open != "never":
        system = context.case_system()
        lowest = _lower(policy.open, policy.enrich) if enriched else policy.open
        only = _to_open(store, system.name, policy.open, lowest) if lowest != policy.open else None
        done.outcomes.extend(await open_cases(store, system, rules=rules, lowest=lowest, only=only))
    if policy.page != "never":
        for name in context.paging:
            wanted = _to_page(context, name)
            if wanted:
                outcomes = await open_cases(store, context.case_system(name), rules=rules, only=wanted)
                done.pages.extend((name, each) for each in outcomes)
    return Handled(len(enriched), done.outcomes, done.pages, done.problems)


async def _enriched(context: "Context", done: Handled, paths: Sequence[str]) -> list[str]:
    """The incidents that were enriched: those that some system is to be told of."""
    policy = context.settings.policy
    if policy.enrich == "never":
        return []
    from exfilwatch_playbooks.enrichment.enriching import of_incidents

    systems = [context.case_system().name] if policy.open != "never" else context.paging
    waiting = [each.incident for name in systems for each in context.store.pending(name, policy.enrich)]
    wanted = [each.id for each in waiting if each.merged_into is None and each.findings]
    try:
        return list(await of_incidents(context, wanted, paths))
    except ExfilwatchError as error:
        done.problems.append(f"enrichment: {error}")
    except Exception as error:  # noqa: BLE001 whatever is wrong with it must not keep a case from being opened
        done.problems.append(f"enrichment broke, please report it: {type(error).__name__}: {error}")
    return []


def _lower(one: str, other: str) -> str:
    return min(one, other, key=rank) if "never" not in (one, other) else one


def _to_open(store: "Store", system: str, level: str, lowest: str) -> set[str]:
    """The incidents that are grave enough by their findings, or by what was found out about them."""
    grave = {each.incident.id for each in store.pending(system, level)}
    kept = Kept(store)
    found = ((each.incident, kept.get(each.incident.id)) for each in store.pending(system, lowest))
    return grave | {
        incident.id
        for incident, enrichment in found
        if enrichment and enrichment.severity.reasons and rank(level_of(incident, enrichment)) >= rank(level)
    }


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
