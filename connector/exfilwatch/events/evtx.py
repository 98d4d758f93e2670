"""Windows event logs (EVTX), by the evtx package: one JSON text per record.

A damaged record costs itself, a damaged chunk (64 KiB) its own records; both are reported with their record number.
"""

import struct
from collections.abc import Callable, Iterator, Sequence
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
        records: list[str] = []
        append = records.append
        try:
            for record in islice(self._records, count):
                append(record["data"])
        except RuntimeError as error:
            self.taken += len(records) + 1
            return records, error
        self.taken += len(records)
        return records, None


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
    """A block whose records are texts already: `data` is always None, `lines()` has the JSON texts."""

    __slots__ = ("_count", "_reader", "_records")

    def __init__(self, source: str, first: int, records: list[str], reader: Again) -> None:
        super().__init__(source, first, None, len(records))
        self._records: list[str] | None = records
        self._count = len(records)
        self._reader = reader

    def load(self) -> bytes:
        return "\n".join(self.lines()).encode() + b"\n"

    def lines(self) -> list[str]:
        if self._records is None:
            self._records = self._reader.read(self.first, self._count)
        return self._records

    def pick(self, positions: Sequence[int]) -> Iterator[tuple[int, str]]:
        lines = self.lines()
        return ((position, lines[position]) for position in positions)

    def drop(self) -> None:
        self._records = None

    def joined(self, other: Block) -> "EvtxBlock | None":
        if not isinstance(other, EvtxBlock) or other._reader is not self._reader:
            return None
        if other.first != self.first + self._count:  # a damaged record stands between
            return None
        both = EvtxBlock(self.source, self.first, [], self._reader)
        both._count = both.ends = self._count + other._count
        both.drop()
        return both


def evtx_blocks(source: str, opener: Opener, report: Report) -> Iterator[Block]:
    """Blocks of up to RECORDS records; numbers count the records of the file, damaged ones too.

    `opener` gives a path or a new view each time. Raises InputError when it is no EVTX file.
    """
    again = Again(opener)
    records = Records(opener())
    while True:
        first = records.taken + 1
        found, error = records.take(RECORDS)
        if found:
            yield EvtxBlock(source, first, found, again)
        if error is not None:
            report.unreadable(Origin(source, records.taken), "damaged EVTX record or chunk", str(error))
        elif len(found) < RECORDS:
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
