"""Which starts of processes may tell how events are related: a few of all that a host has.

Two processes are of one tree by what is above them. So it is the starts of the events' processes that matter, those
above them, and what says more of one of these: its children, and whose child each of those is (Tree.whole). This can
be told where all starts have GUIDs. A process id was that of others before: where these tell, all starts matter.
"""

from array import array
from collections.abc import Iterable, Sequence

from exfilwatch.detection.trees import Kin

_LABELS = ("guid", "pid", "parent_guid", "parent_pid")
_BELOW = 2
"""Generations."""


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
            kept.append(_hashed(label))

    def related(self, kins: Iterable[Kin], low: int, high: int) -> Sequence[int]:
        """The numbers of the starts from `low` to `high` that may tell how these processes are related; others may be
        among them."""
        guids, pids, parent_guids, parent_pids = self._named
        near = [at for at, time in enumerate(self._times) if low <= time <= high]
        if not all(guids[at] and (parent_guids[at] or not parent_pids[at]) for at in near):
            return [self._numbers[at] for at in near]
        own: dict[int, list[int]] = {}
        children: dict[int, list[int]] = {}
        for at in near:
            own.setdefault(guids[at], []).append(at)
            own.setdefault(pids[at], []).append(at)
            children.setdefault(parent_guids[at], []).append(at)
            children.setdefault(parent_pids[at], []).append(at)
        todo = [_hashed(label) for kin in kins for label in (kin.guid or kin.pid, kin.parent_guid or kin.parent_pid)]
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
                    todo += (guids[at], parent_guids[at])
            # The process id of an event without GUIDs, for which the GUID stands there.
            todo += [parent_guids[at] for at in children.get(label, ())]
        below = asked - {0}
        for _ in range(_BELOW):
            more = {at for label in below for at in children.get(label, ())} - found
            found |= more
            below = {guids[at] for at in more}
        found.update(at for label in {guids[at] for at in found} for at in own[label])
        return [self._numbers[at] for at in found]


def _hashed(label: str) -> int:
    return hash(label) if label else 0
