"""What holds for every field map: it compiles, says where it comes from, is documented, and is tried by some test."""

import re
from pathlib import Path

import pytest

from exfilwatch.errors import ConfigError
from exfilwatch.events.classify import EventClass
from exfilwatch.events.event import Origin, Value
from exfilwatch.events.mapping import compile_expression, dict_access, to_int
from exfilwatch.events.report import Report
from exfilwatch.events.shape import SHAPES, Shape, recognise, taxonomy
from exfilwatch.events.specs import shape_specs, windows

from .reading import Json, events
from .test_any_input import RECORDS

DOCUMENT = Path(__file__).parents[2] / "docs/telemetry.md"
# Sigma's taxonomy has no names for these; they are the reader's own.
EXTRA = {"CommandLine", "User", "SourceFilename", "SourceIp", "SourcePort", "DestinationIp", "DestinationPort"}
EXTRA |= {"DestinationHostname", "ParentImage", "md5", "sha1", "sha256", "Imphash", "Image", "ProcessId", "ProcessGuid"}


def classes(shape: Shape) -> list[EventClass]:
    if not shape.spec.windows:
        return [EventClass(c.category, c.product, c.service, c.fields, ("",)) for c in shape.spec.classes]
    bases = tuple(base for base in shape.bases if not base.endswith("*"))
    return [EventClass(e.category, "windows", e.service, e.fields, bases) for e in windows().events]


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_every_expression_of_a_field_map_compiles(shape):
    for found in classes(shape):
        for name, options in shape.field_expressions(found).items():
            for expression, _ in options:
                compile_expression(expression, dict_access, name)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_a_field_map_gives_only_categories_and_fields_that_sigma_has(shape):
    for found in classes(shape):
        if isinstance(found.category, str):
            assert found.category in taxonomy()
            names = set(shape.field_expressions(found)) - EXTRA
            assert names <= {name for names in taxonomy().values() for name in names}


@pytest.mark.parametrize("name", shape_specs())
def test_a_field_map_names_its_source_and_what_it_needs(name):
    spec = shape_specs()[name]
    assert re.search(r"https://|github\.com/", spec.source)
    assert spec.requires or spec.one_of
    assert spec.time or spec.classes_from


def test_every_shape_is_documented():
    rows = re.findall(r"^\| `(\w+)` \|", DOCUMENT.read_text(), re.MULTILINE)
    assert sorted(rows) == sorted({shape.name for shape in SHAPES.values()})


def test_every_shape_is_tried_by_some_record_of_these_tests():
    assert {event.shape for event in events(*RECORDS)} == {shape.name for shape in SHAPES.values()}


def test_a_record_of_no_shape_is_counted_and_shown_once_with_its_keys():
    report = Report()
    assert events(*[{"level": "info", "msg": "started", "n": n} for n in range(5)], {"a": 1}, report=report) == []
    first, second = report.unknown_shapes
    assert (first.keys, first.count, first.first) == (("level", "msg", "n"), 5, Origin("x.json", 1))
    assert (second.keys, second.count) == (("a",), 1)
    assert not report.had_errors


@pytest.mark.parametrize(
    "record",
    [
        {"process": "sshd", "message": "started", "host": "web1"},
        {"file_path": "/var/log/x", "action": "rotate"},
        {
            "timestamp": "2026-03-12T09:14:02Z",
            "event_type": "flow",
            "src_ip": "10.0.0.5",
            "dest_ip": "1.2.3.4",
            "dest_port": 1,
        },
        {"objectType": "Pod", "kind": "Event"},
        {"category": "sports", "product": "ball"},
        {"time": "2026-03-12T09:14:02Z", "category": "Administrative", "properties": {"eventCategory": "x"}},
        {"user": "ann", "host": "ws1", "action": "login"},
    ],
    ids=["syslog", "log rotation", "Suricata", "Kubernetes", "a shop", "Azure activity", "a login"],
)
def test_records_that_only_resemble_a_shape_are_unknown(record):
    assert recognise(record) is None


