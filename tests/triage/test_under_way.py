"""One thing at a time is done about an incident, whichever of several services does it, and each tells it."""

import os
import socket
from datetime import UTC, datetime, timedelta

import pytest

from exfilwatch.findings.database import Database
from exfilwatch_playbooks.service.tables import PACKAGE, PART
from exfilwatch_playbooks.triage.under_way import LEASE, Doings, UnderWay

NOW = datetime(2026, 11, 28, 9, tzinfo=UTC)
ELSEWHERE = "another-machine/17/a"


class Clock:
    now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def kept(database: str) -> Database:
    made = Database(database)
    made.ensure(PART, PACKAGE)
    return made


def test_what_one_service_does_the_other_tells_and_does_not_do(kept: Database, clock: Clock) -> None:
    mine, other = Doings(kept, "here/1/a", clock), Doings(kept, ELSEWHERE, clock)
    assert mine.begin("4b77", "The case is being opened", "bo") is None
    told = UnderWay("The case is being opened", "bo", NOW)
    assert (mine.of("4b77"), other.of("4b77"), other.of("5c88")) == (told, told, None)
    assert other.begin("4b77", "The case is being closed", "jo") == told
    other.end("4b77")  # is none of its own
    assert other.of("4b77") == told
    mine.end("4b77")
    assert other.of("4b77") is None
    assert other.begin("4b77", "The case is being closed", "jo") is None


def test_what_is_not_renewed_is_over(kept: Database, clock: Clock) -> None:
    mine, other = Doings(kept, "here/1/a", clock), Doings(kept, ELSEWHERE, clock)
    mine.begin("4b77", "The case is being opened", "bo")
    clock.now = NOW + LEASE - timedelta(seconds=1)
    mine.keep("4b77")
    clock.now = NOW + LEASE + timedelta(seconds=1)
    assert other.of("4b77") is not None
    clock.now = NOW + 3 * LEASE
    assert other.of("4b77") is None
    assert other.begin("4b77", "The case is being closed", "jo") is None
    mine.keep("4b77")  # has lost it
    clock.now += LEASE
    assert other.of("4b77") is None


def test_what_a_process_did_that_is_gone_is_over_at_once(kept: Database, clock: Clock) -> None:
    here = socket.gethostname()
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitpid(child, 0)
    Doings(kept, f"{here}/{child}/a", clock).begin("4b77", "The case is being opened", "bo")
    mine = Doings(kept, f"{here}/{os.getpid()}/b", clock)
    assert mine.of("4b77") is None
    assert mine.begin("4b77", "The case is being opened", "jo") is None
