"""A log read in pieces, by another process each time, gives the events of one reading."""

import gzip
import json
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exfilwatch.events.event import Event
from exfilwatch.events.lines import LineDecoder
from exfilwatch.events.report import Report

from .samples import AUOMS, CONNECT, EXEC, PARENT, SYSMON_FLAT, SYSMON_XML, ZEEK_CONN

RECORDING = files("exfilwatch_playbooks.demo").joinpath("data/lnx-app-02-audit.log.gz")


def later(records: tuple[str, ...], serial: int, second: int) -> list[str]:
    """An audit event once more, under another number, some seconds on, by another process of the same parent."""
    head = records[0].partition("(")[2].partition(")")[0]
    return [line.replace(head, f"{1764000000 + second}.100:{serial}").replace("pid=701", "pid=702") for line in records]


AUDIT = [
    *PARENT,
    *EXEC[:4],
    *CONNECT[:2],
    *EXEC[4:],
    CONNECT[2],
    *later(EXEC, 50, 1)[:3],  # never ends
    *later(CONNECT, 51, 2),
    *later(EXEC, 52, 9),
    AUOMS,
    *later(EXEC, 53, 9)[:2],
    *[f"node=web2 {line}" for line in EXEC],
    *later(EXEC, 53, 9)[2:],
]
SYSLOG = [f"Mar 12 09:14:0{second} web1 sysmon: {SYSMON_XML}" for second in range(4)]
JSON = [SYSMON_FLAT.decode().replace('"77"', f'"{pid}"') for pid in range(6)]
LOGS = {
    "auditd": AUDIT,
    "Zeek": [*ZEEK_CONN[:-1], ZEEK_CONN[-2], *ZEEK_CONN],
    "flat JSON": JSON,
    "Sysmon in syslog": SYSLOG,
    "of all kinds": [*JSON[:2], *AUDIT[:9], *SYSLOG[:2], *ZEEK_CONN, *AUDIT[9:], ZEEK_CONN[-2], *JSON[2:]],
    "audit records in journald's JSON": [json.dumps({"MESSAGE": line, "_HOSTNAME": "web3"}) for line in AUDIT],
}


def at_once(lines: list[str]) -> list[Event]:
    decoder = LineDecoder("audit.log", Report())
    return [event for at, line in enumerate(lines, 1) for event in decoder.feed(line, at)] + decoder.finish()


def in_pieces(lines: list[str], cuts: set[int]) -> list[Event]:
    """With a new decoder at each cut, and a look at what waits before it."""
    report = Report()
    decoder, events = LineDecoder("audit.log", report), list[Event]()
    for at, line in enumerate(lines):
        if at in cuts:
            decoder.waiting()
            decoder = LineDecoder("audit.log", report, decoder.state())
        events += decoder.feed(line, at + 1)
    events += decoder.finish()
    assert sum(report.events.values()) == len(events)
    assert not report.problems
    return events


@pytest.mark.parametrize("log", LOGS)
def test_a_restart_between_any_two_lines_changes_no_event(log):
    lines = LOGS[log]
    whole = at_once(lines)
    assert whole
    assert in_pieces(lines, set(range(len(lines)))) == whole
    for cut in range(len(lines)):
        assert in_pieces(lines, {cut}) == whole


@given(st.data())
def test_any_cuts_of_any_log_change_no_event(data):
    pieces = st.sampled_from([line for log in LOGS.values() for line in log])
    lines = data.draw(st.lists(pieces, max_size=60))
    cuts = data.draw(st.sets(st.integers(0, 60)))
    assert in_pieces(lines, cuts) == at_once(lines)


@given(st.lists(st.binary(max_size=80) | st.sampled_from([line.encode() for line in AUDIT]), max_size=20))
def test_whatever_a_log_holds_its_state_can_be_stored(lines):
    decoder = LineDecoder("x", Report())
    for number, line in enumerate(lines, 1):
        decoder.feed(line, number)
    again = LineDecoder("x", Report(), decoder.state())
    assert again.state() == decoder.state()
    assert again.finish() == decoder.finish()


def test_a_real_recording_read_in_pieces_gives_the_events_of_one_reading():
    lines = gzip.decompress(RECORDING.read_bytes()).decode().splitlines()
    assert in_pieces(lines, set(range(0, len(lines), 97))) == at_once(lines)


def test_formats_without_memory_have_no_state_to_store():
    decoder = LineDecoder("x", Report())
    for number, line in enumerate([*JSON, *SYSLOG], 1):
        assert decoder.feed(line, number)
    assert decoder.state() == b""


def test_what_waits_is_seen_as_it_is_and_later_as_a_whole_under_the_same_id():
    decoder = LineDecoder("x", Report())
    for number, line in enumerate((*PARENT, *EXEC[:2]), 1):
        decoder.feed(line, number)
    (early,) = decoder.waiting()
    (whole,) = [event for number, line in enumerate(EXEC[2:], 6) for event in decoder.feed(line, number)]
    assert early.fields["CommandLine"] == whole.fields["CommandLine"] == "curl -F 'file=@a b' -X POST"
    assert early.fields["ParentImage"] == whole.fields["ParentImage"]
    assert "CurrentDirectory" not in early.fields
    assert early.id == whole.id


def test_an_event_whose_end_was_never_written_ends_when_younger_ones_of_its_host_come():
    without = [line for line in EXEC if not line.startswith("type=PROCTITLE")]
    decoder = LineDecoder("x", Report())
    found = [decoder.feed(line, 1) for line in without]
    assert found == [[]] * len(without)
    assert decoder.feed(f"node=other {later(EXEC, 60, 60)[0]}", 2) == []
    assert decoder.feed(later(EXEC, 61, 2)[0], 3) == []
    (event,) = decoder.feed(later(EXEC, 62, 3)[0], 4)
    assert (event.fields["ProcessId"], event.fields["CurrentDirectory"]) == (701, "/home/ann")


def test_a_state_of_another_version_or_a_damaged_one_is_said_and_costs_only_what_it_held():
    for state in (b"x", LineDecoder("x", Report()).state() + b"\x90", b"x\x9cc`\x00\x00\x00\x01\x00\x01"):
        report = Report()
        decoder = LineDecoder("x", report, state)
        assert "what was remembered" in str(report.problems[0])
        assert decoder.feed(SYSMON_FLAT, 1)


def test_the_state_of_a_hostile_log_stays_bounded():
    decoder = LineDecoder("x", Report())
    for pid in range(2_000):
        argument = f"{pid}" * 8_000
        for line in later(EXEC, 1_000 + pid, pid):
            line = line.replace("pid=702", f"pid={pid}").replace('a1="-F"', f'a1="{argument}"')
            decoder.feed(line, 1)
    assert 0 < len(decoder.state()) < 16 << 20
    assert len(decoder._lineage.known()) < 2_000
