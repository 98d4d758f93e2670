"""Microsoft Defender XDR, against the fake, over HTTP. What it shares with Sentinel: test_sentinel.py."""

import pytest

from exfilwatch.errors import AuthError, ConfigError, PartialResult, RateLimited, SourceError
from exfilwatch.siem.defender import Defender, DefenderSettings
from exfilwatch.siem.registry import open_siem
from exfilwatch.siem.siem import SECOND, Clock, Near

from .fetching import Naps, events, fetched, run
from .loopback import Answer, answer_json
from .microsoft import NOON, hunted, shape, stamp

pytest.importorskip("duckdb", reason="DuckDB runs the fake's queries: pip install 'duckdb-kql[duckdb]'")
from .fake_microsoft import GRAPH, FakeMicrosoft

HOUR, DAY = 3600 * SECOND, 86_400 * SECOND


@pytest.fixture
def fake():
    with FakeMicrosoft() as fake:
        fake.now = (NOON + DAY) / SECOND
        yield fake


def defender(fake: FakeMicrosoft, **settings: object) -> Defender:
    """Waits take no time."""
    ours = {name: value for name, value in fake.settings().items() if name != "workspace"}
    chosen = DefenderSettings.model_validate({"kind": "defender", **ours, **settings})
    return Defender("xdr", chosen, sleep=Naps())


def reports(records: list[dict[str, object]]) -> list[object]:
    return sorted(record["ReportId"] for record in records)  # type: ignore[type-var]


def test_records_are_those_of_the_field_map_and_say_when_they_were_ingested(fake):
    fake.kusto.add("DeviceProcessEvents", hunted(NOON, Timestamp=stamp(NOON, 7)), NOON + SECOND)
    fake.kusto.add("DeviceNetworkEvents", hunted(NOON, 2, RemoteIP="203.0.113.7", RemotePort=443), NOON + SECOND)
    found = fetched(defender(fake), NOON, NOON + HOUR)
    assert [shape(record) for record in found] == ["defender", "defender"]
    assert found[0]["Timestamp"] == stamp(NOON, 7)
    assert {(event.time, event.ingest_time) for event in events(found)} == {(NOON, NOON + SECOND)}


def test_an_interval_has_its_first_moment_and_not_its_last(fake):
    for number, at in enumerate([NOON - 1, NOON, NOON + HOUR - 1, NOON + HOUR]):
        fake.kusto.add("DeviceProcessEvents", hunted(at, number))
    for clock in Clock:
        assert reports(fetched(defender(fake), NOON, NOON + HOUR, clock=clock)) == [1, 2]


@pytest.mark.parametrize("at", [NOON - 29 * DAY, NOON + 20 * HOUR])
def test_what_a_device_sends_late_or_with_a_clock_that_is_ahead_is_found_by_ingestion_time(fake, at):
    """The service cuts what lies outside of the timespan, which is told for this reason."""
    fake.kusto.add("DeviceProcessEvents", hunted(at), NOON + 5)
    assert reports(fetched(defender(fake), NOON, NOON + 10)) == [1]


def test_a_part_of_a_second_is_not_cut_off(fake):
    fake.kusto.add("DeviceProcessEvents", hunted(NOON + 700_000))
    low, high = NOON + 600_000, NOON + 800_000
    assert reports(fetched(defender(fake), low, high, clock=Clock.EVENT)) == [1]
    first, last = fake.queries[0]["Timespan"].split("/")
    assert (first, last) == ("2026-03-12T12:00:00Z", "2026-03-12T12:00:01Z")


@pytest.mark.parametrize("host", ["ws1.corp.example", 'a"b', "a\\", "a|b", "a\nb", "日本", '" or true or "'])
def test_hosts_and_spans_are_pushed_to_the_service(fake, host):
    for number, (name, at) in enumerate([(host, NOON), (host, NOON + 2), (f"{host}x", NOON), ("other", NOON)]):
        fake.kusto.add("DeviceProcessEvents", hunted(at, number, name))
    assert reports(fetched(defender(fake), near=(Near(host, NOON, NOON + 1),))) == [0]


def test_more_rows_than_one_answer_may_have_are_refused(fake):
    for number in range(10):
        fake.kusto.add("DeviceProcessEvents", hunted(NOON, number))
    with pytest.raises(PartialResult, match="DeviceProcessEvents: 10 records or more"):
        fetched(defender(fake, rows=10), NOON, NOON + HOUR)
    assert set(reports(fetched(defender(fake, rows=5), NOON, NOON + 1))) == set(range(10))


