"""The event model: what every reader makes and every rule sees."""

from typing import TypeAlias

import msgspec

Value: TypeAlias = "str | int | float | bool | list[Value] | dict[str, Value] | None"


class Origin(msgspec.Struct, frozen=True):
    """Where an event came from: `source` is a path, `archive.zip!member`, or `-`; `line` the 1-based line or record."""

    source: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.source}:{self.line}" if self.line else self.source


class Event(msgspec.Struct):
    """One record of telemetry in Sigma's terms.

    `time` and `ingest_time` are microseconds since 1970-01-01 UTC (None: the record names none).
    `id` is stable: the same record read again, in any run, has the same id.
    `fields` has Sigma's names for the event's category (Image, CommandLine, DestinationIp, ...);
    `raw` has the record's own names (NewProcessName, ...), which rules of a `service` see first.
    """

    shape: str
    category: str
    product: str
    service: str
    time: int | None
    ingest_time: int | None
    host: str | None
    id: str
    origin: Origin
    fields: dict[str, Value]
    raw: dict[str, Value]

    def get(self, name: str) -> Value:
        """The value that a rule of the event's category sees under `name`; None when absent."""
        value = self.fields.get(name)
        return self.raw.get(name) if value is None else value

    def get_raw(self, name: str) -> Value:
        """The value that a rule of a Windows service sees under `name`: the record's own names first."""
        value = self.raw.get(name)
        return self.fields.get(name) if value is None else value
