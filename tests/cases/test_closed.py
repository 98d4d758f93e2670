"""What becomes of a closed case for which new evidence comes, as `closed` says: what is in the tracker afterwards."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from exfilwatch.findings.store import Store
from exfilwatch_playbooks.cases.case import Case
from exfilwatch_playbooks.cases.local import Local
from exfilwatch_playbooks.cases.opening import Outcome, open_cases
from exfilwatch_playbooks.cases.settings import CaseSettings

from ..findings.made import make  # noqa: TID252 (tests are no package on the path)
from .in_roundup import kept
from .trackers import Place, place


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store.sqlite"))


@pytest.fixture(params=["roundup", "redmine"])
def at(request: pytest.FixtureRequest, store: Store) -> Place:
    return place(request.param, request.config, store)


@pytest.fixture
def roundup(request: pytest.FixtureRequest, store: Store) -> Place:
    return place("roundup", request.config, store)


def do(at: Place, closed: str, what: Callable[[Any], Awaitable[Any]]) -> Any:
    async def doing() -> Any:
        system = at.make(closed=closed)
        try:
            return await what(system)
        finally:
            await system.close()

    return asyncio.run(doing())


def told(at: Place, closed: str) -> Outcome:
    (outcome,) = do(at, closed, lambda system: open_cases(at.store, system))
    assert outcome.error is None
    return outcome


def cases(at: Place, key: str) -> list[Case]:
    """Of the incident: the one with its key, the one with -2, and so on."""

    async def found(system: Any) -> list[Case]:
        keys = [key, *(f"{key}-{number}" for number in range(2, 6))]
        return [each for wanted in keys for each in await system.holders(wanted)]

    found_cases: list[Case] = do(at, "reopen", found)
    return found_cases


def closed_case(at: Place, store: Store) -> tuple[str, Case]:
    """A host with an incident whose case was closed; the case."""
    host = f"WS-{secrets.token_hex(4)}"
    store.save([make(f"a of {host}", host=host)])
    outcome = told(at, "reopen")
    assert outcome.case is not None
    return host, do(at, "reopen", lambda system: system.set_status(outcome.case.id, "closed"))


def more(store: Store, host: str, minute: int) -> None:
    store.save([make(f"{minute} of {host}", minute, host=host, level="critical")])


def test_it_is_opened_again_with_a_note(at, store):
    host, old = closed_case(at, store)
    more(store, host, 3)
    outcome = told(at, "reopen")
    assert (outcome.did, outcome.findings) == ("extended", 1)
    (case,) = cases(at, old.incident)
    assert (case.id, case.status, case.level) == (old.id, "open", "critical")
    assert len(case.marks) == len(old.marks) + 1


def test_it_only_gets_the_note_and_stays_closed(at, store):
    host, old = closed_case(at, store)
    more(store, host, 3)
    outcome = told(at, "note")
    assert (outcome.did, outcome.findings) == ("extended", 1)
    (case,) = cases(at, old.incident)
    assert (case.id, case.status, case.level) == (old.id, "closed", "critical")
    assert len(case.marks) == len(old.marks) + 1


def test_a_new_one_that_is_linked_to_it_goes_on(at, store):
    host, old = closed_case(at, store)
    more(store, host, 3)
    outcome = told(at, "link")
    assert (outcome.did, outcome.findings) == ("opened", 2)
    before, after = cases(at, old.incident)
    assert (before.id, before.status, before.title) == (old.id, "closed", old.title)
    assert f"goes on in {old.incident}-2" in before.marks
    assert (after.id, after.status, after.incident) == (outcome.case.id, "open", f"{old.incident}-2")
    assert do(at, "link", lambda system: open_cases(store, system)) == []  # and nothing is left to tell


def test_what_comes_later_goes_to_the_last_one_and_each_closed_one_is_followed_by_one(at, store):
    host, old = closed_case(at, store)
    for minute in (3, 6):
        more(store, host, minute)
        following = told(at, "link").case
        more(store, host, minute + 1)
        assert told(at, "link").case.id == following.id
        do(at, "link", lambda system, which=following.id: system.set_status(which, "closed"))
    held = cases(at, old.incident)
    assert [case.incident for case in held] == [old.incident, f"{old.incident}-2", f"{old.incident}-3"]
    assert [case.status for case in held] == ["closed"] * 3
    assert [f"goes on in {old.incident}-{number}" in held[number - 2].marks for number in (2, 3)] == [True, True]


def test_roundups_issues_name_each_other(roundup, store):
    host, old = closed_case(roundup, store)
    more(store, host, 3)
    told(roundup, "link")
    before, after = kept(roundup.settings, old.incident)
    assert (before.status, after.status) == ("resolved", "unread")
    assert after.messages[0].startswith(f"This goes on from case {before.id} ({before.title}), which was closed.")
    assert before.messages[-1].startswith(
        f"New evidence came after this case was closed. It goes on in case {after.id} "
    )
    assert (len(before.messages), len(after.messages)) == (2, 1)
    assert [len(each.files) for each in (before, after)] == [2, 2]


def test_roundup_keeps_a_closed_issue_closed_that_gets_a_note(roundup, store):
    """By itself it opens one that gets a message (`chatting`)."""
    host, old = closed_case(roundup, store)
    more(store, host, 3)
    told(roundup, "note")
    (issue,) = kept(roundup.settings, old.incident)
    assert (issue.status, issue.priority, len(issue.messages), len(issue.files)) == ("resolved", "critical", 2, 4)


@pytest.mark.parametrize(
    ("method", "done"),
    [("create", False), ("create", True), ("converge", False), ("add_note", False), ("attach", False)],
)
def test_who_dies_while_a_new_one_is_opened_is_made_up_for(roundup, store, method, done, monkeypatch):
    host, old = closed_case(roundup, store)
    more(store, host, 3)
    real = getattr(type(roundup.make()), method)

    async def dying(self: Any, *given: Any) -> Any:
        if done:
            await real(self, *given)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(type(roundup.make()), method, dying)
        with pytest.raises(KeyboardInterrupt):
            told(roundup, "link")
    told(roundup, "link")
    before, after = kept(roundup.settings, old.incident)
    assert (before.status, after.status) == ("resolved", "unread")
    assert [len(each.messages) for each in (before, after)] == [2, 1]
    assert after.messages[0].startswith(f"This goes on from case {before.id} ")


@pytest.mark.parametrize("closed", ["reopen", "link", "note"])
def test_local_cases_do_the_same(store, closed):
    local = Local(store, settings=CaseSettings(kind="local", closed=closed))
    at = Place("local", store, lambda **_options: local)
    store.save([make("a")])
    old = told(at, closed).case
    do(at, closed, lambda system: system.set_status(old.id, "closed"))
    store.save([make("b", 3)])
    told(at, closed)
    held = sorted(asyncio.run(local.list()), key=lambda case: int(case.id))
    assert [case.status for case in held] == {"reopen": ["open"], "link": ["closed", "open"], "note": ["closed"]}[
        closed
    ]
    assert [len(case.notes) for case in held] == {"reopen": [1], "link": [1, 0], "note": [1]}[closed]
