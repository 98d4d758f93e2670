"""Queries in KQL, word for word, and literals of whatever a host calls itself."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exfilwatch.siem import kql
from exfilwatch.siem.kql import instant, query, table
from exfilwatch.siem.queries import kusto
from exfilwatch.siem.queries.kusto import quoted
from exfilwatch.siem.siem import SECOND, Ask, Clock, Near

from .microsoft import NOON

# A string literal of the Kusto query language: grammar/KqlTokens.g4 of github.com/microsoft/Kusto-Query-Language.
LITERAL = re.compile(r'"(?:[^"\\\x00-\x1f\x7f-\x9f\u2028\u2029]|\\(?:["\\nrt]|u[0-9a-f]{4}))*"')


@given(st.text(st.characters(codec=None)))
def test_a_text_is_one_literal_and_reads_back_as_itself(value):
    literal = quoted(value)
    assert LITERAL.fullmatch(literal)
    literal.encode()  # no lone surrogate is left
    escapes = {"n": "\n", "r": "\r", "t": "\t"}
    read = re.sub(
        r"\\(?:u([0-9a-f]{4})|(.))",
        lambda one: chr(int(one[1], 16)) if one[1] else escapes.get(one[2], one[2]),
        literal,
    )
    assert read[1:-1] == value


@pytest.mark.parametrize(
    ("micros", "literal"),
    [
        (0, "datetime(1970-01-01T00:00:00.0000000Z)"),
        (NOON + 1, "datetime(2026-03-12T12:00:00.0000010Z)"),
        (-1, "datetime(1969-12-31T23:59:59.9999990Z)"),
        (-(10**18), "datetime(0001-01-01T00:00:00.0000000Z)"),
        (10**18, "datetime(9999-12-31T00:00:00.0000000Z)"),
    ],
)
def test_a_time_is_written_to_a_tenth_of_a_microsecond(micros, literal):
    assert instant(micros) == literal


def test_a_query_by_ingestion_time_also_bounds_the_time_that_a_workspace_is_ordered_by():
    """azure/azure-monitor/logs/data-ingestion-time asks for it, and tells how far the two can be apart."""
    assert query(table("SecurityEvent"), Ask(clock=Clock.INGEST, low=NOON, high=NOON + SECOND), [""], 30_000) == (
        "SecurityEvent\n"
        "| where ingestion_time() >= datetime(2026-03-12T12:00:00.0000000Z)"
        " and ingestion_time() < datetime(2026-03-12T12:00:01.0000000Z)\n"
        "| where TimeGenerated >= datetime(2026-03-05T12:00:00.0000000Z)"
        " and TimeGenerated < datetime(2026-03-14T12:00:01.0000000Z)\n"
        "| extend IngestionTime = ingestion_time()\n"
        "| take 30000"
    )


def test_a_query_for_hosts_and_spans_names_each_column_that_may_have_the_host():
    near = (Near("WS1", NOON, NOON), Near('a"b', NOON, NOON + 1))
    ask = Ask(clock=Clock.EVENT, near=near)
    assert query(table("DeviceNetworkEvents", received=""), ask, ["| where RemotePort == 443"], 5) == (
        "DeviceNetworkEvents\n"
        "| where (Timestamp >= datetime(2026-03-12T12:00:00.0000000Z) and Timestamp <"
        ' datetime(2026-03-12T12:00:00.0000010Z) and (column_ifexists("DeviceName", "") =~ "WS1"'
        ' or column_ifexists("DeviceId", "") =~ "WS1"))'
        " or (Timestamp >= datetime(2026-03-12T12:00:00.0000000Z) and Timestamp <"
        ' datetime(2026-03-12T12:00:00.0000020Z) and (column_ifexists("DeviceName", "") =~ "a\\"b"'
        ' or column_ifexists("DeviceId", "") =~ "a\\"b"))\n'
        "| extend IngestionTime = ingestion_time()\n"
        "| where RemotePort == 443\n"
        "| take 5"
    )


def test_a_part_of_several_selections_is_a_part_of_their_union():
    ask = Ask(clock=Clock.EVENT)
    assert query(table("_Im_ProcessCreate"), ask, ["| where a", "| where b\n| extend c"], 5, (3, 4)) == (
        "union (_Im_ProcessCreate\n| where a),\n(_Im_ProcessCreate\n| where b\n| extend c)\n"
        "| where hash(tostring(pack_all()), 4) == 3\n"
        "| take 5"
    )


@pytest.mark.parametrize(
    ("name", "view"),
    [
        ("_Im_ProcessCreate", True),
        ("imProcessCreate", True),
        ("vimProcessCreateMicrosoftSysmon", True),
        ("ASimProcessEvent", True),
        ("_ASim_NetworkSession", True),
        ("ASimProcessEventLogs", False),
        ("SecurityEvent", False),
        ("Syslog", False),
        ("imports_CL", False),
        ("imports", False),
    ],
)
def test_views_are_told_by_their_names(name, view):
    assert table(name).view == view


class Scored:
    """As much of a rule as is looked at here."""

    def __init__(self, number: int) -> None:
        self.id = number


def test_rules_select_what_they_look_at(monkeypatch):
    monkeypatch.setattr(kusto, "condition", lambda rules, name: f"{name}_{len(rules)}" if name != "Other" else None)
    monkeypatch.setattr(kusto, "score", lambda rule, _name: "| extend s\n| where s > 3" if rule.id == 2 else "")
    rules = [Scored(1), Scored(2), Scored(3)]
    assert kql.selections(rules, "T", "candidates") == ["| where T_3"]  # type: ignore[arg-type]
    assert kql.selections(rules, "T", "score") == ["| where T_2", "| where T_1\n| extend s\n| where s > 3"]  # type: ignore[arg-type]
    assert kql.selections(rules, "T", "off") == kql.selections(None, "T", "score") == [""]  # type: ignore[arg-type]
    assert kql.selections(rules, "Other", "candidates") == []  # type: ignore[arg-type]
    pasted = kql.pasted(rules, [table("T"), table("Other")], "candidates")  # type: ignore[arg-type]
    assert pasted == "T\n| where TimeGenerated > ago(1d)\n| where T_3"
