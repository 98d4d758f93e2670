"""A question in Splunk's search language.

The first line finds by what is indexed (terms of ordinary names only, as a base search takes `*` as a wildcard even in
quotes), `where` compares, by regular expressions in which each character of a value is escaped.
Sources: help.splunk.com/en/splunk-enterprise/search/spl-search-reference (eval, coalesce, match: PCRE; time modifiers).
"""

import re
from collections.abc import Sequence

from exfilwatch.siem.queries.splunk import quoted
from exfilwatch_playbooks.response.languages.asking import Asked, Meaning, Wanted
from exfilwatch_playbooks.response.languages.columns import Source, usable

_ORDINARY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{2,254}", re.ASCII)
_SPECIAL = re.compile(r"[^\w @:/\u0080-\U0010ffff-]", re.ASCII)
_TERMED = ("host", "destination_ip", "destination_name")
_OURS: dict[Meaning, str] = {"host": "host_name", "source": "source_address"}
"""Names of our fields, where Splunk has one of its own by the meaning's name."""


def query(ask: Asked) -> str | None:
    """None where there are no such records, or they lack what is asked of them."""
    source = usable("splunk", ask)
    if source is None:
        return None
    shown = [meaning for meaning in ask.meanings if meaning in source.columns]
    told = [f"isnotnull({_name(ask.telling)})"] if ask.telling in shown and ask.telling else []
    lines = [
        " ".join(filter(None, ["search index=*", *_times(ask), source.only, *_terms(ask.where)])),
        f"| eval {', '.join(f'{_name(each)}={_value(each, source)}' for each in shown)}",
        f"| where {' AND '.join([*map(_test, ask.where), *told])}",
    ]
    if ask.by:
        sent = ["sum(sent) AS bytes_sent"] if "sent" in shown else []
        counted = ", ".join(["count", *sent, "min(_time) AS first", "max(_time) AS last"])
        by = ", ".join(_name(each) for each in ask.by if each in shown)
        lines += [
            # stats drops what has no value in a field that it counts by
            f'| fillnull value="-" {by.replace(",", "")}',
            f"| stats {counted} BY {by}",
            "| convert ctime(first) ctime(last)",
            "| sort - count",
        ]
    else:
        lines += [f"| table _time, {', '.join(map(_name, shown))}", "| sort 0 _time"]
    return "\n".join(lines)


def _times(ask: Asked) -> list[str]:
    since = [f"earliest={int(ask.since.timestamp())}"] if ask.since else [f"earliest=-{max(1, round(ask.days))}d"]
    return since + ([f"latest={int(ask.until.timestamp()) + 1}"] if ask.until else [])


def _terms(where: Sequence[Wanted]) -> list[str]:
    found = []
    for wanted in where:
        if wanted.meaning in _TERMED and all(_ORDINARY.fullmatch(value) for value in wanted.values):
            terms = [quoted(value) for value in wanted.values]
            if wanted.meaning == "host":
                terms = [each for value in wanted.values for each in (f"host={quoted(value + '*')}", quoted(value))]
            found.append(f"({' OR '.join(terms)})" if len(terms) > 1 else terms[0])
    return found


def _name(meaning: Meaning) -> str:
    return _OURS.get(meaning, meaning)


def _value(meaning: Meaning, source: Source) -> str:
    names = [name if name.isidentifier() else f"'{name}'" for name in source.columns[meaning]]
    return names[0] if len(names) == 1 else f"coalesce({', '.join(names)})"


def _test(wanted: Wanted) -> str:
    texts = "|".join(_expression(value) for value in wanted.values)
    before, after = {
        "is": ("^(", ")$"),
        "host": ("^(", r")(\.|$)"),
        "user": (r"(^|\\)(", ")(@|$)"),
        "name": (r"(^|\.)(", r")\.?$"),
        "has": ("(", ")"),
        "ends": (r"(^|[/\\])(", ")$"),
    }[wanted.test]
    return f"match({_name(wanted.meaning)}, {quoted(f'(?is){before}{texts}{after}')})"


def _expression(value: str) -> str:
    """As PCRE takes it: what means something stands after a backslash, or as its number."""
    return _SPECIAL.sub(lambda found: f"\\{found[0]}" if found[0].isprintable() else f"\\x{ord(found[0]):02x}", value)
