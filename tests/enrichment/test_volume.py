"""How much left: by whichever records count bytes, each transfer once, and only what this host sent."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from exfilwatch_playbooks.enrichment.enrichers.volume import Volume
from exfilwatch_playbooks.enrichment.subject import Subject

from .made import START, UPLOAD, connection, make, means, process, subject_of, written

HOST, ADDRESS, OURS = "files.evil-host.net", "8.8.4.4", "10.0.0.5"
SOON = START + timedelta(minutes=1)


def sysmon(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "EventID": number,
        "Channel": "Microsoft-Windows-Sysmon/Operational",
        "UtcTime": f"{SOON:%Y-%m-%d %H:%M:%S.000}",
        "Computer": "WS1",
        "User": "CORP\\anna",
        "Image": "C:\\Windows\\System32\\curl.exe",
        **fields,
    }


LOOKUP = sysmon(22, QueryName=HOST, QueryStatus="0", QueryResults=f"::ffff:{ADDRESS};")
CONNECTED = sysmon(
    3, Protocol="tcp", Initiated="true", SourceIp=OURS, DestinationIp=ADDRESS, DestinationPort=443, SourcePort=50000
)

ELSEWHERE = {**CONNECTED, "DestinationIp": "9.9.9.9"}


def zeek(*counts: int) -> list[dict[str, Any]]:
    return [connection(SOON, OURS, ADDRESS, count) for count in counts]


def proxied(sent: int, source: str = OURS) -> dict[str, Any]:
    """A request as Zeek's http.log in JSON has it."""
    return {
        "ts": SOON.timestamp(), "uid": f"H{sent}{source}", "id.orig_h": source, "id.orig_p": 50_000,
        "id.resp_h": ADDRESS, "id.resp_p": 80, "trans_depth": 1, "method": "PUT", "host": HOST, "uri": "/in",
        "request_body_len": sent, "response_body_len": 10, "status_code": 200,
    }  # fmt: skip


def surveyed(subject: Subject, *sources: object) -> dict[tuple[str, str], tuple[str, float | None]]:
    async def ask():
        return await Volume("volume", Volume.Settings(), means(None, *sources)).survey(subject)

    answers = asyncio.run(ask()).answers
    return {(about, answer.key.removeprefix("volume.")): (answer.value, answer.number) for about, answer in answers}


@pytest.mark.parametrize(
    ("records", "said"),
    [
        (
            [LOOKUP, CONNECTED, *zeek(700_000_000, 500_000_000)],
            {"bytes_out": ("1.2 GB", 1.2e9), "connections": ("2", 2)},
        ),
        (
            [LOOKUP, CONNECTED, *zeek(10_000_000), connection(SOON, "10.0.0.9", ADDRESS, 5_000_000)],
            {"bytes_out": ("10.0 MB", 1e7), "connections": ("1", 1), "all_hosts": ("15.0 MB", 1.5e7)},
        ),
        (
            [LOOKUP, connection(SOON, OURS, ADDRESS, 10_000_000)],
            {"all_hosts": ("10.0 MB, of which the records don't say whether it was this one", 1e7)},
        ),
        (
            [LOOKUP, CONNECTED, proxied(3_000_000), connection(SOON, OURS, ADDRESS, 3_100_000)],
            {"bytes_out": ("3.1 MB", 3.1e6), "connections": ("1", 1)},
        ),
        ([CONNECTED, proxied(3_000_000)], {"bytes_out": ("3.0 MB", 3e6), "connections": ("1", 1)}),
        ([proxied(3_000_000)], {"all_hosts": ("3.0 MB, of which the records don't say whether it was this one", 3e6)}),
        ([ELSEWHERE, proxied(7_000)], {"bytes_out": ("7.0 KB", 7e3), "connections": ("1", 1)}),
        ([LOOKUP, CONNECTED, connection(SOON + timedelta(days=2), OURS, ADDRESS, 10_000_000)], {}),
        ([LOOKUP, CONNECTED], {}),
    ],
    ids=["zeek", "others", "whose", "two-kinds", "http", "http-whose", "http-elsewhere", "later", "uncounted"],
)  # fmt: skip
def test_bytes(tmp_path: Path, records, said):
    found = surveyed(subject_of(UPLOAD), written(tmp_path / "a.jsonl", records))
    assert found == {(HOST, key): value for key, value in said.items()}


def test_the_same_record_twice_counts_once(tmp_path: Path):
    sent = connection(SOON, OURS, ADDRESS, 1_000_000)
    sources = [written(tmp_path / f"{name}.jsonl", [LOOKUP, CONNECTED, sent, sent]) for name in "ab"]
    assert surveyed(subject_of(UPLOAD), sources[0])[HOST, "connections"] == ("1", 1)


def test_where_nothing_counts_the_archive_says_how_much_it_may_be(tmp_path: Path):
    sized = {
        "@timestamp": f"{SOON:%Y-%m-%dT%H:%M:%SZ}",
        "ecs": {"version": "8.11.0"},
        "event": {"category": ["file"], "type": ["creation"], "action": "creation", "kind": "event"},
        "host": {"name": "WS1", "os": {"type": "windows"}},
        "file": {"path": "C:\\x\\q3.zip", "name": "q3.zip", "size": 48_000_000},
    }
    found = surveyed(subject_of(UPLOAD), written(tmp_path / "a.jsonl", [process(SOON, "WS1", "x", "cmd.exe"), sized]))
    assert found == {("q3.zip", "archive"): ("48.0 MB: no record counts what was sent", 48e6)}


def test_loopback_is_no_destination(tmp_path: Path):
    here = subject_of(make("a", CommandLine="curl -T a.zip http://127.0.0.1:8080/"))
    assert surveyed(here, written(tmp_path / "a.jsonl", [connection(SOON, OURS, "127.0.0.1", 10)])) == {}
