"""How transfers are judged: what counts as arrived, as found, and as loud."""

import base64
import gzip
import io
import zipfile
import zlib
from pathlib import Path
from typing import Literal

import pytest

from exfilwatch.events.event import Event, Origin

from .catalogue import cases
from .found import Finding, moved_abroad, wrong
from .running import ABROAD, TOKEN
from .servers.place import tokens

SENT = "tok0123456789abcdef"
TEXT = f"{SENT},a customer\n".encode() * 5


def zipped(data: bytes) -> bytes:
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("x"), data)
    return into.getvalue()


@pytest.mark.parametrize(
    "received",
    [
        TEXT,
        b"--boundary\r\n\r\n" + TEXT + b"\r\n--boundary--",
        base64.encodebytes(TEXT),
        b"Content-Transfer-Encoding: BASE64\r\n\r\n" + base64.encodebytes(TEXT),
        base64.urlsafe_b64encode(TEXT).rstrip(b"="),
        TEXT.hex().encode(),
        gzip.compress(TEXT, mtime=0),
        zipped(TEXT),
        zlib.compress(b"blob 100\0" + TEXT),
    ],
)
def test_what_arrived_is_recognised_however_it_was_encoded(tmp_path: Path, received: bytes) -> None:
    (tmp_path / "received").write_bytes(received)
    assert tokens(tmp_path, TOKEN, {}) == {SENT}


def test_half_of_it_has_not_arrived(tmp_path: Path) -> None:
    (tmp_path / "received").write_bytes(SENT[:-1].encode() + b" " + base64.b64encode(SENT[:-1].encode()))
    assert tokens(tmp_path, TOKEN, {}) == set()


def test_a_file_is_read_again_once_it_has_grown(tmp_path: Path) -> None:
    read: dict[Path, int] = {}
    (tmp_path / "received").write_bytes(SENT[:-1].encode())
    assert tokens(tmp_path, TOKEN, read) == set()
    (tmp_path / "received").write_bytes(SENT.encode())
    assert tokens(tmp_path, TOKEN, read) == {SENT}


def finding(level: str, *, abroad: bool, attack: str = "T1048", process: str = "curl") -> Finding:
    return Finding("a rule", level, (attack,), process, abroad)


@pytest.mark.parametrize(
    ("kind", "findings", "right"),
    [
        ("upload", [finding("low", abroad=False), finding("medium", abroad=True)], True),
        ("upload", [], False),
        ("upload", [finding("informational", abroad=False), finding("medium", abroad=True)], False),
        ("upload", [finding("low", abroad=False), finding("low", abroad=True)], False),
        ("upload", [finding("medium", abroad=False)], False),
        (
            "upload",
            [finding(level, abroad=away, attack="T1560") for level in ("low", "high") for away in (False, True)],
            False,
        ),
        ("upload", [finding("high", abroad=away, process="") for away in (False, True)], False),
        ("harmless", [], True),
        ("harmless", [finding("low", abroad=True)], True),
        ("harmless", [finding("medium", abroad=True)], False),
        ("harmless", [finding("medium", abroad=False, attack="T1560")], False),
    ],
)
def test_an_upload_is_to_be_found_and_nothing_else_loudly(
    kind: Literal["upload", "harmless"], findings: list[Finding], right: bool
) -> None:
    assert (wrong(kind, findings) == "") == right


def test_a_case_goes_abroad_with_all_that_encodes_it() -> None:
    case = next(case for case in cases() if case.form == "base64 piped" and "{{http}}" in case.run)
    places = dict.fromkeys(("http", "file", "folder", "room", "token"), "1")
    here, there = case.script(places), case.script(places, ABROAD)
    line = f"/bin/bash -c '{here}' 127.0.0.1"
    event = Event("auditd", "process_creation", "linux", "auditd", 1, None, "case-1", "id", Origin("-"), {}, {})
    event.fields = {"CommandLine": line, "Computer": "case-1", "ProcessId": 7}
    event.raw = {"argv": ["x", {"address": "127.0.0.1"}]}
    moved = moved_abroad(event, here, there)
    assert moved.fields["CommandLine"] == f"/bin/bash -c '{there}' {ABROAD}"
    assert moved.fields["ProcessId"] == 7
    assert moved.fields["Computer"] == moved.host != event.host
    assert moved.raw == {"argv": ["x", {"address": ABROAD}]}
    assert moved.id != event.id
