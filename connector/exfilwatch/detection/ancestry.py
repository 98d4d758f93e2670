"""Who started whom: the tree around some processes, from the events of a host, as people read it.

From the topmost ancestor that does not start everything (roots.py) down to all that it started; above it, who is known.
Processes are told apart as in trees.py. Pure functions.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from exfilwatch.detection.trees import STARTS, Kin, Process, kin_of, processes
from exfilwatch.events.event import Event


class Started(NamedTuple):
    """A process. `event`: its start where that is known, else one of its own, else a child's, which names it as parent
    (`seen` is False then). `depth`: 0 for the topmost. `sought`: one of those around which the tree is.
    """

    process: str
    parent: str
    depth: int
    event: Event
    seen: bool
    sought: bool


def ancestry(events: Iterable[Event], sought: frozenset[str], most: int) -> tuple[list[Started], int]:
    """The tree around the processes of the events whose ids are `sought`, parents first, at most `most` processes; and
    how many there are.

    What is left out are the descendants farthest from those that are sought.
    """
    known = [(event, kin) for event in events if event.time is not None and (kin := kin_of(event)) is not None]
    named = processes([(event.time or 0, kin) for event, kin in known])
    family = _Family(known, named)
    wanted = {process for (event, _), (process, _) in zip(known, named, strict=True) if event.id in sought}
    return family.around(wanted, most)


class _Family:
    def __init__(self, known: Sequence[tuple[Event, Kin]], named: "Sequence[tuple[Process, Process | None]]") -> None:
        self._event: dict[Process, Event] = {}
        self._named_by: dict[Process, Event] = {}
        self._parent: dict[Process, Process] = {}
        self._children: dict[Process, list[Process]] = {}
        self._roots: set[Process] = set()
        order = sorted(range(len(known)), key=lambda at: (known[at][0].category != STARTS, known[at][0].time or 0))
        for at in order:
            (event, kin), (process, parent) = known[at], named[at]
            self._event.setdefault(process, event)
            if kin.root:
                self._roots.add(process)
            if parent is None or parent == process:
                continue
            self._named_by.setdefault(parent, event)
            if kin.above == "root":
                self._roots.add(parent)
            if process not in self._parent:
                self._parent[process] = parent
                self._children.setdefault(parent, []).append(process)

    def around(self, wanted: set[Process], most: int) -> tuple[list[Started], int]:
        kept = dict.fromkeys(each for process in wanted for each in (process, *self._above(process)))
        tops = {
            next((each for each in reversed(line) if each not in self._roots), line[0]) for line in self._lines(wanted)
        }
        below = list(dict.fromkeys(each for top in tops for each in self._below(top)))
        count = len(kept.keys() | set(below))
        for each in below:
            if len(kept) >= most:
                break
            above = [each, *self._above(each)]
            kept.update(dict.fromkeys(above))
        found: list[Started] = []
        seen: set[Process] = set()
        # In a circle nobody is topmost, and whoever comes first begins.
        for top in sorted(kept, key=lambda each: self._parent.get(each) in kept):
            found += self._written(top, set(kept), wanted, seen)
        return found, count

    def _lines(self, wanted: Iterable[Process]) -> Iterator[list[Process]]:
        for process in wanted:
            yield [process, *self._above(process)]

    def _above(self, process: Process) -> list[Process]:
        """The ancestors, the nearest first; a circle, which only false records make, ends."""
        found: dict[Process, None] = {}
        while (parent := self._parent.get(process)) is not None and parent not in found:
            found[parent] = None
            process = parent
        return list(found)

    def _below(self, top: Process) -> Iterator[Process]:
        """A process and all that it started, nearest first."""
        seen, level = {top}, [top]
        while level:
            yield from level
            level = [each for process in level for each in self._children.get(process, ()) if each not in seen]
            seen.update(level)

    def _written(self, top: Process, kept: set[Process], wanted: set[Process], seen: set[Process]) -> Iterator[Started]:
        left: list[tuple[Process, int]] = [(top, 0)]
        while left:
            process, depth = left.pop()
            if process in seen:
                continue
            seen.add(process)
            event = self._event.get(process) or self._named_by[process]
            parent = self._parent.get(process)
            known = parent if parent in kept else None
            yield Started(
                _name(process), _name(known) if known else "", depth, event, process in self._event, process in wanted
            )
            children = [each for each in self._children.get(process, ()) if each in kept]
            left += [(each, depth + 1) for each in reversed(children)]


def _name(process: Process) -> str:
    """A GUID, or a process id with the number of its use."""
    if isinstance(process, str):
        return process
    first, second = process
    return f"pid {first}" + (f" ({second + 1})" if second else "") if isinstance(second, int) else _name(first)
