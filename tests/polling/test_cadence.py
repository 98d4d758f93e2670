"""A cadence across polls: found as in one pass, one finding while it goes on, and kept in bounded space."""

import asyncio
import random
from pathlib import Path

import pytest

from exfilwatch.detection import cadence, crowding
from exfilwatch.detection.load import load
from exfilwatch.polling import waiting
from exfilwatch.polling.poller import Poller
from exfilwatch.siem.siem import SECOND

from .memory_siem import MemorySiem, in_one_pass, process, stored

RULES = load([Path(__file__).parent / "cadence.yml"])
MINUTE, HOUR = 60 * SECOND, 3600 * SECOND


def poll(siem, store, rules=RULES):
    asyncio.run(Poller(siem, rules, store, since=HOUR, clock=lambda: siem.clock).once())


def kept(store):
    with store.database.read() as connection:
        return waiting.waiting_hits(connection)


@pytest.mark.parametrize("seed", range(4))
def test_polls_find_what_one_pass_finds(store, seed):
    drawn = random.Random(seed)
    siem = MemorySiem(late="1m", lookback="1m")
    for number in range(30):
        siem.clock += round(HOUR * drawn.uniform(0.85, 1.15) if seed else HOUR * drawn.expovariate(1))
        siem.records.append(process(siem.clock - MINUTE, "ws1", f"upload {number}"))
        poll(siem, store)
    assert sorted(each.id for each in store.find()) == in_one_pass(RULES, siem.records)
    assert len(store.find()) == (1 if seed else 0)


def test_a_cadence_that_goes_on_is_one_finding_that_says_how_often(store):
    siem = MemorySiem(late="1m", lookback="1m")
    for number in range(12):
        siem.clock += HOUR
        siem.records.append(process(siem.clock - MINUTE, "ws1", f"upload {number}"))
        poll(siem, store)
    (only,) = store.find()
    assert only.fields["cadence"] == "every 60 min ± 0, 12 times"


def test_one_that_was_taken_in_late_belongs_to_it(store):
    siem = MemorySiem(late="4h", lookback="4h")
    for number in range(10):
        siem.clock += HOUR
        siem.records.append(process(siem.clock - MINUTE, "ws1", f"upload {number}"))
        if number != 6:
            poll(siem, store)
    siem.records[6] = siem.records[6]._replace(ingest=siem.clock, searchable=siem.clock)
    siem.clock += MINUTE
    poll(siem, store)
    assert sorted(each.id for each in store.find()) == in_one_pass(RULES, siem.records)


def test_hits_of_a_group_that_wait_are_bounded(store, monkeypatch):
    monkeypatch.setattr(cadence, "LOOK_BACK", 20)
    most = cadence.MOST_IN_SERIES + cadence.LOOK_BACK * cadence.MOST_IN_BEAT
    drawn = random.Random(1)
    siem = MemorySiem(late="1m", lookback="1m")
    at_once = [siem.clock + n * SECOND for n in range(800)]
    times = [*at_once, *(siem.clock + round(24 * HOUR * drawn.random()) for _ in range(800))]
    siem.records += [process(time, "ws1", f"upload {n}") for n, time in enumerate(sorted(times))]
    siem.clock += 24 * HOUR + 2 * MINUTE
    poll(siem, store)
    assert 0 < kept(store) <= most < len(times)


def test_a_flood_of_other_commands_is_bounded_for_each_host_and_hides_no_cadence(store, monkeypatch):
    """Each hour 30 commands that never come again, of which 40 groups are kept: 360 in the end."""
    monkeypatch.setattr(crowding, "GROUPS", 40)
    rules = load([Path(__file__).parent / "cadence_of_users.yml"])
    siem = MemorySiem(late="1m", lookback="1m")
    for number in range(12):
        siem.clock += HOUR
        at = siem.clock - 30 * MINUTE
        siem.records += [
            stored(
                at + each * SECOND,
                category="process_creation",
                Computer="ws1",
                User=f"u{number}-{each}",
                CommandLine="upload",
            )
            for each in range(30)
        ]
        siem.records += [
            stored(at, category="process_creation", Computer=host, User="anna", CommandLine=f"upload {number}")
            for host in ("ws1", "ws2")
        ]
        poll(siem, store, rules)
        assert kept(store) <= 39 + 2 * (number + 1)
    found = {each.host: each.fields["cadence"] for each in store.find()}
    assert found == {"ws1": "every 60 min ± 0, 12 times", "ws2": "every 60 min ± 0, 12 times"}
    assert sorted(each.id for each in store.find()) == in_one_pass(rules, siem.records)
