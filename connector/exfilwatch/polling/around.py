"""The events of one host in a span of time, or of one user, for a look at what happened around something.

Host and user come from events: they are quoted as everything that a SIEM is asked for is (siem/queries).
"""

import os
from collections.abc import Callable, Iterable
from contextlib import aclosing

import msgspec

from exfilwatch.detection.condition import FieldTest
from exfilwatch.detection.detection import RuleInfo
from exfilwatch.detection.logsource import LogSource
from exfilwatch.detection.rule import Rule
from exfilwatch.detection.values import Text
from exfilwatch.errors import PartialResult
from exfilwatch.events.decoded import decoded
from exfilwatch.events.event import Event
from exfilwatch.events.inputs import open_inputs
from exfilwatch.events.limits import Limits
from exfilwatch.events.lines import LineDecoder
from exfilwatch.events.report import Report
from exfilwatch.findings.node import host_key, user_key
from exfilwatch.polling.linking import RULE
from exfilwatch.polling.reading import halved_near
from exfilwatch.polling.slices import Interval
from exfilwatch.siem.found import found
from exfilwatch.siem.siem import Ask, Clock, Near, Siem

Wanted = Callable[[Event], bool]
"""Whether an event is one that is looked for; a SIEM may give more."""
_USERS = ("process_creation", "network_connection")
"""The categories whose events a user is asked by: they have a User in every shape."""


class Around(msgspec.Struct):
    """Events in order of time; `problems` say what is missing."""

    events: list[Event] = []
    problems: list[str] = []

    def take(self, events: Iterable[Event], most: int) -> bool:
        """Add events, up to `most`; whether there is room for more."""
        for event in events:
            if len(self.events) >= most:
                self.problems = [f"there are more than {most:,} events: look at a shorter time"]
                return False
            self.events.append(event)
        return True

    def sort(self) -> "Around":
        """By time, each event once."""
        unique = {event.id: event for event in self.events}
        self.events = sorted(unique.values(), key=lambda event: (event.time or 0, event.id))
        return self


def of_host(host: str, span: Interval, category: str = "") -> Wanted:
    """The events of a host in a span of time; `category`: only those."""
    key = host_key(host, "")

    def wanted(event: Event) -> bool:
        return (
            event.time is not None
            and span.low <= event.time < span.high
            and (not category or event.category == category)
            and bool(event.host)
            and host_key(event.host, "") == key
        )

    return wanted


def of_user(user: str, span: Interval) -> Wanted:
    """The process starts and connections of a user in a span of time."""
    key = user_key(user)

    def wanted(event: Event) -> bool:
        if event.time is None or not span.low <= event.time < span.high or event.category not in _USERS:
            return False
        name = event.get("User")
        return isinstance(name, str) and user_key(name) == key

    return wanted


def ask_host(host: str, span: Interval, *, starts: bool = False) -> Ask:
    """What a SIEM is asked for a host; `starts`: only for starts of processes."""
    return Ask(Clock.EVENT, None, None, (RULE,) if starts else None, (Near(host, span.low, span.high - 1),))


def ask_user(user: str, span: Interval) -> Ask:
    """What a SIEM is asked for a user, on any host."""
    node = FieldTest("User", Text([user], cased=False))
    info = RuleInfo("exfilwatch.of_user", "Of a user", "informational")
    rules = tuple(Rule(info, LogSource(category), node, {}, []) for category in _USERS)
    return Ask(Clock.EVENT, span.low, span.high, rules)


async def from_siem(siem: Siem, ask: Ask, wanted: Wanted, most: int) -> Around:
    """The events of a SIEM. Raises SourceErrors, other than PartialResults, which are problems."""
    await siem.now()  # its capabilities hold once it was asked
    around = Around()
    await _asked(siem, ask, wanted, most, around)
    return around.sort()


async def _asked(siem: Siem, ask: Ask, wanted: Wanted, most: int, around: Around) -> None:
    """In two questions when the answer to one is not whole."""
    decoder = LineDecoder(siem.name, Report())
    try:
        async with aclosing(siem.fetch(ask)) as batches:
            async for records in batches:
                events = (event for record in records for event in decoder.feed(record, 0))
                if not around.take(filter(wanted, events), most):
                    return
        around.take(filter(wanted, decoder.finish()), most)
    except PartialResult as error:
        halves = halved_near(ask.near, siem.capabilities.step) if error.smaller and ask.near else None
        if halves is None:
            around.problems.append(f"{siem.name}: {error}")
            return
        for half in halves:
            await _asked(siem, msgspec.structs.replace(ask, near=half), wanted, most, around)


def from_files(paths: Iterable[str], wanted: Wanted, most: int) -> Around:
    """The events in files, folders and patterns of them."""
    report = Report()
    files = [os.fsdecode(path) for path in sorted(found(paths, report).files)]
    around = Around()
    around.take(filter(wanted, decoded(open_inputs(files, report, Limits(), replayable=False), report)), most)
    around.problems += map(str, report.problems) if report.had_errors else ()
    return around.sort()
