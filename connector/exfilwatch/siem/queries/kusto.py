"""Rules in the Kusto query language, for the tables of Microsoft Sentinel and Defender XDR.

Expressions are RE2, as ours are, so a rule's own stand as they are. What is no column of its own (EventData,
AdditionalFields) is looked at as the text that holds it.
Sources: learn.microsoft.com/kusto/query/regex (RE2 syntax, flags), /matches-regex-operator, /column-ifexists-function,
/scalar-data-types/string (literals); the columns: learn.microsoft.com/azure/azure-monitor/reference/tables.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from exfilwatch.detection.condition import fields
from exfilwatch.detection.derived import DERIVED, LOOKED_AT
from exfilwatch.detection.logsource import FAMILIES
from exfilwatch.detection.rule import Rule
from exfilwatch.detection.values import Test
from exfilwatch.events.script_blocks import BLOCK, NUMBER, TEXT, TOTAL
from exfilwatch.events.shape import SHAPES, Shape, taxonomy
from exfilwatch.events.spelling import paths_of
from exfilwatch.events.telling import saying
from exfilwatch.siem.queries.infix import Infix, Place
from exfilwatch.siem.queries.language import joined, said
from exfilwatch.siem.queries.native import asked, distinct, selected


class _Table(NamedTuple):
    """The shapes of a table's rows; `categories` of events: those that it has ("" = not told), none given: any."""

    shapes: tuple[str, ...]
    categories: tuple[str, ...] = ()
    columns: frozenset[str] = frozenset()


_WINDOWS = {"TimeGenerated", "Computer", "EventID", "EventData"}
_AUDIT = _WINDOWS | {"Channel", "Account", "CommandLine", "NewProcessName", "NewProcessId", "ParentProcessName"}
_AUDIT |= {"ProcessId", "ProcessName", "SubjectAccount", "SubjectUserName", "SubjectDomainName", "SubjectLogonId"}
_AUDIT |= {"TargetUserName", "TargetDomainName", "TargetAccount", "MandatoryLabel", "EventSourceName"}
_NAMED = _WINDOWS | {"Channel", "Provider", "EventRecordId"}
_LOGGED = _WINDOWS | {"EventLog", "Source", "RenderedDescription", "UserName"}
_KEPT = 256  # queries: the same are asked for with each interval, and those of a pack take seconds to make
_FILES = ("file_event", "file_change", "file_delete", "file_rename")
_TABLES = {
    "SecurityEvent": _Table(("sentinel_windows",), columns=frozenset(_AUDIT)),
    "WindowsEvent": _Table(("sentinel_windows",), columns=frozenset(_NAMED)),
    "Event": _Table(("sentinel_windows",), columns=frozenset(_LOGGED)),
    "DeviceProcessEvents": _Table(("defender",), ("process_creation",)),
    "DeviceNetworkEvents": _Table(("defender",), ("network_connection", "proxy", "dns_query", "dns")),
    "DeviceFileEvents": _Table(("defender",), _FILES),
    "DeviceImageLoadEvents": _Table(("defender",), ("image_load",)),
    "DeviceRegistryEvents": _Table(("defender",), ("registry_set", "registry_event")),
    "DeviceEvents": _Table(("defender",), ("dns_query", "dns", "ps_script")),
    "ASimProcessEventLogs": _Table(("asim_process",), ("process_creation", "process_termination")),
    "ASimFileEventLogs": _Table(("asim_file",), _FILES),
    "ASimNetworkSessionLogs": _Table(("asim_endpoint_network", "asim_network"), ("network_connection",)),
    "ASimWebSessionLogs": _Table(("asim_web",), ("proxy",)),
    "CommonSecurityLog": _Table(("sentinel_cef",), ("network_connection", "proxy", "")),
}
_ANY = _Table(tuple(dict.fromkeys(name for table in _TABLES.values() for name in table.shapes)))


def condition(rules: Sequence[Rule], table: str) -> str | None:
    """An expression for `| where` that is true of every row of `table` on which one of `rules` fires.

    None: none of the rules looks at what this table holds. Rows of `Syslog` hold an event's text: any may be meant.
    """
    if table == "Syslog":
        return "true" if rules else None
    return _condition(tuple(rules), table)


@lru_cache(_KEPT)
def _condition(rules: tuple[Rule, ...], table: str) -> str | None:
    kql = _Kql(table)
    found = joined(
        [
            joined([said(each.guard, kql), said(each.condition, kql)], kql, every=True)
            for rule in distinct(rules)
            if kql.concerns(rule)
            for each in asked(rule, kql.shapes, kql.paths)
        ],
        kql,
        every=False,
    )
    return None if found is False else _text(found)


