"""Rules in Sumo Logic's search language, over the text of each message (`_raw`), whatever format it has.

A message is JSON, XML or plain text, so that only letters, digits and plain signs stand in it as they are; those are
asked for. auditd writes arguments in hexadecimal: its messages all pass.
Sources: https://www.sumologic.com/help/docs/search/search-query-language/search-operators/matches (RE2 between
slashes), /where, /if (and field expressions).
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from exfilwatch.detection.rule import Rule
from exfilwatch.detection.values import Test
from exfilwatch.siem.queries.infix import Infix, Place
from exfilwatch.siem.queries.language import joined, said
from exfilwatch.siem.queries.native import distinct, within

_AUDITD = "msg=audit"
_KEPT = 128  # queries: the same are asked for with each interval, and those of a pack take seconds to make


def condition(rules: Sequence[Rule]) -> str:
    """Operators (`| where ...`), to stand after a search's scope.

    They keep every message on which one of `rules` fires; "" keeps all.
    """
    return _condition(tuple(rules))


@lru_cache(_KEPT)
def _condition(rules: tuple[Rule, ...]) -> str:
    sumo = _Sumo()
    found = joined([said(within(rule.asked, "_raw"), sumo) for rule in distinct(rules)], sumo, every=False)
    found = joined([found, sumo.matches("_raw", _AUDITD)], sumo, every=False)
    return f"| where {found}" if isinstance(found, str) else ""


def named(test: Test, fields: Sequence[str]) -> str:
    """An operator that keeps every message of which one of the fields fulfils the test, or may do so in its text."""
    sumo = _Sumo()
    each = [sumo.test(field, test, wide=True) for field in (*fields, "_raw")]
    found = joined([*each, sumo.matches("_raw", _AUDITD)], sumo, every=False)
    return f"| where {found}" if isinstance(found, str) else ""


@lru_cache(_KEPT)
def score(rule: Rule) -> str:
    """Operators, to stand after `condition([rule])`, that leave what reaches the rule's threshold; "" without one."""
    if rule.threshold is None:
        return ""
    sumo = _Sumo()
    lines, names = [], []
    for number, (name, weight) in enumerate(rule.weights.items(), 1):
        signal = said(within(rule.selections[name], "_raw"), sumo)
        found = joined([signal, sumo.matches("_raw", _AUDITD)], sumo, every=False)
        names.append(f"exfil_{number}")
        lines.append(f"| if({found if isinstance(found, str) else str(found).lower()}, {weight}, 0) as {names[-1]}")
    return "\n".join([*lines, f"| {' + '.join(names)} as exfil_score", f"| where exfil_score >= {rule.threshold}"])


class _Sumo(Infix):
    linear = True

    def place(self, path: str) -> Place:
        return Place(path, within=True)

    def found(self, field: str, expression: str) -> str:
        return f"{field} matches {quoted(expression)}"

    def absent(self, field: str) -> str:
        return f"isNull({field})"

    def negated(self, part: str) -> str:
        return f"!({part})"


def quoted(expression: str) -> str:
    """A regular expression between slashes."""
    return f"/{_SLASH.sub(_escaped, expression)}/"


_SLASH = re.compile(r"\\.|/", re.DOTALL)


def _escaped(found: re.Match[str]) -> str:
    return "\\/" if found[0] == "/" else found[0]
