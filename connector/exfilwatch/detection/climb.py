"""Which starts of processes to ask for by GUID, generation by generation, where all that a host has would be too many.

How two processes are related is told by their own starts and those of all above them; whether one of these starts
everything, its children say as well. Above what starts everything nothing connects. So it is asked for starts that name
one of these processes as their own or as their parent, until none has a parent that was not asked for. Where a process
id alone tells, it was that of others before, and all starts of the host matter (as in related.py).
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
    """Of one host. `whole`: all of its starts are needed."""

    def __init__(self, kins: Iterable[Kin]) -> None:
        known = list(kins)
        self.whole = not all(map(is_told, known))
        self._asked: set[str] = set()
        self._seen: dict[str, set[str]] = {}
        self._next = {guid for kin in known for guid in (kin.guid, *_above(kin))}

    def take(self) -> set[str]:
        """GUIDs that were not asked for yet, and are from now on."""
        taken, self._next = self._next, set()
        self._asked |= taken
        for guid in taken:
            self._next |= self._seen.get(guid, set())
        self._next -= self._asked
        return taken

    def saw(self, kin: Kin) -> None:
        """A start that came."""
        if not is_told(kin):
            self.whole = True
        above = self._seen.setdefault(kin.guid, set())
        above.update(_above(kin))
        if kin.guid in self._asked:
            self._next |= above - self._asked


def _above(kin: Kin) -> Iterator[str]:
    if kin.parent_guid and kin.above != "root":
        yield kin.parent_guid
