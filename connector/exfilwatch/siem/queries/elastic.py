"""Rules as one query of Elasticsearch's and OpenSearch's query DSL, chosen by the real mapping.

keyword, wildcard: `term` and `wildcard` with `case_insensitive`, which both engines mean for ASCII letters only; no
expression of a rule is sent, since Lucene's have no \\d, \\s, anchors or look-around, and `/(?i).../` matches nothing.
A keyword longer than `ignore_above` is not indexed: what it could hold is asked of the field's text where there is one.
Text: by words (standard analyzer), whose longest runs of letters and digits stand in one word each.
Sources: https://www.elastic.co/docs/reference/query-languages/query-dsl/query-dsl-wildcard-query ,
https://www.elastic.co/docs/reference/elasticsearch/mapping-reference/ignore-above (and mapping-ignored-field),
https://docs.opensearch.org/latest/query-dsl/term/wildcard/ , https://www.unicode.org/reports/tr29/#Word_Boundaries
"""

import ipaddress
import re
from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

from exfilwatch.detection.rule import Rule
from exfilwatch.detection.values import Cidr, Compare, Null, Number, Part, Test, Wild
from exfilwatch.siem.queries.elastic_mapping import ElasticMapping, Indexed
from exfilwatch.siem.queries.globs import Fold, Glob, contains, exact, globs, plain
from exfilwatch.siem.queries.infix import natural
from exfilwatch.siem.queries.language import joined, said
from exfilwatch.siem.queries.native import PRESENT, asked, enveloped
from exfilwatch.siem.queries.networks import dotted, octets

Query: TypeAlias = dict[str, object]
_WHOLE = {"byte": 7, "short": 15, "integer": 31, "long": 63, "unsigned_long": 64}
_FRACTION = ("float", "double", "half_float", "scaled_float")
_WORDS = ("keyword", "wildcard", "constant_keyword")
_TEXTS = ("text", "match_only_text")
_WORD = 255
"""Characters of the longest word: the standard tokenizer cuts longer ones."""
_TOGETHER = 3
_LONGEST = 200
_EXPRESSION = 400
_EFFORT = 100_000
_CLAUSES = 900
"""indices.query.bool.max_clause_count is 1,024 (OpenSearch), and at least as much (Elasticsearch)."""
_LIKE = {Wild.ANY: "*", Wild.ONE: "?"}


def query(rules: Sequence[Rule], mapping: ElasticMapping) -> Query:
    """A query, for `bool.filter`, that every document on which one of `rules` fires fulfils."""
    language = Elastic(mapping)
    kinds: dict[str, tuple[Query | bool, dict[str, Query | bool]]] = {}
    for rule in rules:
        for each in asked(rule, paths=language.paths):
            guard, condition = said(each.guard, language), said(each.condition, language)
            kinds.setdefault(repr(guard), (guard, {}))[1][repr(condition)] = condition
    told = said(enveloped(language.paths), language)
    kinds["enveloped"] = (told, {"everything": True})
    fixed = sum(clauses(guard) for guard, _ in kinds.values())
    if fixed > _CLAUSES:
        return {"match_all": {}}
    _fit([conditions for _, conditions in kinds.values()], _CLAUSES - fixed)
    both = [
        joined([guard, joined(list(conditions.values()), language, every=False)], language, every=True)
        for guard, conditions in kinds.values()
    ]
    found = joined(both, language, every=False)
    return ({"match_all": {}} if found else {"match_none": {}}) if isinstance(found, bool) else found


def _fit(kinds: list[dict[str, Query | bool]], most: int) -> None:
    """Where there are more clauses than an engine takes, the conditions that need most are made wider."""
    sizes = {(at, name): clauses(found) for at, kind in enumerate(kinds) for name, found in kind.items()}
    left = sum(sizes.values()) - most
    while left > 0 and sizes:
        at, name = largest = max(sizes, key=lambda each: sizes[each])
        lighter = _lighter(kinds[at][name])
        kinds[at][name] = lighter
        left -= sizes[largest] - clauses(lighter)
        sizes[largest] = clauses(lighter)
        if isinstance(lighter, bool):
            del sizes[largest]


