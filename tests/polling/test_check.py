"""A check says of each step how it went and what to change: on a SIEM in memory, and on files."""

import json
from collections.abc import Sequence

import pytest

from exfilwatch.detection.load import load
from exfilwatch.errors import AuthError, PartialResult, RateLimited, SourceError, Unreachable
from exfilwatch.events.report import Report
from exfilwatch.polling.advising import collecting
from exfilwatch.rules.packs import pack
from exfilwatch.siem.files import Files
from exfilwatch.siem.found import NO_PERMISSION
from exfilwatch.siem.siem import SECOND, Place

from .checked import checked, checked_siem, outcomes, said
from .memory_siem import START, MemorySiem, connection, process, stored

MINUTE, HOUR, DAY = 60 * SECOND, 3600 * SECOND, 86_400 * SECOND


def day(late: Sequence[int] = (2 * SECOND,), host: str = "ws1"):
    """Processes and connections of the last hours, late by these times in turn."""
    records = []
    for n in range(1, 60):
        taken_in = START - n * MINUTE
        time = taken_in - late[n % len(late)]
        make = process if n % 2 else connection
        records.append(make(time, host, "203.0.113.7", ingest=taken_in))
    return records


def look(siem, ours=START):
    return checked_siem(siem, lambda: ours)


def test_a_siem_that_is_well_is_well_in_each_step():
    siem = MemorySiem(day())
    steps = look(siem)
    assert list(outcomes(steps)) == [
        *("connection", "account", "clock", "places", "events", "categories", "command lines", "lateness"),
        *("settings", "volume"),
    ]
    assert set(outcomes(steps).values()) == {"ok"}
    assert "sigma_named (59)" in said(steps, "events")
    assert '[siem.memory]\nclock = "ingest"\nlookback = "1m"\n# exfilwatch poll memory --every 1m' in said(
        steps, "settings"
    )


def test_it_reads_no_more_than_a_sample_however_much_there_is():
    records = [process(START - 4 * n * SECOND, "ws1", "x") for n in range(1, 20_000)]
    siem = MemorySiem(records)
    steps = look(siem)
    (events,) = (step for step in steps if step.name == "events")
    assert events.details["records"] == 4 * 400
    assert all(ask.high - ask.low <= DAY for ask in siem.asked)
    assert "about 21,600 candidates" in said(steps, "volume")


@pytest.mark.parametrize(
    ("error", "step"),
    [
        (Unreachable("refused"), "connection"),
        (AuthError("401: no"), "account"),
        (RateLimited("429", 3.0), "connection"),
    ],
)
@pytest.mark.parametrize("method", ["now", "places"])
def test_what_can_not_be_asked_ends_the_check_with_the_clients_own_words(error, step, method):
    siem = MemorySiem(day())

    async def broken():
        raise error

    setattr(siem, method, broken)
    steps = look(siem)
    assert steps[-1].name == step
    assert steps[-1].said == str(error)
    assert steps[-1].unreadable


@pytest.mark.parametrize("error", [KeyError("hits"), RecursionError(), ExceptionGroup("", [ValueError("secret")])])
@pytest.mark.parametrize("method", ["now", "places"])
def test_an_error_that_no_client_should_raise_is_a_step_too_and_shows_nothing_of_the_answer(error, method):
    siem = MemorySiem(day())

    async def broken():
        raise error

    setattr(siem, method, broken)
    last = look(siem)[-1]
    assert last.unreadable
    assert "is not what it should be" in last.said
    assert "secret" not in last.said


def test_an_error_of_a_fetch_is_a_failure_of_its_step():
    siem = MemorySiem(day())
    siem.faults = [(0, SourceError("there is no index logs"))]
    last = look(siem)[-1]
    assert (last.name, last.outcome, last.said) == ("events", "failure", "there is no index logs")


def test_a_window_with_too_many_records_is_not_read_and_a_shorter_one_is_enough():
    siem = MemorySiem([process(START - n * SECOND, "ws1", "x") for n in range(1, 90)], cap=20)
    steps = look(siem)
    assert outcomes(steps)["events"] == "ok"
    assert "89 records" not in said(steps, "events")


def test_a_siem_that_gives_nothing_whole_is_told_so():
    siem = MemorySiem(day())
    siem.faults = [(0, PartialResult("a shard failed"))] * 20
    steps = look(siem)
    assert outcomes(steps)["events"] == "failure"
    assert "a shard failed" in said(steps, "events")


def test_a_place_with_a_problem_is_a_warning_beside_others_and_a_failure_alone():
    siem = MemorySiem(day())

    async def places():
        return [Place("a", 3, START - MINUTE), Place("b", problem="has no date field: set `time_field`")]

    siem.places = places
    assert outcomes(look(siem))["places"] == "warning"

    async def none():
        return [Place("b", problem="no such table: check the name")]

    siem.places = none
    steps = look(siem)
    assert outcomes(steps)["places"] == "failure"
    assert steps[-1].name == "places"


