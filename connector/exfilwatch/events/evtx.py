"""Windows event logs (EVTX), by the evtx package: one JSON text per record.

A damaged record costs itself, a damaged chunk (64 KiB) its own records; both are reported with their record number.
"""

import struct
from collections.abc import Callable, Iterator
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
    """The records of one file from the beginning: JSON texts, or the error in a record's place."""

    def __init__(self, source: str, opened: str | View) -> None:
        try:
            records = iter(evtx.PyEvtxParser(opened, number_of_threads=1).records_json())
        except (OSError, RuntimeError) as error:
            raise InputError("is no readable EVTX file", str(error)) from error
        self._records = cast("Iterator[dict[str, str]]", records)  # the stub says that a record may be None
        self.source = source
        self.taken = 0

    def take(self, count: int) -> list[str | RuntimeError]:
        """The next `count` records, fewer at the end; an error is one of them."""
        taken: list[str | RuntimeError] = []
        records = self._records
        append = taken.append
        while len(taken) < count:
            try:
                for record in records:
                    append(record["data"])
                    if len(taken) == count:
                        break
                else:
                    break
            except RuntimeError as error:
                append(error)
        self.taken += len(taken)
        return taken


class Again:
    """Reads parts of a file once more; in ascending order that is one pass."""

    def __init__(self, source: str, opener: Opener) -> None:
        self._source = source
        self._opener = opener
        self._records: Records | None = None

    def read(self, first: int, count: int) -> bytes:
        """The `count` records from the 1-based `first`, as lines."""
        if self._records is None or self._records.taken >= first:
            self._records = Records(self._source, self._opener())
        while self._records.taken < first - 1:
            self._records.take(min(RECORDS, first - 1 - self._records.taken))
        return _lines([record for record in self._records.take(count) if isinstance(record, str)])


def evtx_blocks(source: str, opener: Opener, report: Report) -> Iterator[Block]:
    """Blocks of up to RECORDS records as JSON lines; numbers count the records of the file, damaged ones too.

    `opener` gives a path or a new view. Raises InputError when it is no EVTX file.
    """
    again = Again(source, opener)
    records = Records(source, opener())
    while True:
        start = records.taken + 1
        taken = records.take(RECORDS)
        if not taken:
            return
        good: list[str] = []
        for number, record in enumerate([*taken, None], start):
            if isinstance(record, str):
                good.append(record)
                continue
            if good:
                first = number - len(good)
                yield Block(source, first, _lines(good), _reader(again, first, len(good)))
                good = []
            if record is not None:
                report.unreadable(Origin(source, number), "damaged EVTX record or chunk", str(record))


def _reader(again: Again, first: int, count: int) -> Callable[[], bytes]:
    return lambda: again.read(first, count)


def _lines(records: list[str]) -> bytes:
    return "\n".join(records).encode() + b"\n"


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
