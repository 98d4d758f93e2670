"""Words and signs (needle.py) in the query DSL: thousands of words in one clause, signs in few expressions.

What costs is to make an automaton of an expression, and to look through all values of a keyword with it; one that
begins with letters is soon found among words.
"""

import re
from collections.abc import Iterable

from exfilwatch.siem.queries.elastic_dsl import Query, one_of
from exfilwatch.siem.queries.elastic_keywords import EFFORT, chunks
from exfilwatch.siem.queries.elastic_mapping import Indexed
from exfilwatch.siem.queries.needle import ENDS, Signs, Words, literal

_MOST = 60_000
"""Terms of one clause: index.max_terms_count is 65,536."""

_FEW = 300
"""Characters of one expression: of longer ones automata take far more time than to look through all values again."""


def words(way: Indexed, test: Words) -> Query:
    """Texts that have one of the words."""
    whole = [name + end for name in test.names for end in (ENDS if test.programs else ENDS[:1])]
    found: list[Query] = [{"terms": {way.path: whole[at : at + _MOST]}} for at in range(0, len(whole), _MOST)]
    if not test.programs:  # -InFile:C is one word
        found += _regexps(way, map(literal, test.names), end="[:'].*")
    return one_of([*found, *_regexps(way, map(literal, test.begins), end=".*")])


def signs(way: Indexed, test: Signs) -> Query:
    """Values that hold one of the signs."""
    few: list[list[str]] = [[]]
    for each in sorted(test.expressions):
        if sum(map(len, few[-1])) + len(each) > _FEW and few[-1]:
            few.append([])
        few[-1].append(each)
    parts = ["|".join(_factored(part)) for part in few]
    return one_of(
        [found for part in parts for found in _regexps(way, [part], start=".*", end=".*", folds=not test.cased)]
    )


def _factored(expressions: Iterable[str]) -> list[str]:
    """The same, those that begin with the same sign as one: of which an automaton is sooner made."""
    begun: dict[str, list[str]] = {}
    for each in expressions:
        start = _HEAD.match(each)
        begun.setdefault(start[0] if start else "", []).append(each)
    found: list[str] = []
    for head, those in begun.items():
        if len(those) == 1 or not head:
            found += those
        else:
            rests = [each.removeprefix(head) for each in those]
            found.append(f"{head}({'|'.join(_factored(rests))})")
    return found


_HEAD = re.compile(r"(?:\\.|[A-Za-z0-9_ ])(?=[A-Za-z0-9_ \\])(?!.*[\[(|?*+{])")
"""The first character of a literal, where something follows."""


def _regexps(
    way: Indexed, expressions: Iterable[str], *, start: str = "", end: str, folds: bool = False
) -> list[Query]:
    folded: dict[str, object] = {"case_insensitive": True} if folds or way.normalizer else {}
    return [
        {
            "regexp": {
                way.path: {"value": f"{start}({'|'.join(part)}){end}", **folded, "max_determinized_states": EFFORT}
            }
        }
        for part in chunks(expressions)
    ]
