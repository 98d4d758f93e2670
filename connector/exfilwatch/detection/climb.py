"""Which starts of processes to ask for by GUID, generation by generation, where all that a host has would be too many.

How two processes are related is told by their own starts and those of all above them; whether one of these starts
everything, its children say as well. Above what starts everything nothing connects. So it is asked for starts that name
one of these processes as their own or as their parent, until none has a parent that was not asked for; and of children
that don't say what their parent is, for what others say of them. Where a process id alone tells, it was that of others
before, and all starts of the host matter (as in related.py).
"""

import re
from collections.abc import Iterable, Iterator

from exfilwatch.detection.trees import Kin

_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""Others, of which letters may count with regard to case, are not looked up."""


def is_told(kin: Kin) -> bool:
    """Whether it tells its process, and its parent if any, by GUIDs."""
    parent = _GUID.fullmatch(kin.parent_guid) if kin.parent_guid else not kin.parent_pid
    return bool(parent and _GUID.fullmatch(kin.guid))


class Climb:
    """Of one host, around some processes. `whole`: all of its starts are needed."""

    def __init__(self, kins: Iterable[Kin]) -> None:
        known = list(kins)
        self.whole = not all(map(is_told, known))
        self._line = {guid for kin in known for guid in (kin.guid, *_above(kin))}
        """The processes and what is above them, as far as it is known."""
        self._parents: dict[str, set[str]] = {}
        self._vague: dict[str, set[str]] = {}
        """By parent, children that don't say what it is."""
        self._asked: set[str] = set()

    def take(self) -> set[str]:
        """GUIDs that were not asked for yet, and are from now on."""
        todo = list(self._line)
        while todo:
            more = self._parents.get(todo.pop(), set()) - self._line
            self._line |= more
            todo += more
        below = {guid for parent in self._line for guid in self._vague.get(parent, ())}
        taken = (self._line | below) - self._asked
        self._asked |= taken
        return taken

    def saw(self, kin: Kin) -> None:
        """A start that came."""
        if not is_told(kin):
            self.whole = True
        self._parents.setdefault(kin.guid, set()).update(_above(kin))
        if not kin.above:
            self._vague.setdefault(kin.parent_guid, set()).add(kin.guid)


def _above(kin: Kin) -> Iterator[str]:
    if kin.parent_guid and kin.above != "root":
        yield kin.parent_guid
