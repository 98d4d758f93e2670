"""The report of an incident that is kept, with what was looked up of it."""

from collections.abc import Mapping
from datetime import datetime

from exfilwatch.detection.detection import RuleInfo
from exfilwatch.findings.incident import Incident
from exfilwatch.findings.store import Store
from exfilwatch_playbooks.enrichment.keeping import Kept
from exfilwatch_playbooks.report.page import html


def report_of(store: Store, identity: str, rules: Mapping[str, RuleInfo], made: datetime) -> tuple[Incident, str]:
    """The incident with this id, or the only one whose id starts so, and its page. Raises ConfigError."""
    incident = store.incident(identity)
    findings = store.find(incident=incident.id)
    return incident, html(incident, findings, rules, Kept(store).get(incident.id), made=made)


def file_name(incident: Incident) -> str:
    """How its file is called: nothing in it is of hostile text."""
    return f"exfilwatch-report-{incident.id}.html"
