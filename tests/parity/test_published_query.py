"""The literal evaluation itself, checked against what others counted. It is the yardstick of the parity tests."""

import json
from pathlib import Path

import pytest

from .published import Hit, archive_then_network, published_query, scripting_engine, transfer_tool
from .records import Connection, Process, read

DATA = Path(__file__).parents[2] / "../shared/data"


@pytest.mark.skipif(not DATA.is_dir(), reason="the shared recordings are not on this machine")
def test_the_literal_query_finds_in_each_recording_what_its_index_says() -> None:
    folder = DATA / "background"
    index = [json.loads(line) for line in (folder / "INDEX.jsonl").read_text("utf-8").splitlines()]
    assert len(index) > 200
    for entry in index:
        found = {(hit.branch, hit.command_line) for hit in published_query(read(folder / entry["file"]))}
        assert found == {(branch, line) for branch, _, line in entry["seed_hits"]}, entry["file"]


@pytest.mark.skipif(not DATA.is_dir(), reason="the shared recordings are not on this machine")
def test_the_reader_of_the_parity_tests_sees_every_connection_and_every_sysmon_process() -> None:
    folder = DATA / "background"
    for entry in (json.loads(line) for line in (folder / "INDEX.jsonl").read_text("utf-8").splitlines()):
        events, counts = list(read(folder / entry["file"])), entry["events"]
        connections = sum(isinstance(event, Connection) for event in events)
        assert connections == counts.get("sysmon_3", 0) + counts.get("security_5156", 0), entry["file"]
        # The index leaves out 4688 of channels spelled "security", and counts those without a command line.
        if "security_4688" not in counts and connections == len(events) - counts.get("sysmon_1", 0):
            assert len(events) - connections == counts.get("sysmon_1", 0), entry["file"]


@pytest.mark.parametrize(
    ("name", "exfil", "download", "staging"), [("atomics.jsonl", 2, 1, 1), ("uploads.jsonl", 0, 0, 0)]
)
def test_the_literal_query_finds_few_of_the_real_cases(name: str, exfil: int, download: int, staging: int) -> None:
    if not DATA.is_dir():
        pytest.skip("the shared cases are not on this machine")
    found = dict.fromkeys(("exfil", "download", "staging", "collection", "recon", "ambiguous"), 0)
    for line in (DATA / name).read_text("utf-8").splitlines():
        case = json.loads(line)
        processes = [Process("host", 0, event["Image"], event["CommandLine"]) for event in case["events"]]
        found[case["label"]] += any(scripting_engine(process) or transfer_tool(process) for process in processes)
    expected = {"exfil": exfil, "download": download, "staging": staging, "collection": 0, "recon": 0, "ambiguous": 0}
    assert found == expected


def test_a_pair_is_one_hit_and_300_seconds_are_inclusive() -> None:
    archive = Process("ws1", 1_000_000, r"C:\7z.exe", r"7z a C:\Users\ann\x.7z")
    connections = [
        Connection("ws1", 1_000_000 + step, "8.8.4.4", 443) for step in (-300_001, -300_000, 300_000, 300_001)
    ]
    hits = archive_then_network([archive, *connections])
    assert {hit.destination for hit in hits} == {(700_000, "8.8.4.4", 443), (1_300_000, "8.8.4.4", 443)}


def test_a_hit_carries_the_four_signals_and_their_sum() -> None:
    hit = scripting_engine(Process("ws1", 1, r"C:\Windows\cmd.exe", r"cmd /c rmdir /s C:\ProgramData\x"))
    assert hit == Hit("scripting_engine", "ws1", 1, "cmd.exe", r"cmd /c rmdir /s C:\ProgramData\x", (0, 1, 0, 1), 2)
