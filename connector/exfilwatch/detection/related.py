"""Which starts of processes may tell how events are related: a few of all that a host has.

Two processes are of one tree by what is above them. So it is the starts of the events' processes that matter, those
above them, and what says more of one of these: starts of its other children, and of its process id at other times.
"""

from array import array
from collections.abc import Iterable, Iterator

from exfilwatch.detection.trees import Kin

_LABELS = ("guid", "pid", "parent_guid", "parent_pid")


class StartsOfHost:
    """The starts of one host, of each its time and number, and hashes of how it names its process and its parent."""

    def __init__(self) -> None:
        self._times, self._numbers = array("q"), array("q")
        self._named = tuple(array("q") for _ in _LABELS)

    def add(self, time: int, number: int, named: Iterable[str]) -> None:
        """One more; `named`: GUID and process id, the parent's GUID and process id, as in trees.Kin."""
        self._times.append(time)
        self._numbers.append(number)
        for kept, label in zip(self._named, named, strict=True):
            kept.append(hash(label) if label else 0)

    def related(self, kins: Iterable[Kin], low: int, high: int) -> Iterator[int]:
        """The numbers of the starts from `low` to `high` that may tell how processes are related; others may be among
        them."""
        guids, pids, parent_guids, parent_pids = self._named
        own: dict[int, list[int]] = {}
        children: dict[int, list[int]] = {}
        for at, time in enumerate(self._times):
            if low <= time <= high:
                for label in (guids[at], pids[at]):
                    own.setdefault(label, []).append(at)
                for label in (parent_guids[at], parent_pids[at]):
                    children.setdefault(label, []).append(at)
        # A process id says something only where no GUID does.
        todo = [
            hash(label) if label else 0
            for kin in kins
            for label in (kin.guid or kin.pid, kin.parent_guid or kin.parent_pid)
        ]
        asked = {0}
        found: set[int] = set()
        while todo:
            label = todo.pop()
            if label in asked:
                continue
            asked.add(label)
            for at in own.get(label, ()):
                if at not in found:
                    found.add(at)
                    todo += [guids[at] or pids[at], parent_guids[at] or parent_pids[at]]
        asked.discard(0)
        found.update(at for label in asked for at in children.get(label, ()))
        again = {pids[at] for at in found if not guids[at]}
        found.update(at for label in again if label for at in own.get(label, ()))
        return (self._numbers[at] for at in found)
