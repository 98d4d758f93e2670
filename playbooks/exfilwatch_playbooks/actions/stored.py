"""A finding's own events: read again where they came from, else as the store has them."""

from collections.abc import Iterator
from pathlib import Path

from exfilwatch.events.decoded import decoded
from exfilwatch.events.event import Event, Origin
from exfilwatch.events.inputs import open_inputs
from exfilwatch.events.limits import Limits
from exfilwatch.events.report import Report
from exfilwatch.events.timestamps import microseconds
from exfilwatch.findings.finding import EvidenceEvent, Finding


def events_of(finding: Finding, report: Report) -> tuple[list[Event], list[str]]:
    """The events in their order, and the sources of those that are no longer there, which are as they were kept."""
    again = {event.id: event for event in _read_again(finding, report)}
    missing = dict.fromkeys(event.source for event in finding.events if event.id not in again)
    return [again.get(event.id) or stored_event(event) for event in finding.events], list(missing)


def stored_event(kept: EvidenceEvent) -> Event:
    """An event as far as a finding keeps it: without the record's own names, which rules of a service see."""
    return Event(
        shape=kept.shape,
        category=kept.category,
        product=kept.product,
        service="",
        time=None if kept.time is None else microseconds(kept.time),
        ingest_time=None,
        host=kept.host,
        id=kept.id,
        origin=Origin(kept.source, kept.line),
        fields=kept.fields,
        raw={},
    )


def _read_again(finding: Finding, report: Report) -> Iterator[Event]:
    """The finding's events, from those of their sources that are still there."""
    wanted = {event.id for event in finding.events}
    for source in dict.fromkeys(event.source for event in finding.events):
        # Within an archive: archive.zip!member
        file = next((name for name in (source, source.split("!", 1)[0]) if Path(name).is_file()), None)
        if file is not None:
            inputs = (each for each in open_inputs([file], report, Limits(), replayable=False) if each.name == source)
            yield from (event for event in decoded(inputs, report) if event.id in wanted)
