"""What is in a followed file: its bytes, unpacked where it is gzip, and whether they are lines that can be followed."""

import codecs
import gzip
import os
import zlib
from io import FileIO
from types import TracebackType
from typing import Self

import msgspec

from exfilwatch.events import evtx, layout
from exfilwatch.events.foreign import foreign, is_binary, is_gzip, is_zip
from exfilwatch.events.limits import Expansion, InputError, Limits
from exfilwatch.siem.found import Seen

HEAD = 64 << 10
"""Bytes that are enough to tell how a text lies."""


class Content:
    """The bytes of a file as far as they were there when it was seen. `cut`: a gzip file that has no end, yet.

    Raises OSError, also when another file is at the path by now; InputError for damaged gzip data.
    """

    def __init__(self, seen: Seen, limits: Limits) -> None:
        # Without O_NONBLOCK, a pipe that took the file's place would be waited for.
        self._file = os.fdopen(os.open(seen.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb", buffering=0)
        status = os.fstat(self._file.fileno())
        if (status.st_dev, status.st_ino) != (seen.device, seen.inode):
            self._file.close()
            raise FileNotFoundError(None, "another file is there by now", seen.path)
        self.cut = False
        self.packed = is_gzip(os.pread(self._file.fileno(), 3, 0))
        self._expansion = Expansion(limits, seen.size)
        self._unpacked = gzip.GzipFile(fileobj=self._file) if self.packed else None
        self._size = seen.size

    def read(self, size: int) -> bytes:
        """`size` of the next bytes, fewer only at the end."""
        if self._unpacked is None:
            return self._plain(self._file, size)
        parts: list[bytes] = []
        while size > 0 and (part := self._unpack(self._unpacked, size)):
            self._expansion.spend(len(part))
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def seek(self, offset: int) -> None:
        """Go on from `offset` in the unpacked bytes."""
        if self._unpacked is None:
            self._file.seek(offset)
            return
        try:
            self._unpacked.seek(offset)
        except EOFError:
            self.cut = True
        except (gzip.BadGzipFile, zlib.error) as error:
            raise _damaged(error) from error

    def ended(self, offset: int) -> bool:
        """Whether nothing is left at `offset`; of what is packed that is only told by reading."""
        return self._unpacked is None and offset >= self._size

    def _plain(self, file: FileIO, size: int) -> bytes:
        left = max(0, self._size - file.tell())
        return file.read(min(size, left))

    def _unpack(self, unpacked: gzip.GzipFile, size: int) -> bytes:
        if self.cut:
            return b""
        try:
            return unpacked.read1(size)
        except EOFError:
            self.cut = True
            return b""
        except (gzip.BadGzipFile, zlib.error) as error:
            raise _damaged(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._unpacked is not None:
            self._unpacked.close()
        self._file.close()


def _damaged(error: Exception) -> InputError:
    return InputError("the gzip data are damaged; what came before was read", str(error))


def unfollowable(head: bytes) -> str | None:
    """What a text is that can't be followed line by line, "" for one that can; None: too little is there to tell.

    `head`: its first bytes, up to HEAD of them.
    """
    if head.startswith(evtx.MAGIC):
        return "an EVTX file"
    if is_zip(head):
        return "a zip archive"
    if is_gzip(head):
        return "gzip within gzip"
    if what := foreign(head):
        return f"a {what} file"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "text in UTF-16"
    whole, end, _ = head.rpartition(b"\n")
    if not end:
        return None if len(head) < HEAD else "a binary file" if is_binary(head) else ""
    if is_binary(head):
        return "a binary file"
    return _lying(whole.removeprefix(codecs.BOM_UTF8).lstrip())


def _lying(text: bytes) -> str | None:
    found = layout.layout(text)
    if found in ("lines", "rows"):
        return ""
    if found == "xml":
        return "XML over several lines"
    line, end, _ = text.partition(b"\n")
    try:
        msgspec.json.decode(line, type=msgspec.Raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # One line of JSON that is broken may be followed by others: only a second one tells.
        return "JSON over several lines" if end else None
    return ""
