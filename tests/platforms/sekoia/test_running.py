"""The module as the platform runs it: the trigger and every action, in containers' processes with a callback server."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from exfilwatch.findings.store import Store
from exfilwatch_playbooks.actions.registry import every
from exfilwatch_playbooks.demo.telemetry import OWN_TRAFFIC, telemetry
from exfilwatch_playbooks.platforms.sekoia.module import class_name

from .callback import Platform, platform
from .installation import Module

ONCE = {"every": "1h", "level": "informational", "first_poll": "24h"}
POLICY = {f"policy_{each}": "never" for each in ("enrich", "open", "page")}


@dataclass(frozen=True)
class Site:
    """The module's data, with the settings that people give."""

    data: Path
    settings: dict[str, str]

    @property
    def store(self) -> Store:
        """What is kept."""
        return Store(str(self.data / "exfilwatch.sqlite"))


def site(data: Path) -> Site:
    data.mkdir()
    with telemetry() as files:
        paths = ",".join(map(str, files))
    return Site(data, {"siem_kind": "files", "siem_paths": paths, "rules": f"exfil,{OWN_TRAFFIC}", **POLICY})


@pytest.fixture(scope="module")
def polled(module: Module, tmp_path_factory: pytest.TempPathFactory) -> tuple[Site, list[dict[str, Any]]]:
    """A site whose trigger has polled once, and its events."""
    ours = site(tmp_path_factory.mktemp("polled") / "data")
    with platform({}) as server, module.started("Poll", server, ours.data, ours.settings, ONCE):
        server.wait(lambda: any("incidents with news" in said for _, said in server.logs))
        return ours, [each for _, each in server.events]


def test_the_trigger_sends_an_event_for_each_incident(polled: tuple[Site, list[dict[str, Any]]]) -> None:
    ours, events = polled
    incidents = {each.id: each for each in ours.store.incidents()}
    assert sorted(each["event"]["incident"]["id"] for each in events) == sorted(incidents)
    for each in events:
        event = each["event"]
        assert each["name"] == event["title"]
        assert {found["id"] for found in event["findings"]} == set(incidents[event["incident"]["id"]].findings)


def test_every_action_runs(module: Module, polled: tuple[Site, list[dict[str, Any]]], tmp_path: Path) -> None:
    shared, events = polled
    # A copy, for other tests count what is there.
    ours = Site(Path(shutil.copytree(shared.data, tmp_path / "data")), shared.settings)
    event = events[0]["event"]
    finding, incident = event["findings"][0]["id"], event["incident"]["id"]
    needed = {
        "finding": finding,
        "incident": incident,
        "text": "looked at",
        "why": "migration, CHG-1042",
        "disposition": "benign",
        "until": "30d",
        "form": "json",
    }
    asked = {
        each.name: {
            name: value
            for name, value in needed.items()
            if name in each.input.model_fields and (name != "form" or each.name == "export_finding")
        }
        for each in every()
    }
    for name in ("export_finding", "get_response_plan"):
        del asked[name]["incident"]
    # The tool gives settings among the arguments, and both have `rules`.
    asked["hunt"] = {"since": "2020-01-01", "rules": ""}
    order = sorted(asked, key=lambda name: (name != "open_case", name in ("close_case", "suppress"), name))
    answers = module.steps(ours.data, ours.settings, *((class_name(name), asked[name]) for name in order))
    said = dict(zip(order, answers, strict=True))
    assert all(each["summary"] for each in said.values())
    assert said["open_case"]["changed"]
    assert said["hunt"]["problems"] == []
    assert said["get_finding"]["finding"]["id"] == finding
    assert said["test_connectivity"]["ok"]


def test_the_command_line_of_the_sdk_runs_an_action(module: Module, polled: tuple[Site, list[dict[str, Any]]]) -> None:
    ours, _ = polled
    words = [f"{name}={value}" for name, value in {**ours.settings, "level": "high"}.items()]
    names = ["--module-name", module.folder.name, "--class-name", "ListFindings"]
    done = module.tool("run-action", "--modules-path", ".", *names, "--data-path", str(ours.data), *words)
    high = [each for each in ours.store.find() if each.rule.level in ("high", "critical")]
    assert f"'summary': '{len(high)} findings'" in done.stdout


