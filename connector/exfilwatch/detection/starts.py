"""Process starts: which process started which, kept small until it is known which of them link a sequence's events.

A sequence's own events tell of a process and its parent. Whether a grandparent is the same, only the starts in between
say, most of which no rule fires on. They are few beside all events, and looked at only around what matches on a host.
"""

import tempfile
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import IO, Any, NamedTuple, TypeAlias

import msgspec

from exfilwatch.detection.correlate import LINK, linked, of_host
from exfilwatch.detection.detection import RuleInfo
from exfilwatch.detection.hits import Hit, HitStore
from exfilwatch.detection.logsource import LogSource
from exfilwatch.detection.nodes import EVERY
from exfilwatch.detection.related import StartsOfHost
from exfilwatch.detection.rule import Correlation, Rule
from exfilwatch.detection.trees import STARTS, Kin, kin, named
from exfilwatch.detection.values import text_of
from exfilwatch.errors import SpaceError
from exfilwatch.events.event import Value
from exfilwatch.events.timestamps import microseconds

Start: TypeAlias = tuple[Any, ...]
"""Host, time (µs or a date) and the values of trees.TOLD, as the record has them."""
EVERY_START = Rule(RuleInfo(LINK, "A process starts", "informational"), LogSource(STARTS), EVERY, {}, [])
"""What a SIEM is asked for, to have them all."""
_TOGETHER, _IN_MEMORY = 4096, 4  # starts that are packed together, and how many such packs, of some 600 KB, in memory
_SIZE = 4  # bytes that say how long a pack is
_encode = msgspec.msgpack.Encoder().encode
# Hosts, times and what is told of the processes, which is decoded only of starts near what matters.
_decode = msgspec.msgpack.Decoder(tuple[list[Any], list[int | datetime | None], list[msgspec.Raw]]).decode
_told = msgspec.msgpack.Decoder(list[Any]).decode


class Sought(NamedTuple):
    """The starts of a host from `low` to `high` (µs, both included), which may link hits of a correlation's group.

    `kins`: the processes of these hits.
    """

    correlation: str
    group: tuple[str, ...]
    host: str
    low: int
    high: int
    kins: tuple[Kin, ...] = ()

    def link(self, time: int, event: str, kin: Kin) -> tuple[str, Hit]:
        """A start as a hit that links."""
        return self.correlation, Hit(LINK, self.group, time, event, kin=kin)


def sought(correlations: Iterable[Correlation], hits: HitStore) -> list[Sought]:
    """Around what matches on a host, where correlations ask for trees and some event names its process. Starts that
    are among the hits already are among the processes as well: theirs is what is above them."""
    found: list[Sought] = []
    for correlation in correlations:
        plan = correlation.plan
        if plan.tree is None:
            continue
        place = plan.group_by.index("Computer")
        for group, of_group in hits.groups(correlation.id):
            links = [hit for hit in of_group if hit.rule == LINK]
            for whole in of_host(plan, of_group):
                low, high = linked(plan, whole)
                kins = dict.fromkeys(hit.kin for hit in whole if hit.kin)
                if kins:
                    kins |= dict.fromkeys(hit.kin for hit in links if hit.kin and low <= hit.time <= high)
                    found.append(Sought(correlation.id, group, group[place], low, high, tuple(kins)))
    return found


class ByHost:
    """What is sought, by host."""

    def __init__(self, wanted: Iterable[Sought]) -> None:
        self._found: dict[str, list[Sought]] = {}
        for each in wanted:
            self._found.setdefault(each.host, []).append(each)

    def __bool__(self) -> bool:
        return bool(self._found)

    def near(self, host: Value, when: int | datetime | None) -> tuple[int, list[Sought]]:
        """A time as µs, and what is sought of a host then: nothing where the time is not known."""
        found = self._found.get(host if type(host) is str else text_of(host) or "")
        if not found or when is None:
            return 0, []
        time = when if isinstance(when, int) else microseconds(when)
        return time, [each for each in found if each.low <= time <= each.high]


class Starts:
    """The starts that were read. Beyond some, they are in a temporary file. Raises SpaceError when its disk is full."""

    def __init__(self) -> None:
        self._last: list[Start] = []
        self._packed: list[bytes] = []
        self._file: IO[bytes] | None = None

    def add(self, starts: Iterable[Start]) -> None:
        """Keep some."""
        self._last += starts
        if len(self._last) >= _TOGETHER:
            self._pack()
            if len(self._packed) >= _IN_MEMORY:
                self._spill()

    def _pack(self) -> None:
        hosts, times, told = (
            [start[0] for start in self._last],
            [start[1] for start in self._last],
            [start[2:] for start in self._last],
        )
        self._packed.append(_encode((hosts, times, told)))
        self._last = []

    def linking(
        self, wanted: Iterable[Sought], name: Callable[[int, Start], str] = lambda number, _start: str(number)
    ) -> Iterator[tuple[str, Hit]]:
        """Those that are sought and may link hits, each as a hit, with the correlation's id. `name` tells starts apart
        by their number among all and what they are.
        """
        wanted = list(wanted)
        links: dict[int, list[Sought]] = {}
        of_hosts = self._of_hosts(ByHost(wanted))
        for each in wanted:
            starts = of_hosts.get(each.host)
            for number in starts.related(each.kins, each.low, each.high) if starts else ():
                links.setdefault(number, []).append(each)
        for number, (host, when, packed) in enumerate(self._all() if links else ()):
            near = links.get(number)
            told = _told(packed) if near else ()
            found = kin(told, starts=True) if near else None
            if near and found and when is not None:
                time = when if isinstance(when, int) else microseconds(when)
                yield from (each.link(time, name(number, (host, when, *told)), found) for each in near)

    def _of_hosts(self, by_host: ByHost) -> dict[str, StartsOfHost]:
        """What is known of the starts near what is sought, by host."""
        found: dict[str, StartsOfHost] = {}
        for number, (host, when, packed) in enumerate(self._all() if by_host else ()):
            time, near = by_host.near(host, when)
            names = named(_told(packed)) if near else None
            if names:
                kept = found.get(near[0].host) or found.setdefault(near[0].host, StartsOfHost())
                kept.add(time, number, names)
        return found

    def _all(self) -> Iterator[tuple[Value, int | datetime | None, msgspec.Raw]]:
        """Of each start its host, its time and, packed, what it tells of its process."""
        if self._last:
            self._pack()
        if self._file is not None:
            self._file.seek(0)
            while size := self._file.read(_SIZE):
                yield from zip(*_decode(self._file.read(int.from_bytes(size))), strict=True)
        for packed in self._packed:
            yield from zip(*_decode(packed), strict=True)

    def _spill(self) -> None:
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="exfilwatch-")  # noqa: SIM115 closed with its last reference
            for packed in self._packed:
                self._file.write(len(packed).to_bytes(_SIZE) + packed)
        except OSError as error:
            folder = tempfile.gettempdir()
            why = f"The starts of processes can't be kept in {folder}: {error}. Free space there, or set TMPDIR."
            raise SpaceError(why) from error
        self._packed = []