def _lighter(found: Query | bool) -> Query | bool:
    """Wider, and of fewer clauses: without what needs most of all that has to be fulfilled."""
    match found:
        case {"bool": {"filter": [_, _, *_] as parts}}:
            heaviest = max(parts, key=clauses)
            left = [part for part in parts if part is not heaviest]
            return left[0] if len(left) == 1 else {"bool": {"filter": left}}
        case {"bool": {"should": [*parts]}}:
            heaviest = max(parts, key=clauses)
            lighter = _lighter(heaviest)
            others = [part for part in parts if part is not heaviest]
            return True if lighter is True else {"bool": {"should": [*others, lighter], "minimum_should_match": 1}}
    return True


def clauses(query: object) -> int:
    """How many clauses a query has, roughly: its tests, and the tests' ways to be said."""
    match query:
        case {"bool": dict(parts)}:
            return sum(clauses(each) for key, inner in parts.items() if key != "minimum_should_match" for each in inner)
        case {"term": _} | {"range": _} | {"exists": _}:
            return 2  # of numbers and objects an engine makes several
        case dict():
            return 1
    return 0


class Elastic:
    """The query DSL over one mapping."""

    def __init__(self, mapping: ElasticMapping) -> None:
        self._mapping = mapping
        parts = [name.split(".") for name in mapping.fields]
        self._objects = {".".join(each[:length]) for each in parts for length in range(1, len(each))}
        self._spaced = {name.replace(" ", ""): name for name in mapping.fields if " " in name}

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
            return _no(_exists(path)) if wide else False
        if ways is None:  # an object, whose members are asked for under their own paths
            return _exists(path) if test is PRESENT else False
        if test is PRESENT:
            return self._present(path, ways, wide=wide)
        return self._wide(ways, test) if wide else self._narrow(ways, test)

    def every(self, parts: Sequence[Query]) -> Query:
        return {"bool": {"filter": list(parts)}}

    def some(self, parts: Sequence[Query]) -> Query:
        """Alternatives, with those of alternatives among them."""
        flat: list[object] = []
        for part in parts:
            inner = part.get("bool")
            shoulds = inner.get("should") if isinstance(inner, dict) else None
            flat += [each for each in (shoulds if isinstance(shoulds, list) else [part]) if each not in flat]
        return {"bool": {"should": flat, "minimum_should_match": 1}}

    def negated(self, part: Query) -> Query:
        return _no(part)

    def _any(self, parts: Iterable[Query | bool]) -> Query | bool:
        return joined(list(parts), self, every=False)

    def _all(self, parts: Iterable[Query | bool]) -> Query | bool:
        return joined(list(parts), self, every=True)

    def _present(self, path: str, ways: tuple[Indexed, ...], *, wide: bool) -> Query | bool:
        if not wide:
            return self._all([_exists(path), _no(_term(path, ""))]) if ways and ways[0].type in _WORDS else False
        if not ways or ways[0].type in _TEXTS or ways[0].ignore_above is not None:
            return True
        return self._any([_exists(path), _ignored(path)])

    def _wide(self, ways: tuple[Indexed, ...], test: Test) -> Query | bool:
        by_type = {way.type: way for way in reversed(ways)}
        word = next(
            (by_type[kind] for kind in ("wildcard", *_WORDS) if kind in by_type and _readable(by_type[kind])), None
        )
        text = next(
            (by_type[kind] for kind in _TEXTS if kind in by_type and by_type[kind].analyzer == "standard"), None
        )
        found = globs(test)
        if word is not None:
            cut = self._cut(word, text, found, test)
            said_of_word = self._any(_likes(word, found)) if found else _of_word(word, test)
            return self._any([said_of_word, cut])
        if text is not None:
            return self._by_words(text, found) if found else True
        return self._typed(ways[0], found, test) if ways else True

    def _cut(self, word: Indexed, text: Indexed | None, found: Sequence[Glob] | None, test: Test) -> Query | bool:
        """What a value that is too long to be indexed as a keyword may fulfil."""
        if word.ignore_above is None:
            return False
        if not found:
            return word.ignore_above < 64 if isinstance(test, Number) else not isinstance(test, Cidr)
        long = [glob for glob in found if Wild.ANY in glob.parts or 2 * _length(glob) > word.ignore_above]
        if not long:
            return False
        words = self._by_words(text, long) if text else True
        return self._all([words, self._any([_no(_exists(word.path)), _ignored(word.path)])])

    def _by_words(self, way: Indexed, found: Sequence[Glob]) -> Query | bool:
        """Of each glob the runs of letters and digits, each of which stands in one word; or a word that was cut."""
        runs = [_runs(glob) for glob in found]
        if not all(runs):
            return True
        alone = [self._all(_has(way, [run]) for run in each) for each in runs] if len(runs) < _TOGETHER else []
        words = alone or [_has(way, part) for part in _chunks(dict.fromkeys(each[0] for each in runs))]
        return self._any([*words, {"regexp": {way.path: {"value": f".{{{_WORD}}}"}}}])

    def _typed(self, way: Indexed, found: Sequence[Glob] | None, test: Test) -> Query | bool:
        """Of numbers, addresses and booleans; what the engine could not read as one it lists as ignored."""
        if found is not None and any(_accepts_nothing(glob) for glob in found):
            return True
        if way.type in _WHOLE:
            made = self._any(_whole(way, glob) for glob in found) if found else _of_whole(way, test)
        elif way.type in _FRACTION and isinstance(test, Number) and test.wanted is not None:
            made = _term(way.path, int(test.wanted)) if test.wanted % 1 == 0 and abs(test.wanted) < 2048 else True
        elif way.type == "ip":
            made = self._any(_address(way, glob) for glob in found) if found else _of_address(way, test)
        elif way.type == "boolean" and found:
            made = self._any(_boolean(way, glob) for glob in found)
        else:
            return True
        return self._any([made, _ignored(way.path)])

    def _narrow(self, ways: tuple[Indexed, ...], test: Test) -> Query | bool:
        word = next((way for way in ways if way.type in _WORDS and not way.normalizer), None)
        if word is not None and exact(test):
            return self._any(_like(word, glob, wide=False) for glob in globs(test) or ())
        if word is not None and isinstance(test, Number):
            number = natural(test)
            return False if number is None else {"regexp": {word.path: {"value": f"0*{number}"}}}
        if word is not None and isinstance(test, Cidr):
            expression = octets(test.network)
            return {"regexp": {word.path: {"value": expression}}} if expression else False
        if ways and ways[0].type in _WHOLE and isinstance(test, Number) and natural(test) is not None:
            return _of_whole(ways[0], test)
        if ways and ways[0].type == "ip" and isinstance(test, Cidr):
            return _term(ways[0].path, str(test.network))
        return False


