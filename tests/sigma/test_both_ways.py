"""A file through `run`, with its fast path, gives what its events, decoded one by one, give through `detect`.

The records are of many shapes in one file, with members missing, of odd types, or of another shape.
"""

import copy
import json
from hashlib import sha256
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exfilwatch.detection.detection import Detection
from exfilwatch.detection.engine import Engine
from exfilwatch.detection.load import RuleSet, load
from exfilwatch.events.event import Event
from exfilwatch.events.inputs import open_inputs
from exfilwatch.events.limits import Limits
from exfilwatch.events.lines import LineDecoder
from exfilwatch.events.report import Report
from exfilwatch.rules.packs import pack

from .one import START, Path, loaded, rule, selecting

SYSMON = "Microsoft-Windows-Sysmon/Operational"
TIME = "2026-01-01T00:00:{:02}.{:03}Z"

TOOL = {
    "Image": "C:\\x\\7z.exe",
    "CommandLine": "7z a C:\\Users\\ann\\Documents\\a.7z",
    "User": "EX\\ann",
    "ProcessId": 7,
}
CONNECTION = {"Image": "C:\\x\\curl.exe", "DestinationIp": "203.0.113.9", "DestinationPort": 443, "Protocol": "tcp"}


def evtx(number: int, data: dict[str, Any]) -> dict[str, Any]:
    system = {
        "Provider": {"#attributes": {"Name": "Microsoft-Windows-Sysmon"}},
        "EventID": number,
        "TimeCreated": {"#attributes": {"SystemTime": TIME.format(3, 0)}},
        "EventRecordID": 5,
        "Channel": SYSMON,
        "Computer": "ws1",
    }
    return {"Event": {"System": system, "EventData": data}}


def flat(number: int, data: dict[str, Any], channel: str = SYSMON) -> dict[str, Any]:
    return {"EventID": number, "Channel": channel, "Hostname": "ws1", "@timestamp": TIME.format(1, 0), **data}


def ecs(number: int, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "@timestamp": TIME.format(2, 0),
        "host": {"name": "ws1"},
        "event": {"code": str(number), "module": "sysmon"},
        "winlog": {"channel": SYSMON, "event_id": str(number), "computer_name": "ws1", "event_data": data},
    }


RECORDS: list[dict[str, Any]] = [
    flat(1, TOOL),
    flat(3, CONNECTION),
    flat(13, {"TargetObject": "HKLM\\Run\\a", "Details": "7z", "EventType": "SetValue"}),
    flat(12, {"TargetObject": "HKLM\\Run\\a", "EventType": "DeleteKey"}),
    flat(4688, {"NewProcessName": "C:\\x\\7z.exe", "CommandLine": "7z a \\Users\\", "ProcessId": "0x10"}, "Security"),
    flat(5156, {"Application": "\\x\\curl.exe", "DestAddress": "203.0.113.9", "Direction": "%%14593"}, "Security"),
    flat(4104, {"ScriptBlockText": "Get-ChildItem -Recurse", "Path": None}, "Microsoft-Windows-PowerShell/Operational"),
    flat(7045, {"ServiceName": "7z", "ImagePath": "C:\\x\\7z.exe"}, "System"),
    evtx(1, TOOL),
    evtx(3, CONNECTION),
    ecs(1, TOOL),
    ecs(3, CONNECTION),
    {**TOOL, "UtcTime": "2026-01-01 00:00:05.000", "Computer": "ws1"},
    {**CONNECTION, "UtcTime": "2026-01-01 00:00:06.000", "Computer": "ws1", "category": "network_connection"},
    {"Timestamp": TIME.format(7, 0), "DeviceName": "ws1", "ActionType": "ProcessCreated", "FileName": "7z.exe",
     "FolderPath": "C:\\x\\7z.exe", "ProcessCommandLine": "7z a \\Users\\", "DeviceId": "d", "ReportId": 4},
    {"message": "nothing known", "level": 3},
]  # fmt: skip
NAMES = sorted({name for record in RECORDS for name in record})
TEXTS = ["", "-", "1", "3", "0x10", "ws2", "WS1", "7z", "é\u212a", "a\n\u2028b", "\ud800", SYSMON, "Security", "soon"]
TIMES = ["2026-01-01T00:00:01+02:00", "2026-01-01 00:00:01", 1767225600, 1767225600123]
PLACES = ["C:\\X\\7Z.EXE", "C:\\Users\\x\u0130 7z a"]
NUMBERS = [0, 1, 3, 443, -1, 4688, 1.5, 2**63, True, False]
LISTS: list[Any] = [[], ["7z a", "x"]]
ODD: st.SearchStrategy[Any] = st.sampled_from([*TEXTS, *TIMES, *PLACES, *NUMBERS, *LISTS]).map(copy.deepcopy)


