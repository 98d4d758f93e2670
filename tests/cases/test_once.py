"""Exactly one open case for an incident, with all its notes: whatever answer is lost, whoever dies."""

import asyncio
import os
import secrets
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from operator import attrgetter
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from exfilwatch.findings.store import Store
from exfilwatch.siem import retries
from exfilwatch_playbooks.cases import opening
from exfilwatch_playbooks.cases.case import mark_of
from exfilwatch_playbooks.cases.marks import key_in
from exfilwatch_playbooks.cases.opening import Outcome, open_cases
from exfilwatch_playbooks.cases.waiting import waiting

from ..findings.made import make  # noqa: TID252 (tests are no package on the path)
from .trackers import REAL, Place, place

KILLS = int(os.environ.get("EXFILWATCH_CHAOS", "0"))  # each point once, and more up to this number
STEPS = {"roundup-without-key": 1, "rt-postgresql": 2}  # which points: each where only ours makes cases unique
KILLED = -9
_ROOT = Path(__file__).parents[2]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store.sqlite"))


@pytest.fixture(params=REAL)
def at(request: pytest.FixtureRequest, store: Store) -> Place:
    return place(request.param, request.config, store)


class Lossy(httpx.AsyncHTTPTransport):
    """What becomes of the request with a number: `lost` is done, and its answer is not seen; `refused` is not sent;
    a number is the status that something on the way answers with, instead of passing it on.
    """

    def __init__(self, faults: dict[int, str | int]) -> None:
        super().__init__()
        self.faults = faults
        self.count = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.count += 1
        fault = self.faults.get(self.count)
        if fault == "refused":
            raise httpx.ConnectError("nothing listens", request=request)
        if isinstance(fault, int):
            return httpx.Response(fault, text="<html>maintenance</html>", request=request)
        response = await super().handle_async_request(request)
        if fault == "lost":
            await response.aread()
            await response.aclose()
            raise httpx.ReadError("reset", request=request)
        return response


def opened(at: Place, transport: Lossy | None = None) -> list[Outcome]:
    return told(at, at.store, transport)


def told(at: Place, store: Store, transport: Lossy | None = None) -> list[Outcome]:
    async def telling() -> list[Outcome]:
        system = at.make(transport=transport)
        try:
            return await open_cases(store, system)
        finally:
            await system.close()

    return asyncio.run(telling())


def check(at: Place, store: Store, *, alone: bool = True) -> None:
    """Each incident has one open case, which tells of all its findings; each note is there once, but for those that
    other stores' workers wrote at the same moment. Where cases are merged, the texts of all are there.
    """

    async def looked() -> list[tuple[list[Any], str]]:
        system = at.make()
        try:
            return [(list(await system.holders(each.id)), each.id) for each in store.incidents()]  # type: ignore[attr-defined]
        finally:
            await system.close()

    assert store.pending("tracker") == []
    for held, incident in asyncio.run(looked()):
        still_open = [case for case in held if case.status == "open"]
        assert len(still_open) == 1, (incident, [(case.id, case.status) for case in held])
        (case,) = still_open
        first, second, *more = (finding.id for finding in sorted(store.find(incident=incident), key=attrgetter("time")))
        assert mark_of([first, second, *more]) in case.marks or {mark_of([first, second]), mark_of(more)} <= case.marks
        notes = Counter(note.key for note in case.notes if not key_in(note.text))
        assert not alone or set(notes.values()) <= {1}, notes


def story(store: Store, host: str = "") -> str:
    """Two findings of a host that no other test knows; the host."""
    host = host or f"WS-{secrets.token_hex(4)}"
    store.save([make(f"a of {host}", host=host), make(f"b of {host}", 3, host=host)])
    return host


def later(store: Store, host: str) -> None:
    """Another finding of the same incident."""
    store.save([make(f"later of {host}", 9, host=host)])


