"""Rules in Splunk's search language, over what its add-ons for Windows and Sysmon and its data models call the fields.

An event whose fields are not extracted is looked at as the text that it is (`_raw`).
Sources: https://help.splunk.com/en/splunk-enterprise/search/spl-search-reference (mvfind: of a field with one value or
with many; mvappend; where: 'field names' and "texts", a backslash in a text written twice; match_limit in limits.conf).
"""

from collections.abc import Sequence
from functools import lru_cache

from exfilwatch.detection.rule import Rule
from exfilwatch.detection.values import Test
from exfilwatch.events.shape import SHAPES
from exfilwatch.siem.queries.infix import Infix, Place
from exfilwatch.siem.queries.language import joined, said
from exfilwatch.siem.queries.native import asked, distinct, selected, within

_NAMES = ("splunk_windows", "cim_processes", "cim_filesystem", "cim_web", "cim_endpoint_traffic", "cim_traffic")
_SHAPES = [SHAPES[name] for name in _NAMES]
_KEPT = 128  # queries: the same are asked for with each interval, and those of a pack take seconds to make
_TOLD = ("EventCode", "EventID", "process", "file_path", "http_method", "dest_port")
"""Of which one is there in each event of these shapes."""


def condition(rules: Sequence[Rule]) -> str:
    """An expression for `| where` that is true of every event on which one of `rules` fires."""
    return _condition(tuple(rules))


@lru_cache(_KEPT)
def _condition(rules: tuple[Rule, ...]) -> str:
    spl = _Spl()
    shaped = [
        joined([said(each.guard, spl), said(each.condition, spl)], spl, every=True)
        for rule in distinct(rules)
        for each in asked(rule, _SHAPES)
    ]
    bare = joined([said(within(rule.asked, "_raw"), spl) for rule in distinct(rules)], spl, every=False)
    return _text(joined([*shaped, joined([spl.untold(), spl.hexed(bare)], spl, every=True)], spl, every=False))


def named(test: Test, fields: Sequence[str], telling: Sequence[str]) -> str:
    """An expression that is true of every event of which one of the fields fulfils the test, or, where it has none of
    the telling ones, may do so in its text.
    """
    spl = _Spl()
    untold = spl.every([spl.absent(name) for name in telling])
    in_text = joined([untold, spl.hexed(spl.test("_raw", test, wide=True))], spl, every=True)
    return _text(joined([*(spl.test(field, test, wide=True) for field in fields), in_text], spl, every=False))


@lru_cache(_KEPT)
def score(rule: Rule) -> str:
    """Commands (`| eval ... | where ...`), to stand after `| where condition([rule])`.

    They leave what reaches the rule's threshold; "" for a rule without a score.
    """
    if rule.threshold is None:
        return ""
    spl = _Spl()
    names = {name: f"exfil_{number}" for number, name in enumerate(rule.weights, 1)}
    evals = [
        f"{names[name]}=if({_text(_signal(rule, name, spl))}, {weight}, 0)" for name, weight in rule.weights.items()
    ]
    total = f"exfil_score={'+'.join(names.values())}"
    return f"| eval {', '.join([*evals, total])} | where exfil_score>={rule.threshold}"


def _signal(rule: Rule, name: str, spl: "_Spl") -> str | bool:
    """A selection of a scored rule."""
    bare = joined([spl.untold(), said(within(rule.selections[name], "_raw"), spl)], spl, every=True)
    return joined([said(selected(rule, name, _SHAPES), spl), bare], spl, every=False)


def _text(found: str | bool) -> str:
    return found if isinstance(found, str) else "true()" if found else "false()"


class _Spl(Infix):
    conjunction = " AND "
    disjunction = " OR "
    end = "$(?!.)"
    nulls = True

    def place(self, path: str) -> Place:
        return Place(path if path.isidentifier() else f"'{path}'", within=path == "_raw")

    def matching(self, fields: Sequence[str], expression: str) -> str:
        where = fields[0] if len(fields) == 1 else f"mvappend({', '.join(fields)})"
        return f"isnotnull(mvfind({where}, {quoted(expression)}))"

    def absent(self, field: str) -> str:
        return f"isnull({field})"

    def negated(self, part: str) -> str:
        return f"NOT {part}"

    def untold(self) -> str:
        """The event has none of the fields by which its shape is told."""
        return self.every([f"isnull({name})" for name in _TOLD])

    def hexed(self, found: str | bool) -> str | bool:
        """Or its arguments may be in hexadecimal, as auditd writes them."""
        return joined([found, self.matches("_raw", "msg=audit")], self, every=False)


def quoted(text: str) -> str:
    """A text as SPL takes it, in double quotes."""
    escaped = text.encode("utf-8", "replace").decode().replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
