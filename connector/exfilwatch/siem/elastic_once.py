"""Documents that are alike in all that is asked of them, told by the first and the last of them (Ask.once).

The engine groups them by the members that tell it (a composite aggregation, whose groups are exact, unlike the counts
of `cardinality`), and gives of each group the documents themselves. So whoever counts hosts, or looks for the first and
last time, finds what all documents would tell. Documents whose shape shows in what they are indexed by are grouped;
others come whole, as do those with values too long to be indexed, and all where hardly any are alike.
The words by which documents are classified may be lists, which a group shows one word of: so they are looked at first.
https://www.elastic.co/docs/reference/aggregations/search-aggregations-bucket-composite-aggregation (missing_bucket),
https://docs.opensearch.org/latest/aggregations/bucket/composite/
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping, Sequence, Set
from typing import NamedTuple

import msgspec

from exfilwatch.detection.condition import fields
from exfilwatch.detection.derived import DERIVED, LOOKED_AT
from exfilwatch.detection.logsource import FAMILIES
from exfilwatch.detection.rule import Rule
from exfilwatch.detection.trees import STARTS
from exfilwatch.errors import PartialResult, SourceError
from exfilwatch.events.script_blocks import BLOCK, NUMBER, TEXT, TOTAL
from exfilwatch.events.shape import SHAPES, Shape
from exfilwatch.events.spelling import paths_of
from exfilwatch.events.telling import saying
from exfilwatch.siem.elastic_pages import Body
from exfilwatch.siem.elastic_starts import may_be
from exfilwatch.siem.http import NO_JSON
from exfilwatch.siem.queries.elastic import Elastic
from exfilwatch.siem.queries.elastic_dsl import EVERY, Query, all_of, exists, negated, one_of, term
from exfilwatch.siem.queries.elastic_mapping import ElasticMapping, Indexed
from exfilwatch.siem.queries.elastic_typed import WHOLE
from exfilwatch.siem.siem import Ask
from exfilwatch.structs import ready

FEW = 2_000
"""Documents that are read as they are: one page."""
_PAGE = 1_000
"""Groups of one answer."""
_ALIKE = 3
"""Documents of a group, on the average; where there are fewer, all documents are read."""
_CLASSES = 100
"""Groups by what says of which class documents are."""
_MEMBERS = 40
_NAME = 255
"""Characters of a name: no host, user or address is longer."""
_VALUES = frozenset(("keyword", "constant_keyword", "wildcard", "ip", "boolean", *WHOLE))
_TEXTS = ("text", "match_only_text")
_LONG = frozenset((TEXT, "CommandLine", "ParentCommandLine", "TaskContent", "TaskContentNew", "c-uri"))
_OF_SCRIPTS = "ps_script"


class Alike(NamedTuple):
    """Documents, as a query; the members that say of which class they are, which may be lists of a few words; and those
    by which they are alike besides.
    """

    which: Query
    heads: tuple[str, ...]
    members: tuple[str, ...]


class _NotAlike(Exception):
    """Documents that have to be read one by one."""


class _Hit(msgspec.Struct):
    source: msgspec.Raw = msgspec.field(name="_source", default=msgspec.Raw(b""))
    fields: dict[str, list[str | int | bool]] = {}


class _Hits(msgspec.Struct):
    hits: list[_Hit]


class _Top(msgspec.Struct):
    hits: _Hits


class _Group(msgspec.Struct):
    key: dict[str, str | int | float | bool | None]
    doc_count: int
    first: _Top
    last: _Top | None = None


class _Groups(msgspec.Struct):
    buckets: list[_Group]
    after_key: dict[str, object] | None = None


class _Aggregations(msgspec.Struct):
    alike: _Groups


class _Total(msgspec.Struct):
    value: int


class _Counted(msgspec.Struct):
    total: _Total


class _Answer(msgspec.Struct):
    hits: _Counted
    aggregations: _Aggregations | None = None


def by_category(ask: Ask) -> list[Ask]:
    """The same for the rules of each category: documents of different ones are alike in different members."""
    kinds: dict[str, list[Rule]] = {}
    for rule in ask.rules or ():
        kinds.setdefault(rule.source.category, []).append(rule)
    return [msgspec.structs.replace(ask, rules=tuple(rules)) for rules in kinds.values()]


def alike(ask: Ask, mappings: Sequence[ElasticMapping], time: str) -> list[Alike]:
    """Documents of indices with these mappings that are grouped for rules of one category, each in one of these."""
    rules = ask.rules or ()
    if not rules or any(rule.source.raw for rule in rules):
        return []
    asked = _asked(rules, ask.once)
    mapping = _together(mappings)
    language = Elastic(mapping)
    found: list[Alike] = []
    before: list[Query] = []
    for shape in SHAPES.values():
        if may_be(shape, language):
            which = _of_shape(shape, language)
            made = _members(shape, rules[0].source.category, asked, language, mapping)
            if made and not shape.spec.equals and _has_time(shape, language, mapping, time):
                members, fits = made
                heads = _heads(shape, language, mapping) & set(members)
                others = tuple(each for each in members if each not in heads)
                found.append(Alike(all_of([which, *map(negated, before), *fits]), tuple(sorted(heads)), others))
            before.append(which)
    return found


def _asked(rules: Sequence[Rule], once: Sequence[str]) -> frozenset[str]:
    """The fields that must be alike."""
    category = rules[0].source.category
    named = {*once, *(name for rule in rules for name in fields(rule.condition))}
    if named & DERIVED:
        named |= {*LOOKED_AT, "CurrentDirectory", "TargetFilename"}
    if category == _OF_SCRIPTS:  # the parts of a script are put together: none is like another
        named |= {TEXT, BLOCK, NUMBER, TOTAL}
    elif category == STARTS:
        named -= {TEXT, "TaskContent", "TaskContentNew"}
    return frozenset(named - DERIVED)


def _together(mappings: Sequence[ElasticMapping]) -> ElasticMapping:
    """What all of them say; nothing of a field of which they don't say the same."""
    known: dict[str, tuple[Indexed, ...]] = {}
    for mapping in dict.fromkeys(mappings):
        for name, ways in mapping.fields.items():
            known[name] = ways if known.setdefault(name, ways) == ways else ()
    return ElasticMapping(known, frozenset[str]().union(*(mapping.opaque for mapping in mappings)))


