"""Process trees: which of a host's events are of one process, of parent and child, or of children of one parent.

A process is known by its ProcessGuid. A process id alone is one process from the start that it was given at (the event
of a process creation) to the next: an id that was given anew in between connects nothing. Parents that start everything
(`roots`) connect nobody; one of which nothing is known connects what it started for one user. The answer depends on
what the events say and when, not on the order in which they come.

Forks that execute nothing leave no event on Linux: a child of one has a parent of which nothing is known. Of such
processes nobody can say that they are apart from others.

Time: O(n log n) for n events.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple, TypeAlias

from exfilwatch.detection.roots import SYSTEM, starts_everything
from exfilwatch.detection.values import text_of
from exfilwatch.events.event import Event, Value

Above: TypeAlias = Literal["", "known", "root"]
Process: TypeAlias = "str | tuple[str, int] | tuple[Process, str]"
"""A GUID; else a process id, and which of the processes that had it. With a user: what it has started for this one."""
_TWICE = 1_000_000  # µs within which two starts of one process id are one, recorded by two sources
STARTS = "process_creation"
TOLD = ("ProcessGuid", "ProcessId", "ParentProcessGuid", "ParentProcessId", "ParentImage", "Image", "User")
"""The fields that tell of a process."""


class Kin(NamedTuple):
    """What an event tells of its process: its ids and its parent's, empty where unknown.

    `starts`: the event is the process's start. `root`: its program starts everything. `above`: whether the parent's
    program is known, and starts everything. `user`: whose process it is.
    """

    guid: str
    pid: str
    parent_guid: str
    parent_pid: str
    starts: bool
    root: bool
    above: Above
    user: str = ""


class Tree(NamedTuple):
    """The positions of events of one tree. `whole`: of each process with an event, a parent is known."""

    events: list[int]
    whole: bool


def kin_of(event: Event) -> Kin | None:
    """The kin of an event; None when it names no process."""
    return kin([event.get(name) for name in TOLD], starts=event.category == STARTS)


def named(told: Sequence[Value]) -> tuple[str, str, str, str] | None:
    """How an event names its process and the parent, by the values of the fields that are `TOLD`: GUID and process id,
    then the parent's; None when it names no process."""
    guid, pid = _guid(told[0]), _number(told[1])
    return (guid, pid, _guid(told[2]), _number(told[3])) if guid or pid else None


def kin(told: Sequence[Value], *, starts: bool) -> Kin | None:
    """The kin of an event by the values of the fields that are `TOLD`."""
    names = named(told)
    if names is None:
        return None
    guid, pid, parent_guid, parent_pid = names
    parent = _image(told[4])
    above: Above = ""
    if parent_pid in SYSTEM or (parent and starts_everything(parent)):
        above = "root"
    elif parent and (parent_guid or parent_pid):
        above = "known"
    root = pid in SYSTEM or starts_everything(_image(told[5]))
    return Kin(guid, pid, parent_guid, parent_pid, starts, root, above, (text_of(told[6]) or "").lower())


def _guid(value: Value) -> str:
    if not isinstance(value, str):
        return ""
    text = value.strip("{} ").lower()
    return text if text.strip("0-") else ""


def _number(value: Value) -> str:
    """A process id as a decimal number, whether it was written so, in hexadecimal digits or as a number."""
    if type(value) is int:
        return str(value)
    text = (text_of(value) or "").strip().lower()
    try:
        return str(int(text, 16 if text.startswith("0x") else 10))
    except ValueError:
        return ""


def _image(value: Value) -> str:
    return value if isinstance(value, str) and value.strip(" -") else ""


def processes(events: Sequence[tuple[int, Kin]]) -> "list[tuple[Process, Process | None]]":
    """Of events with their times (µs), the process of each, and its parent where one is named."""
    had = _processes_of_ids(events)
    own = [kin.guid or had[kin.pid].at(time) for time, kin in events]
    parents = [
        kin.parent_guid or (had[kin.parent_pid].at(time) if kin.parent_pid in had else (kin.parent_pid, 0))
        if kin.parent_guid or kin.parent_pid
        else None
        for time, kin in events
    ]
    return list(zip(own, parents, strict=True))


