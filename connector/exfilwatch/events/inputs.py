"""From paths to inputs: files, directories, .gz, .zip and standard input, each handed on as blocks of whole records.

What a file is, its first bytes decide, never its name. Whatever can't be read is reported with its place and costs only
itself. Archives may hold compressed files and EVTX files, one archive in another is refused (Limits bound the rest).
"""

import io
import os
import stat
import sys
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Literal

from exfilwatch.events import evtx, layout, streams
from exfilwatch.events.blocks import Again, Block, FileWindow, Spool, StreamWindow, View, read_again, whole_lines
from exfilwatch.events.event import Origin
from exfilwatch.events.foreign import foreign, is_binary, is_gzip, is_zip
from exfilwatch.events.limits import Expansion, InputError, Limits
from exfilwatch.events.report import Report, printable

STDIN = "-"
_LONGEST_NAME = 1000
_FIRST = 4096  # enough for the header of an EVTX file

Kind = Literal["lines", "evtx"]
Blocks = Callable[[evtx.Skim | None], Iterator[Block]]


class Input:
    """One readable source: `name` is a path, `archive.zip!member` or `-`; `size` its bytes, when known beforehand."""

    def __init__(self, name: str, kind: Kind, size: int | None, blocks: Blocks, report: Report):
        self.name = name
        self.kind: Kind = kind
        self.size = size
        self._blocks = blocks
        self._report = report

    def blocks(self, skim: evtx.Skim | None = None) -> Iterator[Block]:
        """The blocks; damage is reported and ends the input. Raises SpaceError when the temporary disk is full.

        `skim`: of EVTX files, the event numbers of which the records are wanted at first.
        """
        with _reported(self._report, self.name):
            yield from self._blocks(skim)


def open_inputs(paths: Iterable[str], report: Report, limits: Limits, replayable: bool) -> Iterator[Input]:
    """The inputs of `paths`: files, directories (recursively, in sorted order), archives, and `-` for standard input.

    With `replayable`, every block can be read again after `drop()`; for that, what is unpacked or piped is kept in
    temporary files. Without it, only blocks of plain files and of EVTX files can.
    """
    opener = _Opener(report, limits, Spool() if replayable else None)
    for path in paths:
        if path == STDIN:
            yield from opener.stream(streams.piped(STDIN, streams.pipe(_standard_input), limits))
        else:
            yield from opener.path(Path(path), given=True)


