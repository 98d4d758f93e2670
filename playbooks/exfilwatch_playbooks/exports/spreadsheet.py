"""Findings as CSV, for spreadsheets: columns that never change, and nothing that a spreadsheet would calculate."""

import csv
import io
from collections.abc import Callable, Iterable

from exfilwatch.findings.finding import Finding
from exfilwatch_playbooks.cli.jsonl import line
from exfilwatch_playbooks.hostile import visible

# What begins a formula in one spreadsheet or another (OWASP, CSV Injection), in its full-width form too.
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")


def _field(name: str) -> Callable[[Finding], object]:
    def value(finding: Finding) -> object:
        return next((event.fields[name] for event in finding.events if event.fields.get(name) is not None), None)

    return value


def _signals(finding: Finding) -> str:
    return "; ".join(
        f"{signal.name}: {signal.matched}" if signal.matched else signal.name
        for signal in finding.signals
        if signal.matched is not None
    )


COLUMNS: dict[str, Callable[[Finding], object]] = {
    "id": lambda finding: finding.id,
    "time": lambda finding: finding.time and finding.time.isoformat(),
    "end": lambda finding: finding.end and finding.end.isoformat(),
    "level": lambda finding: finding.rule.level,
    "rule": lambda finding: finding.rule.title,
    "rule_id": lambda finding: finding.rule.id,
    "branch": lambda finding: finding.rule.branch,
    "attack": lambda finding: " ".join(finding.rule.attack),
    "score": lambda finding: finding.score,
    "host": lambda finding: finding.host,
    "user": lambda finding: finding.user,
    "image": _field("Image"),
    "command_line": _field("CommandLine"),
    "parent_image": _field("ParentImage"),
    "parent_command_line": _field("ParentCommandLine"),
    "destination_ip": _field("DestinationIp"),
    "destination_port": _field("DestinationPort"),
    "signals": _signals,
    "fields": lambda finding: line(finding.fields).decode(),
    "events": lambda finding: " ".join(event.id for event in finding.events),
    "source": lambda finding: " ".join(dict.fromkeys(f"{event.source}:{event.line}" for event in finding.events)),
}


def header() -> bytes:
    """The names of the columns."""
    return _row(COLUMNS)


def row(finding: Finding) -> bytes:
    """A finding, without the line end."""
    return _row(_cell(value(finding)) for value in COLUMNS.values())


def _cell(value: object) -> str:
    if value is None or isinstance(value, int):
        return "" if value is None else str(value)
    text = visible(str(value), keep="\n\t")
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text


def _row(cells: Iterable[str]) -> bytes:
    """All cells in quotes: else a semicolon within one would begin a cell where semicolons separate them."""
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="").writerow(cells)
    return out.getvalue().encode("utf-8", "replace")
