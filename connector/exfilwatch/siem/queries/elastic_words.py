"""Globs of analysed text in the query DSL: by its words, of which an index has few, so that asking for them is cheap.

The standard analyzer makes lower case of a text and cuts it at signs, but for some that may stand within a word (a.b,
a_b). So each run of letters and digits stands in one word; where a sign at which is cut stands before it, or the text
begins, the word begins with it. A word that is longer than 255 characters is cut.
https://www.unicode.org/reports/tr29/#Word_Boundaries ,
https://www.elastic.co/docs/reference/text-analysis/analysis-standard-tokenizer
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from exfilwatch.siem.queries.elastic_dsl import Query, all_of, one_of, term
from exfilwatch.siem.queries.elastic_keywords import EFFORT, TOGETHER, chunks
from exfilwatch.siem.queries.elastic_mapping import Indexed
from exfilwatch.siem.queries.globs import Fold, Glob

_LONGEST = 200
_MOST = 4
"""Runs of one glob."""
_TELLING = 4
"""Letters and digits with which a word begins that say enough, so that no others have to be looked for within words."""
_SAYING = 2
_BEGINS = 3
"""How many letters it is worth that a word begins so."""
_CUT = ".{255}"
_SIGNS = frozenset('\\/"()[]{}<>|&+-=*?!@#$%^`~ \t\r\n')
"""ASCII that never stands within a word."""
_OTHERS = {Fold.RE2: {"s": "[s\u017f]"}, Fold.REGEX: {"s": "[s\u017f]", "i": "[i\u0131]"}}
"""Letters that are equal for a rule, and not made one by the analyzer."""


class Run(NamedTuple):
    """Letters and digits; whether a word begins and ends with them."""

    text: str
    begins: bool
    ends: bool


def runs(glob: Glob) -> list[Run]:
    """The runs of a glob that say anything, what says most first."""
    found = {run for run in _runs(glob) if len(run.text) > 1}
    return sorted(found, key=lambda run: (-len(run.text) - _BEGINS * run.begins, run))


def _runs(glob: Glob) -> Iterator[Run]:
    last = len(glob.parts) - 1
    for at, part in enumerate(glob.parts):
        if isinstance(part, str):
            text = part.lower()
            for run in re.finditer("[a-z0-9]+", text):
                begins = text[run.start() - 1] in _SIGNS if run.start() else at == 0
                ends = text[run.end()] in _SIGNS if run.end() < len(text) else at == last
                yield Run(run[0], begins, ends) if len(run[0]) <= _LONGEST else Run(run[0][:_LONGEST], begins, False)


def telling(glob: Glob) -> bool:
    """Whether it says something: has letters or digits together."""
    return any(len(run.text) >= _SAYING for run in _runs(glob))


def by_words(way: Indexed, found: Sequence[Glob]) -> Query | None:
    """What the words of a text have to be that is like one of the globs; None: some of them says nothing of words."""
    chosen = [(glob.fold, _chosen(glob)) for glob in found]
    if not all(each for _, each in chosen):
        return None
    if len(chosen) < TOGETHER:
        said = [all_of([_word(way, run, [_expression(run, fold)]) for run in each]) for fold, each in chosen]
    else:
        said = list(_together(way, [(each[0], _expression(each[0], fold)) for fold, each in chosen]))
    cut = [] if all(run.begins for _, each in chosen for run in each) else [_regexp(way, _CUT)]
    return one_of([*said, *cut])


def _together(way: Indexed, wanted: Sequence[tuple[Run, str]]) -> Iterator[Query]:
    """Alternatives, those alike in one expression: made one, others would be too much for an engine ("too complex")."""
    alike: dict[tuple[bool, bool], tuple[Run, dict[str, None]]] = {}
    for run, expression in wanted:
        alike.setdefault((run.begins, run.begins and run.ends), (run, {}))[1][expression] = None
    for run, expressions in alike.values():
        for part in chunks(expressions):
            yield _word(way, run, part)


def _chosen(glob: Glob) -> list[Run]:
    """Those that are looked for: where one with which a word begins says enough, only such, which are soon found."""
    every = runs(glob)
    soon = [run for run in every if run.begins]
    return (soon if any(len(run.text) >= _TELLING for run in soon) else every)[:_MOST]


def _expression(run: Run, fold: Fold) -> str:
    return "".join(_OTHERS.get(fold, {}).get(char, char) for char in run.text)


def _word(way: Indexed, run: Run, expressions: Sequence[str]) -> Query:
    """A word has one of some expressions where `run` has its text."""
    together = expressions[0] if len(expressions) == 1 else f"({'|'.join(expressions)})"
    if run.begins and run.ends and together.isalnum():
        return term(way.path, together)
    return _regexp(way, f"{'' if run.begins else '.*'}{together}{'' if run.begins and run.ends else '.*'}")


def _regexp(way: Indexed, expression: str) -> Query:
    return {"regexp": {way.path: {"value": expression, "max_determinized_states": EFFORT}}}
