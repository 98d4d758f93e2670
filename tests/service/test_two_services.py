"""Two services on one database: what one is to do is done by one, and by the other when that one is gone."""

import asyncio
import secrets
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert
from tests.cli.telemetry import BITSADMIN, process, write

from exfilwatch.errors import CaseError
from exfilwatch.findings.finding import Finding
from exfilwatch.findings.store import Store
from exfilwatch_playbooks.service.claims import ClaimLost, Claims, Held
from exfilwatch_playbooks.service.tables import jobs

from .asked import Asked, found, site
from .databases import url
from .receiver import Receiver, hook

__all__ = ["url"]

LEASE, LONGEST = timedelta(seconds=60), timedelta(minutes=5)
ONE, OTHER = "one/1/a", "other/1/b"


@pytest.fixture
def two(tmp_path, rules, kept, url) -> Iterator[tuple[Asked, Asked]]:
    """Each takes the other for one on another machine."""
    with site(tmp_path, rules, url=url, me=ONE) as one, site(tmp_path, rules, url=url, me=OTHER, who="bert") as other:
        yield one, other


def more(tmp_path, rules, url: str, *hosts: str) -> list[Finding]:
    """An upload of each of these hosts, stored."""
    logs = write(
        tmp_path / "more.jsonl",
        *(process(BITSADMIN, second=90 + at, Hostname=host) for at, host in enumerate(hosts)),
    )
    findings = found(logs, rules)
    Store(url).save(findings)
    return findings


def test_while_one_tells_the_other_tells_nothing(two, tmp_path, rules, url) -> None:
    more(tmp_path, rules, url, "WS-08", "WS-09")
    one, other = two
    told = []

    async def meanwhile() -> None:
        told.append(await hook(other, receiver).deliver())

    receiver = Receiver(before=meanwhile)
    assert asyncio.run(hook(one, receiver).deliver()) == 3
    assert told == [0, 0, 0]
    assert len({each["id"] for each in receiver.events}) == len(receiver.got) == 3


def test_at_the_same_time_each_event_is_told_once(two, tmp_path, rules, url) -> None:
    more(tmp_path, rules, url, *(f"WS-{number}" for number in range(10, 20)))
    receiver, made = Receiver(), [hook(each, Receiver()) for each in two]
    for each in made:
        each._transport = receiver

    def deliver(number: int) -> int:
        return asyncio.run(made[number % 2].deliver())

    with ThreadPoolExecutor(4) as pool:
        told = sum(pool.map(deliver, range(8)))
    assert told == 11
    assert set(Counter(each["id"] for each in receiver.events).values()) == {1}
    assert len(receiver.got) == 11


def test_what_was_lost_comes_again_from_the_other_as_it_was_then_what_is_new_since(two, tmp_path, rules, url) -> None:
    one, other = two
    receiver = Receiver(0)
    with pytest.raises(CaseError):
        asyncio.run(hook(one, receiver).deliver())
    (later,) = more(tmp_path, rules, url, "WS-07")
    assert asyncio.run(hook(other, receiver).deliver()) == 1
    first, again = receiver.events
    assert {name: first[name] for name in ("id", "time", "data")} == {
        name: again[name] for name in ("id", "time", "data")
    }
    assert asyncio.run(hook(one, receiver).deliver()) == 1
    new = receiver.events[-1]
    assert new["type"] == "io.exfilwatch.incident.changed"
    assert [each["id"] for each in new["data"]["findings"]] == [later.id]
    assert asyncio.run(hook(other, receiver).deliver()) == 0


def test_who_stands_still_for_too_long_is_taken_over_and_sends_nothing_more(two, tmp_path, rules, url) -> None:
    more(tmp_path, rules, url, "WS-08", "WS-09")
    one, other = two
    theirs = Receiver()
    taking_over = hook(other, theirs)

    async def an_hour() -> None:
        now = one.service.clock()
        other.service.clock = lambda: now + timedelta(hours=1)
        if not theirs.got:
            assert await taking_over.deliver() == 3

    mine = Receiver(before=an_hour)
    assert asyncio.run(hook(one, mine).deliver()) == 0
    assert [each["id"] for each in mine.events] == [theirs.events[0]["id"]]
    assert asyncio.run(taking_over.deliver()) == 0


