"""Files that are followed: every line once, whatever happens to the files."""

import gzip
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from pydantic import ValidationError

from exfilwatch.events.limits import Limits
from exfilwatch.siem.files import FilesSettings
from exfilwatch.siem.spool import Spool

from ..events.samples import EXEC, PARENT, SYSMON_FLAT, ZEEK_CONN  # noqa: TID252 (tests are no package on the path)
from .following import Follower, aged, follow, write

LONG = [f"{number:04} {'x' * 60}" for number in range(200)]
"""Lines of some 13 KB, so that the ends of what was read differ."""


def encoded(lines: list[str]) -> list[bytes]:
    return [line.encode() for line in lines]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "audit.log"


def test_it_is_a_spool(log: Path) -> None:
    assert isinstance(follow(log).spool(), Spool)


def test_each_line_is_given_once_with_its_number(log: Path) -> None:
    follower = follow(log)
    write(log, "a", "b")
    assert follower.look() == [b"a", b"b"]
    assert follower.look() == []
    write(log, "c")
    assert follower.look() == [b"c"]
    assert follower.lines == [(str(log), 1, b"a"), (str(log), 2, b"b"), (str(log), 3, b"c")]


def test_nothing_new_means_no_portion_and_no_new_position(log: Path) -> None:
    follower = follow(log)
    write(log, "a")
    aged(log, 10)
    follower.look()
    before = follower.position, len(follower.portions)
    follower.look()
    assert (follower.position, len(follower.portions)) == before


def test_a_line_that_is_being_written_is_waited_for(log: Path) -> None:
    follower = follow(log)
    write(log, "a", "b, and the r", end=b"")
    assert follower.look() == [b"a"]
    assert follower.look() == []
    write(log, "est", "c")
    assert follower.look() == [b"b, and the rest", b"c"]


def test_a_last_line_without_an_end_is_complete_when_nothing_follows_for_a_minute(log: Path) -> None:
    follower = follow(log)
    write(log, "a", "b", end=b"")
    assert follower.look() == [b"a"]
    follower.ahead = 59
    assert follower.look() == []
    follower.ahead = 61
    assert follower.look() == [b"b"]
    write(log, "", "c")
    assert follower.look() == [b"", b"c"]


def test_a_file_of_one_line_without_an_end_is_read_after_a_minute(log: Path) -> None:
    follower = follow(log)
    write(log, SYSMON_FLAT, end=b"")
    assert follower.look() == []
    follower.ahead = 61
    assert follower.look() == [SYSMON_FLAT]
    assert follower.look() == []


def test_files_that_come_and_go_are_noticed(tmp_path: Path) -> None:
    follower = follow(tmp_path)
    assert follower.look() == []
    write(tmp_path / "one.log", "a")
    (tmp_path / "sub").mkdir()
    write(tmp_path / "sub" / "two.log", "b")
    write(tmp_path / ".hidden.log.Xy12", "never")
    assert follower.look() == [b"a", b"b"]
    (tmp_path / "one.log").unlink()
    write(tmp_path / "sub" / "two.log", "c")
    assert follower.look() == [b"c"]
    assert "one.log:1: is gone" in follower.problems
    assert [(portion.source, portion.last) for portion in follower.portions[-2:]] == [
        (str(tmp_path / "sub" / "two.log"), False),
        (str(tmp_path / "one.log"), True),
    ]


def test_a_file_that_was_at_rest_may_go_without_a_word(log: Path) -> None:
    follower = follow(log.parent)
    write(log, "a")
    follower.ahead = 4
    follower.look()
    log.unlink()
    follower.look()
    assert follower.problems == ""
    assert follower.portions[-1].last


@pytest.mark.parametrize("paths", [[""], ["audit.log"], ["sub/../*.log"], []])
def test_paths_are_given_in_full(paths: list[str]) -> None:
    with pytest.raises(ValidationError):
        FilesSettings(kind="files", paths=paths)  # type: ignore[arg-type]


