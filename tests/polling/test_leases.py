"""Workers share slices by leases: each slice is read by one at a time, and who lost a lease changes nothing."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection, create_engine

from exfilwatch.findings.database import Database
from exfilwatch.polling import leases
from exfilwatch.polling.leases import LeaseLost
from exfilwatch.polling.slices import Interval

LEASE = 100


@pytest.fixture
def kept(database: str) -> Database:
    made = Database(database)
    made.ensure("polling", "exfilwatch.polling")
    return made


def plan(kept: Database, count: int, source: str = "siem") -> None:
    with kept.write() as connection:
        leases.plan_slices(connection, source, [Interval(at, at + 1) for at in reversed(range(count))])


def claim(kept: Database, worker: str, now: int = 0, source: str = "siem") -> leases.Slice | None:
    with kept.write() as connection:
        return leases.claim(connection, source, worker, now, LEASE)


def lows(kept: Database) -> list[int]:
    with kept.read() as connection:
        return [interval.low for interval, _ in leases.left(connection, "siem")]


def test_each_worker_gets_the_earliest_slice_that_nobody_holds(kept):
    plan(kept, 2)
    plan(kept, 1, "another")
    assert [claim(kept, worker).interval.low for worker in ("a", "b")] == [0, 1]
    assert claim(kept, "c") is None
    assert lows(kept) == [0, 1]


def test_a_worker_that_died_is_taken_over_when_its_lease_is_over(kept):
    plan(kept, 1)
    first = claim(kept, "a", now=0)
    assert claim(kept, "b", now=LEASE - 1) is None
    second = claim(kept, "b", now=LEASE)
    assert (second.id, second.tries) == (first.id, 2)
    assert second.token > first.token


def test_who_renews_in_time_is_not_taken_over(kept):
    plan(kept, 1)
    held = claim(kept, "a", now=0)
    with kept.write() as connection:
        leases.renew(connection, held, LEASE - 1, LEASE)
    assert claim(kept, "b", now=LEASE) is None
    assert claim(kept, "b", now=2 * LEASE - 1) is not None


def test_what_is_given_back_is_claimed_when_it_may_be_with_what_was_wrong(kept):
    plan(kept, 1)
    held = claim(kept, "a")
    with kept.write() as connection:
        leases.release(connection, held, 50, "too many results")
    with kept.read() as connection:
        assert leases.left(connection, "siem") == [(Interval(0, 1), "too many results")]
    assert claim(kept, "b", now=49) is None
    assert claim(kept, "b", now=50).tries == 2


@pytest.mark.parametrize(
    "late",
    [
        leases.finish,
        lambda connection, held: leases.renew(connection, held, LEASE, LEASE),
        lambda connection, held: leases.release(connection, held, 0, "late"),
    ],
)
@pytest.mark.parametrize("since", ["held by another", "given back by another", "finished by another"])
def test_who_lost_the_lease_changes_nothing(kept, late, since):
    plan(kept, 1)
    first = claim(kept, "a")
    second = claim(kept, "a", now=LEASE)
    with kept.write() as connection:
        if since == "given back by another":
            leases.release(connection, second, 3 * LEASE, "theirs")
        elif since == "finished by another":
            leases.finish(connection, second)

    def too_late() -> None:
        with kept.write() as connection:
            leases.plan_slices(connection, "siem", [Interval(7, 8)])
            late(connection, first)

    before = lows(kept)
    with pytest.raises(LeaseLost, match="was taken over by another worker"):
        too_late()
    assert lows(kept) == before
    assert claim(kept, "c", now=2 * LEASE - 1) is None


def test_a_slice_that_is_finished_is_gone(kept):
    plan(kept, 2)
    held = claim(kept, "a")
    with kept.write() as connection:
        leases.finish(connection, held)
    assert lows(kept) == [1]


@contextmanager
def transaction(url: str) -> Iterator[Connection]:
    """One without the lock that keeps other writers out."""
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


def test_postgresql_passes_over_what_another_is_just_claiming(postgresql):
    url = postgresql.new_database()
    kept = Database(url)
    kept.ensure("polling", "exfilwatch.polling")
    plan(kept, 2)
    with transaction(url) as one, transaction(url) as other:
        first = leases.claim(one, "siem", "a", 0, LEASE)
        second = leases.claim(other, "siem", "b", 0, LEASE)
        assert (first.interval.low, second.interval.low) == (0, 1)
        assert leases.claim(other, "siem", "b", 0, LEASE) is None


WORKER = """
import sys
from exfilwatch.findings.database import Database
from exfilwatch.polling import leases
kept, worker = Database(sys.argv[1]), sys.argv[2]
while True:
    with kept.write() as connection:
        held = leases.claim(connection, "siem", worker, 0, 100)
    if held is None:
        break
    with kept.write() as connection:
        leases.finish(connection, held)
    print(held.interval.low)
"""


def test_workers_at_once_read_each_slice_once(kept, database):
    plan(kept, 40)
    running = [
        subprocess.Popen([sys.executable, "-c", WORKER, database, name], stdout=subprocess.PIPE, text=True)
        for name in "abc"
    ]
    read = [int(line) for process in running for line in process.communicate(timeout=120)[0].split()]
    assert sorted(read) == list(range(40))
    assert lows(kept) == []