def _of_shape(shape: Shape, language: Elastic) -> Query:
    """Documents that are of the shape if they are of none that is tried before it."""
    spec = shape.spec

    def there(path: str) -> Query:
        return one_of(map(exists, language.paths(path)))

    heads = [one_of(map(there, spec.one_of))] if spec.one_of else []
    forbidden = [negated(there(path)) for path in spec.excludes if language.paths(path)]
    return all_of([*map(there, spec.requires), *heads, *forbidden])


def _has_time(shape: Shape, language: Elastic, mapping: ElasticMapping, time: str) -> bool:
    """Whether the time of its events is the one that the engine puts them in order by."""
    first = next((path for path in shape.spec.time if language.paths(path)), None)
    ways = mapping.ways(time)
    return first == time and ways is not None and [each.type for each in ways[:1]] in (["date"], ["date_nanos"])


def _members(
    shape: Shape, category: str, asked: frozenset[str], language: Elastic, mapping: ElasticMapping
) -> tuple[tuple[str, ...], list[Query]] | None:
    """The members by which documents of a shape are alike, and what must hold so that none of these is cut off."""
    categories = FAMILIES.get(category, frozenset((category,)))

    def told(names: frozenset[str]) -> set[str]:
        paths = {path for each in categories for path in saying(shape, each, names)}
        return {found for path in paths for found in language.paths(path)}

    long = told(asked) - told(asked - _LONG)
    members: list[str] = []
    fits: list[Query] = []
    cut: list[str] = []
    for path in sorted(told(asked)):
        ways = mapping.ways(path)
        if ways is None:  # an object, which no field is made of
            continue
        way = next((each for each in ways if each.type in _VALUES and not each.normalizer), None)
        if way is None:
            return None
        members.append(way.path)
        if way.ignore_above is not None and (path in long or way.ignore_above < _NAME):
            text = next((each.path for each in ways if each.type in _TEXTS), None)
            if text:
                fits.append(one_of([exists(way.path), negated(exists(text))]))
            else:  # OpenSearch does not list what was too long among the ignored
                cut.append(way.path)
    if cut:
        fits.append(one_of(map(exists, cut)))
    return (tuple(members), fits) if 0 < len(members) <= _MEMBERS else None


def _heads(shape: Shape, language: Elastic, mapping: ElasticMapping) -> set[str]:
    """The members whose value says of which class a document is."""
    paths = {
        found
        for expression, bases, presence in shape.classifier.keys
        if not presence
        for path in paths_of(expression, bases)
        for found in language.paths(path)
    }
    return {way.path for path in paths for way in mapping.ways(path) or ()}