def _readable(way: Indexed) -> bool:
    return way.normalizer in ("", "lowercase")


def _exists(path: str) -> Query:
    return {"exists": {"field": path}}


def _ignored(path: str) -> Query:
    return {"term": {"_ignored": path}}


def _no(part: Query) -> Query:
    match part:
        case {"bool": {"must_not": [dict(inner)], **others}} if not others:
            return inner
    return {"bool": {"must_not": [part]}}


def _term(path: str, value: str | int | bool) -> Query:
    return {"term": {path: {"value": value}}}


def _length(glob: Glob) -> int:
    return sum(len(part) if isinstance(part, str) else 1 for part in glob.parts)


def _accepts_nothing(glob: Glob) -> bool:
    """Whether the empty text is like it, which the engine takes for no value, or for false."""
    return not glob.literals and Wild.ONE not in glob.parts


def _like(way: Indexed, glob: Glob, *, wide: bool = True) -> Query | bool:
    """A keyword that is like the glob."""
    cased = glob.fold is Fold.NONE
    parts: tuple[Part, ...] = plain(glob)
    if not wide:
        if not cased and (Wild.ONE in glob.parts or not all(literal.isascii() for literal in glob.literals)):
            return False
        parts = glob.parts
    if parts == (Wild.ANY,):
        return True if wide else _exists(way.path)
    folds: dict[str, object] = {} if cased and not way.normalizer else {"case_insensitive": True}
    if all(isinstance(part, str) for part in parts):
        return {"term": {way.path: {"value": "".join(map(str, parts)), **folds}}}
    pattern = "".join(_LIKE[part] if isinstance(part, Wild) else re.sub(r"([*?\\])", r"\\\1", part) for part in parts)
    return {"wildcard": {way.path: {"value": pattern, **folds}}}


