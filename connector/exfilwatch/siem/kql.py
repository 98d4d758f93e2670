"""Queries in the Kusto query language: of one table, the records that are asked for.

Sources: learn.microsoft.com/kusto/query/scalar-data-types/string and /datetime (literals), /ingestion-time-function,
learn.microsoft.com/azure/azure-monitor/logs/data-ingestion-time (TimeGenerated is at most two days before and one day
after a record's receipt; to be filtered by beside ingestion_time()).
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from exfilwatch.detection.rule import Rule
from exfilwatch.events.shape import SHAPES
from exfilwatch.events.timestamps import to_datetime
from exfilwatch.siem.queries import kusto
from exfilwatch.siem.queries.whose import of_hosts, of_users
from exfilwatch.siem.siem import SECOND, Ask, Clock, Near

INGESTED = "IngestionTime"
"""The column that is added to each record of a table: when it was ingested."""
_ASKED, _ALIKE = "ExfilwatchAsked", "ExfilwatchAlike"
_DAY = 86_400 * SECOND
_BEFORE, _AFTER = 7 * _DAY, 2 * _DAY  # more than the documented two days and one: outages of the pipeline count too
_SYSLOG_SLACK = 3600 * SECOND  # µs between a message's own time and that of its row
_MIN, _MAX = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)
_WINDOWS, _DEVICE = ("sentinel_windows",), ("defender",)
# The field maps that recognise a table's rows: they name its host columns and its event time. Any other: all of these.
_SHAPES = {
    "SecurityEvent": _WINDOWS,
    "WindowsEvent": _WINDOWS,
    "Event": _WINDOWS,
    "ASimProcessEventLogs": ("asim_process",),
    "ASimFileEventLogs": ("asim_file",),
    "ASimNetworkSessionLogs": ("asim_network", "asim_endpoint_network"),
    "ASimWebSessionLogs": ("asim_web",),
    "CommonSecurityLog": ("sentinel_cef",),
}
_VIEW = re.compile(r"_?(?:[Ii]m|vim|ASim)_?[A-Z]\w*(?<!Logs)(?<!_CL)", re.ASCII)


class Table(msgspec.Struct, frozen=True):
    """A table, or a view (a function such as ASIM's parsers), whose rows don't know when they were ingested.

    `time`: the column of the event time, `hosts`: those that may name the host. `received`: a column that is close to
    the time of ingestion (see above), "" when there is none. `scope`: what of its rows are events of ours at all.
    """

    name: str
    time: str
    hosts: tuple[str, ...]
    view: bool = False
    received: str = ""
    scope: str = ""


def table(name: str, received: str = "TimeGenerated") -> Table:
    """What is known of a table by its name."""
    if name == "Syslog":  # the host and the time of its events stand in the message
        scope = 'SyslogMessage has_any ("Linux-Sysmon", "audit")'
        return Table(name, "TimeGenerated", ("Computer", "HostName"), received=received, scope=scope)
    shapes = _DEVICE if name.startswith("Device") else _SHAPES.get(name, sum(_SHAPES.values(), _DEVICE))
    hosts = dict.fromkeys(host for shape in shapes for host in SHAPES[shape].spec.host)
    view = bool(_VIEW.fullmatch(name))
    time = "Timestamp" if shapes == _DEVICE else "TimeGenerated"
    return Table(name, time, tuple(hosts), view=view, received="" if view else received)


def instant(micros: int) -> str:
    """A datetime literal; times that Kusto can't say become the first or last that it can."""
    time = to_datetime(micros) or (_MIN if micros < 0 else _MAX)
    return f"datetime({time.isoformat(timespec='microseconds').removesuffix('+00:00')}0Z)"


def query(asked: Table, ask: Ask, select: Sequence[str], rows: int, part: tuple[int, int] = (0, 1)) -> str:
    """The query for one table. `select`: pipelines, of which a row has to pass at least one ("": any does).

    At most `rows` rows; `part` (k, n): only the k-th of n equal parts of what there is. Of rows that are alike in what
    is looked at (Ask.once), the first and the last.
    """
    wheres = [*_bounds(asked, ask), *([asked.scope] if asked.scope else [])]
    if ask.near:
        wheres.append(" or ".join(_near(asked, near) for near in ask.near))
    wheres += _whose(asked, ask)
    source = [asked.name, *(f"| where {where}" for where in wheres)]
    if not asked.view:
        source.append(f"| extend {INGESTED} = ingestion_time()")
    legs = ["\n".join([*source, *([pipeline] if pipeline else [])]) for pipeline in select]
    whole = legs[0] if len(legs) == 1 else "union " + ",\n".join(f"({leg})" for leg in legs)
    share = [f"| where hash(tostring(pack_all()), {part[1]}) == {part[0]}"] if part[1] > 1 else []
    alike = kusto.alike(ask.rules or (), ask.once, asked.name, asked.time) if ask.once else ""
    if not alike:
        return "\n".join([whole, *share, f"| take {rows}"])
    looked = "\n".join([whole, *share, f"| extend {_ALIKE} = {alike}"])
    ends = [f"({_ASKED} | summarize {end}({asked.time}, *) by {_ALIKE})" for end in ("arg_min", "arg_max")]
    return f"let {_ASKED} = materialize(\n{looked});\nunion {f',{chr(10)}'.join(ends)}\n| take {rows}"


def _whose(asked: Table, ask: Ask) -> list[str]:
    """A superset: whichever column names the host; a row of Syslog may name it, or the user, anywhere in its text."""
    found = []
    if ask.hosts:
        in_text = ["SyslogMessage.host"] if asked.name == "Syslog" else []
        found.append(kusto.named(of_hosts(ask.hosts), [*asked.hosts, *in_text]))
    if ask.users:
        found.append(kusto.condition([of_users(ask.users)], asked.name) or "false")
    return [each for each in found if each != "true"]


def selections(rules: Sequence[Rule] | None, name: str, pushdown: str) -> list[str]:
    """The pipelines that select what `rules` may fire on; none: nothing in this table."""
    if rules is None or pushdown == "off":
        return [""]
    scored = {rule.id: kusto.score(rule, name) for rule in rules} if pushdown == "score" else {}
    plain = [rule for rule in rules if not scored.get(rule.id)]
    groups = [(plain, ""), *(([rule], scored[rule.id]) for rule in rules if scored.get(rule.id))]
    found = []
    for group, score in groups:
        condition = kusto.condition(group, name) if group else None
        if condition is not None:
            found.append("\n".join(line for line in (f"| where {condition}", score) if line))
    return found


def pasted(rules: Sequence[Rule], tables: Sequence[Table], pushdown: str) -> str:
    """Queries of the last day for a person, one per table that the rules look at."""
    queries = []
    for one in tables:
        found = selections(rules, one.name, "candidates" if pushdown == "off" else pushdown)
        source = f"{one.name}\n| where {one.time} > ago(1d)"
        queries += [f"{source}\n{pipeline}" for pipeline in found]
    return "\n\n".join(queries)


def _bounds(asked: Table, ask: Ask) -> list[str]:
    if ask.clock is Clock.EVENT:
        return _between(asked.time, ask.low, ask.high)
    wide = _between(asked.received, ask.low, ask.high, _BEFORE, _AFTER) if asked.received else []
    return [*_between("ingestion_time()", ask.low, ask.high), *wide]


def _between(what: str, low: int | None, high: int | None, before: int = 0, after: int = 0) -> list[str]:
    first = [] if low is None else [f"{what} >= {instant(low - before)}"]
    last = [] if high is None else [f"{what} < {instant(high + after)}"]
    return [" and ".join([*first, *last])] if first or last else []


def _near(asked: Table, near: Near) -> str:
    """A superset: whichever column names the host, in upper or lower case; `high` to the end of its microsecond."""
    host = kusto.quoted(near.host)
    named = [f'column_ifexists("{column}", "") =~ {host}' for column in asked.hosts]
    slack = 0
    if asked.name == "Syslog":
        named, slack = [*named, f"SyslogMessage contains {host}"], _SYSLOG_SLACK
    (spanned,) = _between(asked.time, near.low, near.high + 1, slack, slack)
    return f"({spanned} and ({' or '.join(named)}))"
