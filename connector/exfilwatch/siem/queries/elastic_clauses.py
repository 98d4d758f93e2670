"""How many clauses a query has, as OpenSearch counts them, and how one gets fewer.

More than `indices.query.bool.max_clause_count`, 1,024, are refused (too_many_nested_clauses); Elasticsearch takes more,
by its memory. Counted is what the engine makes of a query on an index: of a number or a time two ways to find it, of an
object all its members, and of what is asked of a wildcard field each run of three letters that it looks up.
https://docs.opensearch.org/latest/install-and-configure/configuring-opensearch/search-settings/ ,
https://docs.opensearch.org/latest/mappings/supported-field-types/wildcard/ ; the numbers were seen on 3.3.2.
"""

import re
from functools import lru_cache

from exfilwatch.siem.queries.elastic_dsl import Query
from exfilwatch.siem.queries.elastic_mapping import ElasticMapping

_ONCE = frozenset(("keyword", "wildcard", "constant_keyword", "text", "match_only_text", "ip"))
_SIGNS = {
    "wildcard": re.compile(r"\\(.)|[*?]", re.DOTALL),
    "regexp": re.compile(r"\\(.)|[.*?|()]|\[[^\]]*\]|\{\d+\}", re.DOTALL),
}
"""What is escaped, and what stands for other characters."""


class Counting:
    """Counts the clauses of queries on the indices that have a mapping."""

    def __init__(self, mapping: ElasticMapping) -> None:
        self._types = {way.path: way.type for ways in mapping.fields.values() for way in ways}

    def clauses(self, query: object) -> int:
        """How many a query has."""
        match query:
            case {"bool": dict(parts)}:
                lists = [each if isinstance(each, list) else [each] for each in parts.values()]
                only_not = "must_not" in parts and len(parts) == 1
                return sum(self.clauses(part) for each in lists for part in each) + only_not
            case {"exists": {"field": str(path)}}:
                return self._members(path)
            case {"range": _}:
                return 2
            case {"match_phrase": dict(parts)}:
                return 1 + sum(len(re.findall(r"\w+", str(each))) for each in parts.values())
            case {"match_all": _} | {"match_none": _}:
                return 1
            case dict():
                ((name, parts),) = query.items()
                ((path, wanted),) = parts.items()
                return self._test(name, path, wanted)
        return 0

    def _test(self, name: str, path: str, wanted: object) -> int:
        kind = self._types.get(path, "keyword")
        if kind != "wildcard":
            return 1 if kind in _ONCE else 2
        values = wanted if isinstance(wanted, list) else [wanted]
        return sum(grams(str(each["value"]) if isinstance(each, dict) else str(each), name) for each in values)

    def _members(self, path: str) -> int:
        if path in self._types:
            return 1
        return sum(each.startswith(path + ".") for each in self._types) or 1


@lru_cache(10_000)
def grams(pattern: str, name: str) -> int:
    """Runs of three characters of what is asked by a query of this name, with what begins and ends a value."""
    signs = _SIGNS.get(name)
    texts = re.split("\0+", signs.sub(lambda found: found[1] or "\0", pattern)) if signs else [pattern]
    return sum(max(1, len(text) - 2) for text in texts if text) + 2


def fit(kinds: list[dict[str, Query | bool]], most: int, counting: Counting) -> None:
    """Where there are more clauses than `most`, the conditions that need most are made wider."""
    sizes = {(at, name): counting.clauses(found) for at, kind in enumerate(kinds) for name, found in kind.items()}
    left = sum(sizes.values()) - most
    while left > 0 and sizes:
        at, name = largest = max(sizes, key=lambda each: sizes[each])
        lighter = _lighter(kinds[at][name], counting)
        kinds[at][name] = lighter
        left -= sizes[largest] - counting.clauses(lighter)
        sizes[largest] = counting.clauses(lighter)
        if isinstance(lighter, bool):
            del sizes[largest]


def _lighter(found: Query | bool, counting: Counting) -> Query | bool:
    """Wider, and of fewer clauses: without what needs most of all that has to be fulfilled."""
    match found:
        case {"bool": {"filter": [_, _, *_] as parts}}:
            heaviest = max(parts, key=counting.clauses)
            left = [part for part in parts if part is not heaviest]
            return left[0] if len(left) == 1 else {"bool": {"filter": left}}
        case {"bool": {"should": [*parts]}}:
            heaviest = max(parts, key=counting.clauses)
            lighter = _lighter(heaviest, counting)
            others = [part for part in parts if part is not heaviest]
            return True if lighter is True else {"bool": {"should": [*others, lighter], "minimum_should_match": 1}}
    return True
