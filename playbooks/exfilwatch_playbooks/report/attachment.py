"""The report as a file of a case."""

from collections.abc import Mapping, Sequence

from exfilwatch.detection.detection import RuleInfo
from exfilwatch.findings.finding import Finding
from exfilwatch.findings.incident import Incident
from exfilwatch_playbooks.cases.case import Attachment
from exfilwatch_playbooks.enrichment.model import Enrichment
from exfilwatch_playbooks.report.evidence import ROOM
from exfilwatch_playbooks.report.page import html

_REST = 600_000
"""Bytes that a page takes at most beside raw evidence, for nearly every incident."""


def attachment(
    incident: Incident,
    findings: Sequence[Finding],
    rules: Mapping[str, RuleInfo],
    enrichment: Enrichment | None,
    limit: int,
) -> Attachment | None:
    """The page in at most `limit` bytes, with less raw evidence where that is little; None when even so it is larger.

    `findings` are all that the incident has. The file is the same for the same arguments.
    """
    for room in (min(ROOM, limit - _REST), 0):
        content = html(incident, findings, rules, enrichment, room=max(0, room)).encode()
        if len(content) <= limit:
            return Attachment(stem="report", suffix=".html", media="text/html", content=content)
    return None
