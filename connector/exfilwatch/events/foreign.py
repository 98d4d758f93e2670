"""What a file is, by its first bytes, when it is neither lines of text nor EVTX."""

from exfilwatch.events import layout

# Where, which bytes, and what it is.
_MAGIC = (
    (0, b"BZh", "bzip2"),
    (0, b"\xfd7zXZ\x00", "xz"),
    (0, b"\x28\xb5\x2f\xfd", "zstandard"),
    (0, b"7z\xbc\xaf\x27\x1c", "7z"),
    (0, b"Rar!\x1a\x07", "RAR"),
    (257, b"ustar", "tar"),
    (0, b"PAR1", "Parquet"),
    (0, b"SQLite format 3\x00", "SQLite"),
    (0, b"LfLe", "old EVT"),
    (4, b"LfLe", "old EVT"),
)


def foreign(head: bytes) -> str:
    """The name of a format that is not read; "" when it is none of these."""
    return next((what for offset, magic, what in _MAGIC if head.startswith(magic, offset)), "")


def is_binary(head: bytes) -> bool:
    """Zeros from the first line on; further down they may be what a crash left in a log."""
    zeros = b"\0" in head[:512].partition(b"\n")[0] and head.count(b"\0") * 10 > len(head)
    return zeros and layout.encoding(head) != "utf-16"


def is_gzip(head: bytes) -> bool:
    return head.startswith(b"\x1f\x8b\x08")


def is_zip(head: bytes) -> bool:
    return head.startswith((b"PK\x03\x04", b"PK\x05\x06"))
