"""What a SIEM is to the poller: something that gives the records of an interval, whole or not at all.

A client is found by its `kind` among the entry points of the group `exfilwatch.siem`; others may add theirs.
"""

from collections.abc import AsyncGenerator, Sequence
from enum import StrEnum
from typing import ClassVar, Protocol, runtime_checkable

import msgspec

from exfilwatch.detection.rule import Rule
from exfilwatch.siem.connection import Connection

SECOND = 1_000_000
"""Microseconds: all times here are in these, since 1970 UTC."""


class Clock(StrEnum):
    """By which time records are asked for: when the SIEM took them in, or when what they tell of happened."""

    INGEST = "ingest"
    EVENT = "event"


class Near(msgspec.Struct, frozen=True, order=True):
    """A host (as `Computer` names it) and a span of event time, both ends included."""

    host: str
    low: int
    high: int


class Ask(msgspec.Struct, frozen=True):
    """Which records are wanted: those that fulfil all of this.

    `low` <= time < `high` by `clock` (None: no bound). `rules`: at least what may fulfil one of these (a superset);
    None: every record. `near`: records of some of these hosts and spans of event time; empty: of any.
    `hosts`, `users`: at least the records of one of these, however it is written there (siem/queries/whose.py); empty:
    of any. `starts`: of the records, what they tell of the start of a process is enough: host, time, process and parent
    (trees.TOLD). `once`: of the records that are alike in their host, these fields and all that `rules` look at, the
    first and the last are enough.

    Of starts only, and asked of those who can be asked `by_guid`: `guids`: of all starts, those that name one of these
    (related.py) as their own or their parent's are enough. `unnamed`: those that do not show both GUIDs are enough.
    """

    clock: Clock
    low: int | None = None
    high: int | None = None
    rules: tuple[Rule, ...] | None = None
    near: tuple[Near, ...] = ()
    hosts: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    starts: bool = False
    once: tuple[str, ...] = ()
    guids: tuple[str, ...] = ()
    unnamed: bool = False


class Capabilities(msgspec.Struct, frozen=True):
    """What a SIEM can do.

    `ingest_time`: it knows when it took a record in, and can be asked by that. `settle`: µs after this time until the
    record is surely found. `step`: µs, the least difference of times that it can be asked for. `cap`: records that one
    answer can have at most (None: any number); `pages`: more records than that of one step can be paged through.
    `partial`: how it says that an answer is not whole. `aggregation`, `cancel`: it can count, and end a query.
    `most_near`: hosts and spans in one query. `slice`: µs, the longest interval that it is best asked for at once.
    `by_guid`: it can be asked for the starts of processes that name some GUIDs.
    """

    ingest_time: bool
    settle: int
    step: int
    cap: int | None
    pages: bool
    partial: str
    aggregation: bool
    cancel: bool
    most_near: int
    slice: int = 3600 * SECOND
    by_guid: bool = False


class Place(msgspec.Struct, frozen=True):
    """An index or table: `records` and `newest` (µs, event time) where they are known, `problem` with the next step."""

    name: str
    records: int | None = None
    newest: int | None = None
    problem: str = ""


class Traffic(msgspec.Struct):
    """What has gone over the wire so far: requests sent, bytes of answers received (as sent, compressed), retries."""

    requests: int = 0
    bytes: int = 0
    retries: int = 0


@runtime_checkable
class Siem(Protocol):
    """One SIEM, as configured under `name`. Errors are SourceErrors, which say what to change.

    AuthError: wrong or missing credentials or rights. Unreachable: no answer, in time. RateLimited: told to wait.
    PartialResult: the answer is cut or parts of the SIEM did not answer; what was yielded before it is true, not whole.
    `capabilities` may depend on what is in the SIEM: they hold once `now` has been asked.
    """

    kind: ClassVar[str]
    Settings: ClassVar[type[Connection]]
    name: str
    settings: Connection
    capabilities: Capabilities
    traffic: Traffic

    async def now(self) -> int:
        """The SIEM's own clock, µs."""
        ...

    def fetch(self, ask: Ask) -> AsyncGenerator[Sequence[bytes], None]:
        """The records of `ask`, in any order, in batches: each record one JSON object that a field map recognises.

        Ends normally only when every record was yielded. Doubles are allowed.
        """
        ...

    def query(self, rules: Sequence[Rule]) -> str:
        """The query for `rules` as a person would paste it into this SIEM; without a look at the server."""
        ...

    async def places(self) -> list[Place]:
        """The indices or tables that the settings name, as this account sees them."""
        ...

    async def close(self) -> None:
        """End what is still running, and the connections."""
        ...