def get(expression: object, record: Json) -> Value:
    return compile_expression(expression, dict_access, "test")(record)


@pytest.mark.parametrize(
    ("expression", "record", "value"),
    [
        ("a.b", {"a": {"b": 1}}, 1),
        ("a.b", {"a.b": 1}, 1),
        ("a.b.c", {"a": {"b.c": 1}}, 1),
        ("a.b.c", {"a.b": {"c": 1}}, 1),
        ("a.b", {"a": [{"b": 1}, {"b": 2}]}, 1),
        ("a.b", {"a": "b"}, None),
        ("a", {"a": {"#text": 5, "#attributes": {}}}, 5),
        (["a", "b"], {"a": "", "b": 2}, 2),
        ({"const": 3}, {}, 3),
        ({"join": ["a", "b"], "with": "\\"}, {"a": "CORP", "b": "ann"}, "CORP\\ann"),
        ({"join": ["a", "b"], "with": "\\"}, {"a": "-", "b": "ann"}, "ann"),
        ({"join": ["a", "b"], "with": "\\"}, {"a": "CORP"}, None),
        ({"join": ["a", "b"], "with": "\\"}, {"a": ["-", "CORP"], "b": ["ann", "-"]}, "CORP\\ann"),
        ({"join": ["a", "b"], "with": "\\"}, {"a": [], "b": "ann"}, "ann"),
        ({"int": "a"}, {"a": "0x1F"}, 31),
        ({"argv": "a"}, {"a": ["curl", "-F", "f=@a b", ""]}, "curl -F 'f=@a b' ''"),
        ({"argv": "a"}, {"a": "curl -F"}, "curl -F"),
        ({"map": "a", "values": {"X": 1}}, {"a": "x"}, 1),
        ({"map": "a", "values": {"X": 1}, "else": "a"}, {"a": "y"}, "y"),
        ({"lines": "a", "key": "User"}, {"a": "\tHost = x\r\n\tUser = ann\r\n"}, "ann"),
        ({"lines": "a", "key": "User"}, {"a": ["x", "User=ann"]}, "ann"),
        ({"regex": "a", "pattern": "b(.)"}, {"a": "abc"}, "c"),
        ({"unescape": "a"}, {"a": "&lt;&amp;gt;&#65;"}, "<&gt;A"),
        ({"path_product": "a"}, {"a": "C:\\x"}, "windows"),
        ({"path_product": "a"}, {"a": "/usr/bin/x"}, "linux"),
        ({"path_product": "a"}, {"a": "/Applications/x"}, "macos"),
        ({"directory": "a", "name": "b"}, {"a": "C:\\d\\", "b": "x.exe"}, "C:\\d\\x.exe"),
        ({"directory": "a", "name": "b"}, {"a": "C:\\d\\X.exe", "b": "x.exe"}, "C:\\d\\X.exe"),
        ({"directory": "a", "name": "b"}, {"a": "/d", "b": "x"}, "/d/x"),
        ({"directory": "a", "name": "b"}, {"b": "x"}, "x"),
    ],
)
def test_an_expression_gives_what_the_record_has(expression, record, value):
    assert get(expression, record) == value


@pytest.mark.parametrize("wrong", [{}, [], 5, {"join": "a"}, {"nonsense": "a"}, {"regex": "a", "pattern": "("}, None])
def test_what_is_no_expression_is_refused_by_name(wrong):
    with pytest.raises(ConfigError, match="shape x"):
        compile_expression(wrong, dict_access, "shape x")


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (5, 5),
        ("5", 5),
        ("0x10", 16),
        (5.0, 5),
        ({"#text": "5"}, 5),
        (True, None),
        ("", None),
        ("x", None),
        ("9" * 40, None),
    ],
)
def test_numbers_come_in_many_spellings(value, number):
    assert to_int(value) == number


def test_of_several_hosts_and_times_the_first_counts():
    (event,) = events({"@timestamp": ["2026-03-12T09:14:02Z"], "Hostname": ["ws1", "ws2"], "CommandLine": "curl"})
    assert (event.host, event.time) == ("ws1", 1773306842_000000)
