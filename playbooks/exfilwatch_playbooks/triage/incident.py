"""An incident's page: its report's content, its findings and what they turned out to be, its cases."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import unescape
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import Connection, select

from exfilwatch.detection.detection import RuleInfo
from exfilwatch.findings.incident import Incident
from exfilwatch.findings.listing import Brief, Wanted
from exfilwatch.findings.marks import Mark
from exfilwatch.findings.store import Store
from exfilwatch_playbooks.cases.registry import LOCAL
from exfilwatch_playbooks.cases.standing import Change, history
from exfilwatch_playbooks.cases.tables import notes
from exfilwatch_playbooks.triage.incidents import Case, State, cases_of, state_of

if TYPE_CHECKING:
    from exfilwatch_playbooks.report.view import Report

_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")  # as Markdown writes it
SHOWN = 200
"""Findings on the page; the report has all."""


@dataclass(frozen=True)
class Judged:
    """A finding, and what somebody said that it is."""

    finding: Brief
    mark: Mark | None


class Said(NamedTuple):
    """A note, as plain text; `time` UTC."""

    time: datetime
    text: str


@dataclass(frozen=True)
class Shown:
    """The page. `more`: findings that are not on it; `changes`: what became of its cases, `notes`: those of the local
    ones; oldest first.
    """

    incident: Incident
    report: "Report"
    state: State
    findings: tuple[Judged, ...]
    more: int
    judged: int
    cases: tuple[Case, ...]
    changes: tuple[Change, ...]
    notes: tuple[Said, ...]

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
        said = _notes(connection, cases)
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
        notes=said,
    )


def _notes(connection: Connection, cases: Sequence[Case]) -> tuple[Said, ...]:
    """The notes of local cases, which nothing else would show in a browser."""
    numbers = [int(each.id) for each in cases if each.system == LOCAL and each.id.isdecimal()]
    query = select(notes).where(notes.c.case_id.in_(numbers)).order_by(notes.c.time, notes.c.note_key)
    return tuple(Said(row.time, unescape(_ESCAPED.sub(r"\1", row.text))) for row in connection.execute(query))