WRONG: list[tuple[str, str, dict[str, str], dict[str, Any], str]] = [
    ("an input that is none", "GetFinding", {}, {"finding": "x", "colour": "red"}, "colour: there is no such input"),
    ("a finding that is not there", "GetFinding", {}, {"finding": "abcdef"}, "abcdef"),
    ("an empty secret", "ListFindings", {"siem_password": " "}, {}, "siem_password: is empty"),
]


@pytest.mark.parametrize(
    ("command", "settings", "given", "said"), [each[1:] for each in WRONG], ids=[e[0] for e in WRONG]
)
def test_what_is_wrong_is_the_actions_error(
    module: Module,
    polled: tuple[Site, list[dict[str, Any]]],
    command: str,
    settings: dict[str, str],
    given: dict[str, Any],
    said: str,
) -> None:
    ours, _ = polled
    with platform({}) as server:
        answer = module.acted(command, server, ours.data, ours.settings | settings, given)
    assert said in answer["error"]
    assert "Traceback" not in answer["error"]
    assert "results" not in answer


def test_an_action_gets_its_secrets_from_the_platform_and_tells_its_results(
    module: Module, polled: tuple[Site, list[dict[str, Any]]]
) -> None:
    ours, _ = polled
    elsewhere = ours.data / "exfilwatch.sqlite"
    with platform({}) as server:
        answer = module.acted("ListFindings", server, ours.data, {**ours.settings, "database": str(elsewhere)}, {})
        assert server.secrets == {"database": str(elsewhere)}
    assert server.answers[0] == {"status": "running", "need_secrets": True}
    assert (answer["status"], len(answer["results"]["findings"])) == ("finished", len(ours.store.find()))


def test_a_wrong_setting_is_a_critical_log_of_the_trigger(module: Module, tmp_path: Path) -> None:
    ours = site(tmp_path / "data")
    with platform({}) as server:
        wrong = ours.settings | {"siem_token": "  "}
        with module.started("Poll", server, ours.data, wrong, ONCE):
            server.wait(lambda: any("siem_token: is empty" in said for _, said in server.logs))
        assert server.events == []


def ids(ours: Site) -> set[str]:
    return {each.id for each in ours.store.find()}


def sent_by_both(server: Platform) -> bool:
    return {token for token, said in server.logs if "incidents with news" in said} == {"one", "two"}


def test_two_triggers_at_once_send_each_incident_once(module: Module, tmp_path: Path) -> None:
    ours, often = site(tmp_path / "data"), ONCE | {"every": "1s"}
    with (
        platform({}) as server,
        module.started("Poll", server, ours.data, ours.settings, often, "one"),
        module.started("Poll", server, ours.data, ours.settings, often, "two"),
    ):
        server.wait(lambda: sent_by_both(server) and {each for _, each in server.findings()} >= ids(ours))
    # One that was sent while the other still read may have gone into another since, which is then told.
    assert set(server.incidents()) >= {each.id for each in ours.store.incidents()}
    sent = server.findings()
    assert len(sent) == len(set(sent))
    assert {each for _, each in sent} >= ids(ours)


def test_a_trigger_that_is_killed_in_the_middle_loses_nothing(
    module: Module, tmp_path: Path, polled: tuple[Site, list[dict[str, Any]]]
) -> None:
    ours = site(tmp_path / "data")
    with platform({}, hold=2) as server:
        with module.started("Poll", server, ours.data, ours.settings, ONCE) as process:
            assert server.held.wait(120)
            process.kill()
            process.wait(timeout=60)
        server.released.set()
        with module.started("Poll", server, ours.data, ours.settings, ONCE, "two"):
            server.wait(lambda: any(token == "two" and "incidents with news" in said for token, said in server.logs))
    sent = server.incidents()
    # Whether the one that was under way arrived, nobody can know: it comes again, with the same ids.
    assert len(sent) == len(set(sent)) + 1
    assert sent[1] == sent[2]
    assert {each.id for each in ours.store.find()} == {each.id for each in polled[0].store.find()}
    assert set(sent) == {each.id for each in ours.store.incidents()}
