"""A question as the body of a search of Elasticsearch or OpenSearch (`POST /INDEX/_search`), over fields of ECS.

A field that a template maps as keyword, wildcard or ip is asked exactly; of one that is mapped as text (no template), a
phrase is asked too, which is wider. Sources: elastic.co/docs/reference/query-languages/query-dsl (term, prefix and
wildcard with case_insensitive, match_phrase), /aggregations (terms with `missing`).
"""

import json
from collections.abc import Iterable
from datetime import UTC, datetime

from exfilwatch.siem.queries.elastic_dsl import Query, exists, one_of
from exfilwatch_playbooks.response.languages.asking import Asked, Wanted
from exfilwatch_playbooks.response.languages.columns import Source, usable

_EXACT = frozenset({"destination_ip", "source", "port", "process_id"})
"""Mapped as addresses and numbers, which take no option for upper and lower case."""
_WIDEST = 200  # characters of a value in a pattern
_ROWS = 500
_GROUPS = 100


def query(ask: Asked) -> str | None:
    """None where there are no such records, or they lack what is asked of them."""
    source = usable("elasticsearch", ask)
    if source is None:
        return None
    filters: list[object] = [{"range": {"@timestamp": _within(ask)}}]
    filters += [{"terms": {"event.code": source.only.split()}}] if source.only else []
    filters += [one_of(map(exists, source.columns[ask.telling]))] if ask.telling else []
    filters += [_test(each, source) for each in ask.where]
    if ask.by:
        rest: dict[str, object] = {"size": 0, "track_total_hits": True, "aggs": _groups(ask, source)}
    else:
        kept = [column for meaning in ask.meanings for column in source.columns.get(meaning, ())]
        rest = {"size": _ROWS, "_source": ["@timestamp", *kept], "sort": [{"@timestamp": "asc"}]}
    conditions = ",\n".join(f"    {_written(each)}" for each in filters)
    others = "".join(f',\n  "{name}": {_written(value)}' for name, value in rest.items())
    return f'{{\n  "query": {{"bool": {{"filter": [\n{conditions}\n  ]}}}}{others}\n}}'


def _written(value: object) -> str:
    """JSON on one line."""
    return json.dumps(value, ensure_ascii=False)


def _within(ask: Asked) -> dict[str, str]:
    low = _instant(ask.since) if ask.since else f"now-{max(1, round(ask.days))}d"
    return {"gte": low} | ({"lte": _instant(ask.until)} if ask.until else {})


def _instant(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _test(wanted: Wanted, source: Source) -> Query:
    return one_of(
        each
        for column in source.columns[wanted.meaning]
        for value in wanted.values
        for each in _tests(column, wanted, value)
    )


def _tests(column: str, wanted: Wanted, value: str) -> Iterable[Query]:
    if wanted.meaning in _EXACT:
        return [{"term": {column: {"value": value}}}]
    same: Query = {"term": {column: {"value": value, "case_insensitive": True}}}
    phrase: Query = {"match_phrase": {column: value}}
    # A pattern is made an automaton, whose size is bounded: of a long value, the end or the beginning has to do.
    end = _plain(value) if len(value) <= _WIDEST else f"*{_plain(value[-_WIDEST:])}"
    begin = _plain(value) if len(value) <= _WIDEST else f"{_plain(value[:_WIDEST])}*"
    match wanted.test:
        case "host":
            return [same, {"prefix": {column: {"value": f"{value}.", "case_insensitive": True}}}, phrase]
        case "user":
            return [same, _like(column, f"*\\\\{end}"), _like(column, f"{begin}@*"), phrase]
        case "name":
            return [same, _like(column, f"*.{end}"), phrase]
        case "has":
            return [_like(column, f"*{begin}*"), phrase]
        case "ends":
            return [same, _like(column, f"*\\\\{end}"), _like(column, f"*/{end}"), phrase]
    return [same, phrase]


def _like(column: str, pattern: str) -> Query:
    return {"wildcard": {column: {"value": pattern, "case_insensitive": True}}}


def _plain(value: str) -> str:
    """Of a value in a pattern, each character stands for itself."""
    return "".join(f"\\{char}" if char in "\\*?" else char for char in value)


def _groups(ask: Asked, source: Source) -> dict[str, object]:
    """Counts by the first, within it by the second, ...; with first and last time, and bytes where they are kept."""
    told: dict[str, object] = {"first": {"min": {"field": "@timestamp"}}, "last": {"max": {"field": "@timestamp"}}}
    if "sent" in ask.show and "sent" in source.columns:
        told["bytes_sent"] = {"sum": {"field": source.columns["sent"][0]}}
    for meaning in reversed([each for each in ask.by if each in source.columns]):
        terms: dict[str, object] = {"field": source.columns[meaning][0], "size": _GROUPS}
        if meaning not in _EXACT:  # what is no address can't stand for one that is missing
            terms["missing"] = "-"
        told = {meaning: {"terms": terms, "aggs": told}}
    return told
