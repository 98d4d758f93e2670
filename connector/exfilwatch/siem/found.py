"""Which files there are now, below paths, folders and patterns, and which of them are one log."""

import glob
import itertools
import os
import re
import stat
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import NamedTuple

from exfilwatch.events.event import Origin
from exfilwatch.events.report import Report, printable

_LONGEST_NAME = 1000
NO_PERMISSION = "no permission to read it"
# What logrotate, auditd and Zeek's like put behind a log's name: .1, .2.gz, -20260312, -20260312-1773306842.gz
_ROTATED = re.compile(rb"(?:[.-]\d[\d.TZ_-]{0,40})?(?:\.gz)?\Z")
_TURNS = re.compile(rb"\.(\d{1,4})(?:\.gz)?\Z")


class Seen(NamedTuple):
    """A regular file as it is now. `path` in bytes, as names of files need not be text; `changed` in ns since 1970."""

    path: bytes
    device: int
    inode: int
    size: int
    changed: int


class Found(NamedTuple):
    """The files by path; `blind` are folders and paths of which nothing can be said now."""

    files: dict[bytes, Seen]
    blind: tuple[bytes, ...]

    def is_blind(self, path: bytes) -> bool:
        """Whether the file may be there all the same."""
        return any(path == folder or path.startswith(folder.rstrip(b"/") + b"/") for folder in self.blind)


def shown(path: bytes) -> str:
    """A name for people, and for an event's Origin."""
    return printable(os.fsdecode(path), _LONGEST_NAME)


def unreadable(error: OSError) -> tuple[str, str]:
    """Why a file can't be read, and the detail, for a report."""
    if isinstance(error, PermissionError):
        return f"{NO_PERMISSION}: give the account that polls the right to (r), and to enter its folder (x)", ""
    return "can't be read now and will be tried again", error.strerror or str(error)


def found(paths: Iterable[str], report: Report) -> Found:
    """The regular files of `paths`, each once, whatever number of names it has; what can't be seen is reported."""
    files: dict[bytes, Seen] = {}
    once: set[tuple[int, int]] = set()
    blind: list[bytes] = []
    for path in paths:
        for name in _named(os.fsencode(path), report, blind):
            seen = _seen(name, report, blind)
            if seen is not None and (seen.device, seen.inode) not in once:
                once.add((seen.device, seen.inode))
                files[name] = seen
    return Found(files, tuple(blind))


def seen_at(path: bytes) -> Seen | None:
    """The regular file at `path`; None when there is none. Raises OSError when that can't be told."""
    try:
        status = os.stat(path)  # noqa: PTH116 a Path holds no name that is not text
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    return Seen(path, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


class Folders:
    """What is in folders, each listed once."""

    def __init__(self) -> None:
        self._names: dict[bytes, list[bytes]] = {}

    def beside(self, path: bytes) -> Iterator[Seen]:
        """The files beside `path` whose names begin as that of its log does: where rotation puts them."""
        folder, name = os.path.split(path)
        begin = _ROTATED.sub(b"", name) or name
        names = self._listed(folder)
        for other in itertools.takewhile(lambda other: other.startswith(begin), names[bisect_left(names, begin) :]):
            with suppress(OSError):
                seen = seen_at(os.path.join(folder, other))  # noqa: PTH118
                if seen is not None:
                    yield seen

    def _listed(self, folder: bytes) -> list[bytes]:
        if folder not in self._names:
            try:
                self._names[folder] = sorted(os.listdir(folder))  # noqa: PTH208
            except OSError:
                self._names[folder] = []
        return self._names[folder]


def log_of(path: bytes) -> bytes:
    """The name that a log has while it is written to, of one that may have been rotated; often `path` itself."""
    folder, name = os.path.split(path)
    return os.path.join(folder, _ROTATED.sub(b"", name) or name)  # noqa: PTH118


def by_age(seen: Seen) -> tuple[int, int]:
    """A key to sort files of one log by, the oldest first; among equals, the one that was rotated more often."""
    turns = _TURNS.search(seen.path)
    return seen.changed, -int(turns[1]) if turns else 0


def _named(path: bytes, report: Report, blind: list[bytes]) -> Iterator[bytes]:
    if os.path.isdir(path):  # noqa: PTH112
        yield from _below(path, report, blind)
    elif glob.has_magic(path) and not os.path.lexists(path):
        for name in sorted(glob.glob(path, recursive=True)):  # noqa: PTH207
            yield from _below(name, report, blind) if os.path.isdir(name) else [name]  # noqa: PTH112
    else:
        yield path


def _below(folder: bytes, report: Report, blind: list[bytes]) -> Iterator[bytes]:
    """Files whose names begin with a dot are left out: rsync and others write there what is not yet complete."""

    def failed(error: OSError) -> None:
        blind.append(os.fsencode(error.filename))
        report.unreadable(
            Origin(shown(os.fsencode(error.filename))),
            "a folder that can't be listed: give the account the rights to read and enter it (r and x)",
            error.strerror or "",
        )

    for where, folders, names in os.walk(folder, onerror=failed):
        folders.sort()
        for name in sorted(names):
            if not name.startswith(b"."):
                yield os.path.join(where, name)  # noqa: PTH118


def _seen(path: bytes, report: Report, blind: list[bytes]) -> Seen | None:
    try:
        seen = seen_at(path)
    except OSError as error:
        blind.append(path)
        report.unreadable(Origin(shown(path)), *unreadable(error))
        return None
    if seen is None and os.path.exists(path):  # noqa: PTH110
        report.problem(Origin(shown(path)), "is neither a file nor a folder and is not followed")
    elif seen is None and not os.path.islink(path):  # noqa: PTH114
        report.problem(Origin(shown(path)), "there is no such file yet: it will be read when there is")
    return seen
