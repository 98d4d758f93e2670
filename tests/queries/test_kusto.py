"""KQL, run by duckdb-kql on real tables: a compiled query keeps every row that fires."""

import json
import re
from typing import Any

import pytest

from exfilwatch.detection.rule import Rule
from exfilwatch.siem.queries import kusto

from .records import RECORDS, Record, events, firing, rules

duckdb = pytest.importorskip("duckdb")
duckdb_kql = pytest.importorskip("duckdb_kql")

RULES = rules()
EVENTS = events()


def audited(event: Record) -> Record:
    """A row of SecurityEvent."""
    return {
        "TimeGenerated": "2026-03-12T09:14:02.123Z",
        "Computer": "ws1.example",
        "EventID": 4688,
        "Channel": "Security",
        "NewProcessName": event.get("Image"),
        "CommandLine": event.get("CommandLine"),
        "ParentProcessName": event.get("ParentImage"),
        "EventData": "",
    }


def named(event: Record) -> Record:
    """A row of WindowsEvent: Sysmon's members in an object."""
    return {
        "TimeGenerated": "2026-03-12T09:14:02.123Z",
        "Computer": "ws1.example",
        "EventID": 1,
        "Channel": "Microsoft-Windows-Sysmon/Operational",
        "Provider": "Microsoft-Windows-Sysmon",
        "EventData": {name: value for name, value in event.items() if isinstance(value, str)},
    }


def of_device(event: Record) -> Record:
    """A row of DeviceProcessEvents."""
    folder, _, name = str(event.get("Image") or "").rpartition("\\")
    return {
        "Timestamp": "2026-03-12T09:14:02.123Z",
        "DeviceName": "ws1.example",
        "ActionType": "ProcessCreated",
        "FolderPath": folder,
        "FileName": name,
        "ProcessCommandLine": event.get("CommandLine"),
        "InitiatingProcessFileName": str(event.get("ParentImage") or "").rpartition("\\")[2],
        "InitiatingProcessCommandLine": event.get("ParentCommandLine"),
    }


def of_asim(event: Record) -> Record:
    """A row of ASimProcessEventLogs."""
    return {
        "TimeGenerated": "2026-03-12T09:14:02.123Z",
        "EventType": "ProcessCreated",
        "DvcHostname": "ws1",
        "DvcOs": "Windows",
        "TargetProcessName": event.get("Image"),
        "TargetProcessCommandLine": event.get("CommandLine"),
        "ActingProcessName": event.get("ParentImage"),
    }


TABLES = {
    "SecurityEvent": [audited(event) for event in EVENTS],
    "WindowsEvent": [named(event) for event in EVENTS],
    "DeviceProcessEvents": [of_device(event) for event in EVENTS],
    "ASimProcessEventLogs": [of_asim(event) for event in EVENTS],
    "DeviceNetworkEvents": [each for each in RECORDS if str(each.get("ActionType")).startswith("Connection")],
    "DeviceFileEvents": [each for each in RECORDS if str(each.get("ActionType")).startswith("File")],
    "DeviceEvents": [each for each in RECORDS if each.get("ActionType") in ("PowerShellCommand", "DnsQueryResponse")],
}


class Table:
    """A table of rows with all columns that our query for it names."""

    def __init__(self, name: str, rows: list[Record]) -> None:
        self._name = name
        self._connection = duckdb.connect()
        columns = dict.fromkeys(name for row in rows for name in row)
        columns |= dict.fromkeys(kusto._Kql(name).columns)
        self._columns = set(columns)
        kinds = {
            column: "JSON" if any(isinstance(row.get(column), dict) for row in rows) else "VARCHAR"
            for column in columns
        }
        spelled = ", ".join(f'"{column}" {kind}' for column, kind in kinds.items())
        self._connection.execute(f'CREATE TABLE "{name}" (n INTEGER, {spelled})')
        marks = ", ".join("?" * (len(columns) + 1))
        for number, row in enumerate(rows):
            values = [_cell(row.get(column)) for column in columns]
            self._connection.execute(f'INSERT INTO "{name}" VALUES ({marks})', [number, *values])

    def found(self, query: str) -> set[int]:
        """duckdb-kql has no column_ifexists: it is replaced as Kusto would."""
        query = _IF_EXISTS.sub(lambda found: found[1] if found[1] in self._columns else '""', query)
        sql = duckdb_kql.to_sql(f"{self._name}\n{query}\n| project n")
        return {number for (number,) in self._connection.execute(sql).fetchall()}


_IF_EXISTS = re.compile(r'column_ifexists\("(\w+)", ""\)')


def _cell(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, dict | list) else value if value is None else str(value)


@pytest.mark.parametrize("name", TABLES)
def test_a_query_keeps_every_row_that_fires(name: str) -> None:
    rows = TABLES[name]
    table = Table(name, rows)
    fired = firing(RULES, rows)
    numbers = {id(row): number for number, row in enumerate(rows)}
    by_rule: dict[str, tuple[Rule, set[int]]] = {}
    for rule, row in fired:
        by_rule.setdefault(rule.id, (rule, set()))[1].add(numbers[id(row)])
    assert by_rule or name in ("DeviceFileEvents", "DeviceEvents")
    for rule, wanted in by_rule.values():
        condition = kusto.condition([rule], name)
        assert condition, rule.info.title
        score = kusto.score(rule, name)
        assert wanted <= table.found("\n".join(line for line in (f"| where {condition}", score) if line)), (
            rule.info.title
        )
    together = kusto.condition([rule for rule, _ in by_rule.values()], name)
    if by_rule:
        assert {number for _, each in by_rule.values() for number in each} <= table.found(f"| where {together}")


def test_a_rule_that_looks_at_other_events_asks_nothing_of_a_table() -> None:
    (rule,) = [rule for rule in RULES if rule.info.title == "Upload By A Program That Windows Brings Along"]
    assert kusto.condition([rule], "DeviceNetworkEvents") is None
    assert kusto.condition([rule], "DeviceProcessEvents")
    assert kusto.condition([rule], "SecurityEvent")


def test_a_table_of_ones_own_is_asked_only_for_columns_that_it_has() -> None:
    condition = kusto.condition(RULES[:1], "Mine_CL")
    assert condition
    assert 'column_ifexists("' in condition