def _likes(way: Indexed, found: Sequence[Glob]) -> list[Query | bool]:
    """Alternatives, in few clauses: of these an engine takes a thousand at most."""
    alike: dict[tuple[bool, str, str], list[Glob]] = {}
    several: dict[tuple[Fold, int], list[Glob]] = {}
    made: list[Query | bool] = []
    for glob in found:
        if len(found) >= _TOGETHER and _sayable(glob):
            start, end = ("", ".*")[glob.parts[0] is Wild.ANY], ("", ".*")[glob.parts[-1] is Wild.ANY]
            alike.setdefault((glob.fold is Fold.NONE, start, end), []).append(glob)
        elif len(found) >= _TOGETHER and len(glob.literals) > 1:
            several.setdefault((glob.fold, len(glob.literals)), []).append(glob)
        else:
            made.append(_like(way, glob))
    for group in several.values():
        made += [_like(way, glob) for glob in group] if len(group) < _TOGETHER else [_each(way, group)]
    for (cased, start, end), group in alike.items():
        folds: dict[str, object] = {} if cased and not way.normalizer else {"case_insensitive": True}
        for part in _chunks(map(_expression, group)):
            value = {"value": f"{start}({'|'.join(part)}){end}", **folds, "max_determinized_states": _EFFORT}
            made.append({"regexp": {way.path: value}})
    return made


def _each(way: Indexed, group: Sequence[Glob]) -> Query:
    """Of globs of as many texts: the first text of one of them, the second of one, ..."""
    columns = [dict.fromkeys(column) for column in zip(*(glob.literals for glob in group), strict=True)]
    every: list[object] = []
    for column in columns:
        said = _likes(way, [contains(text, group[0].fold) for text in column])
        if all(isinstance(part, dict) for part in said):
            every.append(said[0] if len(said) == 1 else {"bool": {"should": said, "minimum_should_match": 1}})
    return {"bool": {"filter": every}}


def _sayable(glob: Glob) -> bool:
    """Whether it is one literal, and one whose letters an expression can tell."""
    if len(glob.literals) != 1 or Wild.ONE in glob.parts or glob.fold is Fold.REGEX:
        return False
    return len(glob.literals[0]) <= _LONGEST and (glob.literals[0].isascii() or glob.fold is Fold.NONE)


def _expression(glob: Glob) -> str:
    """The literal of a glob as an expression of Lucene's."""
    (literal,) = glob.literals
    letters = {Fold.LOWER: {"k": "[kK\u212a]"}, Fold.RE2: {"k": "[kK\u212a]", "s": "[sS\u017f]"}}.get(glob.fold, {})
    chars = [letters.get(char.lower()) or (char if char.isalnum() else f"\\{char}") for char in literal]
    if glob.fold is Fold.LOWER and literal[-1] == "i" and glob.parts[-1] is Wild.ANY:
        chars[-1] = "[iI\u0130]"
    return "".join(chars)


