"""Which rules have no events: told by polls, which look once a day for what they did not see."""

import asyncio

import pytest

from exfilwatch.detection.load import load
from exfilwatch.detection.logsource import LogSource
from exfilwatch.errors import PartialResult, SourceError
from exfilwatch.findings.store import Store
from exfilwatch.polling import kinds
from exfilwatch.polling.kinds import Kind
from exfilwatch.polling.poller import Poller
from exfilwatch.polling.sampling import DAY, HOUR
from exfilwatch.polling.tables import PACKAGE, PART

from .memory_siem import START, MemorySiem, connection, process, stored

RULES = """
title: Sent
name: sent
id: 00000000-0000-0000-0000-000000000001
status: test
level: high
logsource: {category: process_creation, product: windows}
detection: {selection: {CommandLine|contains: upload}, condition: selection}
---
title: Asked
name: asked
id: 00000000-0000-0000-0000-000000000002
status: test
level: low
logsource: {category: dns_query, product: windows}
detection: {selection: {QueryName|endswith: .example}, condition: selection}
---
title: Reached
name: reached
id: 00000000-0000-0000-0000-000000000003
status: test
level: low
logsource: {category: network_connection, product: windows}
detection: {selection: {DestinationIp|startswith: '203.'}, condition: selection}
---
title: Asked and sent
id: 00000000-0000-0000-0000-000000000004
status: test
level: high
correlation: {type: temporal, rules: [asked, sent], group-by: [Computer], timespan: 1h}
---
title: Often
id: 00000000-0000-0000-0000-000000000005
status: test
level: high
correlation: {type: event_count, rules: [asked, sent], group-by: [Computer], timespan: 1h, condition: {gte: 3}}
"""
SENT, ASKED, REACHED, BOTH, OFTEN = (f"00000000-0000-0000-0000-00000000000{n}" for n in range(1, 6))
DNS, PROCESS = LogSource("dns_query", "windows"), LogSource("process_creation", "windows")


@pytest.fixture
def rules(tmp_path):
    path = tmp_path / "rules.yml"
    path.write_text(RULES)
    return load([path])


class Polled:
    """A SIEM that is polled into a database, and what is known then."""

    def __init__(self, rules, url: str, *records) -> None:
        self.siem, self.rules, self.store = MemorySiem(records), rules, Store(url)
        self.siem.clock = START + HOUR
        self.store.database.ensure(PART, PACKAGE)

    def once(self, later: int = 0) -> None:
        self.siem.clock += later
        asyncio.run(self.polled_and_looked())

    async def polled_and_looked(self) -> None:
        run = await Poller(self.siem, self.rules, self.store, since=DAY, clock=lambda: self.siem.clock).once()
        assert run.problem == ""
        await kinds.look(self.siem, self.rules, self.store.database, self.siem.clock)

    def feeds(self) -> dict[str, kinds.Feed]:
        with self.store.database.read() as connection:
            return kinds.feeds(self.rules, kinds.known(connection), self.siem.clock)

    @property
    def states(self) -> dict[str, str]:
        return {name: feed.state for name, feed in self.feeds().items()}


def test_a_rule_without_events_is_told_though_polls_ask_for_what_may_fire_only(rules, database) -> None:
    records = [process(START, "WS-1", "upload x"), connection(START + 1, "WS-1", "10.0.0.1")]
    polled = Polled(rules, database, *records)
    assert set(polled.states.values()) == {"unknown"}
    polled.once()
    assert polled.states == {SENT: "fed", ASKED: "missing", REACHED: "fed", BOTH: "missing", OFTEN: "fed"}
    found = polled.feeds()
    assert found[ASKED].said == "it can't fire: no windows dns_query event was seen in 24 h (looked for once)"
    assert found[BOTH].said.endswith("(needed: Asked)")
    assert "Sysmon event 22" in found[ASKED].advice


def test_each_log_source_is_looked_for_once_a_day_and_not_where_polls_saw_it(rules, database) -> None:
    polled = Polled(rules, database, process(START, "WS-1", "upload x"))
    polled.once()
    looked = [each for each in polled.siem.asked if each.rules and each.rules[0].id == "check"]
    assert sorted(each.rules[0].source.category for each in looked) == ["dns_query", "network_connection"]
    before = len(polled.siem.asked)
    polled.once(HOUR)
    assert not [each for each in polled.siem.asked[before:] if each.rules and each.rules[0].id == "check"]
    polled.once(DAY)
    polled.once(5 * DAY)
    assert "in 7 days (looked for 3 times)" in polled.feeds()[ASKED].said


def test_what_comes_again_and_what_ends_is_told(rules, database) -> None:
    polled = Polled(rules, database, process(START, "WS-1", "upload x"))
    polled.once()
    polled.siem.records.append(
        stored(START + 30 * HOUR, category="dns_query", Computer="WS-1", QueryName="a.corp", Image="C:\\x.exe")
    )
    polled.once(32 * HOUR)
    assert (polled.states[ASKED], polled.states[BOTH]) == ("fed", "fed")
    polled.once(9 * DAY)
    assert polled.states[SENT] == "ended"
    assert polled.feeds()[SENT].said.startswith("it can't fire now: no windows process_creation event has come for ")


def test_an_answer_that_is_not_whole_or_refused_tells_nothing(rules, database) -> None:
    polled = Polled(rules, database)
    for fault in (PartialResult("too much"), SourceError("no")):
        polled.siem.faults = [(0, fault)] * 9
        asyncio.run(kinds.look(polled.siem, rules, polled.store.database, polled.siem.clock))
        assert set(polled.states.values()) == {"unknown"}
    polled.siem.faults = []
    polled.once()
    assert polled.states[SENT] == "missing"


@pytest.mark.parametrize(
    ("kind", "after", "state"),
    [
        (Kind(START, START, 0, 0), DAY, "fed"),
        (Kind(START, START, START, 9), 8 * DAY, "ended"),
        (Kind(START, 0, START, 1), HOUR, "missing"),
        (Kind(START, 0, 0, 0), HOUR, "unknown"),
    ],
)
def test_a_log_source_is_told_by_when_it_was_seen_and_looked_for(kind, after, state) -> None:
    assert kind.state(START + after) == state


def test_records_that_name_what_they_like_fill_no_memory() -> None:
    seen: set[kinds.Key] = set()
    for number in range(5000):
        kinds.more(seen, ("x", "y", str(number)))
    assert len(seen) == 1000