def test_a_place_without_anything_new_is_looked_at_where_its_newest_event_is():
    old = START - 20 * DAY
    siem = MemorySiem([process(old, "ws1", "x"), connection(old, "ws1", "203.0.113.7")])

    async def places():
        return [Place("memory", 2, old)]

    siem.places = places
    steps = look(siem)
    assert outcomes(steps)["places"] == "warning"
    assert "20 days ago" in said(steps, "places")
    assert "around the newest one" in said(steps, "events")


def test_records_of_no_known_shape_are_told_with_their_keys():
    strange = [
        stored(START - n * MINUTE, category="x")._replace(record=b'{"weight": 1, "colour": 2}') for n in range(9)
    ]
    steps = look(MemorySiem(day() + strange))
    assert outcomes(steps)["events"] == "warning"
    assert "12% of no known shape" in said(steps, "events")
    assert "Keys: colour, weight" in said(steps, "events")
    assert outcomes(look(MemorySiem(strange)))["events"] == "failure"


def test_events_that_rules_look_at_and_that_are_not_there_are_told_with_what_to_collect():
    steps = look(MemorySiem([each for each in day() if each.values["category"] == "process_creation"]))
    assert outcomes(steps)["categories"] == "warning"
    assert "there is no network_connection, which 1 rule looks at: A connection to the outside" in said(
        steps, "categories"
    )
    assert "Sysmon event 3" in said(steps, "categories")
    steps = look(MemorySiem([each for each in day() if each.values["category"] != "process_creation"]))
    assert outcomes(steps)["categories"] == "failure"


def test_events_that_are_rare_are_looked_for_before_they_are_said_to_be_missing():
    many = [process(START - n * SECOND, "ws1", "x") for n in range(1, 1000)]
    rare = connection(START - 5 * HOUR, "ws1", "203.0.113.7")
    assert outcomes(look(MemorySiem([*many, rare])))["categories"] == "ok"


def security(number, command=None, host="ws1"):
    """4688 as a flat Windows record."""
    time = START - number * MINUTE
    fields = {"CommandLine": command} if command else {}
    document = {
        "EventTime": time / SECOND,
        "TimeCreated": f"2025-12-31T23:{60 - number:02}:00Z",
        "EventID": 4688,
        "Channel": "Security",
        "Provider_Name": "Microsoft-Windows-Security-Auditing",
        "Computer": host,
        "NewProcessName": "C:\\Windows\\System32\\curl.exe",
        **fields,
    }
    made = process(time, host, "x")
    return made._replace(record=json.dumps({**document, "category": "process_creation"}).encode())


def plain(stored):
    """Without the name of its category, so that the field map has to tell it."""
    document = {key: value for key, value in json.loads(stored.record).items() if key != "category"}
    return json.dumps(document).encode()


class Windows(MemorySiem):
    """Gives records as Windows writes them."""

    async def fetch(self, ask):
        async for batch in super().fetch(ask):
            yield [plain(stored) for stored in self.records if stored.record in batch]


def test_processes_without_command_lines_are_a_failure_that_names_the_audit_policy():
    steps = look(Windows([security(n) for n in range(1, 30)]))
    assert outcomes(steps)["command lines"] == "failure"
    assert "0 of 29 processes of security have their command line" in said(steps, "command lines")
    assert "Include command line in process creation events" in said(steps, "command lines")


def test_hosts_that_record_no_command_lines_are_named():
    records = [security(n, "curl -T a https://x", "ws1") if n % 2 else security(n, None, "ws2") for n in range(1, 30)]
    steps = look(Windows(records))
    assert outcomes(steps)["command lines"] == "warning"
    assert "none from ws2" in said(steps, "command lines")


def test_late_events_are_measured_and_settings_follow():
    siem = MemorySiem(day(late=(2 * SECOND,) * 9 + (50 * HOUR,)))
    steps = look(siem)
    assert "2 s (p50)" in said(steps, "lateness")
    assert "2.1 days (max)" in said(steps, "lateness")
    assert outcomes(steps)["settings"] == "warning"
    assert 'late = "7d"' in said(steps, "settings")


def test_polling_by_event_time_needs_a_look_back_as_long_as_events_are_late():
    """Set by hand it may be too short; left to the polls it follows what they see."""
    for settings, outcome in (({"lookback": "15m"}, "warning"), ({}, "ok")):
        siem = MemorySiem(day(late=(40 * MINUTE, 2 * SECOND)), ingest_time=False, **settings)
        steps = look(siem)
        assert outcomes(steps)["settings"] == outcome
        assert 'clock = "event"\nlookback = "1h"' in said(steps, "settings")


