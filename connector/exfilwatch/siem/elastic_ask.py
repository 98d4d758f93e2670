"""An Ask as queries of the query DSL: what is the same for Elasticsearch and OpenSearch, without a look at the network.

Each index is asked in the way that its own mapping needs; indices that need the same are asked together.
"""

import json
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TypeAlias

import msgspec

from exfilwatch.detection.rule import Rule
from exfilwatch.siem.elastic_indices import Index
from exfilwatch.siem.elastic_near import batched, nearby
from exfilwatch.siem.elastic_times import TimeFields, in_time
from exfilwatch.siem.elastic_whose import owners, whose
from exfilwatch.siem.queries import elastic
from exfilwatch.siem.queries.elastic_clauses import Counting
from exfilwatch.siem.queries.elastic_dsl import EVERY, NEVER, Query, all_of, exists, one_of
from exfilwatch.siem.queries.elastic_mapping import ElasticMapping
from exfilwatch.siem.siem import Ask

Rules: TypeAlias = tuple[Rule, ...] | None

_CLAUSES = 1000
"""In one query on one index; some are left for times."""
_OF_RULES = 600
"""Of these the rules', where hosts are asked for as well."""
_OF_OWNERS = 300
"""Of these those of the hosts and users whose documents are asked for."""


def queries(ask: Ask, indices: Sequence[Index], times: TimeFields, *, looked: bool = False) -> list[Query]:
    """Queries that together give what is asked for; `looked`: with gaps (elastic_looks.py). Raises ConfigError for an
    index that can't be asked so.
    """
    mappings = list(dict.fromkeys(index.mapping for index in indices))
    found = list[Query]()
    narrow = bool(ask.near or ask.hosts or ask.users)
    for rules in _parts(ask.rules, mappings, _OF_RULES if narrow else _CLAUSES, looked):
        for hosts, users in owners(ask.hosts, ask.users, mappings, _OF_OWNERS):
            left = _CLAUSES - _clauses(rules, mappings, looked) - (_OF_OWNERS if hosts or users else 0)
            for near in batched(ask.near, mappings, left) if ask.near else [()]:
                asked = msgspec.structs.replace(ask, rules=rules, hosts=hosts, users=users, near=near)
                query = _over(asked, indices, times, looked)
                if query != NEVER:
                    found.append(query)
    return found


def _parts(rules: Rules, mappings: Sequence[ElasticMapping], most: int, looked: bool) -> Iterator[Rules]:
    """The rules in parts of few enough clauses; of a rule that has too many alone, the query is made wider."""
    if rules is None or len(rules) < 2 or _clauses(rules, mappings, looked) <= most:
        yield rules
    else:
        half = len(rules) // 2
        yield from _parts(rules[:half], mappings, most, looked)
        yield from _parts(rules[half:], mappings, most, looked)


def _clauses(rules: Rules, mappings: Sequence[ElasticMapping], looked: bool) -> int:
    return max((_compiled(rules, mapping, looked)[1] for mapping in mappings), default=0)


@lru_cache(256)
def _compiled(rules: Rules, mapping: ElasticMapping, looked: bool) -> tuple[Query, int]:
    """The query for the rules, and how many clauses it has. Compiling takes a tenth of a second and more."""
    if rules is None:
        return EVERY, 1
    query = elastic.query(rules, mapping, most=_OF_RULES if len(rules) == 1 else None, looked=looked)
    return query, Counting(mapping).clauses(query)


def _over(ask: Ask, indices: Sequence[Index], times: TimeFields, looked: bool = False) -> Query:
    """One query over all the indices: the same for each, or by name where they differ."""
    grouped: dict[str, tuple[Query, list[str]]] = {}
    for index in indices:
        query = NEVER if index.empty else all_of(_conditions(ask, index, times, looked))
        grouped.setdefault(json.dumps(query), (query, []))[1].append(index.name)
    parts = list(grouped.values())
    if len(parts) == 1:
        return parts[0][0]
    return one_of([all_of([{"terms": {"_index": names}}, query]) for query, names in parts])


def _conditions(ask: Ask, index: Index, times: TimeFields, looked: bool) -> Iterator[Query]:
    if ask.low is not None or ask.high is not None:
        yield in_time(ask, index, times)
    if ask.near:
        yield nearby(ask.near, index, times)
    if ask.hosts or ask.users:
        owned = whose(ask.hosts, ask.users, index.mapping, _OF_OWNERS)
        yield one_of([owned, exists("_ignored")]) if index.overflows else owned
    if ask.rules is not None:
        wanted, _ = _compiled(ask.rules, index.mapping, looked)
        yield one_of([wanted, exists("_ignored")]) if index.overflows else wanted
