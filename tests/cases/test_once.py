"""Exactly one open case for an incident, with all its notes: whatever answer is lost, whoever dies."""

import asyncio
import os
import random
import secrets
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from exfilwatch.findings.store import Store
from exfilwatch_playbooks.cases.opening import Outcome, open_cases
from exfilwatch_playbooks.cases.waiting import waiting

from ..findings.made import make  # noqa: TID252 (tests are no package on the path)
from .trackers import REAL, Place, place

KILLS = int(os.environ.get("EXFILWATCH_CHAOS", "12"))
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
    async def opening() -> list[Outcome]:
        system = at.make(transport=transport)
        try:
            return await open_cases(at.store, system)
        finally:
            await system.close()

    return asyncio.run(opening())


def check(at: Place, store: Store) -> None:
    """Each incident has one open case, which has each mark once."""

    async def looked() -> list[tuple[list[Any], str]]:
        system = at.make()
        try:
            return [(list(await system.holders(each.id)), each.id) for each in store.incidents()]  # type: ignore[attr-defined]
        finally:
            await system.close()

    for held, incident in asyncio.run(looked()):
        still_open = [case for case in held if case.status == "open"]
        assert len(still_open) == 1, (incident, [(case.id, case.status) for case in held])
        (case,) = still_open
        repeated = {mark: count for mark, count in Counter(note.key for note in case.notes).items() if count > 1}
        assert not repeated
    assert store.pending("tracker") == []


def story(store: Store) -> str:
    """Two findings of a host that no other test knows; the host."""
    host = f"WS-{secrets.token_hex(4)}"
    store.save([make(f"a of {host}", host=host), make(f"b of {host}", 3, host=host)])
    return host


def later(store: Store, host: str) -> None:
    """Another finding of the same incident."""
    store.save([make(f"later of {host}", 9, host=host)])


def requests_of(at: Place, store: Store) -> int:
    counting = Lossy({})
    opened(at, counting)
    return counting.count


@pytest.mark.parametrize("fault", ["lost", "refused", 503])
def test_whatever_request_fails_one_case_is_open_in_the_end(at, store, fault):
    host = story(store)
    total = requests_of(at, store)
    assert total >= 4
    check(at, store)
    later(store, host)
    more = requests_of(at, store)
    for number in range(2, total + 1, at.slow * (1 if fault == "lost" else 3)):
        host = story(store)
        opened(at, Lossy({number: fault}))
        opened(at)
    for number in range(2, more + 1, at.slow * (1 if fault == "lost" else 3)):
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

    def __init__(self, at: Place, database: str) -> None:
        self._told = {"database": database, "settings": at.settings}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.cases.dying"],
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def start(self, **deaths: int) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(msgspec.json.encode({**self._told, **deaths}).decode() + "\n")

    def wait(self) -> list[int]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("wait\n")
        self._process.stdin.flush()
        ended: list[int] = msgspec.json.decode(self._process.stdout.readline())
        assert set(ended) <= {0, KILLED}
        return ended

    def end(self) -> None:
        self._process.communicate(timeout=60)


@pytest.fixture
def workers(at: Place, tmp_path: Path) -> Iterator[Workers]:
    started = Workers(at, str(tmp_path / "store.sqlite"))
    yield started
    started.end()


def test_who_is_killed_between_any_two_steps_is_gone_on_after(at, store, workers):
    drawn = random.Random(7)
    kills = 0
    for number in range(1, 10_000):
        if kills >= KILLS // at.slow:
            break
        host = story(store)
        step = (number - 1) // 3 + 1
        death = {("before", "after", "statement")[number % 3]: step if number < 40 else drawn.randint(1, 40)}
        workers.start(**death)
        kills += workers.wait().count(KILLED)
        later(store, host)
        workers.start(after=drawn.randint(1, 12))
        kills += workers.wait().count(KILLED)
        workers.start()
        assert workers.wait() == [0]
    assert kills >= KILLS // at.slow
    check(at, store)


def test_eight_workers_at_once_open_one_case_each(at, store, workers):
    for _ in range(4):
        story(store)
    for _ in range(8):
        workers.start()
    assert workers.wait() == [0] * 8
    opened(at)
    check(at, store)
