"""What the rules find in the demo: all four scenarios, and nothing else."""

from collections import Counter
from pathlib import Path

import pytest

from exfilwatch.detection.detection import Detection
from exfilwatch.detection.engine import Engine
from exfilwatch.detection.load import load
from exfilwatch.events.inputs import open_inputs
from exfilwatch.events.limits import Limits
from exfilwatch.events.report import Report
from exfilwatch.findings.finding import finding
from exfilwatch.findings.incident import group
from exfilwatch.rules.packs import pack
from exfilwatch_playbooks.demo.telemetry import SCENARIOS, Scenario, telemetry


def found(rules: str) -> list[Detection]:
    report = Report()
    with telemetry() as paths:
        inputs = open_inputs(map(str, paths), report, Limits(), replayable=True)
        return list(Engine(load([pack(rules)]), report).run(inputs))


@pytest.fixture(scope="module")
def findings() -> list[Detection]:
    return found("exfil")


def files(detection: Detection) -> set[str]:
    return {Path(event.origin.source).name for event in detection.events}


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: f"scenario {scenario.number}")
def test_each_scenario_is_found_by_the_rules_that_it_names(scenario: Scenario, findings: list[Detection]) -> None:
    of_it = [each for each in findings if files(each) <= set(scenario.files)]

    assert {each.rule.title for each in of_it} == set(scenario.rules)
    assert {each.rule.branch for each in of_it} == set(scenario.branches)
    assert {event.host for each in of_it for event in each.events} == {scenario.host}


def test_every_source_of_scenario_4_is_enough(findings: list[Detection]) -> None:
    sources = Counter((name, each.rule.branch) for each in findings for name in files(each))

    assert (
        sources["lnx-app-02-audit.log.gz", "scripting_engine"]
        == sources["scenario-4-sysmon.log", "scripting_engine"]
        == 1
    )
    assert sources["lnx-app-02-audit.log.gz", "transfer_tool"] == sources["scenario-4-sysmon.log", "transfer_tool"] == 3


def test_each_scenario_becomes_one_incident(findings: list[Detection]) -> None:
    incidents = group(finding(detection) for detection in findings)

    assert sorted(str(incident.host) for incident in incidents) == sorted(scenario.host for scenario in SCENARIOS)


def test_nothing_harmless_is_found(findings: list[Detection]) -> None:
    scenarios = {name for scenario in SCENARIOS for name in scenario.files}
    harmless = [each for each in findings if not files(each) <= scenarios]

    assert [(each.rule.title, each.fields) for each in harmless] == []


def test_nothing_of_the_recorded_hour_is_found_but_the_scenario(findings: list[Detection]) -> None:
    times = [
        event.time or 0
        for each in findings
        for event in each.events
        if event.host == "lnx-app-02"
    ]  # fmt: skip

    assert max(times) - min(times) < 1_000_000


def test_the_published_query_finds_only_the_first_two_among_many_false_alarms() -> None:
    detections = found("seed")
    scenarios = {scenario.number for scenario in SCENARIOS for d in detections if files(d) & set(scenario.files)}
    false_alarms = [detection for detection in detections if files(detection) == {"windows-day.jsonl.gz"}]

    assert scenarios == {1, 2}
    assert len(false_alarms) > 100
    assert {detection.rule.branch for detection in false_alarms} == {
        "scripting_engine",
        "transfer_tool",
        "archive_then_network",
    }
