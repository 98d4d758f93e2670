"""A SIEM, a worker or a clock that is wrong for long: polling holds on, costs little, and misses nothing afterwards."""

import asyncio
import time
from pathlib import Path

import pytest

from exfilwatch.detection.load import load
from exfilwatch.errors import ExfilwatchError, PartialResult, SourceError
from exfilwatch.findings.database import Database
from exfilwatch.findings.store import Store
from exfilwatch.polling import leases, tables
from exfilwatch.polling.leases import LeaseLost
from exfilwatch.polling.poller import Poller
from exfilwatch.polling.slices import Interval, joined
from exfilwatch.siem.siem import SECOND

from .memory_siem import START, MemorySiem, connection, process

RULES = load([Path(__file__).parent / "rules.yml"])
MINUTE, HOUR = 60 * SECOND, 3600 * SECOND
YEAR = 365 * 24 * HOUR


def poller(siem, store, **options):
    return Poller(siem, RULES, store, **{"since": 4 * HOUR, "clock": lambda: siem.clock, **options})


def poll(siem, store, **options):
    return asyncio.run(poller(siem, store, **options).once())


class Broken(MemorySiem):
    """`breaks(low, high)`: the error that an answer to this interval breaks off with."""

    breaks = staticmethod(lambda low, high: None)

    async def fetch(self, ask):
        error = self.breaks(ask.low, ask.high) if ask.low is not None else None
        if error:
            self.traffic.requests += 1
            raise error
        async for batch in super().fetch(ask):
            yield batch


def test_an_interval_that_can_not_be_read_keeps_nothing_else_waiting_and_holds_the_watermark(store):
    bad = START - 210 * MINUTE
    siem = Broken([process(START - MINUTE, "ws1", "upload a"), process(bad, "ws1", "upload b")])
    siem.breaks = lambda low, high: SourceError("odd") if low <= bad < high else None
    poll(siem, store)
    run = poll(siem, store)
    assert (run.problem.partition(" (not read: ")[0], run.findings) == ("odd", 1)
    assert run.watermark <= bad
    siem.breaks = lambda low, high: None
    assert poll(siem, store).findings == 1


def test_how_much_is_left_is_told_while_a_backlog_is_read(store):
    siem = MemorySiem([process(START - n * HOUR, "ws1", f"upload {n}") for n in range(1, 100)])
    told: list[tuple[int, int]] = []
    asyncio.run(poller(siem, store, since=168 * HOUR).once(progress=lambda run: told.append((run.slices, run.left))))
    slices, left = zip(*told, strict=True)
    assert list(slices) == sorted(slices)
    assert left[0] > 100
    assert list(left) == sorted(left, reverse=True)
    assert left[-1] == 0


def test_what_waits_through_a_long_outage_stays_few_intervals(store):
    siem = Broken([process(START + MINUTE, "ws1", "upload a")], lookback="15m")
    siem.breaks = lambda low, high: SourceError("odd")
    for _ in range(150):
        siem.clock += 5 * SECOND
        run = poll(siem, store)
    assert run.left < 12
    siem.breaks = lambda low, high: None
    run = poll(siem, store)
    assert (run.left, run.findings) == (0, 1)
    assert run.slices < 12


def test_a_siem_of_which_no_answer_is_whole_is_not_asked_for_ever_smaller_intervals(store):
    siem = Broken([process(START - MINUTE, "ws1", "upload a")], step=1)
    siem.breaks = lambda low, high: PartialResult("1 of 2 shards failed")
    for _ in range(3):
        siem.clock += 5 * SECOND
        before = siem.traffic.requests
        run = poll(siem, store)
        assert run.problem == "1 of 2 shards failed"
        assert siem.traffic.requests - before < 200
        assert run.watermark < START - 3 * HOUR
    with store.database.read() as connection:
        assert len(leases.left(connection, "memory")) < 300
    siem.breaks = lambda low, high: None
    run = poll(siem, store)
    assert (run.left, run.findings) == (0, 1)
    assert siem.traffic.requests - before < 400


@pytest.mark.parametrize("ahead", [4 * MINUTE, YEAR])
def test_a_siem_whose_clock_was_ahead_for_a_while_is_read_on_from_where_it_is(store, ahead):
    siem = MemorySiem([process(START - MINUTE, "ws1", "archive")], slice="30d")
    poll(siem, store)
    siem.clock += ahead
    poll(siem, store, clock=lambda: START)
    siem.clock = START + 5 * MINUTE
    siem.records.append(process(START + MINUTE, "ws1", "upload a"))
    siem.records.append(connection(START + MINUTE, "ws1", "203.0.113.1"))
    run = poll(siem, store)
    assert run.findings == 2
    assert run.watermark == siem.clock


