"""The events of one host in a span of time, or of one user, for a look at what happened around something.

Host and user come from events: they are quoted as everything that a SIEM is asked for is (siem/queries).
"""

import os
from collections.abc import Callable, Iterable
from contextlib import aclosing

import msgspec

from exfilwatch.detection.detection import RuleInfo
from exfilwatch.detection.logsource import LogSource
from exfilwatch.detection.nodes import EVERY
from exfilwatch.detection.rule import Rule
from exfilwatch.detection.starts import EVERY_START
from exfilwatch.errors import PartialResult
from exfilwatch.events.decoded import decoded
from exfilwatch.events.event import Event
from exfilwatch.events.inputs import open_inputs
from exfilwatch.events.limits import Limits
from exfilwatch.events.lines import LineDecoder
from exfilwatch.events.report import Report
from exfilwatch.findings.node import host_key, user_key
from exfilwatch.polling.slices import Interval, halved
from exfilwatch.siem.found import found
from exfilwatch.siem.queries.whose import named
from exfilwatch.siem.siem import Ask, Clock, Siem

Wanted = Callable[[Event], bool]
"""Whether an event is one that is looked for; a SIEM may give more."""
_USERS = ("process_creation", "network_connection")
"""The categories whose events a user is asked by: they have a User in every shape."""
_OF_USERS = tuple(
    Rule(RuleInfo(f"exfilwatch.{category}", category, "informational"), LogSource(category), EVERY, {}, [])
    for category in _USERS
)


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
    hosts = (host,) if named((host,), ()) else ()
    return Ask(Clock.EVENT, span.low, span.high, (EVERY_START,) if starts else None, hosts=hosts)


def ask_user(user: str, span: Interval) -> Ask:
    """What a SIEM is asked for a user, on any host."""
    users = (user,) if named((), (user,)) else ()
    return Ask(Clock.EVENT, span.low, span.high, _OF_USERS, users=users)


async def from_siem(siem: Siem, ask: Ask, wanted: Wanted, most: int) -> Around:
    """The events of a SIEM in a span of time. Raises SourceErrors, other than PartialResults, which are problems."""
    siem_now = await siem.now()  # its capabilities hold once it was asked
    step = siem.capabilities.step
    left = [Interval((ask.low or 0) // step * step, -(-(ask.high or siem_now) // step) * step)]
    around, decoder = Around(), LineDecoder(siem.name, Report())
    while left:
        interval = left.pop()
        part = msgspec.structs.replace(ask, low=interval.low, high=interval.high)
        try:
            async with aclosing(siem.fetch(part)) as batches:
                async for records in batches:
                    events = (event for record in records for event in decoder.feed(record, 0))
                    if not around.take(filter(wanted, events), most):
                        return around.sort()
        except PartialResult as error:
            halves = halved(interval, step) if error.smaller else None
            if halves is None:
                around.problems.append(f"{siem.name}: {error}")
            else:
                left += reversed(halves)
    around.take(filter(wanted, decoder.finish()), most)
    return around.sort()


def from_files(paths: Iterable[str], wanted: Wanted, most: int) -> Around:
    """The events in files, folders and patterns of them."""
    report = Report()
    files = [os.fsdecode(path) for path in sorted(found(paths, report).files)]
    around = Around()
    around.take(filter(wanted, decoded(open_inputs(files, report, Limits(), replayable=False), report)), most)
    around.problems += map(str, report.problems) if report.had_errors else ()
    return around.sort()