@st.composite
def made(draw: st.DrawFn) -> dict[str, Any]:
    record = copy.deepcopy(draw(st.sampled_from(RECORDS)))
    for _ in range(draw(st.integers(0, 3))):
        holder = record
        for _ in range(draw(st.integers(0, 3))):  # into an inner object, where there is one
            inner = [value for value in holder.values() if isinstance(value, dict)]
            holder = draw(st.sampled_from(inner)) if inner else holder
        match draw(st.sampled_from(["set", "set", "add", "drop", "merge", "dotted"])):
            case "set" if holder:
                holder[draw(st.sampled_from(sorted(holder)))] = draw(ODD)
            case "add":
                holder[draw(st.sampled_from([*NAMES, "Extra", "host", "winlog"]))] = draw(ODD)
            case "drop" if holder:
                del holder[draw(st.sampled_from(sorted(holder)))]
            case "merge":
                other = copy.deepcopy(draw(st.sampled_from(RECORDS)))
                record.update(dict(draw(st.lists(st.sampled_from(sorted(other.items(), key=str)), max_size=3))))
            case "dotted":
                record.update({f"{key}.{name}": one for key, value in record.items() if isinstance(value, dict)
                               for name, one in value.items() if not isinstance(one, dict)})  # fmt: skip
    if draw(st.booleans()):
        for key in [key for key in record if key in ("@timestamp", "UtcTime", "Timestamp")]:
            record[key] = TIME.format(draw(st.integers(0, 59)), draw(st.sampled_from([0, 1, 999])))
    return record


LINE = st.one_of(
    made().map(json.dumps),
    made().map(json.dumps),
    made().map(json.dumps),
    made().map(lambda record: " " + json.dumps(record, ensure_ascii=True) + "\t"),
    st.sampled_from(["", "  ", "\r", "{", "[1]", "null", '{"Image": "x"', "words", '{"a":1} {"b":2}', "\x00"]),
)

RULES = [
    selecting("Image|endswith: '\\7z.exe'\nCommandLine|contains: '\\users\\'"),
    selecting("CommandLine|contains: 'é'"),
    selecting("CommandLine: null", "category: process_creation"),
    selecting("CommandLine|exists: true", "category: process_creation\nproduct: windows"),
    selecting("DestinationPort: 443", "category: network_connection"),
    selecting("DestinationIp|cidr: 203.0.113.0/24\nImage|re|i: 'CURL'", "category: network_connection"),
    selecting("TargetObject|contains: 'run'", "category: registry_event"),
    selecting("EventID: [4688, 7045, 1]", "product: windows"),
    selecting("NewProcessName|endswith: '7z.exe'", "product: windows\nservice: security"),
    selecting("ServiceName: '7z'", "product: windows\nservice: system"),
    selecting("ScriptBlockText|re: 'C.*Item'", "category: ps_script"),
    rule("one:\n  CommandLine|contains: 'a'\nnot_it:\n  User|contains: ann\ncondition: one and not not_it"),
    rule("all:\n  Image|contains: 'z'\nwrong:\n  CommandLine|re: '^7z'\ncondition: all and not wrong"),
    rule("words: ['7z a']\ncondition: words", "product: windows"),
    rule("words: ['7z']\ncondition: words", "category: process_creation"),
    rule("a: {Computer: ws1}\nb: {Computer|endswith: '2'}\ncondition: a or b", "category: process_creation"),
]


def both_rules() -> RuleSet:
    with TemporaryDirectory() as folder:
        for number, text in enumerate(RULES):
            Path(folder, f"{number}.yml").write_text(text.replace("title: Rule", f"title: Rule {number}", 1), "utf-8")
        return load([folder, pack("seed"), pack("exfil")])


BOTH = both_rules()
ALONE = [loaded(text) for text in RULES]


def decoded(text: str, path: Path, report: Report) -> list[Event]:
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    events: list[Event] = []
    for source in open_inputs([str(path)], report, Limits(), replayable=True):
        decoder = LineDecoder(source.name, report)
        for block in source.blocks():
            for number, line in enumerate(block.lines(), block.first):
                events += decoder.feed(line, number)
        events += decoder.finish()
    return events


def said(detections: list[Detection]) -> list[str]:
    """The detections as texts, in an order of their own."""
    return sorted(
        f"{hit.rule.title} {[str(event.origin) for event in hit.events]} {hit.signals} {hit.fields} {hit.score}"
        for hit in detections
    )


def counted(report: Report) -> tuple[Any, ...]:
    problems = sorted((problem.why, problem.count) for problem in report.problems)
    return report.events.total(), report.unknown_count, problems, report.had_errors