def how_many(query: Query) -> Body:
    """A search that counts."""
    return {"size": 0, "track_total_hits": True, "query": query}


def total(body: bytes) -> int:
    """The number of an answer to that. Raises SourceError."""
    return _read(body).hits.total.value


class Grouped:
    """The documents that a query finds of those that are alike. `left`: queries for those that have to be read whole,
    once all batches were asked for: hardly any are alike, or one is in several groups, as it has lists.
    """

    def __init__(self, search: Callable[[Body], Awaitable[bytes]], query: Query, found: Alike, time: str) -> None:
        self.left: list[Query] = []
        self._search = search
        self._query = all_of([query, found.which])
        self._heads = found.heads
        self._members = found.members
        self._time = time

    async def batches(self) -> AsyncGenerator[list[bytes]]:
        """The first and the last document of each group. Raises SourceErrors."""
        try:
            classes = await self._classes()
        except _NotAlike:
            self.left.append(self._query)
            return
        for each in classes:
            try:
                async for records in self._of(all_of([self._query, each])):
                    yield records
            except _NotAlike:
                self.left.append(all_of([self._query, each]))

    async def _classes(self) -> list[Query]:
        """Documents whose heads are the same, also as lists: a query each. What is of none of these is `left`."""
        if not self._heads:
            return [EVERY]
        example = {"first": {"top_hits": {"size": 3, "_source": False, "docvalue_fields": list(self._heads)}}}
        answer = _read(await self._search(_body(self._query, self._heads, example, None)))
        groups = answer.aggregations.alike.buckets if answer.aggregations else []
        if len(groups) > _CLASSES:
            raise _NotAlike
        words = {
            path: {value for group in groups if (value := group.key[str(at)]) is not None}
            for at, path in enumerate(self._heads)
        }
        seen = dict.fromkeys(
            tuple(frozenset(hit.fields.get(path, ())) for path in self._heads)
            for group in groups
            for hit in group.first.hits.hits
        )
        classes = [
            all_of(_exactly(path, told, words[path] - told) for path, told in zip(self._heads, each, strict=True))
            for each in seen
        ]
        self.left.append(all_of([self._query, negated(one_of(classes))]))
        return classes

    async def _of(self, query: Query) -> AsyncGenerator[list[bytes]]:
        ends = {
            name: {"top_hits": {"size": 1, "sort": [{self._time: {"order": order}}]}}
            for name, order in (("first", "asc"), ("last", "desc"))
        }
        counted, expected, groups, after = 0, 0, 0, None
        while True:
            answer = _read(await self._search(_body(query, self._members, ends, after)))
            if answer.aggregations is None:  # there is no index
                return
            page = answer.aggregations.alike
            expected = answer.hits.total.value if after is None else expected
            counted += sum(group.doc_count for group in page.buckets)
            groups += len(page.buckets)
            after = page.after_key if len(page.buckets) >= _PAGE else None
            if counted < _ALIKE * groups and expected > FEW:
                raise _NotAlike
            if records := list(_records(page.buckets)):
                yield records
            if after is None:
                break
        if counted > expected:
            raise _NotAlike
        if counted < expected:
            raise PartialResult(f"{counted} documents were grouped of {expected} that were counted")


def _exactly(path: str, told: frozenset[str | int | bool], others: Set[object]) -> Query:
    """Documents that have these values and no other."""
    if not told:
        return negated(exists(path))
    unlike = [negated({"terms": {path: sorted(others, key=str)}})] if others else []
    return all_of([*(term(path, value) for value in sorted(told, key=str)), *unlike])


def _body(query: Query, members: Sequence[str], each: Mapping[str, object], after: Mapping[str, object] | None) -> Body:
    """A search for groups, and for what is wanted of each."""
    keys = [{str(at): {"terms": {"field": path, "missing_bucket": True}}} for at, path in enumerate(members)]
    composite: dict[str, object] = {"size": _PAGE, "sources": keys}
    if after is not None:
        composite["after"] = after
    groups = {"alike": {"composite": composite, "aggs": each}}
    return {"size": 0, "track_total_hits": True, "query": query, "aggs": groups}


def _records(groups: Sequence[_Group]) -> Iterator[bytes]:
    for group in groups:
        for top in (group.first, group.last)[: group.doc_count]:
            if top is not None:
                yield from (bytes(hit.source) for hit in top.hits.hits)


def _read(body: bytes) -> _Answer:
    try:
        return msgspec.json.decode(body, type=ready(_Answer))
    except NO_JSON as error:
        raise SourceError(f"an answer without what was asked for: {error}") from None
