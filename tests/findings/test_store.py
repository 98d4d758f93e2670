"""What is saved is kept once, is found again, and belongs to one incident however it arrived."""

import json
import random
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from exfilwatch.errors import ConfigError
from exfilwatch.findings import schema
from exfilwatch.findings.incident import group
from exfilwatch.findings.store import Store

from .made import START, make


@pytest.fixture
def store(database: str) -> Store:
    return Store(database)


def test_saving_again_saves_nothing_and_keeps_when_it_was_first_seen(database):
    times = iter([START, START + timedelta(days=1)])
    store = Store(database, clock=lambda: next(times))
    assert [f.id for f in store.save([make("a"), make("a")])] == [make("a").id]
    assert store.save([make("a")]) == []
    assert [incident.first_seen for incident in store.incidents()] == [START]


def test_a_finding_comes_back_as_it_was(store):
    saved = make("a", 1.5, lasts=2, big=10**25, nested={"k": [1, None, "ü"]})
    store.save([saved])
    assert store.get(saved.id) == saved


def test_hostile_text_is_stored_as_it_is(store):
    nasty = make("a", host="WS\0\ud800", user="a\0nna", CommandLine="\0\ud800\u202e")
    store.save([nasty])
    assert store.find(host="WS\0\ud800", user="a\0nna") == [nasty]


_LETTERS = random.Random(4)
HUGE = "".join(chr(_LETTERS.randrange(0x4E00, 0x9FFF)) for _ in range(30_000)) + "\0\ud800"


@pytest.mark.parametrize("name", ["host", "user", "level", "branch", "source", "attack", "ProcessGuid", "ProcessId"])
@pytest.mark.parametrize("nasty", [HUGE, "a\0b", "\ud800", "'; DROP TABLE findings; --", "%s %(x)s :x ?"])
def test_no_text_is_too_long_or_too_strange_to_be_stored_and_found(store, name, nasty):
    finding = make("a", **{name: (nasty,) if name == "attack" else nasty})
    store.save([finding])
    store.save([make("b", 10, **{name: (nasty,) if name == "attack" else nasty})])
    assert store.get(finding.id) == finding
    assert finding in store.find(host=finding.host, user=finding.user, rule=finding.rule.branch)
    assert [len(incident.findings) for incident in store.incidents(host=finding.host, user=finding.user)] == [2]


@pytest.mark.parametrize("nasty", [HUGE, "a\0b", "\ud800"])
def test_nothing_that_is_asked_for_is_too_strange(store, nasty):
    store.save([make("a")])
    assert store.find(host=nasty) == store.find(user=nasty) == store.find(rule=nasty) == []
    assert store.incidents(host=nasty) == store.incidents(user=nasty) == []
    for ask in (store.get, store.incident):
        with pytest.raises(ConfigError, match="has an id that starts with"):
            ask(nasty)


def test_texts_that_differ_far_behind_are_different(store):
    store.save([make("a", host="x" * 5000 + "1", user="y" * 5000), make("b", host="x" * 5000 + "2", user="y" * 5000)])
    assert [finding.events[0].id for finding in store.find(host="x" * 5000 + "2")] == ["b"]
    assert len(store.incidents()) == 2


@pytest.mark.parametrize("time", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
def test_the_first_and_the_last_moment_are_stored(store, time):
    finding = make("a").model_copy(update={"time": time, "end": time})
    store.save([finding])
    assert [incident.time for incident in store.incidents(since=time)] == [time]


def test_times_in_other_zones_are_the_same_moment(store):
    store.save([make("a", 0)])
    summer = timezone(timedelta(hours=2))
    assert store.find(since=datetime(2024, 5, 1, 11, 0, tzinfo=summer))
    assert not store.find(since=datetime(2024, 5, 1, 11, 1, tzinfo=summer))


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, "cba"),
        ({"host": "ws1"}, "ba"),
        ({"host": "WS1.corp.local", "user": "anna"}, "a"),
        ({"user": "CORP\\BOB"}, "b"),
        ({"rule": "collection"}, "c"),
        ({"rule": "RULE-transfer_tool"}, "ba"),
        ({"rule": "rule collection"}, "c"),
        ({"level": "high"}, "c"),
        ({"level": "low"}, "cba"),
        ({"since": START + timedelta(minutes=10)}, "cb"),
        ({"until": START + timedelta(minutes=10)}, "a"),
        ({"since": datetime(2024, 5, 1, 9, 10), "limit": 1}, "c"),  # noqa: DTZ001 (a naive time is UTC)
        ({"host": "nobody"}, ""),
    ],
)
def test_findings_are_found_by(store, wanted, expected):
    store.save([make("a"), make("b", 10, user="bob"), make("c", 20, host="WS2", branch="collection", level="high")])
    assert "".join(finding.events[0].id for finding in store.find(**wanted)) == expected


def test_an_unknown_level_is_refused_by_name(store):
    with pytest.raises(ConfigError, match=r"'severe' is unknown: use one of informational, low"):
        store.find(level="severe")


def test_an_id_may_be_shortened_while_it_stays_unique(store):
    findings = [make(str(number)) for number in range(20)]
    store.save(findings)
    assert store.get(findings[3].id[:12].upper()) == findings[3]
    with pytest.raises(ConfigError, match="several findings have ids that start with"):
        store.get(next(f.id[0] for f in findings if sum(other.id[0] == f.id[0] for other in findings) > 1))
    for wrong in ("%", "", "zz"):
        with pytest.raises(ConfigError, match="no finding has an id that starts with"):
            store.get(wrong)


