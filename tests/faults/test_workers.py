"""Several workers on one database, some killed, some stopped: each slice counts once, and none waits for the dead."""

import os
import random
import signal
import time
from contextlib import ExitStack

import pytest

from exfilwatch.findings.store import Store
from exfilwatch.polling import leases

from .killing import Runner
from .polling import RULES_FILE, check_end
from .sites import site
from .story import HOUR, story

LEASE = 1.0  # seconds
WORKERS = 3


@pytest.fixture
def place():
    with site("splunk") as made:
        made.fake.quota = 1_000_000
        yield made


def runner(stack: ExitStack, folder, place, database, **settings) -> Runner:
    told = {"kind": "splunk", "at_once": 2, "late": "2d", "slice": "10m", **place.settings(place.url), **settings}
    common = {"worker": told, "database": database, "rules": str(RULES_FILE), "lease": LEASE}
    folder.mkdir(exist_ok=True)
    return stack.enter_context(Runner(folder, **common))


def left(store):
    with store.database.read() as connection:
        return len(leases.left(connection, "site"))


def settle(worker, store):
    until = time.monotonic() + 60
    while True:
        ended = worker.run()
        assert ended.status == 0, ended.said
        if not left(store):
            return
        assert time.monotonic() < until, ended.said
        time.sleep(LEASE / 4)


@pytest.mark.slow
def test_workers_of_which_some_are_killed_lose_nothing_and_repeat_nothing(place, tmp_path, database):
    drawn = random.Random(5)
    Store(database)
    with ExitStack() as stack:
        workers = [runner(stack, tmp_path / str(number), place, database, slice="30m") for number in range(WORKERS)]
        for step in story(5, steps=6, records=10):
            place.move(step.now)
            for record in step.records:
                place.put(record)
            for worker in workers:
                worker.begin(statement=drawn.choice([0, drawn.randint(1, 150)]))
            for worker in workers:
                ended = worker.end()
                assert ended.status in (0, -signal.SIGKILL), ended.said
        place.move(step.now + HOUR)
        store = Store(database)
        settle(workers[0], store)
    check_end(place, store)


def test_who_was_stopped_beyond_its_lease_is_taken_over_and_can_not_commit(place, tmp_path, database):
    store = Store(database)
    step = next(story(6, steps=1, records=12))
    place.move(step.now)
    for record in step.records:
        place.put(record)
    with ExitStack() as stack:
        # One task, so that it is stopped while it reads, and holds no lock of the database.
        slow, other = (runner(stack, tmp_path / name, place, database, at_once=1) for name in ("slow", "other"))
        asked = place.fake.answer

        def stopping(request):
            if request.path.endswith("/results") and not place.fake.stopped:
                place.fake.stopped = True
                os.kill(slow.pid, signal.SIGSTOP)
            return asked(request)

        place.fake.stopped, place.fake.answer = False, stopping
        slow.begin()
        until = time.monotonic() + 30
        while not place.fake.stopped:
            assert time.monotonic() < until
            time.sleep(0.01)
        settle(other, store)
        found = sorted(each.id for each in store.find())
        os.kill(slow.pid, signal.SIGCONT)
        ended = slow.end()
    assert ended.status == 0, ended.said
    assert "lease lost" in ended.said
    assert sorted(each.id for each in store.find()) == found
    check_end(place, store)
