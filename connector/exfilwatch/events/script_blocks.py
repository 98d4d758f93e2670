"""PowerShell script blocks (4104) that were logged in parts, joined, so that rules see the text that ran.

PowerShell cuts a long script every 10,000 to 20,000 characters, anywhere, and logs each part as a record of its own
with the same ScriptBlockId, as MessageNumber of MessageTotal (LogScriptBlockCreation, CompiledScriptBlock.cs).
The event of a block is that of its lowest part with the text of all; its time is that of the earliest part, and its
identity is made of the host, the block and the number of parts, so that no order in which these come changes it.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import TypeAlias

import msgspec

from exfilwatch.events.event import Event, Value
from exfilwatch.events.mapping import to_int

CATEGORY = "ps_script"
TEXT, NUMBER, TOTAL, BLOCK = "ScriptBlockText", "MessageNumber", "MessageTotal", "ScriptBlockId"
_MOST_OPEN = 10_000
_LARGEST = 32 << 20
_MOST_WHOLE = 50_000  # blocks that are remembered as joined, so that their parts, should they come again, open none

Key: TypeAlias = tuple[str, str, int]
"""Host and id of a block, lower-cased, and the number of its parts."""


class OpenBlock(msgspec.Struct):
    """A block so far: the texts of its parts by number, and the event of the lowest, without its text."""

    key: Key
    event: Event
    number: int
    texts: dict[int, str]

    @property
    def time(self) -> int | None:
        """The time of the earliest part, µs."""
        return self.event.time

    @property
    def size(self) -> int:
        """Characters."""
        return sum(map(len, self.texts.values()))

    @property
    def whole(self) -> bool:
        """Whether all parts are there."""
        return len(self.texts) == self.key[2]

    def add(self, other: "OpenBlock") -> None:
        """Add parts. Of two texts of one part, which only a damaged record can have, the longer counts."""
        for number, text in other.texts.items():
            self.texts[number] = max(self.texts.get(number, ""), text, key=lambda each: (len(each), each))
        times = [each.event.time for each in (self, other) if each.event.time is not None]
        taken_in = [each.event.ingest_time for each in (self, other) if each.event.ingest_time is not None]
        if (other.number, other.event.id) < (self.number, self.event.id):
            self.number, self.event = other.number, other.event
        self.event = msgspec.structs.replace(
            self.event, time=min(times, default=None), ingest_time=max(taken_in, default=None)
        )

    def joined(self) -> Event:
        """The event of the block, as far as it is there: between parts that are no neighbours a line ends. It counts as
        one part, the only one.
        """
        pieces, last = list[str](), 0
        for number, text in sorted(self.texts.items()):
            pieces += ["\n", text] if last and number != last + 1 else [text]
            last = number
        event = self.event
        own: dict[str, Value] = {TEXT: "".join(pieces), NUMBER: 1, TOTAL: 1}
        raw = {name: value for name, value in own.items() if name in event.raw}
        identity = hashlib.blake2b(repr((CATEGORY, self.key)).encode("utf-8", "surrogatepass"), digest_size=16)
        return msgspec.structs.replace(event, id=identity.hexdigest(), fields=event.fields | own, raw=event.raw | raw)


class ScriptBlocks:
    """Joins blocks whose parts come interleaved and in any order. At most so many are open, and so large together; the
    oldest is then given out as it is.
    """

    def __init__(self, most: int = _MOST_OPEN, largest: int = _LARGEST) -> None:
        self._most = most
        self._largest = largest
        self._open: OrderedDict[Key, OpenBlock] = OrderedDict()
        self._whole: OrderedDict[Key, None] = OrderedDict()
        self._size = 0

    def feed(self, event: Event) -> list[Event]:
        """The events that are complete with this one: itself, when it is no part of a block."""
        part = part_of(event) if event.category == CATEGORY else None
        return [event] if part is None else list(self._add(part))

    def finish(self) -> list[Event]:
        """The blocks that wait for parts which did not come."""
        return [each.joined() for each in self.take()]

    def take(self) -> list[OpenBlock]:
        """The blocks that wait for parts. They wait here no longer."""
        taken = list(self._open.values())
        self._open.clear()
        self._size = 0
        return taken

    def take_whole(self) -> list[Key]:
        """The blocks that were joined. They are forgotten here: their parts would open them once more."""
        taken = list(self._whole)
        self._whole.clear()
        return taken

    def _add(self, part: OpenBlock) -> Iterator[Event]:
        if part.key in self._whole:
            return
        block = self._open.get(part.key)
        if block is None:
            block = self._open[part.key] = part
        else:
            self._size -= block.size
            block.add(part)
        self._size += block.size
        if block.whole:
            self._close(block)
            self._whole[part.key] = None
            if len(self._whole) > _MOST_WHOLE:
                self._whole.popitem(last=False)
            yield block.joined()
        while len(self._open) > self._most or (self._size > self._largest and self._open):
            oldest = next(iter(self._open.values()))
            self._close(oldest)
            yield oldest.joined()

    def _close(self, block: OpenBlock) -> None:
        del self._open[block.key]
        self._size -= block.size


def joined(events: Iterable[Event]) -> Iterator[Event]:
    """Events, those of script blocks in parts joined."""
    blocks = ScriptBlocks()
    for event in events:
        yield from blocks.feed(event)
    yield from blocks.finish()


def part_of(event: Event) -> OpenBlock | None:
    """The event as a block of which one part is there; None when it is a whole block, or does not say of which."""
    number, total, block, text = to_int(event.get(NUMBER)), to_int(event.get(TOTAL)), event.get(BLOCK), event.get(TEXT)
    if number is None or total is None or not 1 <= number <= total or total == 1:
        return None
    if not isinstance(block, str) or not block or not isinstance(text, str):
        return None
    key = (event.host or "").lower(), block.strip("{}").lower(), total
    empty: dict[str, Value] = {TEXT: ""}
    stripped = msgspec.structs.replace(
        event, fields=event.fields | empty, raw=event.raw | (empty if TEXT in event.raw else {})
    )
    return OpenBlock(key, stripped, number, {number: text})
