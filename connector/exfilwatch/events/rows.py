"""Answers of search APIs and exports: JSON documents that hold many records, unwrapped to one record per line.

    Graph runHuntingQuery         {"schema": [...], "results": [{...}]}
    Defender advanced hunting     {"Stats": ..., "Schema": [...], "Results": [{...}]}
    Log Analytics, Kusto          {"tables": [{"columns": [{"name": ...}], "rows": [[...]]}]}
    Azure diagnostic settings     {"records": [{...}]}
    OData                         {"@odata.context": ..., "value": [{...}]}
    Elasticsearch, OpenSearch     {"hits": {"hits": [{"_index": ..., "_id": ..., "_source": {...}}]}}, or one such hit;
                                  with "fields": {NAME: [value, ...]} instead of _source
    Splunk                        {"preview": ..., "results": [{...}]}, or {"preview": ..., "result": {...}} per line
    Sumo Logic                    {"fields": [...], "messages": [{"map": {...}}]}

Sources: learn.microsoft.com/graph/api/security-security-runhuntingquery, /azure/azure-monitor/logs/api/response-format,
elastic.co/docs/api (search), docs.splunk.com (search/jobs/{id}/results), help.sumologic.com/docs/api/search-job.
"""

from collections.abc import Callable, Iterator
from typing import TypeAlias

import msgspec

Members: TypeAlias = dict[str, msgspec.Raw]


class _Hit(msgspec.Struct):
    source: msgspec.Raw = msgspec.field(name="_source", default_factory=lambda: msgspec.Raw(b""))
    fields: dict[str, list[msgspec.Raw]] = {}


class _Hits(msgspec.Struct):
    hits: list[_Hit] = []


class _Message(msgspec.Struct):
    map: msgspec.Raw


class _Column(msgspec.Struct):
    name: str


class _Table(msgspec.Struct):
    columns: list[_Column]
    rows: list[list[msgspec.Raw]]


_members = msgspec.json.Decoder(Members)
_objects = msgspec.json.Decoder(list[msgspec.Raw])
_hits = msgspec.json.Decoder(_Hits)
_messages = msgspec.json.Decoder(list[_Message])
_tables = msgspec.json.Decoder(list[_Table])
_encode = msgspec.json.Encoder().encode

# The member that holds the records, and members of which at least one stands beside it (none: nothing else does).
_LISTS: tuple[tuple[str, frozenset[str]], ...] = (
    ("results", frozenset({"schema", "preview", "init_offset", "post_process_count", "messages", "fields"})),
    ("Results", frozenset({"Schema", "Stats"})),
    ("records", frozenset()),
    ("value", frozenset({"@odata.context"})),
)
_HIT = frozenset({"_index", "_id", "_source"})


def rows(document: bytes) -> list[bytes] | None:
    """The records of a document of one of these forms, one JSON text each; None when it is of none of them.

    `document` is one JSON object; what is no JSON gives None.
    """
    try:
        members = _members.decode(document)
        unwrap = _unwrapping(members)
        return None if unwrap is None else [_one_line(row) for row in unwrap()]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _unwrapping(members: Members) -> Callable[[], Iterator[bytes]] | None:
    for name, beside in _LISTS:
        if name in members and (not members.keys().isdisjoint(beside) or len(members) == 1):
            return lambda: _elements(members[name])
    if "tables" in members:
        return lambda: _table_rows(members["tables"])
    if "result" in members and ("preview" in members or "lastrow" in members):
        return lambda: iter([bytes(members["result"])])
    if "hits" in members and ("took" in members or "_shards" in members or len(members) == 1):
        return lambda: (row for hit in _hits.decode(members["hits"]).hits if (row := _hit_row(hit)))
    if members.keys() >= _HIT:
        return lambda: iter([bytes(members["_source"])])
    if "messages" in members and ("fields" in members or len(members) == 1):
        return lambda: (bytes(message.map) for message in _messages.decode(members["messages"]))
    return None


def _elements(array: msgspec.Raw) -> Iterator[bytes]:
    return (bytes(element) for element in _objects.decode(array))


def _hit_row(hit: _Hit) -> bytes:
    """Its source, or else its fields, of which Elasticsearch gives each value as a list."""
    if len(bytes(hit.source)) or not hit.fields:
        return bytes(hit.source)
    return _encode({name: values[0] if len(values) == 1 else values for name, values in hit.fields.items()})


def _table_rows(tables: msgspec.Raw) -> Iterator[bytes]:
    for table in _tables.decode(tables):
        names = [column.name for column in table.columns]
        for row in table.rows:
            yield _encode(dict(zip(names, row, strict=False)))


def _one_line(record: bytes) -> bytes:
    """Line ends stand only between the tokens of JSON, never in its texts, so a space does as well."""
    return record.replace(b"\n", b" ").replace(b"\r", b" ") if b"\n" in record or b"\r" in record else record