@pytest.mark.parametrize("ahead", [HOUR, YEAR])
@pytest.mark.parametrize("ingest_time", [True, False], ids=["by ingest time", "by event time"])
def test_a_siem_whose_clock_stays_ahead_misses_nothing(store, ingest_time, ahead):
    """It stamps what it takes in by its own clock; hosts' clocks, and ours, are right."""
    siem = MemorySiem(slice="30d", ingest_time=ingest_time)
    happened = [
        (START - MINUTE, process, "archive and upload"),
        (START + MINUTE, connection, "203.0.113.1"),
        (START + 39 * MINUTE, process, "upload"),
    ]
    for polled, (happens, make, value) in zip((0, 10, 40), happened, strict=True):
        now = START + polled * MINUTE
        siem.clock = now + ahead
        siem.records.append(make(happens, "ws1", value, ingest=siem.clock - MINUTE, searchable=0))
        poll(siem, store, clock=lambda now=now: now)
    titles = sorted(each.rule.title for each in store.find())
    assert titles == ["A command that uploads", "A command that uploads", "Packed, then connected"]


def test_a_siem_whose_clock_is_ahead_does_not_settle_what_goes_on(store):
    siem = MemorySiem()
    for n in range(3):
        now = START + n * 2 * MINUTE
        siem.clock = now + 24 * HOUR
        siem.records.append(process(now - MINUTE, "ws1", f"tick {n}", ingest=siem.clock - MINUTE, searchable=0))
        assert poll(siem, store, clock=lambda now=now: now).findings == 0
    now = START + HOUR
    siem.clock = now + 24 * HOUR
    assert poll(siem, store, clock=lambda: now).findings == 0
    assert not store.find()


def test_a_clock_of_ours_that_is_wrong_changes_nothing(store):
    siem = MemorySiem([process(START - MINUTE, "ws1", "archive")])
    poll(siem, store, clock=lambda: START + YEAR)
    siem.clock += 5 * MINUTE
    siem.records.append(connection(START + MINUTE, "ws1", "203.0.113.1"))
    assert poll(siem, store, clock=lambda: START - YEAR).findings == 1


def test_a_lease_that_a_wrong_clock_gave_does_not_last(store):
    made = poller(MemorySiem(), store)
    with store.database.write() as connection:
        leases.plan_slices(connection, "memory", [Interval(0, SECOND)])
        assert leases.claim(connection, "memory", "elsewhere/1/a", START + YEAR, made.lease)
        assert leases.claim(connection, "memory", "here/1/b", START, made.lease)


def test_who_slept_through_a_lease_can_not_finish_another_slice_that_got_the_same_id(store):
    poller(MemorySiem(), store)
    with store.database.write() as connection:
        leases.plan_slices(connection, "memory", [Interval(0, SECOND)])
        slept = leases.claim(connection, "memory", "a", 0, 1)
        leases.finish(connection, leases.claim(connection, "memory", "b", 1, 1))
        leases.plan_slices(connection, "memory", [Interval(SECOND, 2 * SECOND)])
        other = leases.claim(connection, "memory", "b", 1, 1)
        assert other.id == slept.id
        with pytest.raises(LeaseLost):
            leases.finish(connection, slept)
        assert leases.left(connection, "memory")


class Stopped(MemorySiem):
    """Another takes each of its slices over while it reads, so that the deadline meets a lease that is lost."""

    store: Store

    async def fetch(self, ask):
        with self.store.database.write() as connection:
            connection.execute(tables.slices.update().values(token=tables.slices.c.token + 1, until=0))
        await asyncio.sleep(3600)
        yield []


def test_a_deadline_holds_also_for_who_lost_the_lease(store):
    siem = Stopped()
    siem.store = store
    begun = time.monotonic()
    run = asyncio.run(asyncio.wait_for(poller(siem, store).once(deadline=0.2), 20))
    assert "deadline" in run.problem
    assert time.monotonic() - begun < 10


def test_intervals_that_wait_are_joined_and_cut():
    waiting = [Interval(0, 10), Interval(5, 12), Interval(12, 14), Interval(20, 21)]
    assert joined(waiting, 10, 1) == [Interval(0, 10), Interval(10, 14), Interval(20, 21)]
    assert joined([], 10, 1) == []


def test_a_worker_that_hangs_with_the_writers_lock_is_thrown_out(postgresql):
    url = postgresql.new_database()
    hanging, waiting = Database(url, patience=0.1), Database(url)
    begun = time.monotonic()
    with pytest.raises(ExfilwatchError, match="refused"), hanging.write() as connection:  # noqa: PT012
        with waiting.write():
            assert time.monotonic() - begun < 20
        connection.exec_driver_sql("SELECT 1")
