"""A case that somebody closes, opens again, merges or deletes in the case system itself is seen here."""

import asyncio
import json
import secrets
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.actions.kept import context
from tests.service.program import said

from exfilwatch.detection.rule import RuleSet
from exfilwatch.errors import CaseRefused, CaseUnreachable
from exfilwatch.findings.store import Store
from exfilwatch_playbooks.cases import looking
from exfilwatch_playbooks.cases.case import Status
from exfilwatch_playbooks.cases.links import Links
from exfilwatch_playbooks.cases.looking import Look
from exfilwatch_playbooks.cases.opening import open_cases
from exfilwatch_playbooks.cases.standing import history
from exfilwatch_playbooks.cases.system import CaseSystem

from ..findings.made import make  # noqa: TID252 (tests are no package on the path)
from .trackers import place


class Site:
    """A store whose incidents' hosts no other test knows, and the case system that they get cases in."""

    def __init__(self, kind: str, config: pytest.Config, folder: Path) -> None:
        self.folder = folder
        self.store = Store(str(folder / "kept.sqlite"))
        self.place = place(kind, config, self.store)
        self.system = "tracker" if self.place.settings else "local"
        self.hosts = [f"WS-{secrets.token_hex(4)}" for _ in range(4)]
        self.closed = "reopen"

    def find(self, *hosts: str, minute: int = 0) -> list[str]:
        """Findings of these hosts; their incidents."""
        self.store.save([make(f"{minute} of {host}", minute, host=host) for host in hosts])
        return [self.store.incidents(host=host)[0].id for host in hosts]

    def tell(self) -> None:
        async def telling(system: CaseSystem) -> None:
            assert [each.error for each in await open_cases(self.store, system) if each.error] == []

        self.there(telling)

    def there(self, what: Any) -> Any:
        """Do something in the case system, as somebody with an account of his own."""

        async def doing() -> Any:
            async with AsyncExitStack() as end:
                # One at a time: Redmine on SQLite answers 500 while another request writes.
                system = self.place.make(closed=self.closed, **({"at_once": 1} if self.place.settings else {}))
                end.push_async_callback(system.close)
                return await what(system)

        return asyncio.run(doing())

    def make_it(self, incident: str, status: Status) -> None:
        self.there(lambda system: system.set_status(self.link(incident).case_id, status))

    def look(self, **given: Any) -> Look | None:
        settings = {"closed": self.closed, **self.place.settings} if self.place.settings else None

        async def doing() -> list[Look]:
            made = {"case": {"tracker": settings}} if settings else {}
            async with context(self.folder, RuleSet([], []), made) as work:
                return await looking.look(work, **{"apart": timedelta(0), **given})

        return next(iter(asyncio.run(doing())), None)

    def link(self, incident: str) -> Any:
        found = Links(self.store.database, self.system).of(incident)
        assert found is not None
        return found

    def history(self, incident: str) -> list[tuple[str, str]]:
        """What became of its case, and by whom."""
        with self.store.database.read() as connection:
            return [(each.change, each.who) for each in history(connection, [incident]).get(incident, [])]


