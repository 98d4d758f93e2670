"""Exporting findings, and whether everything that is configured can be reached."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from exfilwatch.detection.rule import RuleSet
from exfilwatch.errors import ConfigError
from exfilwatch.findings.finding import Finding
from exfilwatch.findings.marks import Disposition
from exfilwatch_playbooks.actions.context import Context

from .kept import context, did, in_files

DEAD = {
    "kind": "opensearch", "url": "http://127.0.0.1:9", "indices": "x", "username": "u", "password": "geheim",
}  # fmt: skip


def read(form: str, content: str) -> list[Any]:
    if form == "csv":
        return list(csv.DictReader(io.StringIO(content, newline="")))
    if form == "stix":
        return [each for each in json.loads(content)["objects"] if each["type"] == "observed-data"]
    return [json.loads(line) for line in content.splitlines()]


@pytest.mark.parametrize("form", ["ocsf", "stix", "csv", "json"])
def test_findings_are_exported_in_each_form(form: str, kept: list[Finding], work: Context) -> None:
    one = did("export_finding", work, finding=kept[0].id[:10], form=form)
    assert (one.count, len(read(form, one.content))) == (1, 1)
    both = did("export_finding", work, finding=f"{kept[0].id}, {kept[1].id},{kept[0].id}", form=form)
    assert len(read(form, both.content)) == 2
    incident = work.store.incident_of(kept[0].id)
    assert len(read(form, did("export_finding", work, incident=incident, form=form).content)) == len(
        work.store.incident(incident).findings
    )


def test_marks_go_with_them(kept: list[Finding], work: Context) -> None:
    work.store.mark(kept[0].id, Disposition.BENIGN, "ours")
    assert read("json", did("export_finding", work, finding=kept[0].id).content)[0]["mark"]["why"] == "ours"
    assert read("ocsf", did("export_finding", work, finding=kept[0].id, form="ocsf").content)[0]["status"] == "Resolved"


@pytest.mark.parametrize(
    "given", [{}, {"finding": "a", "incident": "b"}, {"finding": "ffff"}, {"finding": "a", "form": "x"}]
)
def test_what_can_not_be_exported_is_said(given: dict[str, str], kept: list[Finding], work: Context) -> None:
    with pytest.raises(ConfigError, match=r"either|no finding|form: Input should be|several"):
        did("export_finding", work, **given)


def test_all_that_is_configured_is_tried(logs: Path, tmp_path: Path, rules: RuleSet) -> None:
    answer = did("test_connectivity", in_files(tmp_path, rules, logs))
    assert answer.ok
    assert {each.what for each in answer.steps} == {"database", "rules", "siem.files", "case.local"}


def test_what_fails_is_told_and_the_rest_is_tried(logs: Path, tmp_path: Path, rules: RuleSet) -> None:
    settings = {
        "siem": {
            "files": {"kind": "files", "paths": [str(logs)]},
            "dead": DEAD,
            "wrong": {"kind": "splank"},
        }
    }
    work = context(tmp_path, rules, settings)
    answer = did("test_connectivity", work)
    assert not answer.ok
    assert answer.summary == "4 of 6 can be used"
    assert [each.partition(":")[0] for each in answer.problems] == ["siem.dead", "siem.wrong"]
    assert "geheim" not in answer.model_dump_json()
    assert did("test_connectivity", work, siem="files").ok
    with pytest.raises(ConfigError, match="there is no siem 'nope'"):
        did("test_connectivity", work, siem="nope")
