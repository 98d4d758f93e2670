"""The demo's data: readable, complete, consistent, made again from its sources, and of nobody."""

import gzip
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from exfilwatch.events.event import Event
from exfilwatch.events.inputs import open_inputs
from exfilwatch.events.limits import Limits
from exfilwatch.events.lines import LineDecoder
from exfilwatch.events.report import Report
from exfilwatch_playbooks.demo.telemetry import SCENARIOS, telemetry

from . import linux_sysmon, windows, windows_day

DAY = 1_794_873_600_000_000  # µs since 1970: 2026-11-17T00:00:00Z
DOMAIN = ".nordwind.example"
LINUX = {"lnx-app-02", "lnx-web-01"}
HOSTS = LINUX | {
    f"{name}{DOMAIN}"
    for name in (
        *("WS-ACC-07", "WS-HR-03", "WS-LAB-12", "WS-SALES-02", "WS-SALES-05", "WS-DEV-04", "WS-IT-01"),
        *("SRV-DC-01", "SRV-FILE-01", "SRV-SQL-01"),
    )
}


def decoded(report: Report) -> Iterator[Event]:
    with telemetry() as paths:
        for source in open_inputs(map(str, paths), report, Limits(), replayable=False):
            decoder = LineDecoder(source.name, report)
            for block in source.blocks():
                for number, line in enumerate(block.lines(), block.first):
                    yield from decoder.feed(line, number)
            yield from decoder.finish()


@pytest.fixture(scope="module")
def report() -> Report:
    return Report()


@pytest.fixture(scope="module")
def events(report: Report) -> list[Event]:
    return list(decoded(report))


@pytest.fixture(scope="module")
def records() -> list[dict[str, str]]:
    """The Windows records that are Sysmon's, as they stand in the files."""
    with telemetry() as paths:
        texts = [gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes() for path in paths]
        found = [json.loads(line) for text in texts for line in text.splitlines() if line.startswith(b"{")]
    return [record for record in found if record.get("SourceName") == "Microsoft-Windows-Sysmon"]


def created(records: list[dict[str, str]]) -> dict[str, dict[str, str]]:
    return {record["ProcessGuid"]: record for record in records if str(record["EventID"]) == "1"}


def test_everything_is_read_without_a_problem(events: list[Event], report: Report) -> None:
    assert events
    assert report.problems == []
    assert report.unknown_shapes == []
    assert set(report.events) == {"auditd", "defender", "evtx", "windows_flat"}


def test_it_is_some_thousand_events_of_each_kind_that_rules_look_at(events: list[Event]) -> None:
    counts = Counter((event.category, event.product) for event in events)

    assert 4000 < len(events) < 6000
    assert counts["process_creation", "windows"] > 1200
    assert counts["network_connection", "windows"] > 1500
    assert counts["file_event", "windows"] > 120
    assert counts["ps_script", "windows"] > 30
    assert counts["process_creation", "linux"] > 300
    assert counts["network_connection", "linux"] > 40


def test_a_dozen_hosts_take_part(events: list[Event]) -> None:
    assert {str(event.host).lower() for event in events} == {name.lower() for name in HOSTS}


def test_it_all_happens_on_one_day(events: list[Event]) -> None:
    assert all(event.time is not None and DAY <= event.time < DAY + 86_400_000_000 for event in events)


def test_no_two_events_are_the_same(events: list[Event]) -> None:
    assert len({event.id for event in events}) == len(events)


def test_every_parent_exists(records: list[dict[str, str]]) -> None:
    """But for the kernel, and for what was started before the day."""
    processes = created(records)
    for record in processes.values():
        parent = processes.get(record["ParentProcessGuid"])
        if parent:
            assert (parent["ProcessId"], parent["Image"], parent["CommandLine"], parent["Hostname"]) == (
                record["ParentProcessId"],
                record["ParentImage"],
                record["ParentCommandLine"],
                record["Hostname"],
            )
            assert parent["UtcTime"] <= record["UtcTime"]
        else:
            assert record["ParentImage"] == "System" or guid_time(record["ParentProcessGuid"]) < DAY // 1_000_000


