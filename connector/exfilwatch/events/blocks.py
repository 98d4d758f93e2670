"""Blocks: whole lines of one source, handed on together, which can be dropped and read again.

A block is the unit of work: its `data` goes to a decoder in one call, so that Python sees a block, not a line.
"""

import errno
import io
import os
import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from exfilwatch.errors import SourceError, SpaceError
from exfilwatch.events.limits import MIB, Limits

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer as Buffer
else:
    Buffer = object

TooLong = Callable[[int, int], None]
_LAST = 8 << 10  # bytes in which a line most often ends
_MANY = 50  # lines of a block, beyond which it is split


class Again(NamedTuple):
    """Where data can be read again: `read` takes an offset and a size in bytes."""

    read: Callable[[int, int], bytes]
    offset: int
    size: int

    def __call__(self) -> bytes:
        return self.read(self.offset, self.size)

    def joined(self, other: "Again") -> "Again | None":
        """Both in one, when `other` begins where this one ends."""
        follows = other.read == self.read and other.offset == self.offset + self.size
        return Again(self.read, self.offset, self.size + other.size) if follows else None


class Block:
    """Whole records of `source`; `first` is the 1-based number of the first line or record.

    `data` has one record in each line and is None after `drop()` (for EVTX always); `load()` and `lines()` read again.
    `ends` is the number of line ends in the data.
    """

    __slots__ = ("_again", "data", "ends", "first", "source")

    def __init__(self, source: str, first: int, data: bytes | None, ends: int, again: Again | None = None) -> None:
        self.source = source
        self.first = first
        self.data = data
        self.ends = ends
        self._again = again

    def load(self) -> bytes:
        """The data, read again when it was dropped. Raises SourceError when it can't be."""
        if self.data is None:
            if self._again is None:
                raise SourceError(f"{self.source}: this input can be read only once; open it with replayable=True")
            self.data = self._again()
        return self.data

    def lines(self) -> Sequence[bytes | str]:
        """The lines or records, without their line ends; line i has the number `first` + i."""
        lines = self.load().split(b"\n")
        if not lines[-1]:
            lines.pop()
        return lines

    def pick(self, positions: Sequence[int]) -> Iterator[tuple[int, bytes | str]]:
        """The lines at some positions, which only grow, each with its position; cheaper than `lines` for a few."""
        if len(positions) > _MANY:
            lines = self.lines()
            yield from ((position, lines[position]) for position in positions)
            return
        data, at, start = self.load(), 0, 0
        for position in positions:
            for _ in range(at, position):
                start = data.index(b"\n", start) + 1
            at = position
            end = data.find(b"\n", start)
            yield position, data[start:] if end < 0 else data[start:end]

    def drop(self) -> None:
        """Free the data, if it can be read again."""
        if self._again is not None:
            self.data = None

    def joined(self, other: "Block") -> "Block | None":
        """Both, dropped, as one block, when `other` follows this one."""
        if self._again is None or other._again is None or other.source != self.source:
            return None
        again = self._again.joined(other._again)
        return Block(self.source, self.first, None, self.ends + other.ends, again) if again else None


class Window(Protocol):
    """The bytes not yet consumed of a source."""

    ended: bool

    def peek(self, size: int, *, fill: bool = False) -> bytes:
        """Up to `size` of the next bytes; with `fill`, fewer only at the end. Sets `ended`: nothing follows these."""
        ...

    def skip(self, size: int) -> None:
        """Consume `size` bytes."""
        ...


class FileWindow:
    """A regular file: bytes that were looked at and not consumed are simply read again."""

    def __init__(self, path: Path, offset: int = 0) -> None:
        self._file = path.open("rb", buffering=0)
        self._offset = offset
        self.ended = False

    def peek(self, size: int, *, fill: bool = False) -> bytes:  # noqa: ARG002 a regular file always fills
        size -= self._unfinished(self._offset + size)
        self._file.seek(self._offset)
        data = self._file.read(size)
        self.ended = len(data) < size
        return data

    def _unfinished(self, end: int) -> int:
        """How much before `end` belongs to a line that goes on there: what is not read needs not be cut off."""
        start = max(self._offset, end - _LAST)
        self._file.seek(start)
        last = self._file.read(end - start)
        return len(last) - 1 - found if (found := last.rfind(b"\n")) >= 0 else 0

    def skip(self, size: int) -> None:
        self._offset += size

    @property
    def offset(self) -> int:
        """Bytes consumed, from the start of the file."""
        return self._offset

    def close(self) -> None:
        self._file.close()


