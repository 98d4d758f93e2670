"""An Ask as queries of the query DSL: what is the same for Elasticsearch and OpenSearch, without a look at the network.

Each index is asked in the way that its own mapping needs; indices that need the same are asked together.
"""

import ipaddress
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import TypeAlias

import msgspec

from exfilwatch.detection.rule import Rule
from exfilwatch.errors import ConfigError
from exfilwatch.events.shape import SHAPES
from exfilwatch.siem.elastic_indices import Index
from exfilwatch.siem.queries import elastic
from exfilwatch.siem.queries.elastic_mapping import ElasticMapping, Indexed
from exfilwatch.siem.siem import Ask, Clock, Near

Query: TypeAlias = dict[str, object]

MOST_NEAR = 500
_CLAUSES = 1000
"""Conditions in one query on one index: both servers take 1,024 at least, and count the words of a phrase."""
_OF_RULES = 600
"""Of these the rules', where hosts are asked for as well."""
_CHARACTERS = 200_000
"""Of hosts in one query: 100 MB may be sent, but a query is built in memory on each shard."""
_PHRASE = 200
"""Characters of a host that are looked up word by word."""
_LONG = 1000
"""Characters of a host that are compared: an automaton of much more is refused ("too complex")."""
_HALF = "\N{REPLACEMENT CHARACTER}"
"""For half a pair of surrogates, which can't be sent, and of which each server makes something else in an index."""
_EVERY: Query = {"match_all": {}}
_NEVER: Query = {"match_none": {}}
_LAST = 9_223_372_036_854_000
"""µs: the last time that a date_nanos field can hold, in the year 2262."""


class TimeFields(msgspec.Struct, frozen=True):
    """Fields that hold when it happened and when it was taken in."""

    event: str
    ingest: str


@cache
def host_fields() -> tuple[str, ...]:
    """Where records of any shape have their host."""
    return tuple(dict.fromkeys(path for shape in SHAPES.values() for path in shape.spec.host))


def queries(ask: Ask, indices: Sequence[Index], times: TimeFields) -> list[Query]:
    """Queries that together give what is asked for. Raises ConfigError for an index that can't be asked so."""
    mappings = list({id(index.mapping): index.mapping for index in indices}.values())
    found = list[Query]()
    for rules in _parts(ask.rules, mappings, _OF_RULES if ask.near else _CLAUSES):
        left = _CLAUSES - max((clauses(_compiled(rules, mapping)) for mapping in mappings), default=0)
        for near in _batched(ask.near, mappings, left) if ask.near else [()]:
            query = _over(msgspec.structs.replace(ask, rules=rules, near=tuple(near)), indices, times)
            if query != _NEVER:
                found.append(query)
    return found


def clauses(query: object) -> int:
    """How many conditions a query has, as the servers count them."""
    match query:
        case {"bool": dict(parts)}:
            return sum(
                clauses(part) for each in parts.values() for part in (each if isinstance(each, list) else [each])
            )
        case {"match_phrase": dict(parts)}:
            return sum(len(re.findall(r"\w+", each["query"])) for each in parts.values()) or 1
        case dict():
            return 1
    return 0


Rules: TypeAlias = tuple[Rule, ...] | None


def _parts(rules: Rules, mappings: Sequence[ElasticMapping], most: int) -> Iterator[Rules]:
    """The rules in parts of few enough conditions; a rule that has too many alone asks for everything."""
    if max((clauses(_compiled(rules, mapping)) for mapping in mappings), default=0) <= most:
        yield rules
    elif rules is not None and len(rules) > 1:
        half = len(rules) // 2
        yield from _parts(rules[:half], mappings, most)
        yield from _parts(rules[half:], mappings, most)
    else:
        yield None


_COMPILED: dict[tuple[Rules, int], tuple[ElasticMapping, Query]] = {}
"""By rules and identity of the mapping, which is kept with it: compiling takes a tenth of a second and more."""


def _compiled(rules: Rules, mapping: ElasticMapping) -> Query:
    if rules is None:
        return _EVERY
    key = (rules, id(mapping))
    if key not in _COMPILED:
        if len(_COMPILED) >= 256:
            _COMPILED.clear()
        _COMPILED[key] = (mapping, elastic.query(rules, mapping))
    return _COMPILED[key][1]


def _over(ask: Ask, indices: Sequence[Index], times: TimeFields) -> Query:
    """One query over all the indices: the same for each, or by name where they differ."""
    grouped: dict[str, tuple[Query, list[str]]] = {}
    for index in indices:
        query = _NEVER if index.empty else _all_of(_conditions(ask, index, times))
        grouped.setdefault(json.dumps(query), (query, []))[1].append(index.name)
    parts = list(grouped.values())
    if len(parts) == 1:
        return parts[0][0]
    return _one_of([_all_of([{"terms": {"_index": names}}, query]) for query, names in parts])


def _conditions(ask: Ask, index: Index, times: TimeFields) -> Iterator[Query]:
    if ask.low is not None or ask.high is not None:
        yield _in_time(ask, index, times)
    if ask.near:
        yield _near(ask.near, index, times)
    if ask.rules is not None:
        wanted = _compiled(ask.rules, index.mapping)
        yield _one_of([wanted, {"exists": {"field": "_ignored"}}]) if index.overflows else wanted


