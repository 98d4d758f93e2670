"""What the rules find in the demo with the filters of its site: all four scenarios, and else only weak signs."""

from collections import Counter
from pathlib import Path

import pytest

from exfilwatch.detection.detection import Detection
from exfilwatch.detection.engine import Engine
from exfilwatch.detection.load import load
from exfilwatch.detection.rule_tests import run_tests
from exfilwatch.events.inputs import open_inputs
from exfilwatch.events.limits import Limits
from exfilwatch.events.report import Report
from exfilwatch.findings.finding import finding
from exfilwatch.findings.incident import Incident, group, rank
from exfilwatch.rules.packs import FILTERS, pack
from exfilwatch_playbooks.demo.telemetry import OWN_TRAFFIC, SCENARIOS, Scenario, telemetry


def found(*rules: Path) -> list[Detection]:
    report = Report()
    with telemetry() as paths:
        inputs = open_inputs(map(str, paths), report, Limits(), replayable=True)
        return list(Engine(load(rules), report).run(inputs))


@pytest.fixture(scope="module")
def findings() -> list[Detection]:
    return found(pack("exfil"), FILTERS, OWN_TRAFFIC)


@pytest.fixture(scope="module")
def incidents(findings: list[Detection]) -> list[Incident]:
    """Those that are more than weak signs."""
    return [each for each in group(map(finding, findings)) if rank(each.highest) >= rank("medium")]


def notable(detections: list[Detection]) -> list[Detection]:
    return [each for each in detections if rank(each.rule.level) >= rank("medium")]


def files(detection: Detection) -> set[str]:
    return {Path(event.origin.source).name for event in detection.events}


def of(scenario: Scenario, detections: list[Detection]) -> list[Detection]:
    return [each for each in detections if files(each) & set(scenario.files)]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: f"scenario {scenario.number}")
def test_each_scenario_is_found_by_the_rules_that_it_names(scenario: Scenario, findings: list[Detection]) -> None:
    of_it = of(scenario, notable(findings))

    assert {each.rule.title for each in of_it} == set(scenario.rules)
    assert {each.rule.branch for each in of_it} == set(scenario.branches)
    assert {event.host for each in of_it for event in each.events} == {scenario.host}


def test_every_source_of_scenario_4_is_enough(findings: list[Detection]) -> None:
    sources = Counter((*files(each), each.rule.branch) for each in findings if len(files(each)) == 1)

    for branch, count in (("transfer_tool", 4), ("collection", 2)):
        assert sources["scenario-4-sysmon.log", branch] == count
    assert sources["lnx-app-02-audit.log.gz", "transfer_tool"] == 4


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: f"scenario {scenario.number}")
def test_each_scenario_is_one_grave_incident_with_all_that_was_found_of_it(
    scenario: Scenario, findings: list[Detection], incidents: list[Incident]
) -> None:
    (incident,) = (each for each in incidents if each.host == scenario.host)

    assert rank(incident.level) >= rank("high")
    assert {finding(each).id for each in of(scenario, findings)} <= set(incident.findings)


def test_there_is_no_incident_but_the_scenarios(incidents: list[Incident]) -> None:
    assert sorted(str(each.host) for each in incidents) == sorted(scenario.host for scenario in SCENARIOS)


def test_nothing_harmless_is_found_above_low(findings: list[Detection]) -> None:
    scenarios = {name for scenario in SCENARIOS for name in scenario.files}
    harmless = [each for each in notable(findings) if not files(each) & scenarios]

    assert [(each.rule.title, each.fields) for each in harmless] == []


def test_of_the_recorded_hour_only_the_scenario_is_uploaded(findings: list[Detection]) -> None:
    times = [
        event.time or 0
        for each in findings
        if each.rule.branch == "transfer_tool"
        for event in each.events
        if event.host == "lnx-app-02"
    ]  # fmt: skip

    assert max(times) - min(times) < 1_000_000


def test_without_the_filters_of_the_site_its_own_traffic_is_found() -> None:
    own = {d.fields["destination"] for d in found(pack("exfil"), FILTERS) if d.rule.title.startswith("Upload By")}

    assert {"api.payments.example", "chat.nordwind.example", "files.nordwind.example"} <= own


def test_the_filters_of_the_site_let_look_alikes_be_found() -> None:
    outcomes = run_tests([OWN_TRAFFIC.parent])

    assert {each.expected for each in outcomes} == {"fires", "silent"}
    assert [each for each in outcomes if not each.passed] == []


def test_the_published_query_finds_only_the_first_two_among_many_false_alarms() -> None:
    detections = found(pack("seed"))
    scenarios = {scenario.number for scenario in SCENARIOS for d in detections if files(d) & set(scenario.files)}
    false_alarms = [detection for detection in detections if files(detection) == {"windows-day.jsonl.gz"}]

    assert scenarios == {1, 2}
    assert len(false_alarms) > 100
    assert {detection.rule.branch for detection in false_alarms} == {
        "scripting_engine",
        "transfer_tool",
        "archive_then_network",
    }
