"""What is asked of the times of documents. µs."""

import msgspec

from exfilwatch.errors import ConfigError
from exfilwatch.siem.elastic_indices import Index
from exfilwatch.siem.queries.elastic_dsl import Query, all_of, exists, negated, one_of
from exfilwatch.siem.siem import Ask, Clock

_LAST = 9_223_372_036_854_000
"""The last time that a date_nanos field can hold, in the year 2262."""


class TimeFields(msgspec.Struct, frozen=True):
    """Fields that hold when it happened and when it was taken in."""

    event: str
    ingest: str


def in_time(ask: Ask, index: Index, times: TimeFields) -> Query:
    happened = within(index, times.event, ask.low, ask.high)
    if ask.clock is Clock.EVENT:
        return happened
    if index.date(times.ingest) is None:
        raise ConfigError(
            f"index {index.name} has no date field {times.ingest}: "
            'set `clock = "event"`, or let an ingest pipeline set it'
        )
    # What no pipeline has stamped is known by when it happened only.
    unstamped = all_of([happened, negated(exists(times.ingest))])
    return one_of([within(index, times.ingest, ask.low, ask.high), unstamped])


def within(index: Index, field: str, low: int | None, high: int | None) -> Query:
    """low <= time < high, in µs. A `date` holds ms only: there, what the index can't tell from these times is given."""
    kind = index.date(field)
    if kind is None:
        raise ConfigError(
            f"index {index.name} has no date field {field}: set `time_field`, or leave the index out of `indices`"
        )
    bounds: dict[str, object] = {"format": "epoch_millis"}
    if low is not None and low > 0:
        bounds["gte"] = _millis(min(low, _LAST), kind)
    if high is not None:
        bounds["lt"] = _millis(max(0, min(high, _LAST)), kind, up=True)
    return {"range": {field: bounds}}


def _millis(micros: int, kind: str, *, up: bool = False) -> str:
    if kind == "date":
        return str(-(-micros // 1000) if up else micros // 1000)
    return f"{micros // 1000}.{micros % 1000:03}"