def _chunks(texts: Iterable[str]) -> list[list[str]]:
    """Texts in groups that are short enough for one expression (index.max_regex_length is 1000)."""
    groups: list[list[str]] = [[]]
    for text in texts:
        if groups[-1] and sum(len(each) + 1 for each in groups[-1]) + len(text) > _EXPRESSION:
            groups.append([])
        groups[-1].append(text)
    return [group for group in groups if group]


def _runs(glob: Glob) -> list[str]:
    """The longest runs of letters and digits, longest first."""
    found = {run for literal in glob.literals for run in re.findall("[a-z0-9]+", literal.lower()) if len(run) > 1}
    letters = str.maketrans({"s": "."} if glob.fold in (Fold.RE2, Fold.REGEX) else {})
    return [run[:_LONGEST].translate(letters) for run in sorted(found, key=len, reverse=True)[:4]]


def _has(way: Indexed, runs: Sequence[str]) -> Query:
    """A word holds one of the runs (`.`: any character)."""
    if len(runs) == 1:
        return {"wildcard": {way.path: {"value": f"*{runs[0].replace('.', '?')}*"}}}
    return {"regexp": {way.path: {"value": f".*({'|'.join(runs)}).*", "max_determinized_states": _EFFORT}}}


def _of_word(way: Indexed, test: Test) -> Query | bool:
    """Numbers and addresses in a keyword. What is not written in digits only (0x1bb, 443.0) passes as well."""
    if isinstance(test, Number):
        number = natural(test)
        return True if number is None else {"regexp": {way.path: {"value": f"0*{number}|.*[^0-9].*"}}}
    if isinstance(test, Cidr) and (starts := dotted(test.network)):
        values = [*(f"*{start}*" for start in starts), "*:ffff:*"]
        should = [{"wildcard": {way.path: {"value": value, "case_insensitive": True}}} for value in values]
        return {"bool": {"should": should, "minimum_should_match": 1}}
    return True


def _whole(way: Indexed, glob: Glob) -> Query | bool:
    text = glob.literals[0] if len(glob.parts) == 1 and glob.literals else None
    if text is None:
        return True
    return _in_range(way, int(text)) if re.fullmatch(r"-?[0-9]{1,20}", text) else False


def _in_range(way: Indexed, number: int) -> Query | bool:
    bits = _WHOLE[way.type]
    low = 0 if way.type == "unsigned_long" else -(1 << bits)
    return _term(way.path, number) if low <= number < 1 << bits else False


def _of_whole(way: Indexed, test: Test) -> Query | bool:
    """Numbers, of which the engine drops a fraction."""
    if isinstance(test, Number) and test.wanted is not None:
        return _in_range(way, int(test.wanted))
    if isinstance(test, Compare) and test.op in _BOUNDS and abs(test.limit) < 1 << 31:
        return {"range": {way.path: {_BOUNDS[test.op]: int(test.limit)}}}
    return True


_BOUNDS = {"gt": "gte", "gte": "gte", "lt": "lte", "lte": "lte"}


def _of_address(way: Indexed, test: Test) -> Query | bool:
    return _term(way.path, str(test.network)) if isinstance(test, Cidr) else True


def _address(way: Indexed, glob: Glob) -> Query | bool:
    text = glob.literals[0] if glob.literals else ""
    if glob.parts == (text,):
        return _term(way.path, text) if _is(ipaddress.ip_address, text) else False
    found = re.fullmatch(r"((?:\d{1,3}\.){1,3})", text)
    if glob.parts == (text, Wild.ANY) and found:
        given = text.rstrip(".").split(".")
        network = f"{'.'.join([*given, *['0'] * (4 - len(given))])}/{8 * len(given)}"
        return _term(way.path, network) if _is(ipaddress.ip_network, network) else False
    return True


def _is(make: Callable[[str], object], text: str) -> bool:
    try:
        make(text)
    except ValueError:
        return False
    return True


def _boolean(way: Indexed, glob: Glob) -> Query | bool:
    if not all(isinstance(part, str) for part in glob.parts):
        return True
    text = "".join(glob.literals).lower()
    return _term(way.path, text == "true") if text in ("true", "false") else False
