"""A look at the command lines of an index before its documents are asked for.

Which words and signs a line has to hold that does something, an engine can tell only by looking through all values of
the field, for each of some forty expressions, in all documents of the index, however short the interval. So the
engine is asked for the values that the interval has, each once with the programs that were started by it. They are
looked at here, as exactly as events are, and the documents are asked for by the values that do something.

The values are read from the same point in time as the documents. Where a field can't give its values (no keyword, not
even beside its words, or one that is changed before it is indexed), everything is asked for by words and signs instead.
https://www.elastic.co/docs/reference/aggregations/search-aggregations-bucket-composite-aggregation ,
https://docs.opensearch.org/latest/aggregations/bucket/composite/
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import msgspec

from exfilwatch.commands.fields import line_acts
from exfilwatch.commands.named import ORDINARY
from exfilwatch.detection.starts import EVERY_START
from exfilwatch.errors import SourceError
from exfilwatch.siem.elastic_pages import Body
from exfilwatch.siem.http import NO_JSON
from exfilwatch.siem.queries.elastic import Elastic
from exfilwatch.siem.queries.elastic_dsl import Query, all_of, exists, negated, one_of
from exfilwatch.siem.queries.elastic_mapping import ElasticMapping
from exfilwatch.siem.queries.native import sources
from exfilwatch.structs import ready

_PAGE = 30_000
"""Values of one answer, each of which makes the engine go through the interval anew: `search.max_buckets` is 65,535."""
_LINE = "line"


class Looks(NamedTuple):
    """Where starts of processes are indexed whole: their command lines, and what is started, as path and as the name in
    the file."""

    lines: frozenset[str]
    images: frozenset[str]
    originals: frozenset[str]


class Listed(msgspec.Struct):
    """Lines of an answer, each with what was started by it. `next`: after what the next page begins."""

    buckets: list["_Bucket"]
    after_key: dict[str, object] | None = None

    @property
    def next(self) -> Mapping[str, object] | None:
        """None: this was the last page. To be asked before lines are taken out."""
        return self.after_key if len(self.buckets) >= _PAGE else None


class _Bucket(msgspec.Struct):
    key: dict[str, object]


class _Aggregations(msgspec.Struct):
    lines: Listed


class _Answer(msgspec.Struct):
    aggregations: _Aggregations


def looks(mappings: Iterable[ElasticMapping]) -> Looks | None:
    """Those of indices with these mappings; None where one of them can't give its values."""
    every = dict.fromkeys(mappings)
    found = [each for mapping in every if (each := _looks(mapping)) is not None]
    if len(found) < len(every) or not found:
        return None
    paths = {field: path for fields in found for each in fields for field, path in each.items()}
    if not all(mapping.plain(field) in (None, path) for mapping in every for field, path in paths.items()):
        return None
    return Looks(*(frozenset(path for each in fields for path in each.values()) for fields in zip(*found, strict=True)))


@lru_cache(64)
def _looks(mapping: ElasticMapping) -> tuple[Mapping[str, str], ...] | None:
    """The fields of command lines, paths and names in files, and where an index has each whole."""
    language = Elastic(mapping)
    lines, *started = (
        sources(EVERY_START, field, language.paths) for field in ("CommandLine", "Image", "OriginalFileName")
    )
    if not all(plain for named in started for plain in named.values()):
        return None
    found: list[dict[str, str]] = []
    for fields in ([field for field in lines if mapping.ways(field)], *started):
        found.append({})
        for field in fields:
            if not (path := mapping.plain(field)):
                return None
            found[-1][field] = path
    return tuple(found)


def lines_body(path: str, found: Looks, within: Query, after: Mapping[str, object] | None = None) -> Body:
    """A search for command lines of documents, each with what was started by it."""
    others = sorted(found.images | found.originals)
    keys: list[dict[str, object]] = [{_LINE: {"terms": {"field": path}}}]
    keys += [{other: {"terms": {"field": other, "missing_bucket": True}}} for other in others]
    composite: dict[str, object] = {"size": _PAGE, "sources": keys}
    if after is not None:
        composite["after"] = after
    query = all_of([within, exists(path), *_unless_ordinary(found.images)])
    return {"size": 0, "track_total_hits": False, "query": query, "aggs": {"lines": {"composite": composite}}}


def _unless_ordinary(images: frozenset[str]) -> list[Query]:
    """Without programs whose lines need no look, where it is one field that names them."""
    if len(images) != 1:
        return []
    (path,) = images
    return [negated(one_of({"term": {path: {"value": image, "case_insensitive": True}}} for image in ORDINARY))]


def listed(body: bytes) -> Listed:
    """The lines of an answer. Raises SourceError for an answer without lines."""
    try:
        return msgspec.json.decode(body, type=ready(_Answer)).aggregations.lines
    except NO_JSON as error:
        raise SourceError(f"an answer without what was asked for: {error}") from None


def acting(page: Listed, found: Looks, most: int) -> list[str]:
    """Of the next lines of a page those that do something. They are taken out of it."""
    some = page.buckets[:most]
    del page.buckets[:most]
    keyed = ((bucket.key.get(_LINE), bucket.key) for bucket in some)
    return [line for line, key in keyed if isinstance(line, str) and _acts(line, key, found)]


def _acts(line: str, key: Mapping[str, object], found: Looks) -> bool:
    images, originals = _values(key, found.images), _values(key, found.originals)
    return any(line_acts(line, image, original) for image in images for original in originals)


def _values(key: Mapping[str, object], paths: Iterable[str]) -> Sequence[str]:
    return [value for path in paths if isinstance(value := key.get(path), str) and value] or [""]
