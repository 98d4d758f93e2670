"""Texts that are written in base64 or hexadecimal digits, and what is packed within them."""

import binascii
import re
import zlib
from typing import Final

LARGEST: Final = 256 * 1024
"""Bytes that are unpacked at most."""

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]*={0,3}")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f]")
_SPACE = re.compile(r"\s+")
_MARKS: Final = ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"), (b"\xef\xbb\xbf", "utf-8"))


def unbase64(text: str) -> bytes | None:
    """The bytes that a base64 text stands for, also URL-safe or without its padding; None if it is none."""
    text = _SPACE.sub("", text)
    if not text or not _BASE64.fullmatch(text):
        return None
    text = text.rstrip("=").replace("-", "+").replace("_", "/")
    if len(text) % 4 == 1:
        return None
    try:
        return binascii.a2b_base64(text + "=" * (-len(text) % 4))
    except binascii.Error:
        return None


def unhex(text: str) -> bytes | None:
    """The bytes that hexadecimal digits stand for, also with blanks between; None if the text is something else."""
    try:
        return bytes.fromhex(text) or None
    except ValueError:
        return None


def unpacked(data: bytes) -> bytes | None:
    """What gzip, zlib or a raw deflate stream holds, as far as it is whole; None if it is none of them."""
    for bits in (47, -15):
        reading = zlib.decompressobj(bits)
        try:
            found = reading.decompress(data, LARGEST)
        except zlib.error:
            continue
        if found:
            return found
    return None


def text_of(data: bytes) -> str:
    """Bytes as text: UTF-16 if they look so, as PowerShell's encoded commands do, else UTF-8, else Latin-1; what is
    text in none of them as PowerShell takes it, as UTF-16."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace")
    sample = data[:512]
    if len(sample) > 1 and sample[1::2].count(0) * 2 > len(sample) // 2:
        return data[: len(data) // 2 * 2].decode("utf-16-le", "replace")
    try:
        return data.decode()
    except UnicodeDecodeError:
        found = data.decode("latin-1")
        return data[: len(data) // 2 * 2].decode("utf-16-le", "replace") if _CONTROL.search(found) else found
