"""Every action by the SDK's own runner, what polls by hand give, and what is refused and how."""

import json
from pathlib import Path
from typing import Any

import pytest

from exfilwatch.findings.incident import rank
from exfilwatch_playbooks.actions.registry import every

from .installation import Answer, App, containers
from .site import Site, site

HUSH = "hush-hush"


def inputs(found: Site) -> dict[str, dict[str, Any]]:
    """What each action is asked, in the order in which they are."""
    incident = max(found.store.incidents(), key=lambda each: rank(each.level))
    of_finding, of_incident = {"finding": incident.findings[0]}, {"incident": incident.id}
    return {
        "list_findings": {"level": "medium", "limit": 5},
        "hunt": {"since": "2020-01-01", "dry_run": True},
        "get_finding": of_finding,
        "explain_finding": of_finding,
        "enrich_finding": of_finding,
        "estimate_volume": of_finding,
        "find_related": of_finding | {"days": 30},
        "get_process_tree": of_finding,
        "get_timeline": of_finding,
        "get_response_plan": of_incident,
        "export_finding": of_finding | {"form": "ocsf"},
        "make_report": of_incident,
        "open_case": of_incident,
        "update_case": of_incident,
        "add_case_note": of_incident | {"text": "The owner knows nothing of it."},
        "close_case": of_incident | {"why": "migration, CHG-1042"},
        "set_disposition": of_finding | {"disposition": "true-positive", "why": "nobody knows of it"},
        "suppress": of_finding | {"until": "14d", "why": "CHG-1042", "dry_run": True},
    }


@pytest.fixture(scope="module")
def answered(app: App, polled: Site) -> dict[str, Answer]:
    asked = inputs(polled)
    assert set(asked) == {each.name for each in every()} - {"test_connectivity"}
    steps = [polled.step(name.replace("_", "-"), **given) for name, given in asked.items()]
    return dict(zip(asked, app.run(polled.home, *steps), strict=True))


def test_each_action_answers_what_exfilwatch_does(answered: dict[str, Answer]) -> None:
    for name, answer in answered.items():
        refused = name == "suppress"  # its finding is a true positive by then
        assert answer.success is not refused, f"{name}: {answer.message}"
        if not refused:
            assert answer.data["summary"] in answer.message
    assert answered["list_findings"].data["findings"][0]["attack"]
    assert json.loads(answered["get_finding"].data["finding"]["events"][0]["fields"])["CommandLine"]
    assert answered["open_case"].data["changed"]
    assert not answered["update_case"].data["changed"]
    assert answered["close_case"].data["case_id"] == answered["open_case"].data["case_id"]
    assert answered["make_report"].data["html"].startswith("<!doctype html>")
    assert "true positive" in answered["suppress"].message


def test_findings_are_shown_as_a_table_in_which_nothing_of_theirs_is_markup(answered: dict[str, Answer]) -> None:
    for name in ("list_findings", "hunt"):
        shown = answered[name].shown.partition('class="exfilwatch"')[2]
        assert shown.count("<tr>") == len(answered[name].data["findings"]) + 1
        evidence = answered[name].data["findings"][0]["evidence"]
        assert ("&#34;" in shown) or ('"' not in evidence)
        assert "Error" not in shown


def test_test_connectivity_says_each_step(app: App, polled: Site) -> None:
    (answer,) = app.run(polled.home, {"action": "test-connectivity", "asset": polled.asset})
    assert answer.success, answer.message
    assert "siem.main: files: " in answer.printed


