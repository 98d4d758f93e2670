"""An incident's page: its report's content, its findings and what they turned out to be, its cases."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from exfilwatch.detection.detection import RuleInfo
from exfilwatch.findings.incident import Incident
from exfilwatch.findings.listing import Brief, Wanted
from exfilwatch.findings.marks import Mark
from exfilwatch.findings.store import Store
from exfilwatch_playbooks.cases.standing import Change, history
from exfilwatch_playbooks.triage.incidents import Case, State, cases_of, state_of

if TYPE_CHECKING:
    from exfilwatch_playbooks.report.view import Report

SHOWN = 200
"""Findings on the page; the report has all."""


@dataclass(frozen=True)
class Judged:
    """A finding, and what somebody said that it is."""

    finding: Brief
    mark: Mark | None


@dataclass(frozen=True)
class Shown:
    """The page. `more`: findings that are not on it; `changes`: what became of its cases, oldest first."""

    incident: Incident
    report: "Report"
    state: State
    findings: tuple[Judged, ...]
    more: int
    judged: int
    cases: tuple[Case, ...]
    changes: tuple[Change, ...]

    @property
    def case(self) -> Case | None:
        """The case that notes go to: the one that was changed last."""
        return next((each for each in self.cases if each.id), None)


def shown(store: Store, identity: str, rules: Mapping[str, RuleInfo], now: datetime) -> Shown:
    """The page of the incident with this id, or the only one whose id starts so. Raises ConfigError."""
    from exfilwatch_playbooks.enrichment.keeping import Kept
    from exfilwatch_playbooks.report.view import view

    incident = store.incident(identity)
    listed = store.page_of_findings(Wanted(incident=incident.id), limit=SHOWN)
    marks = store.marks(incident.findings)
    with store.database.read() as connection:
        cases = cases_of(connection, [incident.id]).get(incident.id, [])
        changes = history(connection, [incident.id]).get(incident.id, [])
    found = store.find(incident=incident.id)
    return Shown(
        incident=incident,
        report=view(incident, found, rules, Kept(store).get(incident.id), None, now, 0),
        state=state_of(store, incident.id),
        findings=tuple(Judged(each, marks.get(each.id)) for each in listed),
        more=len(incident.findings) - len(listed),
        judged=len(marks),
        cases=tuple(cases),
        changes=tuple(changes),
    )
