"""Splunk's search language (SPL): the search that gives what is asked for.

The base search finds by what is indexed: index, source type, terms, times. What has to be exact is an expression of
`| where`, in which no character of a text but the quote and the backslash means anything: a base search takes `*` as a
wildcard even in quotes. Source: https://help.splunk.com/en/splunk-enterprise/search/spl-search-reference (search,
where, fields; time modifiers: `earliest` belongs to the range, `latest` does not; with index times, search all time).
"""

import re
from collections.abc import Iterable, Sequence

from exfilwatch.findings.node import bare_host
from exfilwatch.siem.queries import splunk
from exfilwatch.siem.queries.splunk import quoted
from exfilwatch.siem.queries.whose import of_hosts, of_users
from exfilwatch.siem.siem import SECOND, Ask, Clock, Near

HOSTS = ("host", "Computer", "ComputerName", "dvc", "dvc_nt_host", "dest", "dest_nt_host", "src", "src_host", "src_ip")
"""What a host's name may stand in, by the field maps of Splunk's shapes."""

_TELLING = ("Computer", "ComputerName", "dest")
"""Of which an event has one, where fields are extracted."""
_ALWAYS = "_raw, _time, _indextime, _cd, host, source, sourcetype, index"
_ORDINARY = re.compile(r"[A-Za-z0-9_.:-]{1,255}", re.ASCII)
_ALL_TIME = "0", "2147483647"
_MS = 1000


def scope(indexes: Sequence[str], sourcetypes: Sequence[str] = (), condition: str = "") -> str:
    """Where to look: any of the indexes and source types, and a condition in SPL."""
    parts = [_any("index", indexes), _any("sourcetype", sourcetypes), f"({condition})" if condition else ""]
    return " ".join(part for part in parts if part)


def search(where: str, ask: Ask, selection: str, fields: Sequence[str]) -> str:
    """The search for `ask` in the scope `where`; `selection`: commands that select by rules (`| where ...`)."""
    base = [f"search {where}"]
    exactly: list[str] = []
    if ask.clock is Clock.INGEST:
        for modifier, compared, bound in (("earliest", ">=", _floor(ask.low)), ("latest", "<", _ceiling(ask.high))):
            if bound is not None:
                base.append(f"_index_{modifier}={bound}")
                exactly.append(f"_indextime{compared}{bound}")
    if ask.near:
        base.append(_terms(near.host for near in ask.near))
        exactly.append(_near(ask.near))
    if ask.hosts:
        base.append(_named_terms(ask.hosts))
        exactly.append(splunk.named(of_hosts(ask.hosts), HOSTS, _TELLING))
    if ask.users:
        exactly.append(splunk.condition([of_users(ask.users)]))
    kept = ", ".join((*fields, _ALWAYS))
    exact = f"| where {' AND '.join(exactly)}" if exactly else ""
    return " ".join(part for part in (*base, exact, selection, f"| fields {kept}") if part)


def bounds(ask: Ask, reach: int | None) -> tuple[str, str]:
    """earliest_time and latest_time, in seconds: as wide as the events can be, which Splunk keeps by their own time.

    `reach`: how much older than its indexing an event may be, µs (None: any age).
    """
    low, high = _ALL_TIME
    if ask.clock is Clock.EVENT:
        low = low if ask.low is None else seconds(ask.low)
        high = high if ask.high is None else seconds(ask.high)
    elif ask.low is not None and reach is not None:
        low = seconds(max(0, ask.low - reach))
    if ask.near and (low, high) == _ALL_TIME:
        low = seconds(max(0, min(near.low for near in ask.near)))
        high = seconds(max(near.high for near in ask.near) + _MS)
    return low, high


def seconds(micros: int) -> str:
    """Seconds since 1970 with six decimals."""
    return f"{micros // SECOND}.{micros % SECOND:06d}"


def _any(field: str, values: Sequence[str]) -> str:
    return f"({' OR '.join(f'{field}={quoted(value)}' for value in values)})" if values else ""


def _terms(hosts: Iterable[str]) -> str:
    """What the index can find of the hosts: their names as terms. None when one has characters that mean something."""
    names = sorted(set(hosts))
    if not all(_ORDINARY.fullmatch(name) for name in names):
        return ""
    return f"({' OR '.join(f'host={quoted(name)} OR {quoted(name)}' for name in names)})"


def _named_terms(hosts: Iterable[str]) -> str:
    """The same for hosts in any notation: the index has the parts of `ws1.corp.local` as well as the whole."""
    names = sorted({name for host in hosts if (name := bare_host(host)) is not None})
    if not all(_ORDINARY.fullmatch(name) and ":" not in name for name in names):
        return ""
    return f"({' OR '.join(f'host={quoted(name)} OR host={quoted(name)}.* OR {quoted(name)}' for name in names)})"


def _near(near: Sequence[Near]) -> str:
    """Records show their time in ms, cut off: what lies within the last one belongs to the span."""
    spans: dict[tuple[int, int], set[str]] = {}
    for each in near:
        spans.setdefault((each.low, each.high), set()).add(each.host.lower())
    return f"({' OR '.join(_span(low, high, sorted(hosts)) for (low, high), hosts in sorted(spans.items()))})"


def _span(low: int, high: int, hosts: Sequence[str]) -> str:
    names = ", ".join(quoted(host) for host in hosts)
    fields = " OR ".join(f"lower({field}) IN ({names})" for field in HOSTS)
    # An event whose fields are not extracted (no add-on) still has its host in its text.
    bare = " AND ".join(f"isnull({field})" for field in _TELLING)
    texts = " OR ".join(f"mvcount(split(lower(_raw), {quoted(host)}))>1" for host in hosts)
    return f"(_time>={seconds(low)} AND _time<{seconds(high + _MS)} AND ({fields} OR ({bare} AND ({texts}))))"


def _floor(micros: int | None) -> int | None:
    return None if micros is None else micros // SECOND


def _ceiling(micros: int | None) -> int | None:
    return None if micros is None else -(-micros // SECOND)