def test_a_poll_by_hand_keeps_to_counts_and_the_next_brings_what_is_left(app: App, tmp_path: Path) -> None:
    found = site(tmp_path, "lnx", "windows-day")
    late = 4_102_444_800_000
    few, none, whole = app.run(
        found.home,
        found.step("on-poll", container_count=1, artifact_count=2),
        found.step("on-poll", container_count=10, start_time=late, end_time=late + 1),
        found.step("on-poll", container_count=2**32 - 1, artifact_count=2**32 - 1, start_time=late),
    )
    assert few.message == "1 new incidents, 0 with news, 2 artifacts"
    assert none.message.startswith("0 new incidents")
    grave = [each for each in found.store.incidents() if rank(each.highest) >= rank("medium")]
    assert f"{len(grave)} new incidents" in whole.message or f"{len(grave) - 1} new incidents" in whole.message
    assert {each["container"]["source_data_identifier"] for each in containers(found.home)} == {
        each.id for each in grave
    }
    for each in containers(found.home):
        known = {its["source_data_identifier"] for its in each["artifacts"]}
        (incident,) = [one for one in grave if one.id == each["container"]["source_data_identifier"]]
        assert known >= set(incident.findings)


def test_a_poll_for_one_incident_brings_it_again(app: App, polled: Site) -> None:
    incident = containers(polled.home)[0]["container"]["source_data_identifier"]
    (answer,) = app.run(polled.home, polled.step("on-poll", container_count=5, container_id=incident))
    assert answer.message.startswith("1 new incidents")
    assert containers(polled.home)[0]["again"] == 1


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no kind": ({"siem_kind": ""}, "Asset misconfiguration in on poll: "),
    "unknown kind": ({"siem_kind": "syslog"}, "there is no SIEM kind 'syslog'"),
    "empty secret": (
        {"case_kind": "roundup", "case_url": "https://cases.example.com", "case_user": "u"}
        | {"case_password": "", "policy_open": "medium"},
        "case.cases: password: is missing",
    ),
    "wrong type": ({"policy_open": 3}, "policy.open"),
    "wrong level": ({"container_level": "hot"}, "container_level: use one of "),
    "wrong time": ({"first_poll": "soon"}, "first_poll: use a number with s, m, h or d"),
    "no such rules": ({"rules": "exfiltration"}, "exfiltration: there is neither a rule pack"),
    "broken table": ({"siem_more": f"password = {HUSH}"}, "siem_more: write it as in the settings file"),
    "nobody there": (
        {
            "siem_kind": "opensearch",
            "siem_paths": "",
            "siem_url": "http://127.0.0.1:9",
            "siem_indices": "logs-*",
            "siem_user": "u",
            "siem_password": HUSH,
        },
        "problem: main",
    ),
}


def test_what_is_wrong_with_an_asset_is_said_without_secrets_or_traces(app: App, tmp_path: Path) -> None:
    found = site(tmp_path, "lnx", "windows-day")
    steps = [found.step("on-poll", asset=asset) for asset, _ in WRONG.values()]
    steps += [found.step("open-case", asset=WRONG["empty secret"][0], incident="1234")]
    steps += [{"action": "test-connectivity", "asset": found.asset | WRONG["nobody there"][0]}]
    *polls, opened, tested = app.run(found.home, *steps)
    for (name, (_, said)), answer in zip(WRONG.items(), polls, strict=True):
        assert not answer.success, name
        assert said in answer.message, name
    assert not opened.success
    assert not tested.success
    assert "siem.main" in tested.message
    for answer in (*polls, opened, tested):
        assert HUSH not in json.dumps(answer.results) + answer.printed
        assert "Traceback" not in answer.message + answer.printed
        assert len(answer.results) == 1


def test_wrong_inputs_are_said(app: App, polled: Site) -> None:
    missing, wrong = app.run(
        polled.home,
        polled.step("open-case", incident="nothing-like-it"),
        polled.step("suppress", finding="1234", until="soon", why=""),
    )
    assert not missing.success
    assert "incident" in missing.message
    assert "until: use a length of time" in wrong.message
    assert "why: say why" in wrong.message


def test_without_a_database_findings_are_where_the_platform_keeps_an_apps_data(app: App, tmp_path: Path) -> None:
    found = site(tmp_path, "lnx", "windows-day")
    (answer,) = app.run(found.home, found.step("list-findings", asset={"database": ""}))
    assert answer.success, answer.message
    (kept,) = (found.home / "local_data" / "app_states").glob("**/asset_*/exfilwatch.sqlite")
    assert kept.parent.stat().st_mode & 0o077 == 0
