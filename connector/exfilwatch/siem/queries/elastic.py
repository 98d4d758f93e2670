"""Rules as one query of Elasticsearch's and OpenSearch's query DSL, chosen by the real mapping.

What a value holds somewhere within is a matter of looking through all values of a field, in all documents of the index,
whatever else is asked for. So it is asked of a field's words, where it has them and they say enough; and what says next
to nothing (a dash, an option of one letter) is not asked at all beside something that says more.

A keyword longer than `ignore_above` is not indexed: what it could hold is asked of the field's text where there is one.
https://www.elastic.co/docs/reference/elasticsearch/mapping-reference/ignore-above (and mapping-ignored-field)
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from exfilwatch.detection.rule import Rule
from exfilwatch.detection.values import Cidr, Null, Number, Test, Wild
from exfilwatch.siem.queries.doing import narrowed
from exfilwatch.siem.queries.elastic_clauses import Counting, fit
from exfilwatch.siem.queries.elastic_dsl import EVERY, NEVER, Query, all_of, exists, gap, ignored, negated, one_of, term
from exfilwatch.siem.queries.elastic_keywords import like, likes
from exfilwatch.siem.queries.elastic_mapping import ElasticMapping, Indexed
from exfilwatch.siem.queries.elastic_needles import signs, words
from exfilwatch.siem.queries.elastic_typed import (
    FRACTION,
    WHOLE,
    address,
    boolean,
    of_address,
    of_whole,
    of_word,
    whole,
)
from exfilwatch.siem.queries.elastic_words import by_words, telling
from exfilwatch.siem.queries.globs import Glob, exact, globs
from exfilwatch.siem.queries.infix import natural
from exfilwatch.siem.queries.language import joined, said
from exfilwatch.siem.queries.native import PRESENT, asked, distinct, enveloped
from exfilwatch.siem.queries.needle import Looked, Signs, Words
from exfilwatch.siem.queries.networks import octets

_WORDS = ("keyword", "wildcard", "constant_keyword")
_TEXTS = ("text", "match_only_text")
_FITTING = 900
"""Clauses, so that some are left for times."""


def query(
    rules: Sequence[Rule], mapping: ElasticMapping, most: int | None = _FITTING, *, looked: bool = False
) -> Query:
    """A query, for `bool.filter`, that every document on which one of `rules` fires fulfils.

    Wider than it could be, where it would have more than `most` clauses. `looked`: with gaps for command lines that
    were looked at (elastic_looks.py).
    """
    language, counting = Elastic(mapping), Counting(mapping)
    kinds: dict[str, tuple[Query | bool, dict[str, Query | bool]]] = {}
    for rule in distinct(rules):
        for each in _compiled(rule, mapping, looked):
            kinds.setdefault(each.guard_name, (each.guard, {}))[1][each.name] = each.condition
    kinds["enveloped"] = (enveloped_in(mapping), {"everything": True})
    if most is not None:
        fixed = sum(counting.clauses(guard) for guard, _ in kinds.values())
        if fixed > most:
            return EVERY
        fit([conditions for _, conditions in kinds.values()], most - fixed, counting)
    both = [
        all_of([_query(guard), _query(joined(list(conditions.values()), language, every=False))])
        for guard, conditions in kinds.values()
    ]
    return _query(joined([_or_bool(each) for each in both], language, every=False))


def enveloped_in(mapping: ElasticMapping) -> Query:
    """Documents that may hold the text of a whole event, of which nothing else is known."""
    language = Elastic(mapping)
    return _query(said(enveloped(language.paths), language))


class _Compiled(NamedTuple):
    """What a rule asks of one kind of documents, and names for it, by which the same is known."""

    guard: Query | bool
    condition: Query | bool
    guard_name: str
    name: str


@lru_cache(4096)
def _compiled(rule: Rule, mapping: ElasticMapping, looked: bool) -> Sequence[_Compiled]:
    """What a rule asks of each kind of documents, which takes up to seconds to make."""
    language, found = Elastic(mapping), list[_Compiled]()
    for each in asked(rule, paths=language.paths, condition=narrowed(rule, looked=looked)):
        guard, condition = said(each.guard, language), said(each.condition, language)
        found.append(_Compiled(guard, condition, _name(guard), _name(condition)))
    return found


def _name(found: Query | bool) -> str:
    return hashlib.sha256(repr(found).encode("utf-8", "surrogatepass")).hexdigest()


class Elastic:
    """The query DSL over one mapping."""

    def __init__(self, mapping: ElasticMapping) -> None:
        self._mapping = mapping
        parts = [name.split(".") for name in mapping.fields]
        self._objects = {".".join(each[:length]) for each in parts for length in range(1, len(each))}
        self._spaced = {name.replace(" ", ""): name for name in mapping.fields if " " in name}
        self._vague: dict[int, tuple[Query, Query | bool]] = {}
        """Tests that say next to nothing, by identity, and what is asked beside others instead: that a value is there.
        """

    def paths(self, path: str) -> list[str]:
        """Where in documents a member may be: XML's attributes make an object of it; names of Windows lose spaces."""
        if "*" in path:
            pattern = re.compile(re.escape(path).replace(r"\*", "[^.]+"))
            named = [name for name in self._mapping.fields if pattern.fullmatch(name)]
            return named or ([path] if self._mapping.ways(path.partition(".*")[0] + ".x") is not None else [])
        known = self._mapping.fields
        others = [name for name in (f"{path}.#text", f"{path}.value", self._spaced.get(path, "")) if name in known]
        own = path in self._objects or self._mapping.ways(path) is not None
        return [path, *others] if own else others

    def test(self, path: str, test: Test, *, wide: bool) -> Query | bool:
        ways = self._mapping.ways(path)
        if ways is None and path not in self._objects:
            return test.holds(None)
        if isinstance(test, Null):
            return negated(exists(path)) if wide else False
        if ways is None:  # an object, whose members are asked for under their own paths
            return exists(path) if test is PRESENT else False
        if test is PRESENT:
            return self._present(path, ways, wide=wide)
        if not wide:
            return self._narrow(ways, test)
        if isinstance(test, Words | Signs):
            return self._needle(ways, test)
        if isinstance(test, Looked):
            word = _best(ways)[0]
            return True if word is None else one_of([gap(word.path), *_too_long(word)])
        made = self._wide(ways, test)
        return made if isinstance(made, bool) or _telling(globs(test)) else self._noted(made, self._there(ways))

    def every(self, parts: Sequence[Query]) -> Query:
        """All of them; beside such as say something, none that does not."""
        left = [self._brief(part) for part in parts]
        if not any(id(part) not in self._vague for part in parts):
            return self._noted({"bool": {"filter": list(parts)}}, self._all(left))
        kept = [part for at, part in enumerate(left) if not isinstance(part, bool) and part not in left[:at]]
        return kept[0] if len(kept) == 1 else {"bool": {"filter": kept}}

    def some(self, parts: Sequence[Query]) -> Query:
        """Alternatives, with those of alternatives among them."""
        flat: list[object] = []
        for part in parts:
            inner = part.get("bool")
            shoulds = inner.get("should") if isinstance(inner, dict) else None
            flat += [each for each in (shoulds if isinstance(shoulds, list) else [part]) if each not in flat]
        made: Query = {"bool": {"should": flat, "minimum_should_match": 1}}
        vague = any(id(part) in self._vague for part in parts)
        return self._noted(made, self._any([self._brief(part) for part in parts])) if vague else made

    def _noted(self, made: Query, instead: Query | bool) -> Query:
        """Says next to nothing."""
        self._vague[id(made)] = (made, instead)
        return made

    def _brief(self, part: Query) -> Query | bool:
        """What is asked beside others."""
        return self._vague[id(part)][1] if id(part) in self._vague else part

    def _there(self, ways: tuple[Indexed, ...]) -> Query | bool:
        """A field has a value, as far as the index can tell of all that have one."""
        whole = next((way for way in ways if way.type in _TEXTS or way.ignore_above is None), None)
        return exists(whole.path) if whole else True

    def negated(self, part: Query) -> Query:
        return negated(part)

    def _any(self, parts: Iterable[Query | bool]) -> Query | bool:
        return joined(list(parts), self, every=False)

    def _all(self, parts: Iterable[Query | bool]) -> Query | bool:
        return joined(list(parts), self, every=True)

    def _present(self, path: str, ways: tuple[Indexed, ...], *, wide: bool) -> Query | bool:
        if not wide:
            word = next((way.path for way in ways if way.type in _WORDS), None)
            return self._all([exists(word), negated(term(word, ""))]) if word else False
        there = self._there(ways)
        return there if isinstance(there, bool) else self._any([there, ignored(path)])

    def _needle(self, ways: tuple[Indexed, ...], test: Words | Signs) -> Query | bool:
        word, text = _best(ways)
        if isinstance(test, Words):
            return words(text, test) if text else True
        if word is None:
            return True
        return self._any([signs(word, test), *([] if word.ignore_above is None else _too_long(word))])

    def _wide(self, ways: tuple[Indexed, ...], test: Test) -> Query | bool:
        word, text = _best(ways)
        found = globs(test)
        in_words = by_words(text, found) if text and found else None
        if word is not None and not (in_words and _within(found) and _telling(found)):
            cut = self._cut(word, in_words, found, test)
            said_of_word = self._any(likes(word, found)) if found else of_word(word, test)
            return self._any([said_of_word, cut])
        if text is not None:
            return in_words or True
        return self._typed(ways[0], found, test) if ways else True

    def _cut(self, word: Indexed, in_words: Query | None, found: Sequence[Glob] | None, test: Test) -> Query | bool:
        """What a value that is too long to be indexed as a keyword may fulfil."""
        if word.ignore_above is None:
            return False
        if not found:
            return word.ignore_above < 64 if isinstance(test, Number) else not isinstance(test, Cidr)
        long = [glob for glob in found if Wild.ANY in glob.parts or 2 * _length(glob) > word.ignore_above]
        if not long:
            return False
        return self._all([in_words or True, self._any(_too_long(word))])

    def _typed(self, way: Indexed, found: Sequence[Glob] | None, test: Test) -> Query | bool:
        """Of numbers, addresses and booleans; what the engine could not read as one it lists as ignored."""
        if found is not None and any(_accepts_nothing(glob) for glob in found):
            return True
        if way.type in WHOLE:
            made = self._any(whole(way, glob) for glob in found) if found else of_whole(way, test)
        elif way.type in FRACTION and isinstance(test, Number) and test.wanted is not None:
            made = term(way.path, int(test.wanted)) if test.wanted % 1 == 0 and abs(test.wanted) < 2048 else True
        elif way.type == "ip":
            made = self._any(address(way, glob) for glob in found) if found else of_address(way, test)
        elif way.type == "boolean" and found:
            made = self._any(boolean(way, glob) for glob in found)
        else:
            return True
        return self._any([made, ignored(way.path)])

    def _narrow(self, ways: tuple[Indexed, ...], test: Test) -> Query | bool:
        word = next((way for way in ways if way.type in _WORDS and not way.normalizer), None)
        if word is not None and exact(test):
            return self._any(like(word, glob, wide=False) for glob in globs(test) or ())
        if word is not None and isinstance(test, Number):
            number = natural(test)
            return False if number is None else {"regexp": {word.path: {"value": f"0*{number}"}}}
        if word is not None and isinstance(test, Cidr):
            expression = octets(test.network)
            return {"regexp": {word.path: {"value": expression}}} if expression else False
        if ways and ways[0].type in WHOLE and isinstance(test, Number) and natural(test) is not None:
            return of_whole(ways[0], test)
        if ways and ways[0].type == "ip" and isinstance(test, Cidr):
            return term(ways[0].path, str(test.network))
        return False