@pytest.fixture(params=["local", "roundup", "redmine"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Site:
    return Site(request.param, request.config, tmp_path)


@pytest.fixture
def local(request: pytest.FixtureRequest, tmp_path: Path) -> Site:
    return Site("local", request.config, tmp_path)


def test_what_is_closed_and_opened_again_there_is_seen_once(site):
    one, other = site.find(*site.hosts[:2])
    site.tell()
    assert site.look().changes == []
    site.make_it(one, "closed")
    (change,) = site.look().changes
    assert (change.incident, change.change, change.who, change.case_system) == (one, "closed", "", site.system)
    assert site.link(one).closed > 0
    assert site.link(other).closed == 0
    assert site.look().changes == []
    site.make_it(one, "open")
    assert [each.change for each in site.look().changes] == ["reopened"]
    assert site.link(one).closed == 0
    assert site.history(one) == [("opened", "exfilwatch"), ("closed", ""), ("reopened", "")]
    assert site.history(other) == [("opened", "exfilwatch")]


def test_what_is_merged_there_goes_on_in_the_other_one(site):
    one, other = site.find(*site.hosts[:2])
    site.tell()
    loser, winner = site.link(one).case_id, site.link(other).case_id

    async def merge(system: Any) -> None:
        from exfilwatch_playbooks.cases.case import Note

        if site.system == "local":
            await system.add_note(loser, Note(key="merge", text="it is the same", duplicate_of=winner))
        else:
            await system.supersede(loser, winner)

    site.there(merge)
    assert [(each.change, each.case_id) for each in site.look().changes] == [("merged", winner)]
    assert site.link(one).case_id == winner
    assert site.link(one).closed == 0
    site.make_it(other, "closed")
    site.look()
    assert [bool(site.link(each).closed) for each in (one, other)] == [True, True]


@pytest.mark.parametrize(
    ("closed", "then", "said"),
    [
        ("reopen", "open", [("closed", ""), ("reopened", "exfilwatch")]),
        ("note", "closed", [("closed", "")]),
        ("link", "open", [("closed", ""), ("opened", "exfilwatch")]),
    ],
)
def test_new_evidence_in_a_case_that_was_closed_there_leaves_its_state_right(site, closed, then, said):
    """Whether the closing was seen before the evidence came, or only with it."""
    site.closed = closed
    if site.system == "local":
        site.place = type(site.place)("local", site.store, lambda **options: _local(site, **options))
    seen, unseen = site.find(*site.hosts[:2])
    site.tell()
    for each in (seen, unseen):
        site.make_it(each, "closed")
        if each == seen:
            site.look()
            Links(site.store.database, site.system).asked(seen)
    site.find(*site.hosts[:2], minute=3)
    site.tell()
    for each in (seen, unseen):
        assert site.link(each).status == then
        assert bool(site.link(each).closed) == (then == "closed")
        assert site.history(each)[1:] == said
    assert site.look().changes == []


def _local(site: Site, closed: str = "reopen") -> Any:
    from exfilwatch_playbooks.cases.local import Local
    from exfilwatch_playbooks.cases.settings import CaseSettings

    return Local(site.store, settings=CaseSettings(kind="local", closed=closed, attach=()))


def test_a_look_takes_the_oldest_ones_open_ones_first_and_no_more_than_it_may(local):
    found = local.find(*local.hosts)
    local.tell()
    local.make_it(found[3], "closed")
    assert (local.look(most=4).due, local.link(found[3]).closed > 0) == (4, True)
    assert local.look(apart=timedelta(minutes=1)) is None
    before = [local.link(each).looked for each in found]
    assert local.look(most=2).seen == 2
    after = [local.link(each).looked for each in found]
    assert [a > b for a, b in zip(after, before, strict=True)] == [
        each in sorted(found[:3], key=lambda name: local.link(name).looked)[1:] for each in found
    ]


class Failing:
    """Makes the local case system fail for some cases."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, error: Exception, *cases: str) -> None:
        from exfilwatch_playbooks.cases.local import Local

        real = Local.get

        async def get(system: Any, case_id: str) -> Any:
            if not cases or case_id in cases:
                raise error
            return await real(system, case_id)

        monkeypatch.setattr(Local, "get", get)


def test_a_case_that_is_gone_stays_open_here_and_is_found_again(local, monkeypatch):
    (one,) = local.find(local.hosts[0])
    local.tell()
    with monkeypatch.context() as patch:
        from exfilwatch_playbooks.cases.local import Local

        Failing(patch, CaseRefused("there is no such case"))

        async def nothing(_system: Any, _key: str) -> None:
            return None

        patch.setattr(Local, "find", nothing)
        assert [each.change for each in local.look().changes] == ["gone"]
        assert local.look().changes == []
    assert (local.link(one).status, local.link(one).closed) == ("gone", 0)
    assert [each.change for each in local.look().changes] == ["found"]


def test_one_case_that_fails_costs_the_others_nothing(local, monkeypatch):
    found = local.find(*local.hosts)
    local.tell()
    broken = local.link(found[1]).case_id
    local.make_it(found[3], "closed")
    Failing(monkeypatch, CaseUnreachable("the tracker broke", sent=False), broken)
    done = local.look()
    assert (done.seen, done.due, done.problem) == (3, 4, "the tracker broke")
    assert local.link(found[3]).closed > 0


def test_a_system_that_is_down_is_said_and_asked_again(local, monkeypatch):
    local.find(*local.hosts)
    local.tell()
    with monkeypatch.context() as patch:
        Failing(patch, CaseUnreachable("nobody answers", sent=False))
        for tries in (1, 2):
            assert (local.look().seen, _asked(local).tries, _asked(local).problem) == (0, tries, "nobody answers")
    assert (local.look().seen, _asked(local).problem, _asked(local).tries) == (4, "", 0)
    with monkeypatch.context() as patch:
        Failing(patch, CaseUnreachable("too many requests", 60.0, sent=False))
        local.look()
        assert local.look() is None  # it asked to be left alone
    assert _asked(local).problem == "too many requests"


def test_a_slow_system_holds_nothing_up(local, monkeypatch):
    from exfilwatch_playbooks.cases.local import Local

    local.find(*local.hosts)
    local.tell()

    async def never(_system: Any, _case_id: str) -> Any:
        await asyncio.Event().wait()

    monkeypatch.setattr(Local, "get", never)
    done = local.look(within=0.05)
    assert (done.seen, done.due) == (0, 4)
    assert "slow" in done.problem


def test_what_was_done_here_meanwhile_is_newer_than_what_was_seen(local):
    (one,) = local.find(local.hosts[0])
    local.tell()
    links = Links(local.store.database, "local")
    before = links.of(one)
    local.find(local.hosts[0], minute=3)
    local.tell()
    case = local.there(lambda system: system.get(before.case_id))
    assert links.saw(one, case.model_copy(update={"status": "closed"}), unless=before) == []
    assert local.link(one).closed == 0


def _asked(site: Site) -> looking.Asked:
    with site.store.database.read() as connection:
        (found,) = looking.asked(connection)
    return found


def test_the_command_line_lists_cases_in_a_tracker_and_looks_how_they_stand(request, tmp_path):
    site = Site("roundup", request.config, tmp_path)
    one, other = site.find(*site.hosts[:2])
    site.tell()
    site.make_it(one, "closed")
    tracker = {"closed": site.closed, **site.place.settings}
    values = {"database": tmp_path / "kept.sqlite", "case": json.dumps({"tracker": tracker})}

    def told(*words: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in said(tmp_path, *words, "--output", "jsonl", values=values).splitlines()]

    before = {case["incident"]: case for case in told("cases", "list")}
    assert {case["system"] for case in before.values()} == {"tracker"}
    assert before[one]["case_id"] == site.link(one).case_id
    assert before[one]["url"].endswith(f"issue{site.link(one).case_id}")
    assert [before[each]["status"] for each in (one, other)] == ["open", "open"]
    (change,) = told("cases", "sync", "tracker")
    assert (change["incident"], change["change"]) == (one, "closed")
    assert told("cases", "sync") == []
    after = {case["incident"]: case for case in told("cases", "list", "--system", "tracker")}
    assert [after[each]["status"] for each in (one, other)] == ["closed", "open"]
    assert all(after[each]["looked"] for each in (one, other))
    assert told("cases", "list", "--system", "local") == []
    assert "there is no case system 'jira', only tracker, local" in said(
        tmp_path, "cases", "list", "--system", "jira", values=values, code=2
    )
    wrong = {**values, "case": json.dumps({"tracker": tracker | {"url": "http://127.0.0.1:9"}})}
    assert "problem: tracker" in said(tmp_path, "cases", "sync", values=wrong, code=3)
