"""The corpus in the terminal and in spreadsheets: nothing acts, nothing is lost."""

import csv
import io
import re
from datetime import UTC, datetime

import pytest

from exfilwatch.findings.incident import group
from exfilwatch_playbooks.cases.body import draft
from exfilwatch_playbooks.cases.case import Case
from exfilwatch_playbooks.cli.case_view import show_case
from exfilwatch_playbooks.cli.finding_view import show_finding
from exfilwatch_playbooks.exports.spreadsheet import header, row
from exfilwatch_playbooks.hostile import visible

from ..findings.made import make  # noqa: TID252 (tests are no package on the path)
from ..hostile_corpus import CORPUS, KINDS, LONG  # noqa: TID252

_FORMULA = re.compile(r"\s*[=+\-@]|[\t\r\n]")


def test_a_spreadsheet_has_one_row_for_each_finding_and_no_formula():
    findings = [
        make(str(at), CommandLine=text, host=text, user=text, Image=text, source=text)
        for at, text in enumerate([*CORPUS, *list(LONG.values())[::4]])
    ]
    csv.field_size_limit(10_000_000)
    written = b"\n".join([header(), *map(row, findings)]).decode("utf-8-sig", "strict")
    head, *rows = csv.reader(io.StringIO(written, newline=""))
    assert len(rows) == len(findings)
    assert {len(each) for each in rows} == {len(head)}
    assert [cell[:60] for each in rows for cell in each if _FORMULA.match(cell)] == []
    assert all(visible(cell, keep="\n\t") == cell for each in rows for cell in each)


@pytest.mark.parametrize("kind", KINDS)
def test_a_terminal_gets_nothing_that_acts(kind, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    for at, text in enumerate(KINDS[kind][::4]):
        show_finding(
            make(str(at), CommandLine=text, host=text, user=text, Image=text, TargetFilename=text, source=text)
        )
    shown = capsys.readouterr().out
    assert visible(shown, keep="\n") == shown


def test_a_case_in_the_terminal_has_no_link_and_nothing_that_acts(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    for at, text in enumerate(CORPUS[::50]):
        finding = make(str(at), CommandLine=text, host=text, user=text, Image=text)
        (incident,) = group([finding])
        made = draft(incident, [finding])
        told = made.model_dump(exclude={"key", "follows", "values"})
        show_case(Case(id="1", status="open", opened=datetime(2024, 5, 1, tzinfo=UTC), **told))
    shown = capsys.readouterr().out
    assert visible(shown, keep="\n") == shown
