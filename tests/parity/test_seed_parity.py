"""The seed pack and the literal reading of the published query agree, on everything there is and on made-up events."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exfilwatch.detection.detection import Detection
from exfilwatch.detection.engine import Engine
from exfilwatch.detection.load import load
from exfilwatch.events.inputs import Limits, open_inputs
from exfilwatch.events.report import Report
from exfilwatch.rules.packs import pack

from .published import ARCHIVERS, ENGINES, SENSITIVE, STAGED, TOOLS, Hit, published_query
from .records import Connection, Process, milliseconds, read

DATA = Path(__file__).parents[2] / "../shared/data"
EPOCH = 1_767_225_600_000  # 2026-01-01, ms
SIGNALS = {
    "scripting_engine": ("HasUpload", "HasCollection", "HasTransferTool", "SensitivePath"),
    "transfer_tool": ("IsUpload", "IsExternal"),
    "archive_then_network": (),
}
NAMES = {"scripting_engine": "image_name", "transfer_tool": "img_name", "archive_then_network": "arch_name"}


def hit_of(detection: Detection) -> Hit:
    """The detection's reported columns as a hit of the literal query."""
    fields, branch = detection.fields, detection.rule.branch
    assert fields["Branch"] == branch
    destination = None
    if branch == "archive_then_network":
        (connection,) = (event for event in detection.events if event.category == "network_connection")
        assert connection.time is not None
        port = fields.get("DestinationPort")
        destination = (connection.time // 1000, str(fields["DestinationIp"]), None if port is None else int(str(port)))
    return Hit(
        branch,
        str(fields.get("Computer") or ""),
        milliseconds(fields.get("ArchiveTime" if branch == "archive_then_network" else "_messageTime")),
        str(fields[NAMES[branch]]).lower(),
        str(fields["CommandLine"]),
        tuple(int(str(fields[name])) for name in SIGNALS[branch]),
        int(str(fields["ExfilScore"])) if "ExfilScore" in fields else None,
        destination,
    )


def seed_pack(paths: Iterable[Path]) -> list[Hit]:
    """What exfilwatch finds in the files with the seed pack."""
    report = Report()
    inputs = open_inputs([str(path) for path in paths], report, Limits(), replayable=True)
    return [hit_of(detection) for detection in Engine(load([pack("seed")]), report).run(inputs)]


def iso(time: int) -> str:
    """Milliseconds since 1970 as Sysmon writes UtcTime."""
    day, ms = divmod(time - EPOCH, 86_400_000)
    seconds, ms = divmod(ms, 1000)
    return f"2026-01-{day + 1:02}T{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{ms:03}Z"


def sysmon(event: Process | Connection) -> dict[str, Any]:
    """The event as a flat Sysmon record, in the form of OTRF's files."""
    assert event.time is not None
    head = {
        "Channel": "Microsoft-Windows-Sysmon/Operational",
        "SourceName": "Microsoft-Windows-Sysmon",
        "Hostname": event.host,
        "@timestamp": iso(event.time),
    }
    if isinstance(event, Process):
        return {"EventID": 1, **head, "Image": event.image, "CommandLine": event.command_line}
    return {"EventID": 3, **head, "DestinationIp": event.destination_ip, "DestinationPort": event.destination_port}


def write(path: Path, events: Iterable[Process | Connection]) -> Path:
    path.write_text("".join(json.dumps(sysmon(event)) + "\n" for event in events), "utf-8")
    return path


@pytest.mark.skipif(not DATA.is_dir(), reason="the shared recordings are not on this machine")
def test_the_seed_pack_agrees_with_the_published_query_on_every_recording() -> None:
    files = sorted(path for path in (DATA / "background").iterdir() if path.suffix in (".zip", ".evtx"))
    literal = published_query(event for path in files for event in read(path))
    assert set(seed_pack(files)) == literal
    assert {hit.branch for hit in literal} == {"scripting_engine", "transfer_tool"}


def cases() -> Iterator[Process | Connection]:
    """Each Atomic test and each upload command on a host of its own, with a connection 100 s later."""
    for name in ("atomics.jsonl", "uploads.jsonl"):
        for number, line in enumerate((DATA / name).read_text("utf-8").splitlines()):
            host = f"{name}-{number}"
            for step, event in enumerate(json.loads(line)["events"]):
                yield Process(host, EPOCH + number * 10 + step, event["Image"], event["CommandLine"])
            yield Connection(host, EPOCH + number * 10 + 100_000, "203.0.113.9", 443)


@pytest.mark.skipif(not DATA.is_dir(), reason="the shared cases are not on this machine")
def test_the_seed_pack_agrees_with_the_published_query_on_every_case(tmp_path: Path) -> None:
    literal = published_query(cases())
    assert set(seed_pack([write(tmp_path / "cases.jsonl", cases())])) == literal
    assert len(literal) == 4


# Pieces that make command lines on the edge of every term. Left out are ſ and İ, where a case-insensitive expression
# and lower-casing differ, and the vertical tab, which is white space to `re` and not to RE2: docs/seed-query.md.
WORDS = """
uploadfile uploaddata uploadstring start-bitstransfer net.ftpwebrequest netxftpwebrequest invoke-webrequest
invoKe-webrequest get-childitem gci agci gci2 dir rmdir /s compress-archive [io.file]:: [system.io.file]:: -recurse
curl wget curl.exe ftp sftp xsftp - -t -T -d @ @x --upload-file --data-binary /upload /transfer ftp:// sftp:// ftps://
http:// https:// 10. 127. 192.168. 172.15. 172.16. 172.29. 172.31. 172.32. 1 . ü é 中 𝔞
"""
ADDRESSES = "8.8.4.4 10.0.0.1 110.0.0.1 172.16.0.1 172.32.0.1 192.168.1.1 192.169.1.1 127.0.0.1 fe80::1 10.a ::1"
TERMS = [*WORDS.split(), *SENSITIVE, *STAGED, " ", "\t", "\n", "\u00a0", "\u2003", '"', "\\", "/"]
ODD = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="ſİ\0\v"), max_size=3)
PIECE = st.one_of(st.sampled_from(TERMS), st.sampled_from(TERMS).map(str.upper), st.just(" "), ODD)
COMMAND_LINE = st.lists(PIECE, min_size=1, max_size=12).map("".join).filter(lambda text: text.strip() not in ("", "-"))
NAME = st.sampled_from([*sorted(ENGINES | TOOLS | ARCHIVERS), "notcmd.exe", "curl", "cmd.exe.bak", "python3.exe "])
IMAGE = st.tuples(st.sampled_from(["", "C:\\", "C:\\Windows\\System32\\", "C:\\cmd.exe\\", "x/"]), NAME).map("".join)
HOST = st.sampled_from(["ws1", "ws2"])
TIME = st.one_of(st.integers(0, 1000), st.integers(299_990, 300_010), st.integers(0, 900_000)).map(EPOCH.__add__)
ADDRESS = st.sampled_from(ADDRESSES.split())
EVENT = st.one_of(
    st.builds(Process, HOST, TIME, st.one_of(IMAGE, IMAGE.map(str.upper)), COMMAND_LINE),
    st.builds(Connection, HOST, TIME, ADDRESS, st.sampled_from([80, 443])),
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=st.lists(EVENT, max_size=12))
def test_the_seed_pack_agrees_with_the_published_query_on_made_up_events(
    tmp_path: Path, events: list[Process | Connection]
) -> None:
    assert set(seed_pack([write(tmp_path / "made-up.jsonl", events)])) == published_query(events)
