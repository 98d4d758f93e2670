"""The tree of processes around the evidence: who started them, and what these started.

From the starts of processes on the host, some hours before and an hour after. Told apart as detection does it
(detection/ancestry.py): by ProcessGuid, else by process id and start.
"""

from datetime import timedelta

from exfilwatch.detection.ancestry import Started, ancestry
from exfilwatch.events.event import Event
from exfilwatch.events.timestamps import to_datetime
from exfilwatch.findings.node import host_key
from exfilwatch_playbooks.actions.stored import stored_event
from exfilwatch_playbooks.enrichment import asking
from exfilwatch_playbooks.enrichment.enricher import OfSubject, Options, Said
from exfilwatch_playbooks.enrichment.history import Watch
from exfilwatch_playbooks.enrichment.model import Answer, Step
from exfilwatch_playbooks.enrichment.span import window
from exfilwatch_playbooks.enrichment.subject import Subject

_BEFORE, _AFTER = timedelta(hours=6), timedelta(hours=1)
_LONGEST_SPAN = timedelta(days=2)
"""Of an incident that goes on longer, the beginning is looked at."""
_MOST, _KEPT = 60, 20_000
_LONGEST = 1_000  # characters of a command line


class ProcessesOptions(Options):
    """The usual ones."""

    deadline: timedelta = timedelta(seconds=60)
    lifetime: timedelta = timedelta(minutes=30)


class Processes(OfSubject):
    """processes.count; and the tree itself"""

    name = "processes"
    title = "Process tree"
    by_default = True
    of_history = True
    Settings = ProcessesOptions

    def question(self, subject: Subject) -> str | None:
        if not subject.start or not subject.hosts:
            return None
        ids = sorted(event.id for finding in subject.findings for event in finding.events)
        return f"{subject.hosts[0]} {subject.start} {ids} {self.means.history.names}"

    async def survey(self, subject: Subject) -> Said:
        low, high = window(subject, _BEFORE, _AFTER)
        low, high = low, min(high, low + round((_BEFORE + _AFTER + _LONGEST_SPAN).total_seconds() * 1_000_000))
        host, taken = subject.hosts[0], Taken(subject.hosts[0])
        told = await self.means.history.watch(Watch(asking.starts_on(host), low, high, taken.take, host))
        own = [stored_event(event) for finding in subject.findings for event in finding.events if taken.of(event.host)]
        events = {event.id: event for event in (*own, *taken.events)}
        found, count = ancestry(events.values(), frozenset(event.id for event in own), _MOST)
        if not found:
            return Said(problems=told.problems)
        left = f", of which {len(found)} are shown" if count > len(found) else ""
        whole = "" if told.whole else "; not all records were looked at"
        value = f"{count:,} processes{left}{whole}"
        answer = Answer(key="processes.count", label="Process tree", value=value, number=count)
        return Said([("", answer)], [_step(each) for each in found], told.problems)


class Taken:
    """The starts on one host."""

    def __init__(self, host: str) -> None:
        self._key = host_key(host, "")
        self.events: list[Event] = []

    def of(self, host: str | None) -> bool:
        """Whether it is the host, however it is written."""
        return bool(host) and host_key(host, "") == self._key

    def take(self, event: Event) -> None:
        if self.of(event.host) and len(self.events) < _KEPT:
            self.events.append(event)


def _step(each: Started) -> Step:
    def text(name: str) -> str:
        value = each.event.get(name if each.seen else f"Parent{name}")
        written = "" if value is None or isinstance(value, list | dict) else str(value)
        return "" if written == "-" else written[:_LONGEST]

    return Step(
        depth=each.depth,
        time=to_datetime(each.event.time) if each.seen else None,
        process_id=text("ProcessId"),
        image=text("Image"),
        command_line=text("CommandLine"),
        user=text("User"),
        evidence=each.sought,
    )