def trees(events: Sequence[tuple[int, Kin]]) -> list[Tree]:
    """The trees of events with their times (µs), in the order of each one's first event in `events`."""
    named = processes(events)
    own, parents = [process for process, _ in named], [parent for _, parent in named]
    kins = [kin for _, kin in events]
    roots = {process for process, kin in zip(own, kins, strict=True) if kin.root}
    roots.update(parent for parent, kin in zip(parents, kins, strict=True) if parent and kin.above == "root")
    started = {process for process, kin in zip(own, kins, strict=True) if kin.starts}
    placed = set(roots)
    known = {*own, *(parent for parent, kin in zip(parents, kins, strict=True) if parent and kin.above)}
    together = _Sets()
    for process, parent, kin in zip(own, parents, kins, strict=True):
        if kin.above or parent in started:
            placed.add(process)
        if parent is not None and parent not in roots:
            # Of whom nothing is known may be a service that starts what each user asks for.
            together.join(process, parent if parent in known else (parent, kin.user))
    found: dict[Process, list[int]] = {}
    for at, process in enumerate(own):
        found.setdefault(together.of(process), []).append(at)
    return [Tree(members, all(own[at] in placed for at in members)) for members in found.values()]


def _processes_of_ids(events: Sequence[tuple[int, Kin]]) -> dict[str, "_Id"]:
    """What is known of each process id that some event names as its own, or together with a GUID."""
    seen: dict[str, list[_Seen]] = {}
    for time, kin in events:
        if kin.pid:
            seen.setdefault(kin.pid, []).append(_Seen(time, not kin.starts, kin.guid, kin.parent_pid, kin.above))
        if kin.parent_pid and kin.parent_guid:
            seen.setdefault(kin.parent_pid, []).append(_Seen(time, True, kin.parent_guid, "", ""))
    return {pid: _Id(pid, sorted(each)) for pid, each in seen.items()}


class _Seen(NamedTuple):
    """A process id was seen, at a time: it was given then, or in use (`used`)."""

    time: int
    used: bool
    guid: str
    parent: str
    above: Above


class _Id:
    """The processes that had one id, each from a time on; the first was there before anything that is known."""

    def __init__(self, pid: str, seen: Iterable[_Seen]) -> None:
        """`seen` in order."""
        self._pid = pid
        self._since: list[int] = []
        self._guids = [""]
        started: _Seen | None = None
        for each in seen:
            if not self._goes_on(each, started):
                self._since.append(each.time)
                self._guids.append("")
                started = None
            self._guids[-1] = each.guid or self._guids[-1]
            started = started if each.used else each

    def _goes_on(self, seen: _Seen, started: "_Seen | None") -> bool:
        """Whether it is still the process that had the id before, and that started so."""
        guid = self._guids[-1]
        if guid and seen.guid:
            return guid == seen.guid
        if seen.used:
            return True
        if started is None:
            return False
        # A process that executes another program; or children of one parent, who are of one tree anyway.
        again = seen.parent == started.parent != "" and seen.above != "root"
        return again or seen.time - started.time <= _TWICE

    def at(self, time: int) -> Process:
        """The process that had the id at a time: its GUID where that is known."""
        number = bisect_right(self._since, time)
        return self._guids[number] or (self._pid, number)


class _Sets:
    """Disjoint sets of processes (union-find)."""

    def __init__(self) -> None:
        self._above: dict[Process, Process] = {}

    def of(self, process: Process) -> Process:
        """The process that stands for the set of another."""
        while (above := self._above.get(process, process)) != process:
            self._above[process] = process = self._above.get(above, above)
        return process

    def join(self, one: Process, other: Process) -> None:
        """Make one set of two."""
        self._above[self.of(one)] = self.of(other)
