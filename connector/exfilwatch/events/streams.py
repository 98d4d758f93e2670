"""Streams: bytes that come out of an archive, a pipe or a file that is not read as lines, as chunks.

Damage ends a stream after all that was whole before it. What archives unpack to is counted (limits.Expansion).
"""

import lzma
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from exfilwatch.events.blocks import SpoolFile
from exfilwatch.events.layout import surely_lines
from exfilwatch.events.limits import Expansion, InputError, Limits

HEAD = 64 << 10
_CHUNK = 256 << 10

Chunks = Callable[[], Iterator[bytes]]


@dataclass(frozen=True)
class Stream:
    """Bytes that are not lines of a plain file.

    `chunks` starts them anew, or goes on with them when they come only `once`. `layers` are the packings around them.
    """

    name: str
    chunks: Chunks
    expansion: Expansion
    layers: tuple[str, ...] = ()
    size: int | None = None
    once: bool = False


def file_chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(_CHUNK):
            yield chunk


def pipe(read: Callable[[int], bytes]) -> Iterator[bytes]:
    """What is there at each time, without waiting for more."""
    while chunk := read(_CHUNK):
        yield chunk


def piped(name: str, chunks: Iterator[bytes], limits: Limits) -> Stream:
    return Stream(name, lambda: chunks, Expansion(limits), once=True)


def peek(stream: Stream) -> tuple[bytes, Stream]:
    """The first bytes of a stream, and the stream with these still to come, and the damage that may follow them.

    Of a pipe no more than what tells that it has lines: the next one may come much later.
    """
    damage: list[InputError] = []
    chunks = stream.chunks()
    head = b""
    for chunk in until_damage(chunks, damage):
        head += chunk
        if len(head) >= HEAD or (stream.once and surely_lines(head)):
            break
    if not stream.once:
        stream.expansion.spend(-len(head))
        return head, stream

    def rest() -> Iterator[bytes]:
        yield head
        yield from chunks
        if damage:
            raise damage[0]

    again = rest()
    return head, replace(stream, chunks=lambda: again)


def until_damage(chunks: Iterator[bytes], damage: list[InputError]) -> Iterator[bytes]:
    """The chunks up to an error, which is put into `damage`, so that what is whole gets through first.

    As a new error, since the frames that the old one holds keep files open. Not `yield from`, which would close
    `chunks` when a reader stops early, and `peek` goes on with them.
    """
    try:
        for chunk in chunks:  # noqa: UP028 (see above)
            yield chunk
    except InputError as error:
        damage.append(InputError(error.why, error.detail))
    except OSError as error:
        damage.append(InputError("can't be read", error.strerror or str(error)))


def unpacked(stream: Stream) -> Stream:
    def chunks() -> Iterator[bytes]:
        return _gunzip(stream.chunks(), stream.expansion, counted=stream.once)

    layers = (*stream.layers, "gzip")
    if not stream.once:
        return Stream(stream.name, chunks, stream.expansion, layers)
    once = chunks()
    return Stream(stream.name, lambda: once, stream.expansion, layers, once=True)


def spooled(stream: Stream) -> SpoolFile:
    """The stream's bytes in a temporary file, for formats that are not read from front to back."""
    file = SpoolFile()
    for chunk in stream.chunks():
        file.write(chunk)
    return file


def member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, expansion: Expansion) -> Chunks:
    def chunks() -> Iterator[bytes]:
        with zip_damage(), archive.open(member) as file:
            while chunk := file.read(_CHUNK):
                expansion.spend(len(chunk))
                yield chunk

    return chunks


def _gunzip(chunks: Iterable[bytes], expansion: Expansion, *, counted: bool) -> Iterator[bytes]:
    """What gzip members, one after the other, unpack to; all that was whole comes before an error.

    `counted`: the packed size is not known beforehand.
    """
    unpacker = zlib.decompressobj(wbits=31)
    for chunk in chunks:
        if counted:
            expansion.grow(len(chunk))
        left = chunk
        while left:
            if unpacker.eof:
                left = left.lstrip(b"\0")
                if not left:
                    break
                unpacker = zlib.decompressobj(wbits=31)
            try:
                data = unpacker.decompress(left, _CHUNK)
            except zlib.error as error:
                raise InputError("the gzip data are damaged; what came before was read", str(error)) from error
            expansion.spend(len(data))
            if data:
                yield data
            left = unpacker.unused_data or unpacker.unconsumed_tail
    if not unpacker.eof:
        raise InputError("the gzip file is truncated; what is there was read")


@contextmanager
def zip_damage() -> Iterator[None]:
    """zipfile raises many kinds of errors for damaged archives: as InputError."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, ValueError, RuntimeError, struct.error) as error:
        if isinstance(error, NotImplementedError):
            raise InputError("is packed by a method unknown here: unpack it first", str(error)) from error
        raise InputError("the zip archive is damaged or truncated", str(error)) from error
