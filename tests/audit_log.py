"""What the reader makes of an audit log."""

from pathlib import Path

from exfilwatch.events.event import Event
from exfilwatch.events.lines import LineDecoder
from exfilwatch.events.report import Report


def events_of(log: Path) -> list[Event]:
    """The events of an audit log; each record of it must be understood."""
    report = Report()
    decoder = LineDecoder(str(log), report)
    read = [event for n, line in enumerate(log.read_bytes().splitlines(), 1) for event in decoder.feed(line, n)]
    read += decoder.finish()
    assert report.problems == []
    assert report.unknown_shapes == []
    return read
