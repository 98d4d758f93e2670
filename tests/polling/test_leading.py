"""What a rare event of a log leads to is asked for near it only, and every sequence is found as in one pass."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exfilwatch.detection.judge import Judge
from exfilwatch.detection.load import load
from exfilwatch.events.report import Report
from exfilwatch.events.timestamps import to_datetime
from exfilwatch.findings.store import Store
from exfilwatch.polling.poller import Poller
from exfilwatch.rules.packs import pack
from exfilwatch.siem.siem import SECOND

from .memory_siem import START, MemorySiem, in_one_pass, stored

MINUTE, HOUR = 60 * SECOND, 3600 * SECOND
RULES = load([pack("exfil") / f"{name}.yml" for name in ("removable_media_files", "packed_then_drive")])
STICK = {"EventID": "6416", "Channel": "Security", "DeviceId": "USBSTOR\\Disk&Ven_Kingston", "ClassName": "DiskDrive"}


def recognised(time, host, **times):
    happened = {"TimeCreated": f"{to_datetime(time):%FT%T.%fZ}"}
    return stored(time, service="security", Computer=host, **STICK, **happened, **times)


def loaded(time, host, **times):
    fields = {"Image": "System", "ActionType": "UsbDriveMounted", "Computer": host}
    return stored(time, category="other", service="driver-framework", **fields, **times)


def written(time, host, **times):
    fields = {"Image": "C:\\Windows\\explorer.exe", "TargetFilename": "E:\\plan.docx"}
    return stored(time, category="file_event", Computer=host, **fields, **times)


def started(image, line):
    def made(time, host, **times):
        fields = {"Image": image, "CommandLine": line}
        return stored(time, category="process_creation", Computer=host, **fields, **times)

    return made


copied = started("C:\\Windows\\System32\\robocopy.exe", "robocopy C:\\Users\\anna\\Documents E:\\d /E")
packed = started(
    "C:\\Program Files\\7-Zip\\7z.exe", "7z a -pS3cret C:\\Users\\Public\\a.7z C:\\Users\\anna\\Documents\\*"
)


def poll(siem, store):
    return asyncio.run(Poller(siem, RULES, store, since=8 * HOUR, clock=lambda: siem.clock).once())


def found(store):
    return sorted(each.id for each in store.find())


@pytest.mark.parametrize("connected", [recognised, loaded])
@pytest.mark.parametrize("put", [written, copied])
def test_either_way_to_connect_a_drive_leads_to_either_way_to_write_to_it(store, connected, put):
    siem = MemorySiem(
        [connected(START - 60 * MINUTE, "ws1"), put(START - 30 * MINUTE, "ws1"), packed(START - 90 * MINUTE, "ws1")]
    )
    poll(siem, store)
    assert {each.rule.level for each in store.find()} == {"low", "high"}
    assert found(store) == in_one_pass(RULES, siem.records)


def test_files_are_asked_for_on_hosts_to_which_a_drive_was_connected_and_around_that_time(store):
    siem = MemorySiem([recognised(START - HOUR, "ws1"), *(written(START - HOUR, f"ws{n}") for n in range(2, 9))])
    poll(siem, store)
    of_files = [ask for ask in siem.asked if any(rule.source.category == "file_event" for rule in ask.rules or ())]
    assert of_files
    assert {near.host for ask in of_files for near in ask.near} == {"ws1"}
    spans = {near.high - near.low for ask in of_files for near in ask.near}
    assert spans == {2 * HOUR, 4 * HOUR}


def test_in_a_short_interval_one_question_asks_for_all_that_may_follow_what_led_before(store):
    siem = MemorySiem([recognised(START - 10 * MINUTE, "ws1")])
    poll(siem, store)
    assert {len(ask.rules) for ask in siem.asked if ask.near} == {2}
    siem.asked.clear()
    siem.clock += 5 * MINUTE
    poll(siem, store)
    assert {len(ask.rules) for ask in siem.asked if ask.near} == {4}


def test_what_only_follows_is_asked_for_near_hosts_and_what_command_lines_do_everywhere():
    judge = Judge(RULES, Report())
    assert {rule.source.category for rule in judge.lazy} == {"file_event", "process_creation"}
    assert [rule.info.title for rule in judge.eager if rule.source.category == "process_creation"] == [
        "Files Of People Gathered Or Packed (packed_for_drive)"
    ]


@settings(max_examples=12, deadline=None)
@given(
    each=st.lists(
        st.tuples(
            st.sampled_from([recognised, loaded, written, copied, packed]),
            st.integers(-240, -1),
            st.sampled_from(["ws1", "ws2"]),
            st.integers(0, 90),
        ),
        min_size=4,
        max_size=9,
    )
)
def test_in_whatever_order_and_however_late_they_come_the_findings_are_those_of_one_pass(tmp_path_factory, each):
    siem = MemorySiem(
        make(START + at * MINUTE, host, ingest=START + (at + late) * MINUTE, searchable=START + (at + late) * MINUTE)
        for make, at, host, late in each
    )
    siem.clock = START - 2 * HOUR
    store = Store(str(tmp_path_factory.mktemp("led") / "findings.sqlite"))
    for _ in range(5):  # the last after the latest comes
        poll(siem, store)
        siem.clock += 65 * MINUTE
    assert found(store) == in_one_pass(RULES, siem.records)
