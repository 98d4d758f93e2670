"""Rows are told to be of no interest to lazy rules by their class and image, in a pass over a block."""

import json

from exfilwatch.detection.evaluate import Evaluator
from exfilwatch.detection.load import load
from exfilwatch.detection.neighbours import groups
from exfilwatch.detection.rows import Decoders
from exfilwatch.detection.sieve import Sieve
from exfilwatch.events.blocks import Block
from exfilwatch.events.report import Report
from exfilwatch.rules.packs import pack

CURL, TEAMS = r"C:\Windows\System32\curl.exe", r"C:\Users\anna\Teams.exe"


def test_each_value_is_asked_once_and_tells_every_group() -> None:
    asked: list[str] = []

    def passes(row: str) -> list[bool]:
        asked.append(row)
        return [row == "a", row in "ab"]

    sieve = Sieve(lambda row: row, 2, passes)
    assert sieve.passing(["a", "b", "c", "b"]) == [b"\1\0\0\0", b"\1\1\0\1"]
    assert sieve.passing(["c", "a"]) == [b"\0\1", b"\0\1"]
    assert asked == ["a", "b", "c"]


def test_where_most_rows_pass_none_is_asked() -> None:
    asked: list[int] = []

    def passes(row: int) -> list[bool]:
        asked.append(row)
        return [row > 0]

    sieve = Sieve(lambda row: row, 1, passes)
    assert sieve.passing([0, *range(20_000)]) == [b"\0\0" + b"\1" * 19_999]
    assert sieve.passing([0, -1]) is None
    assert -1 not in asked


def test_connections_of_programs_that_no_rule_names_are_not_kept_for_a_leader() -> None:
    rows = [connection(TEAMS), connection(CURL), connection(7), connection(None)]
    rules = load([pack("exfil")])
    decoders = Decoders(Evaluator(rules, Report()), [each.lazy for each in groups(rules)])
    data = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    (typed,) = decoders.sort(Block("some.jsonl", 1, data, len(rows))).typed
    assert typed.fast.sieve is not None
    passing = typed.fast.sieve.passing(typed.rows)
    assert passing is not None
    kept = [any(each) for each in zip(*passing, strict=True)]
    assert kept == [False, True, True, False]


def connection(image: str | int | None) -> dict[str, str | int | None]:
    """A record of Sysmon 3."""
    return {
        "Channel": "Microsoft-Windows-Sysmon/Operational",
        "Hostname": "WS-1",
        "@timestamp": "2026-01-05T10:00:00.000Z",
        "EventID": 3,
        "Image": image,
        "DestinationIp": "203.0.113.7",
        "DestinationPort": "443",
    }