def requests_of(at: Place, store: Store) -> int:
    counting = Lossy({})
    opened(at, counting)
    return counting.count


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is asked again is asked again at once: here all is done when its answer is lost."""
    monkeypatch.setattr(retries, "_FIRST_WAIT", 0.0)
    monkeypatch.setattr(opening, "_AGAIN", (0.0, 0.01))


FAULTS = [(kind, "lost") for kind in REAL] + [("roundup", "refused"), ("roundup", 503)]  # those reach no tracker


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize(("at", "fault"), FAULTS, indirect=["at"])
def test_whatever_request_fails_one_case_is_open_in_the_end(at, store, fault):
    host = story(store)
    total = requests_of(at, store)
    assert total >= 4
    later(store, host)
    more = requests_of(at, store)
    step = 1 if KILLS else max(at.slow, STEPS.get(at.kind, 3) if fault == "lost" else 3)
    for number in range(2, total + 1, step):
        story(store)
        opened(at, Lossy({number: fault}))
    opened(at)
    for number in range(2, more + 1, step):
        host = story(store)
        opened(at)
        later(store, host)
        opened(at, Lossy({number: fault}))
    opened(at)
    check(at, store)


def test_a_tracker_that_is_down_is_waited_for_with_the_reason_and_told_when_it_is_back(at, store):
    story(store)
    outcomes = opened(at, Lossy(dict.fromkeys(range(1, 100), "refused")))
    assert [outcome.did for outcome in outcomes] == ["failed"]
    (parked,) = waiting(store, ["tracker"], "informational")
    assert "nothing listens" in parked.problem
    assert (parked.tries, parked.passes) == (1, "by itself: the next run tries again")
    assert [outcome.did for outcome in opened(at)] == ["opened"]
    assert waiting(store, ["tracker"], "informational") == []
    check(at, store)


class Workers:
    """Processes that may die: see dying.py."""

    def __init__(self, at: Place) -> None:
        self._settings = at.settings
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.cases.dying"],
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def start(self, database: str, dies: int = 0) -> None:
        assert self._process.stdin is not None
        told = {"database": database, "settings": self._settings, "dies": dies}
        self._process.stdin.write(msgspec.json.encode(told).decode() + "\n")

    def wait(self) -> list[int]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("wait\n")
        self._process.stdin.flush()
        ended: list[int] = msgspec.json.decode(self._process.stdout.readline())
        assert set(ended) <= {0, KILLED}
        return ended

    def run(self, database: str, dies: int = 0) -> int:
        """How it ended."""
        self.start(database, dies)
        (ended,) = self.wait()
        return ended

    def end(self) -> None:
        self._process.communicate(timeout=60)


@pytest.fixture
def workers(at: Place) -> Iterator[Workers]:
    started = Workers(at)
    yield started
    started.end()


def test_who_is_killed_between_any_two_steps_is_gone_on_after(at, store, workers):
    file, step = store.database.name, 1 if KILLS else STEPS.get(at.kind, 4)
    kills, point, opening_lasts, telling_lasts = 0, 1 - step, True, True
    while opening_lasts or telling_lasts or kills < KILLS:
        point = point + step if opening_lasts or telling_lasts else 1
        host = story(store)
        opening_lasts = workers.run(file, point) == KILLED
        assert workers.run(file) == 0
        later(store, host)
        telling_lasts = workers.run(file, point) == KILLED
        kills += opening_lasts + telling_lasts
    assert workers.run(file) == 0
    assert point >= 10
    check(at, store)


STORES = [
    *((kind, "each its own") for kind in REAL),
    ("roundup", "one SQLite"),
    ("rt-postgresql", "one SQLite"),
    ("roundup-without-key", "one PostgreSQL"),
    ("rt-postgresql", "one PostgreSQL"),
]


@pytest.fixture
def databases(request: pytest.FixtureRequest, tmp_path: Path) -> list[str]:
    """Those of eight workers."""
    if request.param == "one PostgreSQL":
        return [request.getfixturevalue("postgresql").new_database()] * 8
    return [str(tmp_path / f"{number if request.param == 'each its own' else ''}.sqlite") for number in range(8)]


@pytest.mark.parametrize(("at", "databases"), STORES, indirect=True)
def test_eight_workers_at_once_open_one_case_each_and_tell_it_all(at, databases, workers):
    stores = {database: Store(database) for database in databases}
    hosts = [f"WS-{secrets.token_hex(4)}" for _ in range(2 if len(stores) == 1 else 1)]
    for happens in (story, later):
        for store in stores.values():
            for host in hosts:
                happens(store, host)
        for database in databases:
            workers.start(database)
        assert workers.wait() == [0] * 8
    for store in stores.values():
        told(at, store)
        check(at, store, alone=len(stores) == 1)
