"""What is asked of documents of some hosts near some times, in queries of few enough clauses.

A document that shows no host may be of any: its host may be in a text of it.
"""

import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache

from exfilwatch.events.shape import SHAPES
from exfilwatch.siem.elastic_indices import Index
from exfilwatch.siem.elastic_times import TimeFields, within
from exfilwatch.siem.queries.elastic_clauses import Counting
from exfilwatch.siem.queries.elastic_dsl import Query, all_of, exists, ignored, negated, one_of
from exfilwatch.siem.queries.elastic_mapping import ElasticMapping, Indexed
from exfilwatch.siem.siem import Near

MOST_NEAR = 500
_CHARACTERS = 200_000
"""Of hosts in one query: 100 MB may be sent, but a query is built in memory on each shard."""
_PHRASE = 200
"""Characters of a host that are looked up word by word."""
_LONG = 1000
"""Characters of a host that are compared: an automaton of much more is refused ("too complex")."""
_LOOKED_UP = 60
"""Characters of a host that are asked of a wildcard field, which looks up each run of three."""
_TIMES = 2
"""Clauses of a span of time."""
_HALF = "\N{REPLACEMENT CHARACTER}"
"""For half a pair of surrogates, which can't be sent, and of which each server makes something else in an index."""


@cache
def host_fields() -> tuple[str, ...]:
    """Where records of any shape have their host."""
    return tuple(dict.fromkeys(path for shape in SHAPES.values() for path in shape.spec.host))


def batched(near: Iterable[Near], mappings: Sequence[ElasticMapping], most: int) -> Iterator[tuple[Near, ...]]:
    """Few enough hosts and times for a query of `most` clauses, by host."""
    fields = [
        (Counting(mapping), [ways for path in host_fields() if (ways := mapping.ways(path))]) for mapping in mappings
    ]
    free = most - max((len(ways) for _, ways in fields), default=0) - 10
    batch, used, characters = list[Near](), 0, 0
    for each in sorted(near):
        cost = _TIMES
        if not batch or batch[-1].host != each.host:
            cost += max((sum(map(counting.clauses, named(each.host, ways))) for counting, ways in fields), default=0)
        if batch and (used + cost > free or characters + len(each.host) > _CHARACTERS):
            yield tuple(batch)
            batch, used, characters = [], 0, 0
        batch.append(each)
        used += cost
        characters += len(each.host)
    if batch:
        yield tuple(batch)


def nearby(near: Sequence[Near], index: Index, times: TimeFields) -> Query:
    """Documents of a host within its times, and those that show no host at all."""
    known = {path: ways for path in host_fields() if (ways := index.mapping.ways(path)) is not None}
    anywhere = within(index, times.event, min(each.low for each in near), max(each.high for each in near) + 1)
    if not all(known.values()):
        return anywhere
    hostless: Query = {"bool": {"filter": [anywhere], "must_not": shown(known)}}
    by_host: dict[str, list[Query]] = {}
    for each in near:
        by_host.setdefault(each.host, []).append(within(index, times.event, each.low, each.high + 1))
    shown_hosts = [all_of([one_of(spans), one_of(named(host, known.values()))]) for host, spans in by_host.items()]
    return one_of([*shown_hosts, hostless])


def shown(fields: Mapping[str, Sequence[Indexed]]) -> list[Query]:
    """Documents of which one of these shows that a host is named in one of the fields."""
    cut = [way.path for ways in fields.values() for way in ways if way.ignore_above is not None]
    named: list[Query] = [exists(path) for path in fields]
    return [*named, {"terms": {"_ignored": cut}}] if cut else named


def named(host: str, fields: Iterable[Sequence[Indexed]]) -> Iterator[Query]:
    host = re.sub("[\ud800-\udfff]", _HALF, host)
    for ways in fields:
        words = [way for way in ways if way.type in ("keyword", "wildcard", "constant_keyword")]
        texts = [way for way in ways if way.type in ("text", "match_only_text")]
        fitting = [way for way in words if way.ignore_above is None or len(host) <= way.ignore_above]
        if fitting:
            yield _word(host, fitting[0])
        elif texts and len(host) > _PHRASE:
            yield exists(texts[0].path)
        elif texts:
            yield {"match_phrase": {texts[0].path: {"query": host, "zero_terms_query": "all"}}}
        elif words:
            # OpenSearch does not list what was too long among the ignored.
            yield one_of([ignored(words[0].path), negated(exists(words[0].path))])
        else:
            yield from _typed(host, ways[0])


def _word(host: str, way: Indexed) -> Query:
    """In any case of letters. The servers fold ASCII letters only, so others may be any."""
    start = host[: _LOOKED_UP if way.type == "wildcard" else _LONG]
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
        yield exists(way.path)
