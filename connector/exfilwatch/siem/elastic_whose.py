"""What is asked of documents of some hosts or users, however these are written there (queries/whose.py).

A host is looked for wherever records of any shape have one, a user wherever the field maps say. A document that may
hold the text of a whole event, or shows no host at all, may be of any: its host may stand in that text.
"""

from collections.abc import Iterable, Iterator, Sequence

from exfilwatch.events.envelopes import TEXTS
from exfilwatch.siem.elastic_near import host_fields, shown
from exfilwatch.siem.queries import elastic
from exfilwatch.siem.queries.elastic_clauses import Counting
from exfilwatch.siem.queries.elastic_dsl import EVERY, NEVER, Query, all_of, exists, ignored, one_of
from exfilwatch.siem.queries.elastic_keywords import likes
from exfilwatch.siem.queries.elastic_mapping import ElasticMapping, Indexed
from exfilwatch.siem.queries.elastic_typed import address
from exfilwatch.siem.queries.elastic_words import by_words
from exfilwatch.siem.queries.globs import Glob, globs
from exfilwatch.siem.queries.whose import is_user, of_hosts, user_fields

_WORDS = ("keyword", "wildcard", "constant_keyword")
_TEXTS = ("text", "match_only_text")
_LONGEST = 255
"""Characters of a name."""

Names = tuple[str, ...]


def owners(hosts: Names, users: Names, mappings: Sequence[ElasticMapping], most: int) -> Iterator[tuple[Names, Names]]:
    """The hosts and users in parts, each of which `whose` says in `most` clauses where those of one can be said so."""
    needed = max((_needed(hosts, users, mapping) for mapping in mappings), default=0)
    larger, other = (hosts, users) if len(hosts) >= len(users) else (users, hosts)
    if needed <= most or len(larger) < 2:
        yield hosts, users
        return
    half = len(larger) // 2
    for part in (larger[:half], larger[half:]):
        yield from owners(*((part, other) if larger is hosts else (other, part)), mappings, most)


def whose(hosts: Names, users: Names, mapping: ElasticMapping, most: int) -> Query:
    """Documents of one of the hosts and one of the users; of any, where that can't be said in `most` clauses."""
    return all_of(
        query if Counting(mapping).clauses(query) <= most // 2 else EVERY for query in _queries(hosts, users, mapping)
    )


def _needed(hosts: Names, users: Names, mapping: ElasticMapping) -> int:
    """So many clauses that half of them are enough for each."""
    return max((2 * Counting(mapping).clauses(each) for each in _queries(hosts, users, mapping)), default=0)


def _queries(hosts: Names, users: Names, mapping: ElasticMapping) -> list[Query]:
    return [
        *([_named(host_fields(), globs(of_hosts(hosts)), mapping, hidden=True)] if hosts else []),
        *([_named(user_fields(), globs(is_user(users)), mapping, hidden=False)] if users else []),
    ]


def _named(paths: Iterable[str], found: Sequence[Glob] | None, mapping: ElasticMapping, *, hidden: bool) -> Query:
    """One of the fields has a name that is like one of the globs; `hidden`: or none of them has any."""
    said = elastic.Elastic(mapping).paths
    known = dict.fromkeys(path for asked in paths for path in said(asked))
    fields = {path: ways for path in known if (ways := mapping.ways(path)) is not None}
    if not all(fields.values()) or not found:
        return EVERY  # a field that can't be asked for may have it
    nowhere: list[Query] = []
    if hidden:
        nowhere.append({"bool": {"must_not": shown(fields)}} if fields else EVERY)
    return one_of([*(_alike(ways, found) for ways in fields.values()), *nowhere, _in_text(mapping)])


def _in_text(mapping: ElasticMapping) -> Query:
    """Documents of which a text may hold a whole event. That no text is there, a field tells that has all of them."""
    there: list[Query] = []
    for path in TEXTS:
        ways = mapping.ways(path)
        if ways is not None:
            whole = next((way.path for way in ways if way.type in _TEXTS or way.ignore_above is None), None)
            there.append(EVERY if whole is None else exists(whole))
    return all_of([elastic.enveloped_in(mapping), one_of(there)])


def _alike(ways: Sequence[Indexed], found: Sequence[Glob]) -> Query:
    """The field is like one of the globs. Elasticsearch lists what is too long for a keyword as ignored, like what is
    no address; names that are longer than the longest of DNS are not thought of else.
    """
    word = next((way for way in ways if way.type in _WORDS and way.normalizer in ("", "lowercase")), None)
    text = next((way for way in ways if way.type in _TEXTS and way.analyzer == "standard"), None)
    by_text = [by_words(text, found) or exists(text.path)] if text is not None else []
    if word is not None:
        most = word.ignore_above
        longest = max(_LONGEST, *(len(text) for glob in found for text in glob.literals))
        cut = [] if most is None else [ignored(word.path), *(by_text if most < longest else [])]
        return one_of([*map(_query, likes(word, found)), *cut])
    if by_text:
        return by_text[0]
    if ways[0].type == "ip":
        return one_of([*(_address(ways[0], glob) for glob in found), ignored(ways[0].path)])
    return exists(ways[0].path)


def _address(way: Indexed, glob: Glob) -> Query:
    if ":" in glob.literals:
        return exists(way.path)
    return _query(address(way, glob)) if len(glob.parts) == 1 else NEVER


def _query(found: Query | bool) -> Query:
    return found if not isinstance(found, bool) else EVERY if found else NEVER
