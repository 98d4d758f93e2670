"""The four actions about a case, in a library and as a command, and what is in a real Roundup after each."""

import asyncio
import json
import secrets
from pathlib import Path
from typing import Any

import pytest
from tests.actions.kept import context

from exfilwatch.detection.rule import RuleSet
from exfilwatch.errors import CaseRefused
from exfilwatch.findings.store import Store

from ..cli.program import Ended, called  # noqa: TID252 (tests are no package on the path)
from ..findings.made import make  # noqa: TID252
from .in_roundup import Kept, kept
from .trackers import place


class Site:
    """A store with an incident of a host that no other test knows, and settings whose case system is a Roundup."""

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        self.folder, self.settings = folder, settings
        self.store = Store(str(folder / "kept.sqlite"))
        self.host = f"WS-{secrets.token_hex(4)}"
        self.finds(0)
        (incident,) = self.store.incidents()
        self.incident = incident.id

    def finds(self, minute: int, level: str = "medium") -> None:
        self.store.save([make(f"{minute} of {self.host}", minute, host=self.host, level=level)])

    def does(self, name: str, **given: object) -> Any:
        """What an action answers."""

        async def doing() -> Any:
            from exfilwatch_playbooks.actions.perform import perform

            async with context(self.folder, RuleSet([], []), {"case": {"tracker": self.settings}}) as work:
                return await perform(name, {"incident": self.incident, **given}, work)

        return asyncio.run(doing())

    def says(self, *words: str) -> Ended:
        """What the command says."""
        lines = [f"{name} = {json.dumps(value)}" for name, value in self.settings.items()]
        config = self.folder / "config.toml"
        config.write_text("\n".join([f'database = "{self.folder}/kept.sqlite"', "[case.tracker]", *lines]), "utf-8")
        return called(*words, env={"EXFILWATCH_CONFIG": str(config), "HOME": str(self.folder)})

    def issues(self) -> list[Kept]:
        return kept(self.settings, self.incident)


@pytest.fixture
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Site:
    return Site(tmp_path, place("roundup", request.config, Store(str(tmp_path / "kept.sqlite"))).settings)


def test_a_dry_run_changes_nothing(site):
    assert site.does("open_case", dry_run=True).changed
    assert not site.does("update_case", dry_run=True).changed
    assert site.issues() == []
    site.does("open_case")
    site.finds(3)
    (before,) = site.issues()
    for name, given in {"update_case": {}, "add_case_note": {"text": "x"}, "close_case": {"why": "x"}}.items():
        assert site.does(name, dry_run=True, **given).changed
    assert site.issues() == [before]


def test_a_case_is_opened_once_and_told_what_is_new(site):
    opened = site.does("open_case")
    assert opened.changed
    (issue,) = site.issues()
    assert (issue.id, issue.key, issue.status, len(issue.messages)) == (opened.case_id, site.incident, "unread", 1)
    assert issue.messages[0].startswith("What happened")
    again, nothing = site.does("open_case"), site.does("update_case")
    assert (again.changed, again.case_id, nothing.changed) == (False, opened.case_id, False)
    assert site.issues() == [issue]
    site.finds(3, level="critical")
    told = site.does("update_case")
    assert (told.changed, told.case_id) == (True, opened.case_id)
    (after,) = site.issues()
    assert (len(after.messages), len(after.files), after.priority) == (2, 4, "critical")
    assert not site.does("update_case").changed
    assert site.issues() == [after]


def test_an_incident_without_case_gets_none_by_an_update_a_note_or_its_end(site):
    assert not site.does("update_case").changed
    for name, given in {"add_case_note": {"text": "x"}, "close_case": {"why": "x"}}.items():
        with pytest.raises(CaseRefused, match="has no case in tracker"):
            site.does(name, **given)
    assert site.issues() == []


def test_a_note_is_added_once_as_plain_text(site):
    site.does("open_case")
    text = "Asked anna: knows nothing.\nSee http://evil.test/ and <b>x</b> {{7*7}}"
    assert [site.does("add_case_note", text=text).changed for _ in range(2)] == [True, False]
    assert site.does("add_case_note", text="Another.").changed
    (issue,) = site.issues()
    assert len(issue.messages) == 3
    assert issue.messages[1].startswith("Asked anna: knows nothing.")
    assert "http://evil.test" not in issue.messages[1]
    assert "<b>x</b> {{7*7}}" in issue.messages[1]


def test_a_case_is_closed_with_the_reason_and_opened_again_by_what_is_new(site):
    site.does("open_case")
    assert [site.does("close_case", why="The nightly backup.").changed for _ in range(2)] == [True, False]
    (issue,) = site.issues()
    assert (issue.status, len(issue.messages)) == ("resolved", 2)
    assert issue.messages[1].startswith("Closed: The nightly backup.")
    assert site.does("add_case_note", text="Asked again.").changed
    assert site.issues()[0].status == "resolved"
    site.finds(3)
    site.does("update_case")
    (issue,) = site.issues()
    assert (issue.status, len(issue.messages)) == ("chatting", 4)  # by the note, as Roundup does


def test_the_command_opens_the_case_and_says_what_waits(site):
    checked = site.says("cases", "check", "--output", "jsonl")
    assert (checked.code, checked.lines[0]["outcome"]) == (0, "ok"), checked.err
    (waits,) = site.says("cases", "list", "--pending", "--output", "jsonl").lines
    assert (waits["incident"], waits["case_system"], waits["case_id"]) == (site.incident, "tracker", None)
    opened = site.says("action", "open_case", "--incident", site.incident[:8], "--output", "json")
    assert (opened.code, json.loads(opened.out)["changed"]) == (0, True), opened.err
    (issue,) = site.issues()
    assert json.loads(opened.out)["case_id"] == issue.id
    assert site.says("cases", "list", "--pending", "--output", "jsonl").lines == []
    again = site.says("action", "open_case", "--incident", site.incident, "--output", "json")
    assert json.loads(again.out)["changed"] is False
    assert site.issues() == [issue]


def test_a_tracker_that_is_down_is_an_error_with_its_reason_and_is_told_later(site):
    up = site.settings
    site.settings = {**up, "url": "http://127.0.0.1:9"}
    ended = site.says("action", "open_case", "--incident", site.incident)
    assert (ended.code, ended.out) == (1, "")
    assert "127.0.0.1" in ended.err
    (waits,) = site.says("cases", "list", "--pending", "--output", "jsonl").lines
    assert (waits["tries"], waits["passes"]) == (1, "by itself: the next run tries again")
    site.settings = up
    assert site.says("action", "open_case", "--incident", site.incident).code == 0
    assert len(site.issues()) == 1