def test_polling_by_event_time_where_ingest_time_is_known_is_advised_against():
    steps = look(MemorySiem(day(), clock="event"))
    assert outcomes(steps)["settings"] == "warning"
    assert 'clock = "ingest"' in said(steps, "settings")


@pytest.mark.parametrize("ahead", [5 * MINUTE, -5 * MINUTE])
def test_a_clock_that_is_not_ours_is_a_warning(ahead):
    siem = MemorySiem(day())
    steps = look(siem, ours=START - ahead)
    assert outcomes(steps)["clock"] == "warning"
    assert f"5 min {'ahead of' if ahead > 0 else 'behind'} ours" in said(steps, "clock")


@pytest.mark.parametrize(("late", "shown"), [(-2 * HOUR, "+2.0 h"), (5 * HOUR + 30 * MINUTE, "-5.5 h")])
def test_local_time_that_was_read_as_utc_is_recognised(late, shown):
    steps = look(MemorySiem(day(late=(late + 2 * SECOND,), host="delhi")))
    assert f"times of delhi ({shown}) are off by whole hours" in said(steps, "clock")


def test_hosts_whose_clock_is_fast_are_named():
    steps = look(MemorySiem(day() + day(late=(-7 * MINUTE,), host="fast")))
    assert "the clock of fast (+0.1 h) is ahead" in said(steps, "clock")


def test_events_that_come_in_batches_are_no_wrong_clocks():
    steps = look(MemorySiem(day(late=[n * MINUTE for n in range(60)])))
    assert outcomes(steps)["clock"] == "ok"


def sysmon(number, host="WS1"):
    return json.dumps(
        {
            "EventID": 1,
            "Channel": "Microsoft-Windows-Sysmon/Operational",
            "UtcTime": f"2026-03-12 09:14:{number:02}.000",
            "Computer": host,
            "Image": "C:\\x.exe",
            "CommandLine": "x --upload",
        }
    )


def test_files_are_looked_at_by_their_ends(tmp_path):
    log = tmp_path / "sysmon.jsonl"
    log.write_text("\n".join(sysmon(n % 60) for n in range(20_000)) + "\n")
    newest = 1_773_306_899 * SECOND  # 2026-03-12 09:14:59
    steps = checked({"kind": "files", "paths": [str(tmp_path)]}, lambda: newest + MINUTE)
    (events,) = (step for step in steps if step.name == "events")
    assert 0 < events.details["records"] < 20_000
    assert outcomes(steps)["files"] == outcomes(steps)["command lines"] == "ok"
    assert "the newest event of 60 s ago" in said(steps, "files")
    assert said(steps, "settings").endswith("# exfilwatch poll main --every 10s")
    steps = checked({"kind": "files", "paths": [str(tmp_path)]}, lambda: newest + 3 * DAY)
    assert outcomes(steps)["files"] == "warning"
    assert "the newest event of 3 days ago\nnothing new has come" in said(steps, "files")


def test_files_that_may_not_be_read_are_a_failure_that_says_which_right(tmp_path, monkeypatch):
    (tmp_path / "a.jsonl").write_text(sysmon(1) + "\n")

    def refused(self, report: Report):
        from exfilwatch.events.event import Origin

        report.unreadable(Origin("/var/log/audit/audit.log"), f"{NO_PERMISSION}: give the account the right to (r)")
        yield from tails(self, report)

    tails = Files.tails
    monkeypatch.setattr(Files, "tails", refused)
    steps = checked({"kind": "files", "paths": [str(tmp_path)]})
    assert outcomes(steps)["files"] == "failure"
    assert not any(step.unreadable for step in steps)
    (tmp_path / "a.jsonl").unlink()
    assert checked({"kind": "files", "paths": [str(tmp_path)]})[-1].unreadable


def test_what_to_collect_is_known_for_all_that_the_rules_of_the_pack_look_at():
    sources = {rule.source for rule in load([pack("exfil")]).rules if rule.source.made()}
    assert sources
    assert [str(each) for each in sources if not collecting(each.category or each.service)] == []


def test_files_that_are_not_there_are_told(tmp_path):
    steps = checked({"kind": "files", "paths": [str(tmp_path / "none.log")]})
    assert steps[-1].unreadable
    assert "none.log" in steps[-1].said


@pytest.mark.parametrize(
    ("configured", "named"),
    [
        ({"kind": "spunk"}, "there is no SIEM kind 'spunk'"),
        ({}, "say which kind it is"),
        ({"kind": "files", "path": ["/x"]}, "there is no such setting"),
    ],
)
def test_a_wrong_setting_is_the_only_step(configured, named):
    (step,) = checked(configured)
    assert (step.name, step.outcome) == ("settings", "failure")
    assert named in step.said
