"""A poller of files for tests: it stores positions and decoders' states, and forgets all else after each look."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from exfilwatch.events.event import Event
from exfilwatch.events.limits import Limits
from exfilwatch.events.lines import LineDecoder
from exfilwatch.events.report import Report
from exfilwatch.siem.files import Files, FilesSettings
from exfilwatch.siem.registry import kinds
from exfilwatch.siem.spool import Portion

installed = pytest.mark.skipif(
    "files" not in kinds() and os.environ.get("EXFILWATCH_REQUIRE_SERVERS") != "1",
    reason="what is installed is older than the entry points in pyproject.toml: install it again",
)


@dataclass
class Follower:
    """`lines`: what was given, as (source, number, line). `ahead`: seconds that its clock is ahead of the machine's."""

    paths: list[str]
    limits: Limits = field(default_factory=lambda: Limits(max_line=1 << 20))
    ahead: float = 0.0
    position: bytes | None = None
    states: dict[str, bytes] = field(default_factory=dict)
    lines: list[tuple[str, int, bytes]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    waiting: list[Event] = field(default_factory=list)
    portions: list[Portion] = field(default_factory=list)
    report: Report = field(default_factory=Report)

    def spool(self) -> Files:
        settings = FilesSettings(kind="files", paths=self.paths)  # type: ignore[arg-type] # a list, as in the settings
        return Files("logs", settings, self.limits, lambda: time.time() + self.ahead)

    def ask(self) -> Iterator[Portion]:
        return self.spool().portions(self.position, self.report)

    def look(self, most: int | None = None) -> list[bytes]:
        """The new lines. `most`: killed after so many portions, the last of which is not stored."""
        before = len(self.lines)
        for number, portion in enumerate(self.ask()):
            if number == most:
                break
            self.take(portion)
        return [line for _, _, line in self.lines[before:]]

    def take(self, portion: Portion) -> None:
        key = portion.decoder_key
        decoder = LineDecoder(portion.source, self.report, self.states.pop(key, b""))
        for number, line in enumerate(portion.lines, portion.first):
            self.lines.append((portion.source, number, line))
            self.events += decoder.feed(line, number)
        self.waiting += decoder.waiting() if portion.quiet else []
        self.events += decoder.finish() if portion.last else []
        state = decoder.state()
        if state and not portion.last:
            self.states[key] = state
        self.position = portion.position
        self.portions.append(portion)

    @property
    def problems(self) -> str:
        return "\n".join(map(str, self.report.problems))


def follow(*paths: Path, **options: float) -> Follower:
    return Follower([str(path) for path in paths], **options)  # type: ignore[arg-type]


def write(path: Path, *lines: str | bytes, end: bytes = b"\n") -> None:
    """Append lines, the last one with `end`."""
    data = b"\n".join(line.encode() if isinstance(line, str) else line for line in lines) + end
    with path.open("ab") as file:
        file.write(data)


def aged(path: Path, seconds: float) -> None:
    """As if it had last been written to so long ago."""
    at = time.time() - seconds
    os.utime(path, (at, at))
