"""Hits: what member rules of a correlation fired on, held in bounded memory until the correlation is evaluated."""

import itertools
import json
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from operator import attrgetter, itemgetter
from pathlib import Path
from types import TracebackType
from typing import Self, TypeAlias

import msgspec

from exfilwatch.detection.trees import Kin
from exfilwatch.errors import SpaceError

Scalar: TypeAlias = str | int | float | bool | None


class Hit(msgspec.Struct, frozen=True):
    """One member rule of one correlation fired on one event.

    `rule` is the member's id (`correlation_plan.member_id`), `group` the group-by values in the correlation's order,
    `time` microseconds UTC, `event` the event's identity, `value` the value of each field of the condition (None:
    the event has none). `record` is the caller's: how to get the event back; the same bytes for all hits of one event,
    of which all have its time.
    `kin` is what the event tells of its process, for correlations that ask for it.
    """

    rule: str
    group: tuple[str, ...]
    time: int
    event: str
    value: tuple[Scalar, ...] = ()
    record: bytes = b""
    kin: Kin | None = None


in_order = attrgetter("time", "event", "rule")


def group_key(group: tuple[str, ...]) -> str:
    """A text for each group and no other; ASCII, so that Python and SQLite order it alike, whatever is in it."""
    return json.dumps(group)


def _size(hit: Hit) -> int:
    """Characters and bytes that the senders of events control, but for the record."""
    texts = sum(len(value) for value in hit.value if isinstance(value, str)) + sum(map(len, hit.group))
    kin = sum(len(value) for value in hit.kin if isinstance(value, str)) if hit.kin else 0
    return len(hit.event) + texts + kin


class HitStore:
    """Hits by correlation and group. Beyond `max_hits`, or `max_bytes` of records and values, they go to disk.

    The disk part is a private SQLite file below `directory` (default: `tempfile.gettempdir()`), gone after `close`.
    A store that spilled gives exactly what one in memory gives; only a group that is being read is whole in memory.
    Hits of one correlation may be added while the groups of another are read: a match of an inner correlation is a
    hit of the outer one. A disk that is full or can't be written is a SpaceError.
    """

    def __init__(self, *, max_hits: int = 200_000, max_bytes: int = 64 * 2**20, directory: str | None = None) -> None:
        self._max_hits = max_hits
        self._max_bytes = max_bytes
        self._directory = directory or tempfile.gettempdir()
        self._held: dict[str, dict[tuple[str, ...], list[Hit]]] = {}
        self._records: set[int] = set()  # those held: hits of one event share its record
        self._hits = 0
        self._bytes = 0
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._database: sqlite3.Connection | None = None

    @property
    def spilled(self) -> bool:
        """Whether some hits are on disk."""
        return self._database is not None

    def add(self, correlation: str, hit: Hit) -> None:
        """Keep a hit of a member of `correlation`. Doubles may be added: `correlate.matches` counts them once."""
        self._held.setdefault(correlation, {}).setdefault(hit.group, []).append(hit)
        self._hits += 1
        self._bytes += _size(hit)
        if id(hit.record) not in self._records:
            self._records.add(id(hit.record))
            self._bytes += len(hit.record)
        if self._hits > self._max_hits or self._bytes > self._max_bytes:
            self._spill()

    def groups(self, correlation: str) -> Iterator[tuple[tuple[str, ...], list[Hit]]]:
        """Each group of a correlation, in the order of `group_key`, with its hits by time, event and rule."""
        if self._database is not None and self._hits:
            self._spill()
        found = (
            self._on_disk(self._database, correlation) if self._database is not None else self._in_memory(correlation)
        )
        for group, hits in found:
            yield group, sorted(hits, key=attrgetter("time", "event", "rule", "record"))

    def _in_memory(self, correlation: str) -> Iterator[tuple[tuple[str, ...], list[Hit]]]:
        groups = self._held.get(correlation, {})
        for group in sorted(groups, key=group_key):
            yield group, groups[group]

    def _on_disk(self, database: sqlite3.Connection, correlation: str) -> Iterator[tuple[tuple[str, ...], list[Hit]]]:
        query = "SELECT grp, hit, record FROM hit WHERE correlation = ? ORDER BY grp"
        try:
            with closing(database.execute(query, (json.dumps(correlation),))) as rows:
                for key, members in itertools.groupby(rows, key=itemgetter(0)):
                    group = tuple(json.loads(key))
                    yield group, [_hit(group, packed, record) for _, packed, record in members]
        except sqlite3.Error as error:
            raise self._unusable(error) from error

    def _spill(self) -> None:
        rows = (
            (json.dumps(correlation), key, json.dumps((hit.rule, hit.time, hit.event, hit.value, hit.kin)), hit.record)
            for correlation, groups in sorted(self._held.items())
            for key, hits in sorted((group_key(group), hits) for group, hits in groups.items())
            for hit in hits
        )
        try:
            if self._database is None:
                self._database = self._open()
            with self._database:
                self._database.executemany("INSERT INTO hit VALUES (?, ?, ?, ?)", rows)
        except (OSError, sqlite3.Error) as error:
            raise self._unusable(error) from error
        self._held = {}
        self._records = set()
        self._hits = self._bytes = 0

    def _open(self) -> sqlite3.Connection:
        self._folder = tempfile.TemporaryDirectory(prefix="exfilwatch-", dir=self._directory)
        database = sqlite3.connect(Path(self._folder.name) / "hits.sqlite")
        # Nobody reads the file after a crash, so it needs no journal and no fsync.
        database.executescript(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE;"
            "CREATE TABLE hit (correlation TEXT, grp TEXT, hit TEXT, record BLOB);"
            "CREATE INDEX by_group ON hit (correlation, grp);"
        )
        return database

    def _unusable(self, error: Exception) -> SpaceError:
        return SpaceError(
            f"The hits of correlations don't fit in memory and can't be kept in {self._directory}: {error}. "
            "Free space there, set TMPDIR to a larger disk, or read a shorter time (--since, --until)."
        )

    def close(self) -> None:
        """Forget everything and delete the file."""
        self._held = {}
        self._records = set()
        self._hits = self._bytes = 0
        if self._database is not None:
            self._database.close()
            self._database = None
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _hit(group: tuple[str, ...], packed: str, record: bytes) -> Hit:
    rule, time, event, value, kin = json.loads(packed)
    return Hit(rule, group, time, event, tuple(value), record, Kin(*kin) if kin else None)
