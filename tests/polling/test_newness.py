"""What is new across polls: found as in one pass, and what a host is known for is kept in bounded space."""

import asyncio
import random
from pathlib import Path

import pytest

from exfilwatch.detection.load import load
from exfilwatch.polling import waiting
from exfilwatch.polling.poller import Poller
from exfilwatch.siem.siem import SECOND

from .memory_siem import MemorySiem, in_one_pass, process

RULES = load([Path(__file__).parent / "newness.yml"])
MINUTE, HOUR = 60 * SECOND, 3600 * SECOND


def poll(siem, store):
    asyncio.run(Poller(siem, RULES, store, since=HOUR, clock=lambda: siem.clock).once())


@pytest.mark.parametrize("seed", range(3))
def test_polls_find_what_one_pass_finds_and_keep_little(store, seed):
    drawn = random.Random(seed)
    siem = MemorySiem(late="1m", lookback="1m", slice="24h")
    for number in range(40):
        siem.clock += 24 * HOUR
        for at in range(1, 4):
            command = f"{drawn.choice(['upload', 'look'])} {drawn.choice('abc' if number < 20 else 'abcdef')}"
            siem.records.append(process(siem.clock - at * MINUTE, "ws1", command))
        poll(siem, store)
    found = sorted(each.id for each in store.find())
    assert found == in_one_pass(RULES, siem.records)
    assert found
    with store.database.read() as connection:
        assert waiting.waiting_hits(connection) < 60 < len(siem.records)