def _in_time(ask: Ask, index: Index, times: TimeFields) -> Query:
    happened = _within(index, times.event, ask.low, ask.high)
    if ask.clock is Clock.EVENT:
        return happened
    if index.date(times.ingest) is None:
        raise ConfigError(
            f"index {index.name} has no date field {times.ingest}: "
            'set `clock = "event"`, or let an ingest pipeline set it'
        )
    # What no pipeline has stamped is known by when it happened only.
    unstamped: Query = {"bool": {"filter": [happened], "must_not": [{"exists": {"field": times.ingest}}]}}
    return _one_of([_within(index, times.ingest, ask.low, ask.high), unstamped])


def _within(index: Index, field: str, low: int | None, high: int | None) -> Query:
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


def _batched(near: Iterable[Near], mappings: Sequence[ElasticMapping], most: int) -> Iterator[list[Near]]:
    """Few enough hosts and times for a query, beside what is asked of documents without a host."""
    fields = [[ways for path in host_fields() if (ways := mapping.ways(path))] for mapping in mappings]
    free = most - max(map(len, fields), default=0) - 10
    batch, used, characters = list[Near](), 0, 0
    for each in near:
        cost = 1 + max((sum(map(clauses, _named(each.host, ways))) for ways in fields), default=0)
        if batch and (used + cost > free or characters + len(each.host) > _CHARACTERS):
            yield batch
            batch, used, characters = [], 0, 0
        batch.append(each)
        used += cost
        characters += len(each.host)
    if batch:
        yield batch


def _near(near: Sequence[Near], index: Index, times: TimeFields) -> Query:
    """Documents of a host within its time, and those that show no host at all: it may be in a text of theirs."""
    known = {path: ways for path in host_fields() if (ways := index.mapping.ways(path)) is not None}
    low, high = min(each.low for each in near), max(each.high for each in near) + 1
    anywhere = _within(index, times.event, low, high)
    if not all(known.values()):
        return anywhere
    cut = [way.path for ways in known.values() for way in ways if way.ignore_above is not None]
    shown: list[Query] = [{"exists": {"field": path}} for path in known]
    if cut:
        shown.append({"terms": {"_ignored": cut}})
    hostless: Query = {"bool": {"filter": [anywhere], "must_not": shown}}
    by_time: dict[tuple[int, int], list[Query]] = {}
    for each in near:
        by_time.setdefault((each.low, each.high), []).extend(_named(each.host, known.values()))
    return _one_of(
        [
            *(
                _all_of([_within(index, times.event, low, high + 1), _one_of(by)])
                for (low, high), by in by_time.items()
            ),
            hostless,
        ]
    )


def _named(host: str, fields: Iterable[Sequence[Indexed]]) -> Iterator[Query]:
    host = re.sub("[\ud800-\udfff]", _HALF, host)
    for ways in fields:
        words = [way for way in ways if way.type in ("keyword", "wildcard", "constant_keyword")]
        texts = [way for way in ways if way.type in ("text", "match_only_text")]
        fitting = [way for way in words if way.ignore_above is None or len(host) <= way.ignore_above]
        if fitting:
            yield _word(host, fitting[0])
        elif texts and len(host) > _PHRASE:
            yield {"exists": {"field": texts[0].path}}
        elif texts:
            yield {"match_phrase": {texts[0].path: {"query": host, "zero_terms_query": "all"}}}
        elif words:
            # OpenSearch does not list what was too long among the ignored.
            absent: Query = {"bool": {"must_not": [{"exists": {"field": words[0].path}}]}}
            yield _one_of([{"term": {"_ignored": words[0].path}}, absent])
        else:
            yield from _typed(host, ways[0])


def _word(host: str, way: Indexed) -> Query:
    """In any case of letters. The servers fold ASCII letters only, so others may be any."""
    start = host[:_LONG]
    if start.isascii():
        kind = "term" if start == host else "prefix"
        return {kind: {way.path: {"value": start, "case_insensitive": True}}}
    pattern = "".join(map(_like, start)) + ("" if start == host else "*")
    return {"wildcard": {way.path: {"value": pattern, "case_insensitive": True}}}


def _like(letter: str) -> str:
    """A letter in a pattern: itself, in any case, or any where its cases are told by Unicode only."""
    if letter in "*?\\":
        return f"\\{letter}"
    if letter == _HALF:
        return "*"
    cases = {letter, letter.lower(), letter.upper(), letter.casefold()}
    return letter if letter.isascii() or len(cases) == 1 else "?" if all(len(each) == 1 for each in cases) else "*"


def _typed(host: str, way: Indexed) -> Iterator[Query]:
    """A host that the index keeps as something else than text."""
    if way.type == "ip":
        try:
            yield {"term": {way.path: str(ipaddress.ip_address(host))}}
        except ValueError:
            return
    else:
        yield {"exists": {"field": way.path}}


def _all_of(parts: Iterable[Query]) -> Query:
    left = [part for part in parts if part != _EVERY]
    if _NEVER in left:
        return _NEVER
    return left[0] if len(left) == 1 else {"bool": {"filter": left}} if left else _EVERY


def _one_of(parts: Iterable[Query]) -> Query:
    left = [part for part in parts if part != _NEVER]
    if _EVERY in left:
        return _EVERY
    return left[0] if len(left) == 1 else {"bool": {"should": left, "minimum_should_match": 1}} if left else _NEVER