def _query(found: Query | bool) -> Query:
    return (EVERY if found else NEVER) if isinstance(found, bool) else found


def _or_bool(found: Query) -> Query | bool:
    return found == EVERY if found in (EVERY, NEVER) else found


def _best(ways: tuple[Indexed, ...]) -> tuple[Indexed | None, Indexed | None]:
    """The way to ask for a value as it is, and for its words."""
    by_type = {way.type: way for way in reversed(ways)}
    word = next((by_type[kind] for kind in ("wildcard", *_WORDS) if kind in by_type and _readable(by_type[kind])), None)
    text = next((by_type[kind] for kind in _TEXTS if kind in by_type and by_type[kind].analyzer == "standard"), None)
    return word, text


def _too_long(word: Indexed) -> list[Query]:
    """A value is too long to be indexed as it is, or is not there."""
    return [negated(exists(word.path)), ignored(word.path)]


def _within(found: Sequence[Glob] | None) -> bool:
    """Whether all say what a text holds somewhere."""
    return all(len(glob.parts) > 1 and glob.parts[0] is glob.parts[-1] is Wild.ANY for glob in found or ())


def _telling(found: Sequence[Glob] | None) -> bool:
    """Whether each says something, or where it is soon looked up."""
    return all(telling(glob) or not glob.parts[0] is glob.parts[-1] is Wild.ANY for glob in found or ())


def _readable(way: Indexed) -> bool:
    return way.normalizer in ("", "lowercase")


def _length(glob: Glob) -> int:
    return sum(len(part) if isinstance(part, str) else 1 for part in glob.parts)


def _accepts_nothing(glob: Glob) -> bool:
    """Whether the empty text is like it, which the engine takes for no value, or for false."""
    return not glob.literals and Wild.ONE not in glob.parts
