"""A question in Sumo Logic's search language, over the text of messages, of whatever format.

A message is JSON, XML or plain text, in which only letters, digits and a few signs surely stand as they are; of the
others any spelling passes, so that a value's message is found in each format. The range of time is set beside the
query.
Source: sumologic.com/help/docs/search/search-query-language/search-operators/matches (RE2 between slashes).
"""

import re

from exfilwatch.siem.queries.sumo import quoted
from exfilwatch_playbooks.response.languages.asking import Asked, Wanted
from exfilwatch_playbooks.response.languages.columns import sources

_OTHERS = re.compile(r"[^A-Za-z0-9 ._:@-]+")
_WIDEST = 12  # characters of one that is written otherwise: &#x1F642; \ud83d\ude42
_MOST = 40  # of them in a row
_LONGEST = 300  # characters of a value


def query(ask: Asked) -> str | None:
    """None where no such records are expected."""
    if not sources("sumo", ask.records):
        return None
    told = "| count by _sourceHost, _sourceCategory\n| sort by _count" if ask.by else "| sort by _messageTime asc"
    return "\n".join(["_sourceCategory=*", *(f"| where {_test(each)}" for each in ask.where), told])


def _test(wanted: Wanted) -> str:
    fields = ("_raw", "_sourceHost") if wanted.meaning == "host" else ("_raw",)
    expression = quoted(f"(?is)(?:{'|'.join(map(_expression, wanted.values))})")
    return " or ".join(f"{field} matches {expression}" for field in fields)


def _expression(value: str) -> str:
    pieces = _OTHERS.split(value[:_LONGEST])
    between = _OTHERS.findall(value[:_LONGEST])
    made = [pieces[0].replace(".", r"\.")]
    for other, piece in zip(between, pieces[1:], strict=True):
        made += [_any(len(other)), piece.replace(".", r"\.")]
    return "".join(made)


def _any(count: int) -> str:
    return f".{{1,{_WIDEST * count}}}" if count <= _MOST else ".*"
