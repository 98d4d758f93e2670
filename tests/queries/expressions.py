"""The part of SPL, KQL and Sumo Logic's language that our queries use, evaluated as the vendors document it.

How texts stand in them: ../quoting.py.
SPL: https://help.splunk.com/en/splunk-enterprise/search/spl-search-reference (where, eval functions: mvfind gives the
position of the first value in which the expression is found, else NULL; mvappend leaves NULLs out; if; PCRE).
KQL: https://learn.microsoft.com/kusto/query/matches-regex-operator (RE2), /isempty-function, /column-ifexists-function.
Sumo Logic: https://www.sumologic.com/help/docs/search/search-query-language/search-operators/ (matches: RE2; if).
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

import re2
import regex

from .. import quoting  # noqa: TID252 (tests are no package on the path)

Row = Mapping[str, Any]
Holds = Callable[[Row], bool]

_COLUMN = r"""tostring\((?:\w+|column_ifexists\("\w+",\ ""\))\)"""
_SPL = re.compile(
    rf"""\s*(?:(?P<match>isnotnull\(mvfind\((?:mvappend\((?P<many>[^()]*)\)|(?P<one>'[^']*'|\w+)),\s
    (?P<expression>{quoting.SPL})\)\))|isnull\((?P<null>'[^']*'|\w+)\)|(?P<constant>true|false)\(\)
    |(?P<word>AND|OR|NOT)\b|(?P<bracket>[()]))""",
    re.VERBOSE | re.DOTALL,
)
_KQL = re.compile(
    rf"""\s*(?:(?P<one>{_COLUMN})\ matches\ regex\ (?P<expression>{quoting.KQL})|isempty\((?P<null>{_COLUMN})\)
    |(?P<constant>true|false)\b|(?P<word>and|or|not)\b|(?P<bracket>[()]))""",
    re.VERBOSE | re.DOTALL,
)
_SUMO = re.compile(
    rf"""\s*(?:(?P<one>\w+)\ matches\ (?P<expression>{quoting.SUMO})|isNull\((?P<null>\w+)\)
    |(?P<constant>true|false)\b|(?P<word>and|or|!)|(?P<bracket>[()]))""",
    re.VERBOSE | re.DOTALL,
)


def _texts(row: Row, field: str) -> list[str]:
    value = row.get(field.strip().strip("'"))
    return [str(each) for each in (value if isinstance(value, list) else [value]) if each is not None]


def _spl_atom(found: re.Match[str]) -> Holds:
    if found["null"]:
        return lambda row: not _texts(row, found["null"])
    fields = (found["many"] or found["one"]).split(",")
    expression = _backtracking(quoting.spl_text(found["expression"]))
    return lambda row: any(expression.search(text) for field in fields for text in _texts(row, field))


def _backtracking(expression: str) -> Any:
    """By `re` where it can: on a long text `regex` takes time as the cube of its length."""
    try:
        return re.compile(expression)
    except re.error:
        return regex.compile(expression, regex.V0)


def _kql_atom(found: re.Match[str]) -> Holds:
    """A column that is not there is empty, as one without a value is: Kusto's strings are never null."""
    field = re.findall(r"\w+", found["null"] or found["one"])[-1]
    if found["null"]:
        return lambda row: not row.get(field)
    expression = re2.compile(quoting.kql_text(found["expression"]))
    return lambda row: bool(expression.search(str(row.get(field) or "")))


def _sumo_atom(found: re.Match[str]) -> Holds:
    if found["null"]:
        return lambda row: not _texts(row, found["null"])
    expression = re2.compile(quoting.sumo_text(found["expression"]))
    return lambda row: any(expression.search(text) for text in _texts(row, found["one"]))


class _Reader:
    """Recursive descent: or, and, not, brackets; nothing may be left over."""

    def __init__(self, text: str, token: re.Pattern[str], atom: Callable[[re.Match[str]], Holds]) -> None:
        self._text, self._token, self._atom = text, token, atom
        self._at = 0
        self._next: re.Match[str] | None = None
        self.step()

    def step(self) -> None:
        if not self._text[self._at :].strip():
            self._next = None
            return
        self._next = self._token.match(self._text, self._at)
        assert self._next, f"what is this? {self._text[self._at :][:200]}"
        self._at = self._next.end()

    def _is(self, *words: str) -> bool:
        return self._next is not None and (self._next["word"] or self._next["bracket"] or "").lower() in words

    def whole(self) -> Holds:
        found = self._or()
        assert self._next is None, self._text[self._at :][:200]
        return found

    def _or(self) -> Holds:
        parts = [self._and()]
        while self._is("or"):
            self.step()
            parts.append(self._and())
        return lambda row: any(part(row) for part in parts)

    def _and(self) -> Holds:
        parts = [self._not()]
        while self._is("and"):
            self.step()
            parts.append(self._not())
        return lambda row: all(part(row) for part in parts)

    def _not(self) -> Holds:
        if self._is("not", "!"):
            self.step()
            inner = self._not()
            return lambda row: not inner(row)
        if self._is("("):
            self.step()
            inner = self._or()
            assert self._is(")")
            self.step()
            return inner
        found = self._next
        assert found is not None
        self.step()
        if found["constant"]:
            return lambda _row: found["constant"] == "true"
        return self._atom(found)


def spl(text: str) -> Holds:
    """An expression of `| where`."""
    return _Reader(text, _SPL, _spl_atom).whole()


def kql(text: str) -> Holds:
    """An expression of `| where`."""
    return _Reader(text, _KQL, _kql_atom).whole()


def sumo(text: str) -> Holds:
    """`| where ...`, or nothing."""
    return _Reader(text.removeprefix("| where "), _SUMO, _sumo_atom).whole() if text else lambda _row: True


def spl_score(text: str) -> Holds:
    """`| eval name=if(..., weight, 0), ..., total=a+b | where total>=n`."""
    evals, _, where = text.removeprefix("| eval ").rpartition(" | where exfil_score>=")
    found = re.findall(r"exfil_\d+=if\((.*?), (\d+), 0\)(?=, exfil_)", evals, re.DOTALL)
    signals = [(spl(condition), int(weight)) for condition, weight in found]
    return lambda row: sum(weight for holds, weight in signals if holds(row)) >= int(where)


def sumo_score(text: str) -> Holds:
    """`| if(..., weight, 0) as name`, a line each, the sum and `| where exfil_score >= n`."""
    *lines, _, last = text.split("\n")
    found = [re.fullmatch(r"\| if\((.*), (\d+), 0\) as exfil_\d+", line) for line in lines]
    signals = [(sumo("| where " + each[1]), int(each[2])) for each in found if each]
    assert len(signals) == len(lines)
    least = int(last.removeprefix("| where exfil_score >= "))
    return lambda row: sum(weight for holds, weight in signals if holds(row)) >= least
