"""Enrichment with what an action's context has: the store, the SIEMs of the settings, the files of the findings.

Incidents are enriched together: what several of them ask of a SIEM or of files is asked once.
"""

import asyncio
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from exfilwatch.findings.finding import Finding
from exfilwatch.siem.siem import Siem
from exfilwatch_playbooks.enrichment.enrich import Enrichers
from exfilwatch_playbooks.enrichment.enricher import Means
from exfilwatch_playbooks.enrichment.history import History, Paths, Source, paths_of
from exfilwatch_playbooks.enrichment.keeping import Kept
from exfilwatch_playbooks.enrichment.model import Enrichment
from exfilwatch_playbooks.enrichment.subject import Subject, of_finding, of_incident

if TYPE_CHECKING:
    from exfilwatch.findings.store import Store
    from exfilwatch_playbooks.actions.context import Context


async def of_one(context: "Context", finding: str, *, alone: bool, only: Sequence[str] = ()) -> Enrichment:
    """The enrichment of the incident that a finding is in (an id, or its beginning), or of the finding `alone`.

    `only`: names of enrichers. Raises ConfigError.
    """
    subject, history = subject_of(context, finding, alone=alone)
    async with Enrichers(context.enrichers, Means(context.store, history, context.clock)) as enrichers:
        (made,) = await enrichers.enrich([subject], only)
    return made


async def of_incidents(
    context: "Context", incidents: Iterable[str], paths: Sequence[str] = ()
) -> dict[str, Enrichment]:
    """The enrichments of incidents, by id, which are kept. `paths`: files that are looked at beside the SIEMs.

    Raises ConfigError for wrong settings; whatever fails else is said in the enrichment.
    """
    subjects: list[Subject] = []
    for name in dict.fromkeys(incidents):
        subjects.append(_of_incident(context.store, name))
        await asyncio.sleep(0)  # others go on meanwhile
    files = _files([finding for subject in subjects for finding in subject.findings], context.siems)
    history = History(_sources(context, (*paths, *files)))
    async with Enrichers(context.enrichers, Means(context.store, history, context.clock)) as enrichers:
        return {each.of: each for each in await enrichers.enrich(subjects)}


def kept(store: "Store", incident: str) -> Enrichment | None:
    """What was found out about an incident the last time; None when nobody asked."""
    return Kept(store).get(incident)


def subject_of(context: "Context", finding: str, *, alone: bool) -> tuple[Subject, History]:
    """The subject that a finding or its incident is, and the past of where it came from. Raises ConfigError."""
    found = context.store.get(finding)
    subject = of_finding(found) if alone else _of_incident(context.store, context.store.incident_of(found.id))
    return subject, History(_sources(context, _files(subject.findings, context.siems)))


def _of_incident(store: "Store", name: str) -> Subject:
    incident = store.incident(name)
    return of_incident(incident, store.find(incident=incident.id))


def _sources(context: "Context", paths: Sequence[str]) -> list[Source]:
    """The SIEMs of the settings, and the files beside them."""
    sources: list[Source] = [context.siem(name) for name in context.siems]
    followed = {each for source in sources if not isinstance(source, Siem) for each in paths_of(source) or ()}
    others = tuple(path for path in dict.fromkeys(paths) if path not in followed)
    return [*sources, Paths(others)] if others else sources


def _files(findings: Iterable[Finding], siems: Sequence[str]) -> list[str]:
    """The files that findings were read from, if they are still there; of archive.zip!member the archive."""
    sources = dict.fromkeys(event.source for finding in findings for event in finding.events)
    whole = (name if Path(name).is_file() else name.split("!", 1)[0] for name in sources if name not in siems)
    return list(dict.fromkeys(name for name in whole if Path(name).is_file()))
