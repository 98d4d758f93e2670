"""A finding that another takes the place of goes, and its incident and its case stay what they are."""

from contextlib import suppress
from datetime import datetime, timedelta
from itertools import count, pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from exfilwatch.findings import schema
from exfilwatch.findings.finding import Finding, finding_id
from exfilwatch.findings.store import Store
from exfilwatch_playbooks.cases.local import Local

from ..cases.now import now, open_now  # noqa: TID252
from .made import START, make


@pytest.fixture
def store(database: str) -> Store:
    hours = count()
    return Store(database, clock=lambda: START + timedelta(hours=next(hours)))


def burst(names: str, minute: float = 0, **fields) -> Finding:
    """The finding of a burst of events, one a minute."""
    found = make(names[0], minute, lasts=len(names) - 1, branch="burst", **fields)
    events = [found.events[0].model_copy(update={"id": name}) for name in names]
    return found.model_copy(update={"id": finding_id(found.rule.id, list(names)), "events": events})


def names(store: Store) -> list[str]:
    """The events of each finding, by incident, oldest first."""
    with store.database.read() as connection:
        ids = connection.scalars(select(schema.incidents.c.id).order_by(schema.incidents.c.first_seen)).all()
    incidents = [each for each in ids if store.incident(each).id == each]
    return [
        " ".join(sorted("".join(event.id for event in found.events) for found in store.find(incident=each)))
        for each in incidents
    ]


def test_a_burst_that_grew_is_one_finding_in_the_incident_and_the_case_of_the_smaller_one(store):
    small, grown = burst("abc"), burst("abcd", level="high", ProcessGuid="{1-2}")
    cases = Local(store)
    (incident,) = store.record([small]).opened
    open_now(store, cases)
    saved = store.record([grown], {small.id: grown.id})
    assert (saved.findings, saved.opened, saved.extended, saved.merged) == ([grown], [], [incident], [])
    assert saved.superseded == [small.id]
    assert [pending.findings for pending in store.pending("local")] == [(grown.id,)]
    (after,) = store.incidents()
    assert (after.id, after.findings, after.level, after.end) == (incident, (grown.id,), "high", grown.end)
    assert [outcome.did for outcome in open_now(store, cases)] == ["extended"]
    (case,) = now(cases.list())
    assert (case.incident, case.level, len(case.notes)) == (incident, "high", 1)
    assert set(case.findings) == {small.id, grown.id}
    assert open_now(store, cases) == []
    assert store.find() == [grown]


def test_of_what_went_no_row_is_left(store):
    small, grown = burst("abc", ProcessGuid="{1-2}"), burst("abcd", ProcessGuid="{3-4}")
    store.record([small])
    store.record([grown], {small.id: grown.id})
    with store.database.read() as connection:
        assert connection.execute(select(schema.processes.c.finding, schema.processes.c.process)).all() == [
            (grown.id, "guid 3-4")
        ]
        assert connection.scalars(select(schema.findings.c.id)).all() == [grown.id]


def test_it_grows_again_and_again_also_in_one_go(store):
    bursts = [burst("abcdefgh"[:length]) for length in range(1, 6)]
    ids = [each.id for each in bursts]
    store.record(bursts[:1])
    store.record(bursts[1:2], {ids[0]: ids[1]})
    saved = store.record(bursts[2:], dict(pairwise(ids[1:])))
    assert (saved.findings, saved.superseded) == (bursts[-1:], [ids[1]])
    assert names(store) == ["abcde"]


def test_doing_it_twice_changes_nothing(store):
    small, grown = burst("abc"), burst("abcd")
    store.record([small])
    store.record([grown], {small.id: grown.id})
    before = store.incidents()
    again = store.record([small, grown], {small.id: grown.id})
    assert again == ([], [], [], [], [])
    assert store.incidents() == before


@pytest.mark.parametrize(
    ("why", "first", "second"),
    [
        ("farther away than the window", {}, {"minute": 1000}),
        ("of nobody and of somebody", {"user": None}, {"minute": 1000}),
    ],
)
def test_a_burst_that_takes_the_place_of_two_merges_their_incidents(store, why, first, second):
    one, two = burst("ab", **first), burst("cd", **second)
    older, younger = (store.record([each]).opened[0] for each in (one, two))
    whole = burst("abcd")
    saved = store.record([whole], {one.id: whole.id, two.id: whole.id})
    assert (saved.opened, saved.extended, saved.merged) == ([], [older], [younger]), why
    assert names(store) == ["abcd"]
    assert store.incident(younger).id == older
    assert store.incidents(user="anna") == [store.incident(older)]


def test_incidents_of_two_users_are_not_merged_while_both_have_findings(store):
    one, two, other = burst("ab", user="anna"), burst("cd", user="bob"), make("x", 5, user="bob")
    store.record([one])
    store.record([two, other])
    whole = burst("abcd", user="bob")
    saved = store.record([whole], {one.id: whole.id, two.id: whole.id})
    assert (len(saved.extended), saved.merged) == (1, [])
    assert names(store) == ["abcd", "x"]


def test_an_incident_of_another_user_that_has_nothing_left_goes_on_as_the_other(store):
    one, two = burst("ab", user="anna"), burst("cd", user="bob")
    older, younger = (store.record([each]).opened[0] for each in (one, two))
    cases = Local(store)
    open_now(store, cases)
    whole = burst("abcd", user="bob")
    saved = store.record([whole], {one.id: whole.id, two.id: whole.id})
    assert (saved.extended, saved.merged) == ([older], [younger])
    assert sorted(outcome.did for outcome in open_now(store, cases)) == ["duplicate", "extended"]
    assert now(cases.find(younger)).duplicate_of == now(cases.find(older)).id
    assert [len(incident.findings) for incident in store.incidents(user="anna")] == [1]


