"""Answers of search APIs and exports: JSON documents that hold many records, unwrapped to one record per line.

    Graph runHuntingQuery         {"schema": [...], "results": [{...}]}
    Defender advanced hunting     {"Stats": ..., "Schema": [...], "Results": [{...}]}
    Log Analytics                 {"tables": [{"columns": [{"name": ...}], "rows": [[...]]}]}
    Kusto                         {"Tables": [{"Columns": [{"ColumnName": ...}], "Rows": [[...]]}]}
    Azure diagnostic settings     {"records": [{...}]}
    OData                         {"@odata.context": ..., "value": [{...}]}
    Elasticsearch, OpenSearch     {"hits": {"hits": [{"_index": ..., "_id": ..., "_source": {...}}]}}, or one such hit;
                                  with "fields": {NAME: [value, ...]} instead of _source
    ES|QL                         {"columns": [{"name": ...}], "values": [[...]]}
    OpenSearch SQL and PPL        {"schema": [{"name": ...}], "datarows": [[...]]}
    Splunk                        {"preview": ..., "results": [{...}]}, or {"preview": ..., "result": {...}} per line
    Sumo Logic                    {"fields": [...], "messages": [{"map": {...}}]}

Sources: learn.microsoft.com/graph/api/security-security-runhuntingquery, /azure/azure-monitor/logs/api/response-format,
elastic.co/docs/api (search, esql), learn.microsoft.com/kusto/api/rest/response-v1,
opensearch.org/docs (sql-and-ppl), docs.splunk.com (search/jobs/{id}/results), help.sumologic.com/docs/api/search-job.
"""

from collections.abc import Callable, Iterator, Sequence
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


class _KustoColumn(msgspec.Struct):
    name: str = msgspec.field(name="ColumnName")


class _KustoTable(msgspec.Struct, rename="pascal"):
    columns: list[_KustoColumn]
    rows: list[list[msgspec.Raw]]


_members = msgspec.json.Decoder(Members)
_objects = msgspec.json.Decoder(list[msgspec.Raw])
_hit = msgspec.json.Decoder(_Hit)
_hits = msgspec.json.Decoder(_Hits)
_messages = msgspec.json.Decoder(list[_Message])
_tables = msgspec.json.Decoder(list[_Table])
_kusto_tables = msgspec.json.Decoder(list[_KustoTable])
_columns = msgspec.json.Decoder(list[_Column])
_values = msgspec.json.Decoder(list[list[msgspec.Raw]])
_encode = msgspec.json.Encoder().encode

# The member that holds the records, and members of which at least one stands beside it (none: nothing else does).
_LISTS: tuple[tuple[str, frozenset[str]], ...] = (
    ("results", frozenset({"schema", "preview", "init_offset", "post_process_count", "messages", "fields"})),
    ("Results", frozenset({"Schema", "Stats"})),
    ("records", frozenset()),
    ("value", frozenset({"@odata.context"})),
)
# Columns and rows that stand beside each other.
_TABLES = (("columns", "values"), ("schema", "datarows"))
_HIT = frozenset({"_index", "_id"})


def rows(document: bytes) -> list[bytes] | None:
    """The records of a document of one of these forms, one JSON text each; None when it is of none of them.

    `document` is one JSON object; what is no JSON gives None.
    """
    try:
        members = _members.decode(document)
        unwrap = _unwrapping(members, document)
        return None if unwrap is None else [_one_line(row) for row in unwrap()]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _unwrapping(members: Members, document: bytes) -> Callable[[], Iterator[bytes]] | None:
    for name, beside in _LISTS:
        if name in members and (not members.keys().isdisjoint(beside) or len(members) == 1):
            return lambda: _elements(members[name])
    if "tables" in members:
        return lambda: _table_rows(_tables.decode(members["tables"]))
    if "Tables" in members:
        return lambda: _table_rows(_kusto_tables.decode(members["Tables"]))
    for columns, values in _TABLES:
        if columns in members and values in members:
            return lambda: _named_rows(_columns.decode(members[columns]), _values.decode(members[values]))
    if "result" in members and ("preview" in members or "lastrow" in members):
        return lambda: iter([bytes(members["result"])])
    if "hits" in members and ("took" in members or "_shards" in members or len(members) == 1):
        return lambda: (row for hit in _hits.decode(members["hits"]).hits if (row := _hit_row(hit)))
    if members.keys() >= _HIT and ("_source" in members or "fields" in members):
        return lambda: iter([_hit_row(_hit.decode(document))])
    if "messages" in members and ("fields" in members or len(members) == 1):
        return lambda: (bytes(message.map) for message in _messages.decode(members["messages"]))
    return None


def _elements(array: msgspec.Raw) -> Iterator[bytes]:
    return (bytes(element) for element in _objects.decode(array))


def _hit_row(hit: _Hit) -> bytes:
    """Its source, or else its fields, of which Elasticsearch gives each value as a list."""
    source = bytes(hit.source)
    if not hit.fields or source not in (b"", b"{}"):
        return source
    return _encode({name: values[0] if len(values) == 1 else values for name, values in hit.fields.items()})


def _table_rows(tables: Sequence[_Table] | Sequence[_KustoTable]) -> Iterator[bytes]:
    for table in tables:
        yield from _named_rows(table.columns, table.rows)


def _named_rows(columns: Sequence[_Column] | Sequence[_KustoColumn], rows: list[list[msgspec.Raw]]) -> Iterator[bytes]:
    names = [column.name for column in columns]
    return (_encode(dict(zip(names, row, strict=False))) for row in rows)


def _one_line(record: bytes) -> bytes:
    """Line ends stand only between the tokens of JSON, never in its texts, so a space does as well."""
    return record.replace(b"\n", b" ").replace(b"\r", b" ") if b"\n" in record or b"\r" in record else record
