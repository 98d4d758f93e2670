"""Whatever stands in a line, reading it raises nothing, ends soon, and loses nothing silently."""

import json
import time
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exfilwatch.events.event import Event
from exfilwatch.events.lines import LineDecoder
from exfilwatch.events.report import Report
from exfilwatch.events.shape import SHAPES
from exfilwatch.events.timestamps import micros

from . import (
    samples,
    test_defender,
    test_ecs,
    test_linux,
    test_sentinel,
    test_splunk,
    test_sumo,
    test_traffic,
    test_winlogbeat,
    test_zeek_and_named,
)
from .test_windows_logs import FORMS, KINDS

RECORDS: list[Any] = [
    *(case.record for case in [*test_ecs.ALL, *test_winlogbeat.ALL]),
    *(case.record for case in [*test_splunk.ADD_ON, *test_splunk.CIM, *test_sumo.RAW, *test_sumo.CSE]),
    *(case.record for case in [*test_defender.DEFENDER, *test_defender.STREAMED]),
    *(case.record for case in [*test_sentinel.SENTINEL, *test_sentinel.ASIM]),
    *(case.record for case in [*test_zeek_and_named.ZEEK, *test_zeek_and_named.NAMED]),
    *(case.record for case in test_traffic.CASES),
    *(record for record, _ in test_linux.SYSMON.values()),
    *(form(channel, number, data) for form in FORMS.values() for _, channel, number, data, _, _ in KINDS),
    *samples.EXEC,
    *samples.CONNECT,
    *samples.ZEEK_CONN,
    samples.AUOMS,
]
LINES = [record.encode() if isinstance(record, str) else json.dumps(record).encode() for record in RECORDS]
OBJECTS = [record for record in RECORDS if isinstance(record, dict)]
PATHS = sorted(
    {
        path
        for shape in SHAPES.values()
        for path in [*shape.spec.requires, *shape.spec.one_of, *shape.spec.time, *shape.spec.host, *shape.spec.record]
    }
    | {
        "Image",
        "CommandLine",
        "EventData",
        "Event",
        "Data",
        "TaskContent",
        "Message",
        "_raw",
        "SyslogMessage",
        "results",
    }
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(
        [
            "1",
            "0x1",
            "-",
            "4688",
            "Security",
            "Microsoft-Windows-Sysmon/Operational",
            "2026-03-12T09:14:02Z",
            "1773306842",
        ]
    )
)
KEYS = st.sampled_from(PATHS + [part for path in PATHS for part in path.split(".")]) | st.text(max_size=8)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=6), max_leaves=20
)


def read(*lines: bytes | str) -> tuple[list[Event], Report]:
    """Each line gives an event or stands in the report."""
    report = Report()
    decoder = LineDecoder("x", report)
    events = [event for number, line in enumerate(lines, 1) for event in decoder.feed(line, number)]
    events += decoder.finish()
    for event in events:
        assert event.id
        assert event.host is None or isinstance(event.host, str)
        assert event.time is None or isinstance(event.time, int)
        assert all(isinstance(name, str) for name in event.fields)
        assert isinstance(event.category + event.product + event.service, str)
    return events, report


@given(VALUES)
def test_any_json_value(value):
    line = json.dumps(value)
    events, report = read(line)
    assert events or report.unknown_count or report.problems or value in ([], {})


@given(st.dictionaries(st.sampled_from(PATHS), VALUES, min_size=1, max_size=12))
def test_any_object_of_members_that_shapes_look_for(record):
    events, report = read(json.dumps(record))
    assert events or report.unknown_count or report.problems or not any(record.values())


@given(st.binary(max_size=200))
@example(b"\x1f\x8b\x08")
@example(b"\xef\xbb\xbf{")
def test_any_bytes(line):
    read(line)


@given(st.text(max_size=200))
def test_any_text(line):
    read(line)


@given(
    st.sampled_from(LINES),
    st.lists(
        st.tuples(
            st.floats(0, 1), st.integers(0, 30), st.binary(max_size=8) | st.sampled_from([b'"', b"{", b"<", b"\0"])
        ),
        min_size=1,
        max_size=4,
    ),
)
def test_a_valid_record_with_parts_cut_out_and_put_in(line, changes):
    for where, cut, put in changes:
        start = int(where * len(line))
        line = line[:start] + put + line[start + cut :]
    read(line)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, deeper in inner for found in [(*path, key), *places(deeper, (*path, key))]]


@given(st.data())
def test_a_valid_record_with_any_value_in_any_place(data):
    record = json.loads(json.dumps(data.draw(st.sampled_from(OBJECTS))))
    *path, last = data.draw(st.sampled_from(places(record)))
    holder = record
    for key in path:
        holder = holder[key]
    holder[last] = data.draw(VALUES)
    events, report = read(json.dumps(record))
    assert events or report.unknown_count or report.problems


@given(st.lists(st.sampled_from(LINES), max_size=30))
def test_records_of_all_kinds_in_one_file_do_not_disturb_each_other(lines):
    """But for those of an audit event and of a Zeek log, which belong together."""
    alone = [line for line in lines if not line.startswith((b"type=", b"#", b"1773"))]
    together, _ = read(*alone)
    assert [event.id for event in together] == [event.id for line in alone for event in read(line)[0]]


@given(st.text(max_size=70) | st.integers() | st.floats() | st.none())
@example("2026-03-12T09:14:02+000039800Z")
@example("99999-99-99T99:99:99Z")
@example("12 BC")
def test_any_time(value):
    found = micros(value)
    assert found is None or isinstance(found, int)


LONG = {
    "a scheduled task": ("TaskContent", "<Exec><Command>" * 400_000),
    "a context": ("ContextInfo", "User \n" * 1_000_000),
    "a command line": ("CommandLine", "\\" * 6_000_000),
    "escaped text": ("CommandLine", "&lt;&" * 1_000_000),
    "event data": ("EventData", "<Data Name='a'>" * 400_000),
    "event data without an end": ("EventData", "<Data " * 1_000_000),
    "event data as JSON": ("EventData", "[" * 5_000_000),
    "a message": ("Message", "{" * 5_000_000),
    "a source": ("source", "WinEventLog:" * 500_000),
    "a time": ("@timestamp", "1" * 5_000_000),
    "a host": ("Hostname", "x" * 5_000_000),
}


@pytest.mark.parametrize("name", LONG)
@pytest.mark.parametrize("number", [1, 4103, 4698])
def test_a_text_of_megabytes_in_a_field_costs_seconds_at_most(name, number):
    key, text = LONG[name]
    record = {"EventID": number, "Channel": "Security", "Hostname": "ws1", "Computer": "ws1", key: text}
    start = time.process_time()
    read(json.dumps(record), json.dumps(record | {"_time": "1773306842", "SourceModuleType": "im_msvistalog"}))
    assert time.process_time() - start < 10


def test_a_thousand_objects_in_each_other_are_read_or_reported():
    for depth in (100, 500, 900, 1100, 5000):
        value = '{"a":' * depth + "1" + "}" * depth
        for line in (
            value,
            f'{{"EventID":1,"Channel":"Security","x":{value}}}',
            f'{{"@timestamp":"x","event":{value}}}',
        ):
            events, report = read(line)
            assert events or report.unknown_count or report.problems