def test_patterns_and_lists_in_the_environment(tmp_path: Path) -> None:
    for name in ("a.log", "b.log", "c.txt"):
        write(tmp_path / name, name)
    (tmp_path / "deep" / "er").mkdir(parents=True)
    write(tmp_path / "deep" / "er" / "d.log", "d.log")
    settings = FilesSettings(kind="files", paths=f"{tmp_path}/**/*.log, {tmp_path}/c.txt")  # type: ignore[arg-type]
    assert Follower(list(settings.paths)).look() == [b"a.log", b"b.log", b"c.txt", b"d.log"]


def test_one_file_under_several_names_is_read_once(tmp_path: Path) -> None:
    write(tmp_path / "one.log", "a")
    (tmp_path / "current.log").symlink_to("one.log")
    os.link(tmp_path / "one.log", tmp_path / "same.log")
    follower = follow(tmp_path, tmp_path / "one.log")
    assert follower.look() == [b"a"]
    (tmp_path / "current.log").unlink()
    write(tmp_path / "one.log", "b")
    assert follower.look() == [b"b"]


def test_a_path_that_is_no_file_is_said(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    follower = follow(tmp_path / "pipe", tmp_path / "none.log")
    assert follower.look() == []
    assert "neither a file nor a folder" in follower.problems
    assert "there is no such file yet" in follower.problems


def test_names_need_not_be_text(tmp_path: Path) -> None:
    follower = follow(tmp_path)
    name = os.fsencode(tmp_path) + b"/\xff\n.log"
    with open(name, "wb") as file:  # noqa: PTH123
        file.write(b"a\n")
    assert follower.look() == [b"a"]
    assert follower.look() == []
    assert follower.portions[0].source.endswith("/\\udcff\\n.log")
    assert follower.portions[0].decoder_key.endswith("/\\xff\n.log")


# Rotation


@pytest.mark.parametrize("listed", ["the file", "its folder"])
def test_a_renamed_log_is_finished_before_the_new_one_begins(log: Path, listed: str) -> None:
    follower = follow(log if listed == "the file" else log.parent)
    write(log, *LONG[:50])
    follower.look()
    write(log, *LONG[50:60])
    log.rename(log.with_name("audit.log.1"))
    write(log, *LONG[60:70])
    assert follower.look() == encoded(LONG[50:70])
    assert [(Path(source).name, number) for source, number, _ in follower.lines[48:62]] == [
        *[("audit.log", number) for number in (49, 50)],
        *[("audit.log.1", number) for number in range(51, 61)],
        *[("audit.log", number) for number in (1, 2)],
    ]
    assert {portion.decoder_key for portion in follower.portions} == {str(log)}
    write(log.with_name("audit.log.1"), "late")  # by a writer that has not reopened yet
    write(log, "more")
    assert follower.look() == [b"late", b"more"]
    assert follower.problems == ""


def test_a_log_renamed_and_not_yet_begun_anew_stays_one_log(log: Path) -> None:
    follower = follow(log)
    write(log, "a", "b", end=b"")
    follower.look()
    log.rename(log.with_name("audit.log.1"))
    assert follower.look() == []
    assert not any(portion.last for portion in follower.portions)
    write(log, "c")
    follower.ahead = 4
    assert follower.look() == [b"b", b"c"]
    assert {portion.decoder_key for portion in follower.portions} <= {str(log), ""}


def test_a_log_rotated_several_times_between_two_looks_is_read_in_its_order(tmp_path: Path) -> None:
    log, follower = tmp_path / "a.log", follow(tmp_path)
    write(log, *LONG[:10])
    follower.look()
    for turn in range(1, 4):
        write(log, *LONG[turn * 10 : turn * 10 + 10])
        for number in range(turn, 0, -1):
            old = tmp_path / (f"a.log.{number - 1}" if number > 1 else "a.log")
            old.rename(tmp_path / f"a.log.{number}")
        time.sleep(0.01)  # times of files are told apart by a tick of the kernel
        write(log, f"turn {turn}")
    follower.look()
    lines = [line for _, _, line in follower.lines]
    assert sorted(lines) == sorted([*encoded(LONG[:40]), b"turn 1", b"turn 2", b"turn 3"])
    assert lines.index(b"turn 1") < lines.index(b"turn 2") < lines.index(b"turn 3")


def test_a_log_copied_and_cut_is_finished_in_the_copy(log: Path) -> None:
    follower = follow(log)
    write(log, *LONG[:50])
    follower.look()
    write(log, *LONG[50:60])
    shutil.copy(log, log.with_name("audit.log.1"))
    os.truncate(log, 0)
    write(log, *LONG[60:70])
    assert follower.look() == encoded(LONG[50:70])
    assert follower.problems == ""


def test_a_log_cut_without_a_copy_begins_anew_which_is_said(log: Path) -> None:
    follower = follow(log)
    write(log, *LONG[:50])
    follower.look()
    os.truncate(log, 0)
    write(log, *LONG[60:62])
    assert follower.look() == encoded(LONG[60:62])
    assert "audit.log:50: was cut off, or another file took its place" in follower.problems


def test_a_log_cut_and_grown_beyond_where_it_was_read_to_is_noticed(log: Path) -> None:
    follower = follow(log)
    write(log, *LONG[:10])
    follower.look()
    os.truncate(log, 0)
    write(log, *LONG[100:150])
    assert follower.look() == encoded(LONG[100:150])


def test_a_copy_that_is_being_made_is_not_read(tmp_path: Path) -> None:
    log, follower = tmp_path / "a.log", follow(tmp_path)
    write(log, *LONG)
    follower.look()
    (tmp_path / "a.log.1").write_bytes(log.read_bytes()[:8192])
    assert follower.look() == []
    shutil.copy(log, tmp_path / "a.log.1")
    assert follower.look() == []
    write(log, "in both")
    shutil.copy(log, tmp_path / "a.log.1")
    os.truncate(log, 0)
    write(log, "new")
    assert follower.look() == [b"in both", b"new"]
    assert follower.look() == []
    assert follower.problems == ""


def test_a_file_that_begins_as_another_and_goes_on_otherwise_is_read(tmp_path: Path) -> None:
    write(tmp_path / "a.log", *LONG)
    follower = follow(tmp_path)
    follower.look()
    write(tmp_path / "b.log", *LONG[:150], "other")
    assert follower.look() == [*encoded(LONG[:150]), b"other"]


def test_an_inode_used_again_is_not_the_old_file(tmp_path: Path) -> None:
    """Whatever the file system does with inodes: the position is made to say so."""
    follower = follow(tmp_path)
    write(tmp_path / "a.log", *LONG[:20])
    follower.look()
    (tmp_path / "a.log").rename(tmp_path / "b.log")
    with (tmp_path / "b.log").open("r+b") as file:  # same inode, other name, other bytes, more of them
        file.write("\n".join(LONG[100:130]).encode() + b"\n")
    assert follower.look() == encoded(LONG[100:130])


def test_real_inodes_used_again(tmp_path: Path) -> None:
    follower = follow(tmp_path)
    given: list[bytes] = []
    for turn in range(20):
        path = tmp_path / f"{turn}.log"
        write(path, *LONG[turn : turn + 3 + turn % 4])
        given += encoded(LONG[turn : turn + 3 + turn % 4])
        follower.look()
        path.unlink()
    assert [line for _, _, line in follower.lines] == given


def test_a_rotated_file_that_is_not_listed_and_was_never_followed_is_not_read(log: Path) -> None:
    write(log.with_name("audit.log.1"), "old")
    aged(log.with_name("audit.log.1"), 100)
    log.touch()
    follower = follow(log)
    assert follower.look() == []
    write(log.with_name("audit.log.1"), "late")
    assert follower.look() == []
    aged(log.with_name("audit.log.1"), 100)
    write(log, "a")
    assert follower.look() == [b"a"]
    log.with_name("audit.log.1").rename(log.with_name("audit.log.2"))
    log.rename(log.with_name("audit.log.1"))
    write(log, "b")
    assert follower.look() == [b"b"]


def test_what_was_begun_and_rotated_away_between_two_looks_is_read(log: Path) -> None:
    follower = follow(log)
    write(log, *LONG[:30])
    follower.look()
    for number in range(3):
        for old in (2, 1):
            if log.with_name(f"audit.log.{old}").exists():
                log.with_name(f"audit.log.{old}").rename(log.with_name(f"audit.log.{old + 1}"))
        log.rename(log.with_name("audit.log.1"))
        write(log, *LONG[30 + number * 10 : 40 + number * 10])
    assert follower.look() == encoded(LONG[30:60])
    assert follower.problems == ""


def test_numbers_of_devices_and_inodes_may_all_change_as_after_a_reboot(tmp_path: Path) -> None:
    for name in ("a.log", "b.log", "c.log"):
        write(tmp_path / name, name, *LONG)
    follower = follow(tmp_path)
    follower.look()
    assert follower.position is not None
    version, files = msgspec.msgpack.decode(follower.position)
    follower.position = msgspec.msgpack.encode(
        [version, [[*file[:2], 99, at, *file[4:]] for at, file in enumerate(files)]]
    )
    write(tmp_path / "b.log", "more")
    assert follower.look() == [b"more"]
    assert follower.problems == ""


# Packed


def test_a_file_that_was_read_is_not_read_again_when_it_is_packed(tmp_path: Path) -> None:
    old = tmp_path / "a.log.1"
    write(tmp_path / "a.log", "new")
    write(old, *LONG)
    follower = follow(tmp_path)
    assert follower.look() == [*encoded(LONG), b"new"]
    subprocess.run(["gzip", "-k", old], check=True)
    assert follower.look() == []
    old.unlink()
    assert follower.look() == []
    (tmp_path / "a.log.1.gz").rename(tmp_path / "a.log.2.gz")
    assert follower.look() == []
    assert follower.problems == ""


def test_what_was_not_read_before_a_file_was_packed_is_read_there(log: Path) -> None:
    follower = follow(log)
    write(log, *LONG[:50])
    follower.look()
    write(log, *LONG[50:100])
    log.rename(log.with_name("audit.log.1"))
    subprocess.run(["gzip", log.with_name("audit.log.1")], check=True)
    write(log, *LONG[100:110])
    assert follower.look() == encoded(LONG[50:110])
    assert (str(log) + ".1.gz", 51, LONG[50].encode()) in follower.lines
    assert follower.look() == []


def test_packed_files_never_seen_are_read_and_before_their_log(tmp_path: Path) -> None:
    write(tmp_path / "a.log", *LONG[40:60])
    for number, part in ((1, LONG[20:40]), (2, LONG[:20])):
        with gzip.open(tmp_path / f"a.log.{number}.gz", "wb") as file:
            file.write("\n".join(part).encode() + b"\n")
        aged(tmp_path / f"a.log.{number}.gz", number * 1000)
    follower = follow(tmp_path)
    assert follower.look() == encoded(LONG[:60])
    assert follower.look() == []
    assert {portion.decoder_key for portion in follower.portions} == {str(tmp_path / "a.log")}


def test_packed_and_plain_of_the_same_are_read_once_at_the_first_look(tmp_path: Path) -> None:
    write(tmp_path / "a.log", *LONG)
    subprocess.run(["gzip", "-k", tmp_path / "a.log"], check=True)
    follower = follow(tmp_path)
    assert follower.look() == encoded(LONG)
    assert follower.look() == []


def test_a_packed_file_that_is_being_written_is_waited_for(tmp_path: Path) -> None:
    path, follower = tmp_path / "old.gz", follow(tmp_path)
    data = gzip.compress(b"".join(json.dumps({"n": os.urandom(40).hex()}).encode() + b"\n" for _ in range(5000)))
    path.write_bytes(data[:100_000])
    first = follower.look()
    assert 0 < len(first) < 5000
    path.write_bytes(data)
    assert len(follower.look()) == 5000 - len(first)
    assert follower.look() == []
    assert follower.portions[-1].last
    assert follower.problems == ""


def test_a_packed_file_without_an_end_is_said_after_a_minute(tmp_path: Path) -> None:
    data = gzip.compress(b"".join(os.urandom(40).hex().encode() + b"\n" for _ in range(5000)))
    (tmp_path / "old.gz").write_bytes(data[:-100_000])
    follower = follow(tmp_path)
    assert len(follower.look()) > 0
    assert follower.problems == ""
    follower.ahead = 61
    follower.look()
    follower.look()
    assert follower.problems.count("is truncated") == 1
    assert "times" not in follower.problems


def test_damaged_packed_data_cost_only_themselves(tmp_path: Path) -> None:
    data = bytearray(gzip.compress(b"".join(os.urandom(40).hex().encode() + b"\n" for _ in range(50_000))))
    data[len(data) // 2 : len(data) // 2 + 100] = b"\xff" * 100
    (tmp_path / "a.gz").write_bytes(data)
    write(tmp_path / "b.log", "fine")
    follower = follow(tmp_path)
    assert follower.look()[-1] == b"fine"
    assert "gzip data are damaged" in follower.problems
    follower.look()
    assert "times" not in follower.problems


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "a.gz", "wb") as file:
        for _ in range(64):
            file.write((b"x" * 1023 + b"\n") * 1024)
    follower = Follower([str(tmp_path)], Limits(always_allowed=1 << 20))
    follower.look()
    assert "as zip bombs do" in follower.problems


# Whatever is in them


def test_a_line_of_50_megabytes_is_skipped_and_said_with_flat_memory(log: Path) -> None:
    follower = Follower([str(log)], Limits(max_line=16 << 20))
    with log.open("ab") as file:
        file.write(b"a\n")
        for _ in range(30):
            file.write(b"x" * (1 << 20))
    assert follower.look() == [b"a"]
    with log.open("ab") as file:
        for _ in range(20):
            file.write(b"x" * (1 << 20))
        file.write(b"\nb\n")
    assert follower.look() == [b"b"]
    assert follower.lines[-1] == (str(log), 3, b"b")
    assert f"{log}:2: a line longer than 16,777,216 bytes was skipped (52,428,801 bytes)" in follower.problems


def test_lines_longer_than_a_portion_are_read_whole(log: Path) -> None:
    follower = Follower([str(log)], Limits(max_line=16 << 20))
    long = b"y" * (9 << 20)
    write(log, "a", long, "b")
    assert follower.look() == [b"a", long, b"b"]


def test_bytes_that_are_no_text_go_through(log: Path) -> None:
    follower = follow(log)
    write(log, b"\xfd\xfe\xff", b"\xc3(", b"ok", SYSMON_FLAT)
    follower.look()
    assert len(follower.events) == 1
    assert follower.lines[0][2] == b"\xfd\xfe\xff"


def test_a_byte_order_mark_is_no_part_of_the_first_line(log: Path) -> None:
    follower = follow(log)
    write(log, b"\xef\xbb\xbf" + SYSMON_FLAT, "b")
    assert follower.look() == [SYSMON_FLAT, b"b"]
    assert follower.look() == []


NOT_LINES = {
    "EVTX": b"ElfFile\0" + bytes(4096),
    "zip": b"PK\x03\x04" + bytes(60),
    "UTF-16": '{"a": 1}\n'.encode("utf-16"),
    "JSON over several lines": b'{\n  "a": 1\n}\n',
    "a JSON array": b'[\n{"a": 1},\n{"a": 2}\n]\n',
    "XML": b"<?xml version='1.0'?>\n<Events>\n</Events>\n",
    "Parquet": b"PAR1" + bytes(60),
    "gzip within gzip": gzip.compress(gzip.compress(b"a\n")),
    "binary": bytes(70_000),
}


@pytest.mark.parametrize("what", NOT_LINES)
def test_what_cannot_be_followed_is_said_once_with_the_next_step(tmp_path: Path, what: str) -> None:
    path = tmp_path / "x"
    path.write_bytes(NOT_LINES[what])
    follower = follow(path)
    assert follower.look() == []
    with path.open("ab") as file:
        file.write(bytes(100))
    assert follower.look() == []
    (problem,) = follower.report.problems
    assert problem.count == 1
    assert f"read it once with `exfilwatch run {path}`" in problem.why


def test_a_json_array_on_one_line_and_a_broken_first_line_are_lines(tmp_path: Path) -> None:
    write(tmp_path / "a", json.dumps([json.loads(SYSMON_FLAT)] * 2))
    write(tmp_path / "b", '{"cut', SYSMON_FLAT)
    follower = follow(tmp_path)
    follower.look()
    assert len(follower.events) == 3


def test_a_zeek_log_goes_on_under_its_header(log: Path) -> None:
    follower = follow(log)
    write(log, *ZEEK_CONN[:-2])
    follower.look()
    write(log, ZEEK_CONN[-2])
    follower.look()
    (event,) = follower.events
    assert event.shape == "zeek_conn"


# Rights


LOOK = """
import sys
from exfilwatch.events.report import Report
from exfilwatch.siem.files import Files, FilesSettings
position, *paths = sys.argv[1:]
report = Report()
spool = Files("logs", FilesSettings(kind="files", paths=paths))
for portion in spool.portions(bytes.fromhex(position) or None, report):
    print("position", portion.position.hex())
    for line in portion.lines:
        print("line", line.decode())
for problem in report.problems:
    print("problem", problem)
"""


def looked_by_nobody(position: str, *paths: Path) -> dict[str, list[str]]:
    """One look by a user without rights: its output by kind."""
    if os.geteuid() != 0:
        pytest.skip("becoming a user without rights takes root")
    become = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"]
    done = subprocess.run(
        [*become, sys.executable, "-c", LOOK, position, *map(str, paths)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    said: dict[str, list[str]] = {"position": [position], "line": [], "problem": []}
    for line in done.stdout.splitlines():
        kind, _, text = line.partition(" ")
        said[kind].append(text)
    return said


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that everybody may enter, which those of pytest are not."""
    with tempfile.TemporaryDirectory(prefix="exfilwatch-") as folder:
        path = Path(folder)
        path.chmod(0o755)
        yield path


def test_what_may_not_be_read_is_said_and_read_once_it_may(public: Path) -> None:
    log, other = public / "audit.log", public / "other.log"
    write(log, "a", "b")
    write(other, "fine")
    first = looked_by_nobody("", public)
    assert first["line"] == ["a", "b", "fine"]
    write(log, "c")
    log.chmod(0o600)
    closed = looked_by_nobody(first["position"][-1], public)
    assert closed["line"] == []
    assert "no permission to read it: give the account that polls the right to (r)" in closed["problem"][0]
    log.chmod(0o644)
    assert looked_by_nobody(closed["position"][-1], public)["line"] == ["c"]


@pytest.mark.parametrize("mode", [0o000, 0o600, 0o100])
def test_a_folder_that_may_not_be_seen_into_is_said_and_nothing_of_it_is_forgotten(public: Path, mode: int) -> None:
    folder = public / "audit"
    folder.mkdir(mode=0o755)
    folder.chmod(0o755)
    write(folder / "audit.log", "a")
    first = looked_by_nobody("", public)
    assert first["line"] == ["a"]
    write(folder / "audit.log", "b")
    folder.chmod(mode)
    closed = looked_by_nobody(first["position"][-1], public)
    assert closed["line"] == []
    assert str(folder) in closed["problem"][0]
    folder.chmod(0o755)
    assert looked_by_nobody(closed["position"][-1], public)["line"] == ["b"]


# Restarts


def test_the_same_position_gives_the_same_again(tmp_path: Path) -> None:
    for name in "abc":
        write(tmp_path / f"{name}.log", *[f"{name}{line}" for line in LONG])
    follower = follow(tmp_path)
    follower.look(most=2)
    once = [portion[:4] for portion in follower.ask()]
    assert [portion[:4] for portion in follower.ask()] == once
    assert len(once) == 1


def test_killed_before_any_portion_is_stored_nothing_is_lost_and_nothing_given_twice(tmp_path: Path) -> None:
    lines = [f"{number} {'z' * 1000}" for number in range(12_000)]
    write(tmp_path / "a.log", *lines)
    with gzip.open(tmp_path / "b.gz", "wb") as file:
        file.write("\n".join(lines).encode() + b"\n\n")
    follower = follow(tmp_path)
    while follower.look(most=1):
        assert all(sum(map(len, portion.lines)) < 5 << 20 for portion in follower.portions)
    assert len(follower.portions) > 5
    assert [line for _, _, line in follower.lines] == [*encoded(lines), *encoded(lines), b""]
    assert [number for _, number, _ in follower.lines] == [*range(1, 12_001), *range(1, 12_002)]


def test_a_position_of_another_version_is_said_and_all_is_read_again(log: Path) -> None:
    write(log, "a")
    for position in (b"", b"\x92\x02\x90", b"nonsense"):
        follower = Follower([str(log)], position=position)
        assert follower.look() == [b"a"]
        assert "the stored position can't be read" in follower.problems


def test_thousands_of_files(tmp_path: Path) -> None:
    for number in range(1500):
        (tmp_path / f"{number % 10}").mkdir(exist_ok=True)
        write(tmp_path / f"{number % 10}" / f"{number}.json", f"line {number}")
    follower = follow(tmp_path)
    assert len(follower.look()) == 1500
    write(tmp_path / "7" / "17.json", "more")
    start = time.process_time()
    assert follower.look() == [b"more"]
    assert time.process_time() - start < 2
    assert follower.position is not None
    assert len(follower.position) < 1500 * 400


# Audit events


def test_an_audit_event_cut_by_looks_and_by_rotation_comes_once_and_whole(log: Path) -> None:
    follower = follow(log)
    write(log, *PARENT, *EXEC[:2])
    follower.look()
    write(log, EXEC[2])
    log.rename(log.with_name("audit.log.1"))
    write(log, *EXEC[3:])
    follower.look()
    _, child = follower.events
    assert child.fields["ParentCommandLine"] == "bash up.sh"
    assert child.fields["CurrentDirectory"] == "/home/ann"
    assert str(child.origin) == f"{log}:{len(PARENT) + 1}"


def test_an_audit_event_without_its_end_is_looked_at_once_when_the_log_is_quiet(log: Path) -> None:
    follower = follow(log)
    write(log, *EXEC[:-1])
    follower.look()
    follower.ahead = 2
    follower.look()
    assert follower.waiting == []
    follower.ahead = 4
    follower.look()
    follower.look()
    (early,) = follower.waiting
    write(log, EXEC[-1])
    follower.look()
    (whole,) = follower.events
    assert early.id == whole.id


def test_a_log_that_nobody_wrote_to_for_a_week_is_over(log: Path) -> None:
    write(log, *EXEC[:-1])
    aged(log, 8 * 86_400)
    follower = follow(log)
    follower.look()
    assert len(follower.events) == 1
    assert follower.states == {}
    assert [portion.last for portion in follower.portions] == [False, True]
    follower.look()
    assert len(follower.portions) == 2


# logrotate itself


@pytest.mark.parametrize(
    "how", ["create", "copytruncate", "create compress", "create compress delaycompress", "copytruncate compress"]
)
@pytest.mark.parametrize("listed", ["the file", "its folder"])
def test_logrotate_takes_no_line_away_and_gives_none_twice(public: Path, how: str, listed: str) -> None:
    program = shutil.which("logrotate", path=os.environ["PATH"] + ":/usr/sbin")
    if program is None:
        pytest.skip("logrotate is not installed")
    logs = public / "logs"
    logs.mkdir(mode=0o755)
    log, settings = logs / "audit.log", public / "logrotate.conf"
    options = "\n".join(how.split())
    settings.write_text(f"{log} {{\nrotate 10\nsize 1\n{options}\n}}\n")
    settings.chmod(0o644)
    follower = follow(log if listed == "the file" else logs)
    log.touch()
    follower.look()
    written = []
    for turn in range(6):
        lines = [f"{turn} {line}" for line in LONG[: 30 + turn]]
        write(log, *lines[:20])
        if turn % 3:
            follower.look()
        write(log, *lines[20:])
        written += encoded(lines)
        subprocess.run([program, "--state", public / "state", settings], check=True)
        follower.look()
    assert [line for _, _, line in follower.lines] == written
    assert follower.problems == ""
