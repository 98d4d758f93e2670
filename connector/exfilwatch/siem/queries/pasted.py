"""Queries for people: for each kind of SIEM the text to paste, and what of the rules it can't say exactly."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from exfilwatch.detection.condition import All, Any, FieldRef, FieldTest, Keyword, Node, Not, Selection
from exfilwatch.detection.derived import DERIVED
from exfilwatch.detection.rule import Rule
from exfilwatch.detection.values import Cidr, Exists, Null, Number, Test, Wild
from exfilwatch.siem.queries import elastic, kusto, splunk, sumo
from exfilwatch.siem.queries.elastic_mapping import EcsMapping
from exfilwatch.siem.queries.globs import Glob, exact, globs

_SENTINEL = (
    "SecurityEvent",
    "WindowsEvent",
    "Event",
    "ASimProcessEventLogs",
    "ASimNetworkSessionLogs",
    "ASimFileEventLogs",
    "ASimWebSessionLogs",
    "CommonSecurityLog",
)
_DEFENDER = ("DeviceProcessEvents", "DeviceNetworkEvents", "DeviceFileEvents", "DeviceEvents")


class Widened(NamedTuple):
    """A part of a rule that a query leaves out (`instead` is empty) or says more widely."""

    selection: str
    part: str
    why: str
    instead: str = ""


def _elastic(rules: Sequence[Rule], _scored: bool) -> str:
    return msgspec.json.format(msgspec.json.encode({"query": elastic.query(rules, EcsMapping())})).decode()


def _splunk(rules: Sequence[Rule], scored: bool) -> str:
    groups = [[rule] for rule in rules] if scored else [list(rules)]
    found = [f"index=*\n| where {splunk.condition(group)}" for group in groups]
    scores = [splunk.score(group[0]) if scored else "" for group in groups]
    return "\n\n".join("\n".join(filter(None, both)) for both in zip(found, scores, strict=True))


def _sumo(rules: Sequence[Rule], scored: bool) -> str:
    groups = [[rule] for rule in rules] if scored else [list(rules)]
    lines = [["_sourceCategory=*", sumo.condition(group), sumo.score(group[0]) if scored else ""] for group in groups]
    return "\n\n".join("\n".join(filter(None, each)) for each in lines)


def _kusto(tables: Sequence[str], time: str) -> Callable[[Sequence[Rule], bool], str]:
    def pasted(rules: Sequence[Rule], scored: bool) -> str:
        found = []
        for table in tables:
            for group in [[rule] for rule in rules] if scored else [list(rules)]:
                condition = kusto.condition(group, table)
                if condition is not None:
                    score = kusto.score(group[0], table) if scored else ""
                    lines = [table, f"| where {time} > ago(1d)", f"| where {condition}", score]
                    found.append("\n".join(filter(None, lines)))
        return "\n\n".join(found)

    return pasted


_KINDS: dict[str, Callable[[Sequence[Rule], bool], str]] = {
    "splunk": _splunk,
    "elasticsearch": _elastic,
    "opensearch": _elastic,
    "sumo": _sumo,
    "sentinel": _kusto(_SENTINEL, "TimeGenerated"),
    "defender": _kusto(_DEFENDER, "Timestamp"),
}
KINDS = tuple(_KINDS)


def pasted(siem: str, rules: Sequence[Rule], *, scored: bool) -> str:
    """The queries for a kind of SIEM, an empty line between two. `scored`: with the score of rules that have one."""
    return _KINDS[siem](rules, scored)


def widened(siem: str, rule: Rule) -> list[Widened]:
    """What of the rule a query for that kind of SIEM does not say exactly."""
    found = list(dict.fromkeys(_widened(siem, rule.alone, "", wide=True)))
    if rule.silenced:
        found.append(Widened("", "filters of the pack", "all of them beside each rule make too long a query"))
    return found


def _widened(siem: str, node: Node, selection: str, *, wide: bool) -> Iterator[Widened]:
    match node:
        case Selection(name, part):
            yield from _widened(siem, part, name, wide=wide)
        case Not(part):
            yield from _widened(siem, part, selection, wide=not wide)
        case All(parts) | Any(parts):
            for part in parts:
                yield from _widened(siem, part, selection, wide=wide)
        case FieldTest(field) if field in DERIVED:
            instead = "what has to stand in the command line" if wide else ""
            yield Widened(selection, field, "read from the command line, which no SIEM does", instead)
        case FieldTest(field, test):
            found = _of_test(siem, test, wide=wide)
            if found:
                yield Widened(selection, field, *found)
        case Keyword():
            yield Widened(selection, "a keyword", "it may stand in any field, which no index finds")
        case FieldRef(field, other):
            yield Widened(selection, f"{field} and {other}", "two fields of an event are compared")


def _of_test(siem: str, test: Test, *, wide: bool) -> tuple[str, str] | None:
    kusto_like = siem in ("sentinel", "defender")
    if isinstance(test, Exists | Null | Number | Cidr) or exact(test):
        if not wide and siem == "sumo":
            return "what must not be can't be told from the text of a whole message", ""
        return ("asked of the text of the whole message", " or ".join(_texts(test))) if siem == "sumo" else None
    if not wide:
        return "under `not`, only what is surely there may be left out, and an expression is not said exactly", ""
    found = globs(test)
    if found is None:
        return f"{type(test).__name__.lower()}: the language has nothing that never misses it", ""
    if kusto_like:
        return None
    return "a regular expression, of which the texts that it must hold are asked for", " or ".join(_texts(test))


def _texts(test: Test) -> list[str]:
    return [_shown(glob) for glob in (globs(test) or ())[:8]]


def _shown(glob: Glob) -> str:
    signs = {Wild.ANY: "*", Wild.ONE: "?"}
    return "".join(signs[part] if isinstance(part, Wild) else part for part in glob.parts)