class _Opener:
    def __init__(self, report: Report, limits: Limits, spool: Spool | None) -> None:
        self._report = report
        self._limits = limits
        self._spool = spool

    def path(self, path: Path, *, given: bool) -> Iterator[Input]:
        name = printable(str(path), _LONGEST_NAME)
        with _reported(self._report, name):
            status = path.stat()
            if stat.S_ISDIR(status.st_mode):
                yield from self._directory(path)
            elif stat.S_ISREG(status.st_mode):
                yield from self._file(path, name, status.st_size)
            elif given:
                yield from self.stream(streams.piped(name, streams.file_chunks(path), self._limits))
            else:
                self._report.problem(Origin(name), "is neither a file nor a directory and was left out")

    def _directory(self, path: Path) -> Iterator[Input]:
        def report(error: OSError) -> None:
            with _reported(self._report, printable(str(error.filename), _LONGEST_NAME)):
                raise error

        for folder, folders, files in os.walk(path, onerror=report):
            folders.sort()
            for file in sorted(files):
                yield from self.path(Path(folder, file), given=False)

    def _file(self, path: Path, name: str, size: int) -> Iterator[Input]:
        with path.open("rb", buffering=0) as file:
            head = file.read(_FIRST)
            if not head.startswith(evtx.MAGIC):
                head += file.read(streams.HEAD - len(head))
        if head.startswith(evtx.MAGIC):
            yield self._evtx(name, lambda: str(path), head, size)
        elif is_zip(head):
            yield from self._zip(name, path, Expansion(self._limits, size))
        elif is_gzip(head) or layout.encoding(head) == "utf-16" or layout.layout(_text(head)) != "lines":
            stream = streams.Stream(name, lambda: streams.file_chunks(path), Expansion(self._limits, size), size=size)
            yield from self.stream(stream, head)
        elif not self._foreign(name, head):
            yield Input(name, "lines", size, lambda _skim: self._plain(path, name, head), self._report)

    def _plain(self, path: Path, name: str, head: bytes) -> Iterator[Block]:
        """Lines of a plain file, read where they lie."""
        window = FileWindow(path, 3 if layout.encoding(head) == "utf-8-sig" else 0)
        again = partial(read_again, path, name)
        try:
            for first, data, ends in whole_lines(window, self._limits, self._too_long(name)):
                yield Block(name, first, data, ends, Again(again, window.offset - len(data), len(data)))
        finally:
            window.close()

    def stream(self, stream: streams.Stream, head: bytes | None = None) -> Iterator[Input]:
        """The inputs in a stream; those of an archive in it too."""
        with _reported(self._report, stream.name):
            if head is None:
                head, stream = streams.peek(stream)
            packing = "gzip" if is_gzip(head) else "zip" if is_zip(head) else ""
            if packing and (packing in stream.layers or (packing == "zip" and stream.layers)):
                raise InputError(f"is {packing} within {stream.layers[-1]}: unpack it first")
            if packing == "gzip":
                yield from self.stream(streams.unpacked(stream))
            elif packing == "zip":
                file = streams.spooled(stream)
                yield from self._zip(stream.name, View(file), Expansion(self._limits, file.size))
            elif head.startswith(evtx.MAGIC):
                file = streams.spooled(stream)
                yield self._evtx(stream.name, lambda: View(file), head, file.size)
            elif not self._foreign(stream.name, head):
                found = layout.layout(_text(head))
                yield Input(stream.name, "lines", stream.size, lambda _skim: self._text(stream, found), self._report)

    def _text(self, stream: streams.Stream, found: layout.Layout) -> Iterator[Block]:
        damage: list[InputError] = []
        chunks = streams.until_damage(stream.chunks(), damage)
        head = next(chunks, b"")
        chunks = layout.as_utf8(chain([head], chunks), layout.encoding(head))
        too_long = self._too_long(stream.name)
        records: Iterator[bytes] | None = None
        if found == "json":
            records = layout.json_records(chunks, self._limits)
        elif found == "xml":
            records = layout.xml_records(chunks, self._limits)
        elif found == "rows":
            lines = whole_lines(StreamWindow(chunks), self._limits, too_long)
            records = layout.row_records(line for _, data, _ in lines for line in data.removesuffix(b"\n").split(b"\n"))
        if records is not None:
            chunks = layout.batched(streams.until_damage(records, damage))
        for first, data, ends in whole_lines(StreamWindow(chunks), self._limits, too_long):
            yield Block(stream.name, first, data, ends, self._spool.keep(data) if self._spool else None)
        if damage:
            raise damage[0]

    def _zip(self, name: str, file: Path | View, expansion: Expansion) -> Iterator[Input]:
        with streams.zip_damage():
            archive = zipfile.ZipFile(file)
        for member in archive.infolist():
            if member.is_dir():
                continue
            inner = f"{name}!{printable(member.filename, _LONGEST_NAME)}"
            if member.flag_bits & 1:
                self._report.unreadable(Origin(inner), "is encrypted: unpack it with its password first")
                continue
            chunks = streams.member(archive, member, expansion)
            yield from self.stream(streams.Stream(inner, chunks, expansion, ("zip",), member.file_size))

    def _evtx(self, name: str, opener: evtx.Opener, head: bytes, size: int) -> Input:
        def blocks(skim: evtx.Skim | None) -> Iterator[Block]:
            lacking = evtx.missing(head, size)
            if lacking:
                self._report.unreadable(Origin(name), "the EVTX file is truncated", lacking)
            yield from evtx.evtx_blocks(name, opener, self._report, skim)

        return Input(name, "evtx", size, blocks, self._report)

    def _foreign(self, name: str, head: bytes) -> bool:
        if what := foreign(head):
            self._report.unreadable(Origin(name), f"is a {what} file, which is not read: unpack or export it first")
            return True
        if is_binary(head):
            self._report.unknown(Origin(name), ["(a binary file)"])
            return True
        return False

    def _too_long(self, name: str) -> Callable[[int, int], None]:
        why = f"a line longer than {self._limits.max_line:,} bytes was skipped"
        return lambda number, size: self._report.unreadable(Origin(name, number), why, f"{size:,} bytes")


def _text(head: bytes) -> bytes:
    return b"".join(layout.as_utf8([head], layout.encoding(head)))


def _standard_input(size: int) -> bytes:
    file = sys.stdin.buffer
    return file.read1(size) if isinstance(file, io.BufferedReader) else file.read(size)


@contextmanager
def _reported(report: Report, name: str) -> Iterator[None]:
    """Reports what can't be read of one input; the others go on."""
    try:
        yield
    except InputError as error:
        report.unreadable(Origin(name), error.why, error.detail)
    except FileNotFoundError:
        report.unreadable(Origin(name), "no such file or directory")
    except PermissionError:
        report.unreadable(Origin(name), "no permission to read it")
    except OSError as error:
        report.unreadable(Origin(name), "can't be read", error.strerror or str(error))
