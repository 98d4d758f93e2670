"""What queries of the query DSL are made of."""

from collections.abc import Iterable
from typing import TypeAlias

Query: TypeAlias = dict[str, object]
EVERY: Query = {"match_all": {}}
NEVER: Query = {"match_none": {}}


def exists(path: str) -> Query:
    return {"exists": {"field": path}}


def ignored(path: str) -> Query:
    """The value could not be indexed."""
    return {"term": {"_ignored": path}}


def negated(part: Query) -> Query:
    match part:
        case {"bool": {"must_not": [dict(inner)], **others}} if not others:
            return inner
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