@settings(max_examples=80, deadline=None)
@given(text=st.lists(LINE, min_size=1, max_size=25).map("\n".join), one=st.integers(-8, len(RULES) - 1))
def test_the_fast_path_agrees_with_the_slow_one(text: str, one: int) -> None:
    rules = BOTH if one < 0 else ALONE[one]
    with TemporaryDirectory() as folder:
        path = Path(folder, "events.json")
        slow, fast = Report(), Report()
        expected = said(list(Engine(rules, slow).detect(decoded(text, path, slow))))
        inputs = open_inputs([str(path)], fast, Limits(), replayable=True)
        assert said(list(Engine(rules, fast).run(inputs))) == expected
        assert counted(fast) == counted(slow)


@st.composite
def moments(draw: st.DrawFn) -> str:
    """An archive or a connection of some host, some time within three hours; not always in order."""
    record = flat(*draw(st.sampled_from([(1, TOOL), (3, CONNECTION)])))
    seconds = draw(st.one_of(st.integers(0, 10800), st.sampled_from([0, 299, 300, 301, 600, 5000, 5300, 10800])))
    zone = draw(st.sampled_from(["Z", "", "+00:00"]))
    record["@timestamp"] = f"2026-01-01T{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.000{zone}"
    record["Hostname"] = draw(st.sampled_from(["ws1", "ws1", "ws2", "WS1"]))
    record["Number"] = draw(st.integers(0, 10**6))
    return json.dumps(record)


@settings(max_examples=60, deadline=None)
@given(
    records=st.lists(moments(), min_size=2, max_size=40),
    block=st.sampled_from([300, 1000, 256 << 10]),
    since=st.sampled_from([None, None, START + 300_000_000]),
)
def test_a_correlation_is_the_same_both_ways_whatever_the_order_and_the_blocks(
    records: list[str], block: int, since: int | None
) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "events.json")
        expected = said(list(Engine(BOTH, Report(), since).detect(decoded("\n".join(records), path, Report()))))
        for files in (1, 2):  # all in one file, or half in another
            paths = [Path(folder, f"{number}.json") for number in range(files)]
            for number, one in enumerate(paths):
                one.write_text("\n".join(records[number::files]), "utf-8")
            report = Report()
            inputs = open_inputs([str(one) for one in paths], report, Limits(block=block), replayable=True)
            found = list(Engine(BOTH, report, since).run(inputs))
            assert len(found) == len(expected)
            assert files == 2 or [line.replace("0.json", "events.json") for line in said(found)] == expected


def test_a_number_beyond_64_bits_costs_nothing() -> None:
    text = json.dumps({**flat(1, TOOL), "Extra": 10**25}) + "\n" + json.dumps(flat(3, CONNECTION))
    with TemporaryDirectory() as folder:
        path = Path(folder, "events.json")
        path.write_text(text, "utf-8")
        report = Report()
        found = list(Engine(BOTH, report).run(open_inputs([str(path)], report, Limits(), replayable=True)))
    assert "archive_then_network" in {hit.rule.branch for hit in found}


def test_a_null_in_the_place_of_a_required_member_makes_another_shape() -> None:
    text = "".join(json.dumps({**flat(1, TOOL), "EventID": number}) + "\n" for number in (1, None))
    with TemporaryDirectory() as folder:
        path = Path(folder, "events.json")
        slow, fast = Report(), Report()
        assert len(decoded(text, path, slow)) == 2
        list(Engine(BOTH, fast).run(open_inputs([str(path)], fast, Limits(), replayable=True)))
    assert fast.events == slow.events == {"windows_flat": 1, "sigma_named": 1}


@pytest.mark.parametrize("wanted", ["true", "1", "false", "0"])
def test_one_and_true_are_not_taken_for_each_other(wanted: str) -> None:
    """They are equal as keys of Python's dictionaries, so that whatever is remembered by value may mix them up."""
    rules = loaded(selecting(f"Initiated: {wanted}", "category: network_connection"))
    for values in ([1, True], [True, 1], [0, False], [False, 0], [1.0, True]):
        text = "".join(json.dumps(flat(3, {"Initiated": value})) + "\n" for value in values)
        with TemporaryDirectory() as folder:
            path = Path(folder, "events.json")
            expected = said(list(Engine(rules, Report()).detect(decoded(text, path, Report()))))
            inputs = open_inputs([str(path)], Report(), Limits(), replayable=True)
            assert said(list(Engine(rules, Report()).run(inputs))) == expected


def test_a_list_of_many_long_texts_is_looked_for_in_a_file_too() -> None:
    names = [f"{sha256(bytes([*divmod(number, 256)])).hexdigest()}.example" for number in range(12000)]
    rules = loaded(selecting(f"CommandLine|contains: {json.dumps(names)}"))
    text = "".join(json.dumps(flat(1, {"CommandLine": f"curl {name}"})) + "\n" for name in ("x", names[0], names[-1]))
    with TemporaryDirectory() as folder:
        path = Path(folder, "events.json")
        path.write_text(text, "utf-8")
        report = Report()
        assert len(list(Engine(rules, report).run(open_inputs([str(path)], report, Limits(), replayable=True)))) == 2