def test_an_answer_that_is_too_large_is_refused_and_of_one_moment_read_in_parts(fake):
    for number in range(40):
        fake.kusto.add("DeviceProcessEvents", hunted(NOON, number))
    fake.size[GRAPH] = 6000
    with pytest.raises(PartialResult, match="exceeded the allowed result size"):
        fetched(defender(fake), NOON, NOON + HOUR)
    assert set(reports(fetched(defender(fake), NOON, NOON + 1))) == set(range(40))


@pytest.mark.parametrize(
    "message",
    [
        "Query exceeded the timeout period.",
        "Query stopped due to excessive resource consumption.",
        "Query execution has exceeded the allowed limits. The query execution was preempted.",
        'Result size limit exceeded. Use "summarize" to aggregate results.',
    ],
)
def test_a_query_that_is_too_much_is_refused_so_that_the_interval_is_halved(fake, message):
    fake.instead.append(answer_json({"error": {"code": "BadRequest", "message": message}}, 400))
    with pytest.raises(PartialResult):
        fetched(defender(fake), NOON, NOON + HOUR)


@pytest.mark.parametrize(("said", "seconds"), [("12 minutes", 720), ("00:14:30", 870), ("90 seconds", 90)])
def test_a_spent_quota_is_told_with_the_time_until_the_next_and_not_asked_for_again(fake, said, seconds):
    message = f"You have exceeded processing resources allocated to this tenant. You can run queries again in {said}."
    fake.instead.append(answer_json({"error": {"code": "TooManyRequests", "message": message}}, 429))
    with pytest.raises(RateLimited, match="exceeded processing resources") as caught:
        fetched(defender(fake), NOON, NOON + HOUR)
    assert (caught.value.wait, len(fake.queries)) == (seconds, 1)


def test_too_many_calls_in_a_minute_are_waited_for(fake):
    fake.kusto.add("DeviceProcessEvents", hunted(NOON))
    headers = {"Retry_After": "0", "x_ms_throttle_scope": "Application/Tenant"}
    fake.instead.append(
        answer_json({"error": {"code": "TooManyRequests", "message": "Too many calls"}}, 429, **headers)
    )
    siem = defender(fake)
    assert len(fetched(siem, NOON, NOON + 1)) == 1
    assert siem.traffic.retries == 1


def test_the_least_permission_that_suffices_is_named(fake):
    fake.rights = set()
    with pytest.raises(
        AuthError, match=r"ThreatHunting\.Read\.All of Microsoft Graph, with an administrator's consent"
    ):
        fetched(defender(fake), NOON, NOON + 1)


def test_tables_that_a_tenant_has_no_licence_for_have_no_records_unless_somebody_listed_them(fake):
    fake.kusto.add("DeviceProcessEvents", hunted(NOON))
    assert len(fetched(defender(fake), NOON, NOON + 1)) == 1
    with pytest.raises(SourceError, match="'DeviceFileEvents'"):
        fetched(defender(fake, tables="DeviceFileEvents,DeviceProcessEvents"), NOON, NOON + 1)


def test_places_and_clock(fake):
    fake.kusto.add("DeviceProcessEvents", hunted(NOON + 9))
    found = run(siem := defender(fake), siem.places())
    assert (found[0].records, found[0].newest, found[0].problem) == (1, NOON + 9, "")
    assert "DeviceNetworkEvents" in found[1].problem
    now = run(siem := defender(fake), siem.now())
    assert now == NOON + DAY


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, b"<html>"),
        answer_json({"results": "x", "schema": []}, 200),
        Answer(200, b'{"schema":[{"name"', cut=9),
    ],
)
def test_an_answer_that_is_broken_is_no_empty_one(fake, answer):
    fake.instead.extend([answer] * 5)
    with pytest.raises(SourceError, match=r"JSON|no rows|check `url`"):
        fetched(defender(fake), NOON, NOON + 1)


@pytest.mark.parametrize(
    ("cloud", "url"),
    [
        ("public", "https://graph.microsoft.com"),
        ("usgov", "https://graph.microsoft.us"),
        ("usgov-dod", "https://dod-graph.microsoft.us"),
    ],
)
def test_each_cloud_has_its_address(fake, cloud, url):
    ours = {name: value for name, value in fake.settings().items() if name not in ("workspace", "url", "login")}
    assert open_siem("xdr", {"kind": "defender", "cloud": cloud, **ours}).settings.url == url


def test_a_cloud_without_the_service_is_refused(fake):
    ours = {name: value for name, value in fake.settings().items() if name != "workspace"}
    with pytest.raises(ConfigError, match=r"siem\.xdr: cloud: Input should be 'public', 'usgov' or 'usgov-dod'"):
        open_siem("xdr", {"kind": "defender", "cloud": "china", **ours})
