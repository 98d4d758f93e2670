"""Asking a search engine for its clock and for what its indices hold, with rights to read and nothing else."""

import msgspec

from exfilwatch.errors import SourceError
from exfilwatch.siem.elastic_indices import Index
from exfilwatch.siem.elastic_pages import Body
from exfilwatch.siem.http import NO_JSON
from exfilwatch.siem.siem import Place
from exfilwatch.structs import ready

_MOST = 10_000
"""Indices that are counted."""


class _Range(msgspec.Struct):
    from_: float = msgspec.field(name="from")


class _Max(msgspec.Struct):
    value: float | None = None


class _Bucket(msgspec.Struct):
    key: str
    doc_count: int
    newest: _Max = msgspec.field(default_factory=_Max)


class _Ranges(msgspec.Struct):
    buckets: list[_Range] = []


class _Terms(msgspec.Struct):
    buckets: list[_Bucket] = []


class _Aggregations(msgspec.Struct):
    now: _Ranges = msgspec.field(default_factory=_Ranges)
    indices: _Terms = msgspec.field(default_factory=_Terms)


class _Answer(msgspec.Struct):
    aggregations: _Aggregations = msgspec.field(default_factory=_Aggregations)


def clock_body(field: str) -> Body:
    """A search of nothing for which the server has to say what `now` is: ms, and no right but to read is needed."""
    ranges = {"date_range": {"field": field, "ranges": [{"from": "now"}]}}
    return {"size": 0, "query": {"match_none": {}}, "aggs": {"now": ranges}}


def clock(body: bytes) -> int | None:
    """The time of an answer to that, µs; None where no index has the field."""
    buckets = _read(body).now.buckets
    return round(buckets[0].from_ * 1000) if buckets else None


def count_body(field: str | None) -> Body:
    """How many documents each index has, and their newest time; without the field, not that."""
    newest = {"newest": {"max": {"field": field}}} if field else {}
    return {"size": 0, "aggs": {"indices": {"terms": {"field": "_index", "size": _MOST}, "aggs": newest}}}


def counted(body: bytes) -> dict[str, tuple[int, int | None]]:
    """By index: documents, and the newest time (µs)."""
    return {
        each.key: (each.doc_count, None if each.newest.value is None else round(each.newest.value * 1000))
        for each in _read(body).indices.buckets
    }


def _read(body: bytes) -> _Aggregations:
    try:
        return msgspec.json.decode(body, type=ready(_Answer)).aggregations
    except NO_JSON as error:
        raise SourceError(f"not an answer of a search: {error}: check `url`, and what stands before it") from None


def place(index: Index, found: tuple[int, int | None], time_field: str) -> Place:
    """An index and what is wrong with it."""
    problem = ""
    if index.date(time_field) is None and not index.empty:
        ways = index.mapping.ways(time_field)
        what = f"{time_field} is {ways[0].type}, not a date" if ways else f"has no date field {time_field}"
        problem = f"{what}: set `time_field`, mend the mapping, or leave the index out of `indices`"
    elif index.refresh is None:
        problem = "new documents are not found by themselves (refresh_interval -1): set it to 1s"
    return Place(index.name, *found, problem)
