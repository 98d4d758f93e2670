"""A question in the Kusto query language, for the tables of Microsoft Sentinel or of Defender XDR.

One query that takes the tables together; with `isfuzzy`, tables that a workspace does not have count for nothing.
Sources: learn.microsoft.com/kusto/query/union-operator, /datatypes-string-operators (=~, startswith, endswith and
contains, upper and lower case alike), /summarize-operator; the columns:
learn.microsoft.com/azure/azure-monitor/reference/tables and
learn.microsoft.com/defender-xdr/advanced-hunting-schema-tables.
"""

from typing import Literal

from exfilwatch.events.timestamps import microseconds
from exfilwatch.siem.kql import instant
from exfilwatch.siem.queries.kusto import quoted
from exfilwatch_playbooks.response.languages.asking import Asked, Meaning, Wanted
from exfilwatch_playbooks.response.languages.columns import Source, sources

_TIME = {"sentinel": "TimeGenerated", "defender": "Timestamp"}


def query(ask: Asked, language: Literal["sentinel", "defender"]) -> str | None:
    """None where no table has such records with what is asked of them."""
    wanted = {each.meaning for each in ask.where}
    legs = [_leg(ask, each, language) for each in sources(language, ask.records) if wanted <= set(each.columns)]
    if not legs:
        return None
    whole = legs[0] if len(legs) == 1 else "union isfuzzy=true\n" + ",\n".join(f"({leg})" for leg in legs)
    return "\n".join([whole, *(f"| where {_test(each)}" for each in ask.where), *_told(ask)])


def _leg(ask: Asked, source: Source, language: Literal["sentinel", "defender"]) -> str:
    time = _TIME[language]
    lines = [source.table, f"| where {_within(ask, time)}", *([f"| where {source.only}"] if source.only else [])]
    kept = [f"Time = {time}", *(f"{_name(each)} = {_value(each, source)}" for each in ask.meanings)]
    return "\n".join([*lines, f"| project {', '.join(kept)}"])


def _within(ask: Asked, time: str) -> str:
    low = f"{time} >= {instant(microseconds(ask.since)) if ask.since else f'ago({max(1, round(ask.days))}d)'}"
    return f"{low} and {time} <= {instant(microseconds(ask.until))}" if ask.until else low


def _name(meaning: Meaning) -> str:
    return {"sent": "BytesSent"}.get(meaning) or "".join(word.capitalize() for word in meaning.split("_"))


def _value(meaning: Meaning, source: Source) -> str:
    names = source.columns.get(meaning)
    if meaning == "sent":
        return f"tolong({names[0]})" if names else "long(null)"
    texts = [f"tostring({name})" for name in names or ()]
    return texts[0] if len(texts) == 1 else f"coalesce({', '.join(texts)})" if texts else '""'


def _test(wanted: Wanted) -> str:
    name = _name(wanted.meaning)
    tests = [each for value in wanted.values for each in _tests(name, wanted, value)]
    return tests[0] if len(tests) == 1 else f"({' or '.join(tests)})"


def _tests(name: str, wanted: Wanted, value: str) -> list[str]:
    same = f"{name} =~ {quoted(value)}"
    match wanted.test:
        case "host":
            return [same, f"{name} startswith {quoted(value + '.')}"]
        case "user":
            return [same, f"{name} endswith {quoted(chr(92) + value)}", f"{name} startswith {quoted(value + '@')}"]
        case "name":
            return [same, f"{name} endswith {quoted('.' + value)}"]
        case "has":
            return [f"{name} contains {quoted(value)}"]
        case "ends":
            return [same, f"{name} endswith {quoted(chr(92) + value)}", f"{name} endswith {quoted('/' + value)}"]
    return [same]


def _told(ask: Asked) -> list[str]:
    if not ask.by:
        return ["| order by Time asc"]
    sent = ["BytesSent = sum(BytesSent)"] if "sent" in ask.show else []
    counted = ", ".join(["Records = count()", *sent, "First = min(Time)", "Last = max(Time)"])
    return [f"| summarize {counted} by {', '.join(map(_name, ask.by))}", "| order by Records desc"]
