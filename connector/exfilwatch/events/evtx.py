"""Windows event logs (EVTX), by the evtx package: one JSON text per record.

A damaged record costs itself, a damaged chunk (64 KiB) its own records; both are reported with their record number.
"""

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TypeAlias, cast

import evtx

from exfilwatch.events.blocks import Block, View
from exfilwatch.events.event import Origin
from exfilwatch.events.limits import InputError
from exfilwatch.events.report import Report

MAGIC = b"ElfFile\x00"
RECORDS = 500
_HEADER, _CHUNK = 4096, 65536

Opener: TypeAlias = Callable[[], str | View]
Skim: TypeAlias = Mapping[str, bool]
"""By the number of an event, as a text: whether such records are wanted; of what is no number, that they are."""
_EVENT_ID = '"EventID":'


class _Every(dict[str, bool]):
    """Every record is wanted."""

    def __missing__(self, _number: str) -> bool:
        return True


_EVERY = _Every()


class Records:
    """The records of one file, from its beginning. Raises InputError when it is no EVTX file."""

    def __init__(self, opened: str | View) -> None:
        try:
            records = iter(evtx.PyEvtxParser(opened, number_of_threads=1).records_json())
        except (OSError, RuntimeError) as error:
            raise InputError("is no readable EVTX file", str(error)) from error
        self._records = cast("Iterator[dict[str, str]]", records)  # the stub says that a record may be None
        self.taken = 0

    def take(self, count: int) -> tuple[list[str], RuntimeError | None]:
        """Up to `count` records as JSON texts, and the error that stands in the place of the next one, if any.

        Fewer than `count` and no error: the end.
        """
        _, _, records, error = self.skim(count, _EVERY)
        return records, error

    def skim(self, count: int, wanted: Skim) -> tuple[int, list[int], list[str], RuntimeError | None]:
        """The same, of wanted records alone: how many there are of all, and of the wanted ones position and text.

        The evtx package writes System, with the number, before the event's data, and a quote within a text is escaped,
        so that the first `"EventID":` is the record's own. Texts that are not kept cost their making only.
        """
        places: list[int] = []
        texts: list[str] = []
        at, error = -1, None
        try:
            for at, record in enumerate(islice(self._records, count)):
                text = record["data"]
                start = text.find(_EVENT_ID) + len(_EVENT_ID)
                if wanted[text[start : text.find(",", start)]]:
                    places.append(at)
                    texts.append(text)
        except RuntimeError as damage:
            error = damage
        self.taken += at + 1 + (error is not None)
        return at + 1, places, texts, error


class Again:
    """Reads parts of a file once more; in ascending order that is one pass."""

    def __init__(self, opener: Opener) -> None:
        self._opener = opener
        self._records: Records | None = None

    def read(self, first: int, count: int) -> list[str]:
        """The `count` records from the 1-based `first`, none of them damaged."""
        if self._records is None or self._records.taken >= first:
            self._records = Records(self._opener())
        while self._records.taken < first - 1:
            self._records.take(min(RECORDS, first - 1 - self._records.taken))
        return self._records.take(count)[0]


class EvtxBlock(Block):
    """A block whose records are texts already: `data` is always None, `lines()` has the JSON texts.

    Of `count` records those in `places` are here; the others are read again when they are asked for.
    """

    __slots__ = ("_count", "_places", "_reader", "_records")

    def __init__(
        self, source: str, first: int, count: int, places: Sequence[int], records: list[str], reader: Again
    ) -> None:
        super().__init__(source, first, None, count)
        self._records: list[str] | None = records
        self._places = places
        self._count = count
        self._reader = reader

    def wanted(self) -> tuple[Sequence[int], list[str]]:
        """The positions and texts of the records that are here."""
        return (self._places, self._records) if self._records is not None else (range(self._count), self.lines())

    def load(self) -> bytes:
        return "\n".join(self.lines()).encode() + b"\n"

    def lines(self) -> list[str]:
        if self._records is None or len(self._records) < self._count:
            self._records = self._reader.read(self.first, self._count)
            self._places = range(self._count)
        return self._records

    def pick(self, positions: Sequence[int]) -> Iterator[tuple[int, str]]:
        here = dict(zip(*self.wanted(), strict=True)) if positions else {}
        lines = here if here.keys() >= set(positions) else self.lines()
        return ((position, lines[position]) for position in positions)

    def drop(self) -> None:
        self._records = None

    def joined(self, other: Block) -> "EvtxBlock | None":
        if not isinstance(other, EvtxBlock) or other._reader is not self._reader:
            return None
        if other.first != self.first + self._count:  # a damaged record stands between
            return None
        both = EvtxBlock(self.source, self.first, self._count + other._count, (), [], self._reader)
        both.drop()
        return both


def evtx_blocks(source: str, opener: Opener, report: Report, skim: Skim | None = None) -> Iterator[Block]:
    """Blocks of up to RECORDS records; numbers count the records of the file, damaged ones too.

    `opener` gives a path or a new view each time. Raises InputError when it is no EVTX file.
    """
    again = Again(opener)
    records = Records(opener())
    while True:
        first = records.taken + 1
        count, places, found, error = records.skim(RECORDS, _EVERY if skim is None else skim)
        if count:
            yield EvtxBlock(source, first, count, places, found, again)
        if error is not None:
            report.unreadable(Origin(source, records.taken), "damaged EVTX record or chunk", str(error))
        elif count < RECORDS:
            return


def missing(header: bytes, size: int) -> str:
    """What a file of `size` bytes lacks according to its first 4 KiB; '' when it is whole.

    A log that was copied while in use may have more chunks than its header counts, never fewer.
    """
    if size < _HEADER:
        return f"{size:,} bytes are less than its header"
    (chunks,) = struct.unpack_from("<H", header, 42)
    present, rest = divmod(size - _HEADER, _CHUNK)
    if present < chunks:
        return f"{present} of its {chunks} chunks are there"
    return f"its last chunk has {rest:,} of {_CHUNK:,} bytes" if rest else ""