def test_a_later_finding_extends_the_incident_under_its_old_id(store):
    first = store.record([make("b", 30)])
    second = store.record([make("a", 0)])
    assert (len(first.opened), first.extended) == (1, [])
    assert (second.opened, second.extended) == ([], first.opened)
    (incident,) = store.incidents()
    assert (incident.id, incident.findings) == (first.opened[0], (make("a").id, make("b").id))
    assert incident.time == START
    assert {f.id for f in store.find(incident=incident.id[:6])} == set(incident.findings)


def test_a_finding_that_bridges_two_incidents_gives_the_older_one_all(database):
    times = iter([START, START + timedelta(days=1), START + timedelta(days=2)])
    store = Store(database, clock=lambda: next(times))
    older = store.record([make("late", 110)]).opened[0]
    younger = store.record([make("early", 0, level="high")]).opened[0]
    bridge = store.record([make("between", 55)])
    assert (bridge.extended, bridge.merged) == ([older], [younger])
    (incident,) = store.incidents()
    assert (incident.id, len(incident.findings), incident.level) == (older, 3, "high")
    assert store.incident(younger) == incident


def test_a_process_ties_findings_days_apart(store):
    store.save([make("a", 0, ProcessGuid="{1-2}")])
    store.save([make("b", 5000, ParentProcessGuid="{1-2}"), make("c", 5000, host="WS2", ParentProcessGuid="{1-2}")])
    assert sorted(len(incident.findings) for incident in store.incidents()) == [1, 2]


def test_a_stored_finding_without_user_stays_with_the_user_it_went_to(store):
    store.save([make("a", 0, user="anna"), make("x", 30, user=None)])
    store.save([make("b", 31, user="bob")])
    assert sorted(len(incident.findings) for incident in store.incidents()) == [1, 2]
    store.save([make("c", 89, user="anna")])
    assert [len(i.findings) for i in store.incidents(user="anna")] == [3]


def test_an_incident_without_user_gets_the_first_one_that_turns_up(store):
    alone = store.record([make("x", 0, user=None)]).opened
    assert store.record([make("a", 10)]).extended == alone
    assert [incident.user for incident in store.incidents(user="anna")] == ["CORP\\anna"]


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    raw=st.lists(
        st.fixed_dictionaries(
            {
                "minute": st.one_of(st.none(), st.integers(0, 400)),
                "lasts": st.integers(0, 30),
                "user": st.sampled_from([None, "anna"]),
                "host": st.sampled_from(["ws1", "ws2"]),
                "ProcessId": st.sampled_from([None, 8, 9]),
                "ProcessGuid": st.sampled_from([None, "a-1", "a-2"]),
            }
        ),
        max_size=9,
    ),
    cuts=st.lists(st.integers(0, 9), max_size=4),
)
def test_batches_give_the_incidents_that_all_at_once_give(raw, cuts):
    findings = [make(str(number), **each) for number, each in enumerate(raw)]
    store = Store("sqlite://")
    edges = [0, *sorted(cuts), len(findings)]
    for start, end in pairwise(edges):
        store.save(findings[start:end])
    stored = {frozenset(incident.findings) for incident in store.incidents()}
    assert stored == {frozenset(incident.findings) for incident in group(findings)}


SAVER = """
import json, sys
from pathlib import Path
from exfilwatch.findings.finding import Finding
from exfilwatch.findings.store import Store
findings = [Finding.model_validate(each) for each in json.loads(Path(sys.argv[2]).read_text())]
store = Store(sys.argv[1])
print(sum(len(store.save(findings[at:at + 3])) for at in range(0, len(findings), 3)))
"""


def test_processes_at_once_lose_and_double_nothing(database, tmp_path):
    given = tmp_path / "findings.json"
    findings = [make(str(number), number * 7, user=["anna", "bob"][number % 2]) for number in range(60)]
    given.write_text(json.dumps([finding.model_dump(mode="json") for finding in findings]))
    running = [
        subprocess.Popen([sys.executable, "-c", SAVER, database, given], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    new = [int(process.communicate(timeout=120)[0]) for process in running]
    assert sum(new) == 60
    store = Store(database)
    assert {f.id for f in store.find()} == {f.id for f in findings}
    assert {frozenset(i.findings) for i in store.incidents()} == {frozenset(i.findings) for i in group(findings)}


def test_a_save_that_fails_half_way_leaves_nothing(store, monkeypatch):
    monkeypatch.setattr("exfilwatch.findings.filing._insert", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        store.save([make("a")])
    assert (store.find(), store.incidents()) == ([], [])


def test_what_a_case_system_was_not_told_is_pending_until_told(store):
    store.save([make("a"), make("b", 5)])
    (pending,) = store.pending("local")
    assert pending.findings == (make("a").id, make("b").id)
    store.tell("local", pending.incident.id, pending.findings[:1])
    store.tell("local", pending.incident.id, pending.findings[:1])
    assert [each.findings for each in store.pending("local")] == [pending.findings[1:]]
    assert [each.findings for each in store.pending("jira")] == [pending.findings]


def test_times_are_stored_as_utc(store):
    store.save([make("a").model_copy(update={"time": datetime(2024, 5, 1, 11, tzinfo=timezone(timedelta(hours=2)))})])
    with store.database.read() as connection:
        assert str(connection.scalar(text("select time from findings"))).startswith("2024-05-01 09:00:00")


def test_the_tables_are_valid_for_postgresql():
    for table in schema.metadata.sorted_tables:
        assert "CREATE TABLE" in str(CreateTable(table).compile(dialect=postgresql.dialect()))


def test_the_clock_says_utc(store):
    before = datetime.now(UTC)
    store.save([make("a")])
    (incident,) = store.incidents()
    assert incident.first_seen is not None
    assert before - timedelta(seconds=1) < incident.first_seen < datetime.now(UTC) + timedelta(seconds=1)
