"""Hits that nothing can join any more are forgotten, and no others: what goes on for long stays one finding."""

import asyncio
import random
from pathlib import Path

import pytest

from exfilwatch.detection.engine import Engine
from exfilwatch.detection.load import load
from exfilwatch.events.report import Report
from exfilwatch.findings.finding import finding
from exfilwatch.findings.store import Store
from exfilwatch.polling import waiting
from exfilwatch.polling.poller import Poller
from exfilwatch.polling.state import rules_key
from exfilwatch.rules.packs import pack, packs
from exfilwatch.siem.siem import SECOND

from .memory_siem import START, MemorySiem, events, process

RULES = load([Path(__file__).parent / "rules.yml"])
MINUTE, HOUR = 60 * SECOND, 3600 * SECOND


def poll(siem, store):
    asyncio.run(Poller(siem, RULES, store, since=HOUR, clock=lambda: siem.clock).once())


@pytest.mark.parametrize("seed", range(3))
def test_matches_that_go_on_through_those_of_others_are_one_finding_however_long(tmp_path, seed):
    drawn = random.Random(seed)
    store = Store(str(tmp_path / "findings.sqlite"))
    siem = MemorySiem(late="1m", lookback="1m")
    for number in range(40):
        siem.clock += drawn.choice([4, 4, 4, 9, 13, 25]) * MINUTE
        what = drawn.choice(["beat", "beat", "sent"])
        siem.records.append(process(siem.clock - MINUTE, "ws1", f"{what} {number}"))
        poll(siem, store)
    found = sorted(each.id for each in store.find())
    assert found == sorted({finding(each).id for each in Engine(RULES, Report()).detect(events(siem.records))})


def test_what_is_over_is_forgotten(tmp_path):
    store = Store(str(tmp_path / "findings.sqlite"))
    siem = MemorySiem([process(START - n * MINUTE, "ws1", f"{what} {n}") for n, what in enumerate(["beat", "sent"], 1)])
    poll(siem, store)
    with store.database.read() as connection:
        assert waiting.waiting_hits(connection)
    siem.clock += 48 * HOUR
    poll(siem, store)
    with store.database.read() as connection:
        assert not waiting.waiting_hits(connection)


def test_the_same_rules_have_the_same_name_in_any_process() -> None:
    # Else every start of the program would forget which events it has seen.
    once, again = (rules_key(load([pack(name) for name in packs()])) for _ in range(2))
    assert once == again
    assert rules_key(load([pack("seed")])) != once
