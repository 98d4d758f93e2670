"""What queries of the query DSL are made of."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

Query: TypeAlias = dict[str, object]
EVERY: Query = {"match_all": {}}
NEVER: Query = {"match_none": {}}


_GAP = "values that are known later"
_MOST = 60_000
"""Terms of one clause: index.max_terms_count is 65,536."""


def gap(path: str) -> Query:
    """One of some values, which are known later."""
    return {"terms": {path: [_GAP]}}


def gaps(query: object) -> set[str]:
    """The paths of which a query has gaps."""
    match query:
        case {"terms": dict(terms)} if [_GAP] in terms.values():
            return set(terms)
        case dict():
            return set[str]().union(*map(gaps, query.values()))
        case list():
            return set[str]().union(*map(gaps, query))
    return set()


def filled(query: Query, values: Mapping[str, Sequence[str]]) -> Query:
    """A query with the values of its gaps."""
    return {name: _filled(part, values) for name, part in query.items()} if values else query


def _filled(query: object, values: Mapping[str, Sequence[str]]) -> object:
    match query:
        case {"terms": dict(terms)} if [_GAP] in terms.values():
            (path,) = terms
            parts = [values[path][at : at + _MOST] for at in range(0, len(values[path]), _MOST)]
            return one_of([{"terms": {path: list(part)}} for part in parts])
        case dict():
            return {name: _filled(part, values) for name, part in query.items()}
        case list():
            return [_filled(part, values) for part in query]
    return query


def exists(path: str) -> Query:
    return {"exists": {"field": path}}


def ignored(path: str) -> Query:
    """The value could not be indexed."""
    return {"term": {"_ignored": path}}


def negated(part: Query) -> Query:
    """None of alternatives, each for itself: so an engine sees that nothing is left where all documents have one of
    these, and does not look at each.
    """
    match part:
        case {"bool": {"must_not": [dict(inner)], **others}} if not others:
            return inner
        case {"bool": {"should": list(alternatives), "minimum_should_match": 1, **others}} if not others:
            return {"bool": {"must_not": alternatives}}
    return {"bool": {"must_not": [part]}}


def term(path: str, value: str | int | bool) -> Query:
    return {"term": {path: {"value": value}}}


def all_of(parts: Iterable[Query]) -> Query:
    left = [part for part in parts if part != EVERY]
    if NEVER in left:
        return NEVER
    return left[0] if len(left) == 1 else {"bool": {"filter": left}} if left else EVERY


def one_of(parts: Iterable[Query]) -> Query:
    left = [part for part in parts if part != NEVER]
    if EVERY in left:
        return EVERY
    return left[0] if len(left) == 1 else {"bool": {"should": left, "minimum_should_match": 1}} if left else NEVER