class StreamWindow:
    """Chunks that come one after the other (a pipe, what is being unpacked)."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._buffer = bytearray()
        self._exhausted = False
        self.ended = False

    def peek(self, size: int, *, fill: bool = False) -> bytes:
        while len(self._buffer) < size and not self._exhausted:
            chunk = next(self._chunks, None)
            if chunk is None:
                self._exhausted = True
            else:
                self._buffer += chunk
            if not fill:
                break
        self.ended = self._exhausted and len(self._buffer) <= size
        return bytes(self._buffer if len(self._buffer) <= size else memoryview(self._buffer)[:size])

    def skip(self, size: int) -> None:
        del self._buffer[:size]


def whole_lines(window: Window, limits: Limits, too_long: TooLong) -> Iterator[tuple[int, bytes, int]]:
    """The number of the first line, whole lines of about `limits.block` bytes, and their line ends, again and again.

    A line longer than `limits.max_line` is skipped and given to `too_long` with its number and size.
    """
    # glibc returns freed memory to the system, and asks for it anew, where it is more than twice the largest piece that
    # was freed before. So a larger piece, freed untouched, spares a quarter of a million page faults for each gigabyte.
    bytes(8 * limits.block)
    first, size = 1, limits.block
    while True:
        data = window.peek(size, fill=size > limits.block)
        end = data.rfind(b"\n") + 1
        if end == 0 and window.ended and len(data) <= limits.max_line:
            end = len(data)
            if end == 0:
                return
        if end:
            data = data if end == len(data) else data[:end]
            window.skip(end)
            ends = line_ends(data)
            yield first, data, ends
            first, size = first + ends, limits.block
        elif len(data) >= limits.max_line:
            too_long(first, _skip_line(window, limits.block))
            first, size = first + 1, limits.block
        elif len(data) >= size:
            size = min(size * 4, limits.max_line)
        else:
            size = max(size, limits.block + 1)


def line_ends(data: bytes) -> int:
    """How many line ends; `replace` finds them with memchr, seven times as fast as `count` does on lines of a log."""
    return len(data) - len(data.replace(b"\n", b""))


def _skip_line(window: Window, step: int) -> int:
    """Consume up to and with the next line end; the size of what was skipped."""
    skipped = 0
    while True:
        data = window.peek(step)
        end = data.find(b"\n") + 1
        window.skip(end or len(data))
        skipped += end or len(data)
        if end or (window.ended and not data):
            return skipped


class Spool:
    """Keeps data of inputs that can be read only once in anonymous temporary files, freed when no block needs them."""

    def __init__(self, file_size: int = 1024 * MIB) -> None:
        self._file_size = file_size
        self._file: SpoolFile | None = None

    def keep(self, data: bytes) -> Again:
        """Write `data` away; the answer reads it again. Raises SpaceError when the disk is full."""
        if self._file is None or self._file.size >= self._file_size:
            self._file = SpoolFile()
        return Again(self._file.read, self._file.write(data), len(data))


class SpoolFile:
    """One anonymous temporary file, written at its end and read anywhere."""

    def __init__(self) -> None:
        try:
            self._file = tempfile.TemporaryFile(buffering=0, prefix="exfilwatch-")  # noqa: SIM115 closed by finalize
        except OSError as error:
            raise _no_room(error) from error
        weakref.finalize(self, self._file.close)
        self.size = 0

    def write(self, data: bytes) -> int:
        """Append; the answer is where the data starts."""
        offset = self.size
        try:
            self._file.seek(offset)
            written = 0
            while written < len(data):
                written += self._file.write(memoryview(data)[written:])
        except OSError as error:
            raise _no_room(error) from error
        self.size += len(data)
        return offset

    def read(self, offset: int, size: int) -> bytes:
        """Up to `size` bytes from `offset`."""
        self._file.seek(offset)
        return self._file.read(size)


class View(io.RawIOBase):
    """A spooled file for libraries that want a file object; each view has a position of its own."""

    def __init__(self, file: SpoolFile) -> None:
        self._file = file
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        target = memoryview(buffer).cast("B")
        data = self._file.read(self._position, len(target))
        target[: len(data)] = data
        self._position += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._file.size}[whence]
        self._position = max(0, start + offset)
        return self._position

    def tell(self) -> int:
        return self._position


def _no_room(error: OSError) -> SpaceError:
    folder = tempfile.gettempdir()
    what = "is full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else f"can't be written ({error.strerror})"
    return SpaceError(
        f"the temporary directory {folder} {what}: compressed and piped input is kept there until it has been read a "
        "second time; set TMPDIR to a directory with more room, or unpack the input and give plain files"
    )


def read_again(path: Path, source: str, offset: int, size: int) -> bytes:
    """A part of a plain file once more. Raises SourceError when it is no longer there."""
    try:
        with path.open("rb", buffering=0) as file:
            file.seek(offset)
            data = file.read(size)
    except OSError as error:
        raise SourceError(f"{source}: can't be read a second time: {error.strerror}") from error
    if len(data) != size:
        raise SourceError(f"{source}: became shorter while it was being read; read it again when it is complete")
    return data
