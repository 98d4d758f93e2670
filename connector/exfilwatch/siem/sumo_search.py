"""Sumo Logic's search language: the search that gives what is asked for.

Sources: https://www.sumologic.com/help/docs/search/get-started-with-search/build-search/keyword-search-expressions/ ,
.../use-searchable-time/ , https://www.sumologic.com/help/docs/search/search-query-language/search-operators/where/ .
These say how a quote is escaped, and not what else means something in quotes: a host whose name has more than letters,
digits and `.`, `_`, `:`, `-` is not named in the search, which then gives the records of all hosts of that time.
"""

import re
from collections.abc import Sequence
from typing import Literal

from exfilwatch.siem.queries import sumo
from exfilwatch.siem.queries.whose import of_hosts, of_users
from exfilwatch.siem.siem import Ask, Clock, Near

Ingest = Literal["searchable", "receipt"]

_MS = 1000  # µs
_DAY = 86_400_000  # ms
_ORDINARY = re.compile(r"[A-Za-z0-9_.:-]{1,255}", re.ASCII)


def search(scope: str, ask: Ask, selection: str) -> str:
    """The search for `ask` in a scope; `selection`: operators that select by rules (`| where ...`)."""
    hosts = _hosts(ask.near)
    spans = sorted({(near.low // _MS, near.high // _MS) for near in ask.near})
    times = " or ".join(f"(_messageTime >= {low} and _messageTime <= {high})" for low, high in spans)
    of_host = sumo.named(of_hosts(ask.hosts), ("_sourceHost",)) if ask.hosts else ""
    of_user = sumo.condition([of_users(ask.users)]) if ask.users else ""
    parts = [f"({scope})", hosts, f"| where {times}" if times else "", of_host, of_user, selection]
    return " ".join(part for part in parts if part)


def bounds(ask: Ask, ingest: Ingest, now: int) -> dict[str, object]:
    """Which times are meant and between which (ms), as parameters of a job. `now` (ms): beyond it nothing is asked for.

    Whether `to` belongs to the range, the documentation does not say: what is at it may come, and come again.
    """
    clock, low, high = ask.clock, ask.low, ask.high
    if ask.near and low is None and high is None:
        clock, low, high = Clock.EVENT, min(near.low for near in ask.near), max(near.high for near in ask.near) + _MS
    by_receipt = clock is Clock.INGEST
    return {
        "from": str(1 if low is None else max(1, low // _MS)),
        "to": str(now + _DAY if high is None else max(2, -(-high // _MS))),
        "timeZone": "UTC",
        # The second one wins where it is known; where it is not, the first one keeps the times those of ingestion.
        "byReceiptTime": by_receipt,
        "intervalTimeType": {"searchable": "searchableTime", "receipt": "receiptTime"}[ingest]
        if by_receipt
        else "messageTime",
    }


def _hosts(near: Sequence[Near]) -> str:
    """Messages of the hosts, or that have their names as terms."""
    names = sorted({each.host for each in near})
    if not names or not all(_ORDINARY.fullmatch(name) for name in names):
        return ""
    return "(" + " or ".join(f'_sourceHost="{name}" or "{name}"' for name in names) + ")"
