"""What is known of each followed file, and by what it is known again under another name, or packed.

Neither a name nor an inode says which file it is: rotation gives the name away, and the system the inode, at once. So
a file is known by what was read of it, its first and its last bytes.
"""

from collections.abc import Iterable
from hashlib import blake2b
from typing import Literal

import msgspec

from exfilwatch.events.limits import InputError, Limits
from exfilwatch.siem.contents import Content
from exfilwatch.siem.found import Seen
from exfilwatch.structs import ready

MARK = 1024
"""Bytes at both ends of what was read."""


class Followed(msgspec.Struct, array_like=True):
    """A file, read up to `offset` of its (unpacked) bytes, which are `lines` lines.

    `log`: the name of the log that it is a part of. `device`, `inode`, `size`, `changed`: as it was when all of it had
    been read (`size` -1: that was not yet). `head`, `tail`: digests of the ends of what was read. `long`: the size so
    far of a line that is too long and being skipped. `unfinished`: a line, or what is packed, has no end yet. `quiet`:
    it was said that nothing was written for some seconds. `ended`: nothing will be. `refused`: can't be followed.
    `copy`: of another file.
    """

    path: bytes
    log: bytes
    device: int
    inode: int
    size: int = -1
    changed: int = 0
    offset: int = 0
    lines: int = 0
    head: bytes = b""
    tail: bytes = b""
    long: int = 0
    unfinished: bool = False
    quiet: bool = False
    ended: bool = False
    refused: bool = False
    copy: bool = False

    def is_at(self, seen: Seen) -> bool:
        """Whether its inode is that of `seen`, which may also be a later file's."""
        return (self.device, self.inode) == (seen.device, seen.inode)

    def is_as_before(self, seen: Seen) -> bool:
        """Whether nothing was written since all of it had been read."""
        return self.is_at(seen) and (self.size, self.changed) == (seen.size, seen.changed)

    def moved(self, seen: Seen) -> None:
        """It is now there."""
        if not self.is_at(seen):
            self.size, self.copy = -1, False
        self.path, self.device, self.inode = seen.path, seen.device, seen.inode

    def unchanged_since(self, seen: Seen) -> None:
        """All of `seen` has been read."""
        self.size, self.changed = seen.size, seen.changed


class Marks:
    """The first and last bytes of what was read."""

    def __init__(self, head: bytes = b"", tail: bytes = b"") -> None:
        self._head = head
        self._tail = tail

    @classmethod
    def of(cls, content: Content, offset: int) -> "Marks":
        """Those of the first `offset` bytes, after which `content` then goes on."""
        size = min(offset, MARK)
        content.seek(0)
        head = content.read(size)
        content.seek(offset - size)
        return cls(head, content.read(size))

    def add(self, data: bytes) -> None:
        """What was read next."""
        self._head += data[: MARK - len(self._head)]
        self._tail = data[-MARK:] if len(data) >= MARK else (self._tail + data)[-MARK:]

    def sign(self, followed: Followed) -> None:
        """Keep them as digests."""
        followed.head, followed.tail = digest(self._head), digest(self._tail)

    def are_of(self, followed: Followed) -> bool:
        """Whether this is what was read of it."""
        return followed.offset == 0 or (digest(self._head), digest(self._tail)) == (followed.head, followed.tail)


def digest(data: bytes) -> bytes:
    return blake2b(data, digest_size=8).digest()


def holds(seen: Seen, followed: Followed, limits: Limits) -> bool:
    """Whether `seen` begins with what was read of a file. Raises OSError, InputError."""
    if followed.offset == 0:
        return False
    with Content(seen, limits) as content:
        if not content.packed and seen.size < followed.offset:
            return False
        return Marks.of(content, followed.offset).are_of(followed)


def is_copy(seen: Seen, of: Seen, limits: Limits) -> bool:
    """Whether all that is in `seen` is also in `of`. Raises OSError, InputError."""
    with Content(seen, limits) as content, Content(of, limits) as other:
        while data := content.read(limits.block):
            if other.read(len(data)) != data:
                return False
        return True


class Book:
    """The files that are followed, by path, and the position that they make: bytes that can be stored."""

    def __init__(self, position: bytes | None) -> None:
        """Raises msgspec.DecodeError for what is no position, or one of another version."""
        self.files: dict[bytes, Followed] = {}
        self._packed: dict[bytes, bytes] = {}
        self._begins: dict[bytes, tuple[int, bytes]] = {}
        self._alike: dict[int, dict[bytes, list[bytes]]] = {}
        self._by_log: dict[bytes, dict[bytes, Followed]] = {}
        if position is not None:
            _, followed = msgspec.msgpack.decode(position, type=ready(tuple[Literal[1], list[Followed]]))
            for each in followed:
                self.put(each)

    def put(self, followed: Followed) -> None:
        """Keep what is known of a file now."""
        packed = msgspec.msgpack.encode(followed)
        if self.files.get(followed.path) is followed and self._packed[followed.path] == packed:
            return
        self.drop(followed.path)
        self.files[followed.path] = followed
        self._by_log.setdefault(followed.log, {})[followed.path] = followed
        self._packed[followed.path] = packed
        size = min(followed.offset, MARK)
        if size and not followed.copy:
            self._begins[followed.path] = size, followed.head
            self._alike.setdefault(size, {}).setdefault(followed.head, []).append(followed.path)

    def drop(self, path: bytes) -> None:
        """Forget a file."""
        followed = self.files.pop(path, None)
        if followed is None:
            return
        del self._packed[path]
        del self._by_log[followed.log][path]
        if not self._by_log[followed.log]:
            del self._by_log[followed.log]
        size, head = self._begins.pop(path, (0, b""))
        if size:
            paths = self._alike[size][head]
            paths.remove(path)
            if not paths:
                del self._alike[size][head]

    def begin_like(self, head: bytes) -> list[Followed]:
        """The files of which something was read that begins with these bytes, or with as many of them as were read."""
        return [
            self.files[path]
            for size, by_digest in self._alike.items()
            if size <= len(head)
            for path in by_digest.get(digest(head[:size]), ())
        ]

    def logs(self) -> set[bytes]:
        return set(self._by_log)

    def of_log(self, log: bytes) -> Iterable[Followed]:
        return self._by_log.get(log, {}).values()

    def position(self) -> bytes:
        """A pair of version and files in MessagePack; files are packed only when they change, for there may be many."""
        packed = self._packed.values()
        return b"\x92\x01\xdd" + len(packed).to_bytes(4, "big") + b"".join(packed)


class Heads:
    """Files by their first bytes, to find the few that may hold what was read of another."""

    def __init__(self, files: Iterable[Seen], limits: Limits) -> None:
        self._heads: list[tuple[Seen, bytes]] = []
        self._by_digest: dict[int, dict[bytes, list[Seen]]] = {}
        for seen in files:
            try:
                with Content(seen, limits) as content:
                    self._heads.append((seen, content.read(MARK)))
            except (OSError, InputError):
                continue  # it will be reported when it is read

    def like(self, followed: Followed) -> list[Seen]:
        """Those that begin as `followed` does."""
        size = min(followed.offset, MARK)
        if size not in self._by_digest:
            by_digest = self._by_digest[size] = {}
            for seen, head in self._heads:
                if len(head) >= size:
                    by_digest.setdefault(digest(head[:size]), []).append(seen)
        return self._by_digest[size].get(followed.head, []) if size else []
