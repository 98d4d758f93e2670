"""The app in the SDK's own runner: polls, actions, and what it refuses."""

import json
import os
import signal
from pathlib import Path

import pytest

from exfilwatch.findings.incident import rank

from .installation import App, answers, containers
from .site import Site, site


def grave(found: Site) -> dict[str, set[str]]:
    """The findings of each incident that becomes a container."""
    return {each.id: set(each.findings) for each in found.store.incidents() if rank(each.highest) >= rank("medium")}


def handed(found: Site) -> dict[str, set[str]]:
    """The findings that the platform has, by incident."""
    return {
        each["container"]["source_data_identifier"]: {
            its["source_data_identifier"] for its in each["artifacts"] if its["label"] == "finding"
        }
        for each in containers(found.home)
    }


def test_the_sdks_command_line_polls_once(app: App, tmp_path: Path) -> None:
    found = site(tmp_path, "lnx", "windows-day")
    for name, content in (("poll", {}), ("asset", found.asset)):
        (tmp_path / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    words = (
        "python",
        "-m",
        "src.app",
        "action",
        "on-poll",
        "-p",
        f"{tmp_path}/poll.json",
        "-a",
        f"{tmp_path}/asset.json",
    )
    first, second = app.program(tmp_path, *words), app.program(tmp_path, *words)
    assert first.stdout.count("Creating container: ") == len(grave(found)) > 0
    assert "Action success: True" in first.stdout
    assert "0 new incidents, 0 with news, 0 artifacts" in second.stdout
    assert "Creating container" not in second.stdout


def test_every_incident_is_a_container_with_its_findings(polled: Site) -> None:
    assert handed(polled) == grave(polled) != {}
    for each in containers(polled.home):
        assert each["artifacts"][-1]["run_automation"] is True


def test_new_evidence_comes_as_artifacts_of_the_same_container(app: App, tmp_path: Path) -> None:
    found = site(tmp_path, "lnx", "windows-day")
    log = found.home / "logs" / "scenario-2-scheduled-task.jsonl"
    text = log.read_text(encoding="utf-8").splitlines(keepends=True)
    log.write_text("".join(text[: len(text) // 2]), encoding="utf-8")
    app.run(found.home, found.step("on-poll"))
    before = handed(found)
    with log.open("a", encoding="utf-8") as opened:
        opened.write("".join(text[len(text) // 2 :]))
    (answer,) = app.run(found.home, found.step("on-poll"))
    after = handed(found)
    assert after.keys() == grave(found).keys()
    assert all(after[each] >= findings for each, findings in grave(found).items())  # some have taken others' place
    (grown,) = [each for each in before if after[each] > before[each]]
    assert "1 with news" in answer.message
    (again,) = [each for each in containers(found.home) if each["again"]]
    assert again["container"]["source_data_identifier"] == grown


# A container was saved, and what came before it was not yet told; in the long form also after artifacts.
@pytest.mark.parametrize("saves", range(1, 9) if os.environ.get("EXFILWATCH_CHAOS") else [3])
def test_a_poll_that_is_killed_loses_and_doubles_nothing(app: App, tmp_path: Path, saves: int) -> None:
    found = site(tmp_path, "lnx", "windows-day")
    killed = app.begun(found.home, found.step("on-poll") | {"die": saves})
    killed.communicate(timeout=120)
    assert killed.returncode == -signal.SIGKILL
    second, third = app.run(found.home, found.step("on-poll"), found.step("on-poll"))
    assert second.success
    assert handed(found) == grave(found)
    assert sum(each["again"] for each in containers(found.home)) <= 2
    assert third.message == "0 new incidents, 0 with news, 0 artifacts"


def test_two_polls_at_once_hand_over_once(app: App, tmp_path: Path) -> None:
    found = site(tmp_path, "lnx", "windows-day")
    processes = [app.begun(found.home, found.step("on-poll")) for _ in range(2)]
    for process in processes:
        (answer,) = answers(process)
        assert answer.success, answer.message
    app.run(found.home, found.step("on-poll"))
    assert handed(found) == grave(found)
    assert [each["again"] for each in containers(found.home)] == [0] * len(containers(found.home))