def alike(rules: Sequence[Rule], once: Sequence[str], table: str, time: str) -> str:
    """An expression that differs for rows of which the rules, or one who looks at the fields `once` and the host, see
    different things. "" where rows can't be told apart so, or their events' time is another column than `time`.
    """
    known = _TABLES.get(table)
    if known is None or not rules or any(rule.source.raw for rule in rules):
        return ""
    kql = _Kql(table)
    if any(shape.spec.time[0] != time for shape in kql.shapes):
        return ""
    asked_of = {*once, *(name for rule in rules for name in fields(rule.condition))}
    if asked_of & DERIVED:
        asked_of |= {*LOOKED_AT, "CurrentDirectory", "TargetFilename"}
    if any(rule.source.category == "ps_script" for rule in rules):
        asked_of |= {TEXT, BLOCK, NUMBER, TOTAL}  # the parts of a script are put together: none is like another
    told = {
        path.partition(".")[0]
        for rule in rules
        for category in FAMILIES.get(rule.source.category, (rule.source.category,))
        for shape in kql.shapes
        for path in (*saying(shape, category, asked_of - DERIVED), *shape.spec.requires, *shape.spec.one_of)
    }
    columns = sorted(told & kql.columns - {time})
    return f"hash_sha256(tostring(pack_array({', '.join(map(kql.column, columns))})))"


def named(test: Test, members: Sequence[str]) -> str:
    """An expression that is true of every row of which one of the members (a column, or `column.member` within one)
    fulfils the test; the columns need not be there.
    """
    kql = _Kql("")
    return _text(joined([kql.test(member, test, wide=True) for member in members], kql, every=False))


@lru_cache(_KEPT)
def score(rule: Rule, table: str) -> str:
    """Operators (`| extend ... | where ...`), to stand after `| where condition([rule], table)`.

    They leave what reaches the rule's threshold; "" for a rule without a score.
    """
    if rule.threshold is None or table == "Syslog":
        return ""
    kql = _Kql(table)
    parts = []
    for name, weight in rule.weights.items():
        node = selected(rule, name, kql.shapes, kql.paths)
        parts.append(f"{weight} * toint({_text(said(node, kql))})")
    return f"| extend ExfilScore = {' + '.join(parts)}\n| where ExfilScore >= {rule.threshold}"


def _text(found: str | bool) -> str:
    return found if isinstance(found, str) else "true" if found else "false"


class _Kql(Infix):
    linear = True

    def __init__(self, table: str) -> None:
        known = _TABLES.get(table, _ANY)
        self._known = table in _TABLES
        self._categories = known.categories
        self.shapes: list[Shape] = [SHAPES[name] for name in known.shapes]
        self.columns = known.columns or frozenset(_mapped(self.shapes))

    def concerns(self, rule: Rule) -> bool:
        """Whether the table has events of the rule's category."""
        return not (self._categories and rule.source.category) or rule.source.category in self._categories

    def paths(self, path: str) -> Sequence[str]:
        """A member is a column, or stands within one; Sigma's own names are no columns of a table of Microsoft's."""
        head = path.partition(".")[0]
        return [] if self._known and head not in self.columns and head in _sigma_names() else [path]

    def place(self, path: str) -> Place:
        head, _, rest = path.partition(".")
        return Place(f"tostring({self.column(head)})", within=bool(rest))

    def column(self, name: str) -> str:
        """A column, which need not be there."""
        if name not in self.columns or not self._known:
            return f'column_ifexists("{_inner(name)}", "")'
        return name if re.fullmatch(r"[A-Za-z_]\w*", name) else f"['{_inner(name)}']"

    def found(self, field: str, expression: str) -> str:
        return f"{field} matches regex {quoted(expression)}"

    def absent(self, field: str) -> str:
        return f"isempty({field})"

    def negated(self, part: str) -> str:
        return f"not({part})"


def _sigma_names() -> frozenset[str]:
    return frozenset(name for names in taxonomy().values() for name in names)


def _mapped(shapes: Sequence[Shape]) -> set[str]:
    """The columns that the field maps name."""
    found: set[str] = set()
    for shape in shapes:
        expressions = [
            *(each for spec in shape.spec.classes for each in (*spec.fields.values(), *spec.when, spec.product)),
            *(path for path in (*shape.spec.time, *shape.spec.host, *shape.spec.requires, *shape.spec.one_of)),
        ]
        for expression in expressions:
            if expression:
                found.update(path.partition(".")[0] for path in paths_of(expression, ("",)))
    return found


def _inner(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("'", "\\'")


def quoted(text: str) -> str:
    """A string literal. Line ends, other control characters and lone surrogates are written as escapes."""
    return f'"{_SPECIAL.sub(_escape, text)}"'


_SPECIAL = re.compile(r'[\x00-\x1f\x7f-\x9f"\\\u2028\u2029\ud800-\udfff]')
_SHORT = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def _escape(found: re.Match[str]) -> str:
    return _SHORT.get(found[0]) or f"\\u{ord(found[0]):04x}"
