"""Where the servers keep what arrives and what they give, and how what arrived is looked through."""

import base64
import binascii
import io
import quopri
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path

_TEXT = re.compile(rb"[A-Za-z0-9+/_-]{24,}={0,2}")
_HEX = re.compile(rb"(?:[0-9A-Fa-f]{2}){16,}")
_BREAK = re.compile(rb"\r?\n")
_ZIP = b"PK\x03\x04"
_GZIP = b"\x1f\x8b\x08"


class Place:
    """`arrived` is what was sent, `stock` what can be fetched: a file TOKEN.csv for each case that fetches."""

    def __init__(self, folder: Path) -> None:
        self.arrived = folder / "arrived"
        self.stock = folder / "stock"
        for each in (self.arrived, self.stock):
            each.mkdir(parents=True, exist_ok=True)
        self._numbers = count(1)

    def keep(self, data: bytes) -> None:
        """Keeps the bytes of one request, connection or message, if there are any."""
        if data:
            (self.arrived / f"received-{next(self._numbers)}").write_bytes(data)

    def given(self, path: str) -> bytes | None:
        """The bytes of the file of that name, wherever the path says it is; None when there is none."""
        file = self.stock / path.partition("?")[0].rpartition("/")[2]
        return file.read_bytes() if file.is_file() else None


def readings(data: bytes) -> Iterator[bytes]:
    """The bytes as they are, and as they were before the encodings of mail, DNS labels, archives and the like."""
    yield data
    joined = _BREAK.sub(b"", data)
    for place in (data.find(_GZIP), 0 if data[:1] == b"\x78" else -1):
        if place >= 0:
            with suppress(zlib.error):
                yield zlib.decompressobj(47).decompress(data[place:])
    if data[:4] == _ZIP:
        with suppress(zipfile.BadZipFile), zipfile.ZipFile(io.BytesIO(data)) as packed:
            yield b"".join(packed.read(name) for name in packed.namelist())
    for found in _HEX.findall(joined):
        yield binascii.unhexlify(found)
    for found in _TEXT.findall(joined):
        letters = found.rstrip(b"=").translate(bytes.maketrans(b"+/", b"-_"))
        for start in range(4):  # other text, of a header, may run into it
            whole = letters[start : start + (len(letters) - start) // 4 * 4]
            yield base64.urlsafe_b64decode(whole)
    yield quopri.decodestring(data)


def tokens(folder: Path, pattern: re.Pattern[bytes], read: dict[Path, int]) -> set[str]:
    """All that `pattern` finds in a folder's files, however encoded; not again in what is `read`, of the same size."""
    found: set[str] = set()
    for file in folder.rglob("*"):
        if file.is_file() and read.get(file) != (size := file.stat().st_size):
            read[file] = size
            for reading in readings(file.read_bytes()):
                found |= {token.decode() for token in pattern.findall(reading)}
    return found