def test_events_that_are_refused_for_ever_keep_no_other_waiting(two, tmp_path, rules, url) -> None:
    more(tmp_path, rules, url, *(f"WS-{number}" for number in range(10, 32)))
    receiver = Receiver(*[400] * 20)
    made = hook(two[0], receiver)
    with pytest.raises(CaseError):
        asyncio.run(made.deliver())
    assert asyncio.run(made.deliver()) == 23
    assert len({each["id"] for each in receiver.events}) == 23


def test_of_two_schedules_one_polls_and_the_other_when_it_is_gone(tmp_path, rules, url) -> None:
    logs = write(tmp_path / "logs.jsonl", process(BITSADMIN, second=2))
    given = {
        "siem": {"logs": {"kind": "files", "paths": [str(logs)]}},
        "serve": {"poll_every": "1s"},
        "policy": {"enrich": "never", "open": "never"},
    }

    def polls(asked: Asked, count: int) -> int:
        """How many there were, once there were so many."""
        deadline = time.monotonic() + 60
        while (there := len(asked.get("/v1/audit?action=poll").json()["items"])) < count:
            assert time.monotonic() < deadline, there
            time.sleep(0.05)
        return there

    began = time.monotonic()
    with site(tmp_path, rules, url=url, me=OTHER, who="bert", **given) as other:
        with site(tmp_path, rules, url=url, me=ONE, **given) as one:
            assert polls(one, 6) <= time.monotonic() - began + 1.5
        there = polls(other, 1)
        assert polls(other, there + 2) > there


def test_parked_jobs_are_taken_up_by_one(two) -> None:
    one, other = two
    (token, *_) = one.service.tokens.all()
    now = one.service.clock()
    row = {
        "action": "list_findings",
        "token": token.id,
        "who": token.name,
        "input": "{}",
        "state": "waiting",
        "progress": "",
        "step": 0,
        "created": now,
        "owner": "",
        "beat": now,
        "cancel": False,
    }
    with one.service.store.database.write() as connection:
        connection.execute(insert(jobs), [row | {"id": secrets.token_hex(16)} for _ in range(20)])
    deadline = time.monotonic() + 30
    while (done := len(other.get("/v1/jobs?state=done").json()["items"])) < 20:
        assert time.monotonic() < deadline, done
        time.sleep(0.05)
    lines = one.get("/v1/audit?action=list_findings").json()["items"]
    assert [line["outcome"] for line in lines] == ["done"] * 20


def test_the_same_request_at_both_at_once_is_done_once(two, kept) -> None:
    one, other = two
    sent = one.made("platform", "act")
    mark = {"finding": kept[0].id, "disposition": "benign", "why": "a test"}

    def ask(number: int) -> object:
        asked = two[number % 2]
        return asked.act("set_disposition", mark, headers={"Idempotency-Key": "k1"}, token=sent).json()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(8)))
    assert answers == [answers[0]] * 8
    assert answers[0]["changed"]
    assert len(other.get("/v1/audit?action=set_disposition").json()["items"]) == 1


class At:
    """A clock."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def claimed(two) -> tuple[Claims, Claims, At]:
    """The claims of two services that have one clock."""
    database, clock = two[0].service.store.database, At()
    return Claims(database, ONE, clock), Claims(database, OTHER, clock), clock


def test_a_claim_is_held_renewed_let_go_and_taken_over(claimed) -> None:
    one, other, clock = claimed
    held = one.take("a", LEASE, LONGEST)
    assert isinstance(held, Held)
    assert other.take("a", LEASE, LONGEST) == LEASE
    assert isinstance(other.take("b", LEASE, LONGEST), Held)
    clock.now += LEASE / 2
    one.renew(held, LEASE)
    clock.now += LEASE / 2
    assert other.take("a", LEASE, LONGEST) == LEASE / 2
    one.release(held, timedelta(seconds=90))
    assert one.take("a", LEASE, LONGEST) == timedelta(seconds=90)
    clock.now += timedelta(seconds=90)
    taken = other.take("a", LEASE, LONGEST)
    assert isinstance(taken, Held)
    with pytest.raises(ClaimLost):
        one.renew(held, LEASE)
    one.release(held)
    assert one.take("a", LEASE, LONGEST) == LEASE


def test_a_claim_beyond_what_may_be_is_free(claimed) -> None:
    """Of a clock that was wrong, or of a setting that is another now."""
    one, other, clock = claimed
    one.release(one.take("a", LEASE, LONGEST), timedelta(hours=1))
    assert isinstance(other.take("a", LEASE, LONGEST), Held)
    clock.now -= timedelta(days=1)
    assert isinstance(one.take("a", LEASE, LONGEST), Held)