def test_the_successor_stays_in_the_incident_of_another_host(store):
    small = burst("bc", host="WS1")
    (incident,) = store.record([small]).opened
    grown = burst("abc", host="WS2")
    assert store.record([grown, make("x", host="WS2")], {small.id: grown.id}).extended == [incident]
    assert names(store) == ["abc", "x"]
    assert store.find(host="WS1") == [grown]


def test_a_successor_that_is_stored_already_is_joined_by_the_case_of_what_went(store):
    one, two = burst("ab"), burst("cd", 1000)
    older, younger = (store.record([each]).opened[0] for each in (one, two))
    saved = store.record([], {one.id: two.id})
    assert (saved.findings, saved.extended, saved.merged, saved.superseded) == ([], [older], [younger], [one.id])
    assert names(store) == ["cd"]
    assert [(each.incident.id, each.findings) for each in store.pending("local")] == [(older, (two.id,)), (younger, ())]


def test_an_incident_keeps_its_other_findings_and_is_described_by_them(store):
    small, other = burst("ab", level="critical"), make("x", 10)
    (incident,) = store.record([small, other]).opened
    assert store.incident(incident).level == "critical"
    saved = store.record([], {small.id: None})
    assert (saved.superseded, store.incident(incident).level) == ([small.id], "medium")
    assert store.incident(incident).findings == (other.id,)


@pytest.mark.parametrize("successor", [None, finding_id("nothing", ["nowhere"])])
def test_an_incident_whose_last_finding_went_stays_for_its_case(store, successor):
    small = burst("ab", level="high")
    cases = Local(store)
    (incident,) = store.record([small]).opened
    open_now(store, cases)
    before = store.incident(incident)
    saved = store.record([], {small.id: successor})
    assert (saved.extended, saved.superseded) == ([], [small.id])
    assert store.incident(incident) == before.model_copy(update={"findings": ()})
    assert store.find(incident=incident) == []
    assert (open_now(store, cases), len(now(cases.list()))) == ([], 1)
    assert store.record([make("y", 1)]).opened != [incident]


def test_an_incident_that_was_told_to_nobody_opens_no_case_without_findings(store):
    small = burst("ab")
    store.record([small])
    (pending,) = store.pending("local")
    store.record([], {small.id: None})
    assert store.pending("local") == []
    cases = Local(store)
    store.pending = lambda *_: [pending]
    assert [outcome.did for outcome in open_now(store, cases)] == ["known"]
    assert now(cases.list()) == []


@pytest.mark.parametrize("circle", [{"a": "a"}, {"a": "b", "b": "a"}, {"a": "b"}, {}])
def test_what_is_not_stored_and_what_goes_in_circles_is_no_error(store, circle):
    assert store.record([make("x")], circle).superseded == []
    assert len(store.find()) == 1


def test_it_is_a_part_of_the_caller_s_transaction(store):
    small, grown = burst("abc"), burst("abcd")
    store.record([small])
    before = store.incidents()
    with suppress(ZeroDivisionError), store.database.write() as connection:
        assert store.record_in(connection, [grown], {small.id: grown.id}).findings == [grown]
        raise ZeroDivisionError
    assert (store.find(), store.incidents()) == ([small], before)
    with store.database.write() as connection:
        store.record_in(connection, [grown], {small.id: grown.id})
    assert store.find() == [grown]


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.fixed_dictionaries(
            {
                "minute": st.integers(0, 600),
                "user": st.sampled_from([None, "anna", "bob"]),
                "host": st.sampled_from(["ws1", "ws2"]),
                "replaces": st.sets(st.integers(0, 20), max_size=3),
                "by_nothing": st.booleans(),
            }
        ),
        max_size=12,
    )
)
def test_whatever_takes_the_place_of_what_nothing_is_lost_and_no_incident_has_two_users_or_hosts(steps):
    store = Store("sqlite://")
    there: list[Finding] = []
    for number, step in enumerate(steps):
        new = make(f"n{number}", step["minute"], user=step["user"], host=step["host"])
        gone = [old for at, old in enumerate(there) if at in step["replaces"]]
        saved = store.record([new], {old.id: None if step["by_nothing"] else new.id for old in gone})
        assert sorted(saved.superseded) == sorted(old.id for old in gone)
        there = [old for old in there if old not in gone] + [new]
        assert len({*saved.opened, *saved.extended}) == len(saved.opened) + len(saved.extended) == 1
    assert sorted(found.id for found in store.find()) == sorted(found.id for found in there)
    with store.database.read() as connection:
        table, places = schema.findings.c, schema.incidents.c
        pairs = connection.execute(
            select(table.host_key, table.user_key, places.host_key, places.user_key, places.merged_into).join(
                schema.incidents, table.incident == places.id
            )
        ).all()
    for host, user, host_of_incident, user_of_incident, merged_into in pairs:
        assert (host, merged_into) == (host_of_incident, None)
        assert user in (None, user_of_incident)


def test_times_of_an_incident_follow_the_successor(store):
    small, grown = burst("bc", 10), burst("abc", 5)
    (incident,) = store.record([small]).opened
    store.record([grown], {small.id: grown.id})
    after = store.incident(incident)
    assert (after.time, after.end) == (grown.time, grown.end)
    assert isinstance(after.first_seen, datetime)
    assert after.first_seen == START
