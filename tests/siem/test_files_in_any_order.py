"""Whatever is done to a log, in whatever order, with crashes: what was written comes once, as do its events."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exfilwatch.events.event import Event
from exfilwatch.events.lines import LineDecoder
from exfilwatch.events.report import Report

from ..events.samples import CONNECT, EXEC, PARENT, SYSMON_FLAT, SYSMON_XML, ZEEK_CONN  # noqa: TID252
from .following import Follower, write

STEPS = ["write", "begin a line", "look", "look and crash", "rename", "copy and cut", "pack"]


def audit(number: int) -> list[str]:
    """An event of its own process, a child of the one before."""
    records = (PARENT if number % 7 == 0 else EXEC if number % 3 else CONNECT)[: 3 if number % 5 == 4 else None]
    head = records[0].partition("(")[2].partition(")")[0]
    return [
        line.replace(head, f"{1764000000 + number // 4}.{number % 1000:03}:{number}")
        .replace("ppid=700 pid=701", f"ppid={700 + number - 1} pid={700 + number}")
        .replace("pid=700", f"pid={700 + number}")
        for line in records
    ]


def zeek(number: int) -> list[str]:
    """With a header now and then, which begins with what tells logs apart: one that says no more is any log's."""
    row = ZEEK_CONN[-2].replace("62431", str(number))
    return [f"#open\t{number}", *ZEEK_CONN[:8], row] if number % 4 == 0 else [row]


FORMATS = {
    "auditd": audit,
    "Zeek": zeek,
    "flat JSON": lambda number: [SYSMON_FLAT.decode().replace('"77"', f'"{number}"')],
    "Sysmon in syslog": lambda number: [f"Mar 12 09:14:02 web1 sysmon: {SYSMON_XML.replace('245760', str(number))}"],
}


class World:
    """A log, its writer, what rotates it, and who follows it."""

    def __init__(self, folder: Path, form: str, *, listed: str) -> None:
        self.log = folder / "audit.log"
        self.lines = [line for number in range(400) for line in FORMATS[form](number)]
        self.written = 0
        self.begun = ""
        self.log.touch()
        self.follower = Follower([str(self.log if listed == "the file" else folder)])
        self.follower.look()

    def do(self, step: str, amount: int) -> None:
        match step:
            case "write":
                self.end_line()
                lines = self.lines[self.written : self.written + amount]
                if lines:
                    write(self.log, *lines)
                self.written += len(lines)
            case "begin a line" if not self.begun and self.written < len(self.lines):
                line = self.lines[self.written]
                cut = min(amount * 3, len(line) - 1)
                write(self.log, line[:cut], end=b"")
                self.begun = line[cut:]
                self.written += 1
            case "look":
                self.follower.look()
            case "look and crash":
                self.follower.look(most=amount % 3)
            case "rename" | "copy and cut":
                self.rotate(copied=step == "copy and cut")
            case "pack":
                old = self.log.with_name(f"audit.log.{1 + amount % 3}")
                if old.exists():
                    subprocess.run(["gzip", old], check=True)

    def end_line(self) -> None:
        if self.begun:
            write(self.log, self.begun)
        self.begun = ""

    def rotate(self, *, copied: bool) -> None:
        self.end_line()
        for number in range(30, 0, -1):
            for end in ("", ".gz"):
                old = self.log.with_name(f"audit.log.{number}{end}")
                if old.exists():
                    old.rename(self.log.with_name(f"audit.log.{number + 1}{end}"))
        if copied:
            shutil.copy(self.log, self.log.with_name("audit.log.1"))
            os.truncate(self.log, 0)
        else:
            self.log.rename(self.log.with_name("audit.log.1"))
            self.log.touch()

    def end(self) -> None:
        self.end_line()
        self.follower.look()
        self.follower.ahead = 8 * 86_400.0
        self.follower.look()


def in_one_pass(lines: list[str]) -> list[Event]:
    decoder = LineDecoder("audit.log", Report())
    return [event for number, line in enumerate(lines, 1) for event in decoder.feed(line, number)] + decoder.finish()


@pytest.mark.parametrize("listed", ["the file", "its folder"])
@pytest.mark.parametrize("form", FORMATS)
@settings(max_examples=40)
@given(steps=st.lists(st.tuples(st.sampled_from(STEPS), st.integers(1, 30)), min_size=3, max_size=25))
def test_all_lines_come_once_and_their_events_are_those_of_one_pass(
    form: str, listed: str, steps: list[tuple[str, int]]
) -> None:
    with tempfile.TemporaryDirectory(prefix="exfilwatch-") as folder:
        world = World(Path(folder), form, listed=listed)
        for step, amount in steps:
            world.do(step, amount)
        world.end()
        written = world.lines[: world.written]
        assert [line.decode() for _, _, line in world.follower.lines] == written
        found = [(event.id, event.time, event.fields, event.raw) for event in world.follower.events]
        assert found == [(event.id, event.time, event.fields, event.raw) for event in in_one_pass(written)]
