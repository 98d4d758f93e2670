"""Globs of keywords and wildcard fields in the query DSL.

`case_insensitive` means ASCII letters only in both engines. No expression of a rule is sent, since Lucene's have no
\\d, \\s, anchors or look-around, and `/(?i).../` matches nothing.
Sources: https://www.elastic.co/docs/reference/query-languages/query-dsl/query-dsl-wildcard-query ,
https://docs.opensearch.org/latest/query-dsl/term/wildcard/
"""

import re
from collections.abc import Iterable, Sequence

from exfilwatch.detection.values import Part, Wild
from exfilwatch.siem.queries.elastic_dsl import Query, exists
from exfilwatch.siem.queries.elastic_mapping import Indexed
from exfilwatch.siem.queries.globs import Fold, Glob, contains, plain

TOGETHER = 3
_LONGEST = 200
_NARROWEST = 1_000
"""Bytes of a text that is asked for as it stands: a term of more than 32,766 is refused, and a long pattern."""
_EXPRESSION = 900
"""Characters of an expression: index.max_regex_length is 1000."""
EFFORT = 100_000
_LIKE = {Wild.ANY: "*", Wild.ONE: "?"}


def like(way: Indexed, glob: Glob, *, wide: bool = True) -> Query | bool:
    """A keyword that is like the glob."""
    cased = glob.fold is Fold.NONE
    parts: tuple[Part, ...] = plain(glob)
    if not wide:
        if not cased and (Wild.ONE in glob.parts or not all(literal.isascii() for literal in glob.literals)):
            return False
        if sum(len(literal.encode("utf-8", "replace")) for literal in glob.literals) > _NARROWEST:
            return False
        parts = glob.parts
    if parts == (Wild.ANY,):
        return True if wide else exists(way.path)
    folds: dict[str, object] = {} if cased and not way.normalizer else {"case_insensitive": True}
    if all(isinstance(part, str) for part in parts):
        return {"term": {way.path: {"value": "".join(map(str, parts)), **folds}}}
    pattern = "".join(_LIKE[part] if isinstance(part, Wild) else re.sub(r"([*?\\])", r"\\\1", part) for part in parts)
    return {"wildcard": {way.path: {"value": pattern, **folds}}}


def likes(way: Indexed, found: Sequence[Glob]) -> list[Query | bool]:
    """Alternatives, in few clauses: of these an engine takes a thousand at most."""
    alike: dict[tuple[bool, str, str], list[Glob]] = {}
    several: dict[tuple[Fold, int], list[Glob]] = {}
    made: list[Query | bool] = []
    for glob in found:
        if len(found) >= TOGETHER and _sayable(glob):
            start, end = ("", ".*")[glob.parts[0] is Wild.ANY], ("", ".*")[glob.parts[-1] is Wild.ANY]
            alike.setdefault((glob.fold is Fold.NONE, start, end), []).append(glob)
        elif len(found) >= TOGETHER and len(glob.literals) > 1:
            several.setdefault((glob.fold, len(glob.literals)), []).append(glob)
        else:
            made.append(like(way, glob))
    for group in several.values():
        made += [like(way, glob) for glob in group] if len(group) < TOGETHER else [_each(way, group)]
    for (cased, start, end), group in alike.items():
        folds: dict[str, object] = {} if cased and not way.normalizer else {"case_insensitive": True}
        for part in chunks(map(_expression, group)):
            value = {"value": f"{start}({'|'.join(part)}){end}", **folds, "max_determinized_states": EFFORT}
            made.append({"regexp": {way.path: value}})
    return made


def _each(way: Indexed, group: Sequence[Glob]) -> Query:
    """Of globs of as many texts: the first text of one of them, the second of one, ..."""
    columns = [dict.fromkeys(column) for column in zip(*(glob.literals for glob in group), strict=True)]
    every: list[object] = []
    for column in columns:
        said = likes(way, [contains(text, group[0].fold) for text in column])
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


def chunks(texts: Iterable[str]) -> list[list[str]]:
    """Texts in groups that are short enough for one expression."""
    groups: list[list[str]] = [[]]
    for text in texts:
        if groups[-1] and sum(len(each) + 1 for each in groups[-1]) + len(text) > _EXPRESSION:
            groups.append([])
        groups[-1].append(text)
    return [group for group in groups if group]
