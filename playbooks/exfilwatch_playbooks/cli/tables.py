"""Findings, incidents and cases as tables, for 80 columns and more."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from rich import box
from rich.table import Table
from rich.text import Text

from exfilwatch.findings.finding import EvidenceEvent, Finding
from exfilwatch.findings.marks import Mark
from exfilwatch_playbooks.cli.terminal import console, evidence, level, plain, when
from exfilwatch_playbooks.response.facts import facts

SHORT_ID = 8
_EVIDENCE = 220  # characters of a command line
# Where to look for evidence first; then in whatever matched.
_TELLING = ("CommandLine", "ScriptBlockText", "Payload", "TargetFilename", "TaskName")
_EARLIEST = datetime.min.replace(tzinfo=UTC)


def show_findings(findings: Iterable[Finding], marks: Mapping[str, Mark] | None = None) -> None:
    """A table of findings, newest first, with what they were marked as."""
    ordered = sorted(findings, key=lambda finding: (finding.time or _EARLIEST, finding.id), reverse=True)
    if not ordered:
        return
    table = listing("Level, id", "When (UTC), where, who", "What")
    table.columns[0].no_wrap = True
    table.columns[1].max_width = 26
    table.columns[1].overflow = table.columns[2].overflow = "fold"
    table.columns[2].ratio = 1
    for finding in ordered:
        table.add_row(
            Text("\n").join([level(finding.rule.level), Text(finding.id[:SHORT_ID], "dim"), *_marked(finding, marks)]),
            Text("\n").join([when(finding.time), plain(finding.host, 60), plain(finding.user, 60, "dim")]),
            what(finding),
        )
    console().print(table)


def _marked(finding: Finding, marks: Mapping[str, Mark] | None) -> list[Text]:
    mark = (marks or {}).get(finding.id)
    return [Text(mark.disposition.value, "italic")] if mark else []


def listing(*columns: str) -> Table:
    """An empty table of the house."""
    table = Table(box=box.SIMPLE_HEAD, expand=True, pad_edge=False, show_lines=False, padding=(0, 1, 0, 0))
    for column in columns:
        table.add_column(column, header_style="bold")
    return table


def what(finding: Finding, limit: int = _EVIDENCE, *, techniques: bool = True) -> Text:
    """A finding's title, techniques and evidence, and where its connections went."""
    shown = plain(finding.rule.title, 120, "bold")
    if techniques and finding.rule.attack:
        shown.append(f"  {' '.join(finding.rule.attack[:5])}", "dim")
    event, field = _telling(finding)
    if event is not None:
        text = str(event.fields[field])
        shown.append("\n").append_text(evidence(text, spans(finding, event, field), limit))
    known = facts(finding)
    if known.connected and known.destination:
        shown.append("\n").append_text(plain(f"→ {known.destination}", 120, "magenta"))
    return shown.append("\n")


def spans(finding: Finding, event: EvidenceEvent, field: str) -> list[tuple[int, int]]:
    """Start and length of what matched in a field of an event."""
    return [
        (signal.start, len(signal.matched))
        for signal in finding.signals
        if signal.event in ("", event.id) and signal.field == field and signal.matched and signal.start is not None
    ]


def _telling(finding: Finding) -> tuple[EvidenceEvent | None, str]:
    """The event and the field that say most."""
    matched = [signal.field for signal in finding.signals if signal.matched]
    for field in (*_TELLING, *matched):
        for event in finding.events:
            if event.fields.get(field):
                return event, field
    return None, ""