def guid_time(guid: str) -> int:
    _, low, high, *_ = guid.strip("{}").split("-")
    return int(high + low, 16)


def test_a_guid_holds_its_machine_and_its_start(records: list[dict[str, str]]) -> None:
    for guid, record in created(records).items():
        assert guid[1:9] == windows.machine(record["Hostname"])
        assert windows.iso(guid_time(guid) * 1000)[:19] == record["UtcTime"][:19].replace(" ", "T")


def test_a_process_id_stands_for_one_process_of_a_host(records: list[dict[str, str]]) -> None:
    ids = Counter((record["Hostname"], record["ProcessId"]) for record in created(records).values())

    assert ids.most_common(1)[0][1] == 1
    assert all(int(pid) % 4 == 0 for _, pid in ids)


def test_connections_and_files_belong_to_a_process_that_was_there(records: list[dict[str, str]]) -> None:
    processes = created(records)
    for record in records:
        if str(record["EventID"]) == "1":
            continue
        owner = processes.get(record["ProcessGuid"])
        if owner is None:
            assert guid_time(record["ProcessGuid"]) < DAY // 1_000_000
            continue
        assert all(record[name] == owner[name] for name in ("ProcessId", "Image", "User", "Hostname"))
        assert record["UtcTime"] > owner["UtcTime"]


def test_a_user_has_one_logon_on_a_host(records: list[dict[str, str]]) -> None:
    logons = {
        (record["Hostname"], record["User"], record["LogonId"], record["LogonGuid"])
        for record in created(records).values()
    }

    assert len(logons) == len({(host, user) for host, user, _, _ in logons})


def test_4688_and_sysmon_of_one_host_agree(events: list[Event]) -> None:
    seen: dict[str, set[tuple[str, str, str, str]]] = {"security": set(), "sysmon": set()}
    for event in events:
        if event.category == "process_creation" and event.host == f"WS-HR-03{DOMAIN}":
            names = ("ProcessId", "Image", "CommandLine", "User")
            pid, image, command_line, user = (str(event.get(name)) for name in names)
            seen[event.service].add((pid, image, command_line, user))

    assert seen["security"] == seen["sysmon"] != set()


def test_scenarios_name_files_that_are_there() -> None:
    with telemetry() as paths:
        names = {path.name for path in paths}
        assert sum(path.stat().st_size for path in paths) < 600_000

    assert {name for scenario in SCENARIOS for name in scenario.files} <= names
    assert {scenario.host for scenario in SCENARIOS} <= HOSTS


def test_the_ordinary_day_is_made_again_from_its_sources() -> None:
    assert gzip.decompress(windows_day.TARGET.read_bytes()) == windows_day.made()


def test_sysmon_for_linux_is_made_again_from_the_recording_and_its_sources() -> None:
    assert linux_sysmon.SCENARIO.read_text().splitlines() == linux_sysmon.scenario()
    assert gzip.decompress(linux_sysmon.WEB.read_bytes()).decode().splitlines() == linux_sysmon.web()


def test_the_recording_is_an_hour_in_order(events: list[Event]) -> None:
    recorded = [event.time or 0 for event in events if event.shape == "auditd"]

    assert recorded == sorted(recorded)
    assert 55 * 60 < (recorded[-1] - recorded[0]) / 1e6 < 60 * 60


def test_nothing_of_the_machine_that_recorded_is_in_the_data() -> None:
    with telemetry() as paths:
        texts = [gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes() for path in paths]
    text = re.sub(rb"(?<==)(?:[0-9A-F]{2}){4,}", lambda found: bytes.fromhex(found[0].decode()), b"\n".join(texts))

    for word in (b"/root", b"pyenv", b".venv", b"unknown(", b"pytest-", bytes(Path(__file__).parents[2])):
        assert word not in text
    assert set(re.findall(rb"\bnode=(\S+) type=", text)) == {b"lnx-app-02"}
