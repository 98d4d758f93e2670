"""Values made to break a query: each language takes them, finds the records that have them, and no others."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from exfilwatch.detection.condition import FieldTest, Not
from exfilwatch.detection.detection import RuleInfo
from exfilwatch.detection.logsource import LogSource
from exfilwatch.detection.rule import Rule
from exfilwatch.detection.values import Text, Wild
from exfilwatch.events.event import Origin
from exfilwatch.events.shape import recognise
from exfilwatch.siem.queries import kusto, splunk, sumo
from exfilwatch.siem.queries.elastic import query

from .. import hostile_values, quoting  # noqa: TID252 (tests are no package on the path)
from . import expressions
from .engines import index, mapping
from .records import Record, sysmon

VALUES = [value for value in hostile_values.VALUES if not re.search("[\ud800-\udfff]", value)]
"""Those that can be in a record at all: JSON that is valid has no halves of surrogate pairs."""
ASKED = [value for value in VALUES if len(value) < 30_000]
"""Texts for a rule. Search engines refuse longer ones: 32,766 bytes are what they index."""
_UNSURE = {"k", *(chr(code) for code in (*range(32), 127))}
TELLING = [value for value in ASKED if value.isascii() and _UNSURE.isdisjoint(value.lower()) and len(value) < 200]
"""Of which each language knows exactly what is the same."""


def rule(value: str, field: str = "CommandLine", *, within: bool = False, negated: bool = False) -> Rule:
    """A process creation of which the field is, or contains, the value; or is not."""
    parts = [Wild.ANY, value, Wild.ANY] if within else [value]
    test: Any = FieldTest(field, Text(parts, cased=False))
    return Rule(RuleInfo("h", "h"), LogSource("process_creation", "windows"), Not(test) if negated else test, {}, [])


def holding(value: str, *, within: bool) -> set[int]:
    found = Text([Wild.ANY, value, Wild.ANY] if within else [value], cased=False)
    return {number for number, other in enumerate(VALUES) if found.holds(other)}


def test_there_are_enough_of_them_of_every_kind() -> None:
    assert len(VALUES) >= 300
    assert len(TELLING) >= 150
    assert min(map(len, hostile_values.KINDS.values())) >= 4


@pytest.fixture(scope="module", params=["opensearch", "elasticsearch"])
def client(request: pytest.FixtureRequest) -> Iterator[Any]:
    with request.getfixturevalue(request.param).client() as found:
        yield found


@pytest.mark.parametrize("kind", ["keyword", "text"])
def test_search_engines(client: Any, kind: str) -> None:
    strings = {"type": kind} | ({"ignore_above": 4_000} if kind == "keyword" else {})
    templates = [{"strings": {"match_mapping_type": "string", "mapping": strings}}]
    with index(client, {"dynamic_templates": templates}) as put:
        put.put([sysmon({"Image": "x.exe", "CommandLine": value}) for value in VALUES])
        assert not put.refused
        known = mapping(put.properties())
        everything = set(range(len(VALUES)))
        found = put.found_by(query([rule(value)], known) for value in ASKED)
        for value, of_it in zip(ASKED, found, strict=True):
            same = holding(value, within=False)
            assert same <= of_it, value
            if kind == "keyword" and value in TELLING:
                assert of_it == same, value
        some = ASKED[::3]
        others = put.found_by(query([rule(value, negated=True)], known) for value in some)
        holders = put.found_by(query([rule(value, within=True)], known) for value in some)
        for value, of_others, of_holders in zip(some, others, holders, strict=True):
            assert everything - holding(value, within=False) <= of_others, value
            assert holding(value, within=True) <= of_holders, value


def splunk_row(value: str) -> Record:
    """A result of Splunk's add-on for Sysmon."""
    head = {"EventCode": "1", "Channel": "Microsoft-Windows-Sysmon/Operational", "_time": "2026-03-12T09:14:02Z"}
    event = {"Image": f"C:\\x\\{value}", "CommandLine": value, "User": f"CORP\\{value}", "Computer": value}
    return {**head, **event, "_raw": ""}


def of_sentinel(value: str) -> Record:
    """A row of SecurityEvent."""
    event = {"NewProcessName": f"C:\\x\\{value}", "CommandLine": value, "SubjectAccount": f"CORP\\{value}"}
    return {"TimeGenerated": "2026-03-12T09:14:02Z", "EventID": 4688, "Channel": "Security", "Computer": value, **event}


def of_defender(value: str) -> Record:
    """A row of DeviceProcessEvents."""
    names = {"FolderPath": f"C:\\x\\{value}", "FileName": value, "AccountDomain": "CORP", "AccountName": value}
    return {"Timestamp": "2026-03-12T09:14:02Z", "ActionType": "ProcessCreated", "DeviceName": value, **names} | {
        "ProcessCommandLine": value
    }


LANGUAGES: dict[str, tuple[Callable[[str], Record], Callable[[Sequence[Rule]], str | None], Callable[[str], Any]]] = {
    "SPL": (splunk_row, splunk.condition, expressions.spl),
    "KQL, Sentinel": (of_sentinel, lambda rules: kusto.condition(rules, "SecurityEvent"), expressions.kql),
    "KQL, Defender": (of_defender, lambda rules: kusto.condition(rules, "DeviceProcessEvents"), expressions.kql),
}
FIELDS = {"CommandLine": "{}", "Computer": "{}", "User": "CORP\\{}", "Image": "C:\\x\\{}"}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("field", FIELDS)
def test_a_host_a_user_or_a_file_of_any_name_is_found(language: str, field: str) -> None:
    make, condition, reads = LANGUAGES[language]
    for value in ASKED:
        row = make(value)
        shape = recognise(row)
        event = shape and shape.event(row, Origin("test"), b"")
        asked = rule(FIELDS[field].format(value), field)
        found = condition([asked])
        assert event
        assert found
        quoting.kql(found) if language.startswith("KQL") else quoting.spl(found)
        assert reads(found)(row) or not asked.fires(event), value
        assert asked.fires(event) or not row[next(iter(row))], value


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_others_are_not_found_and_are_where_the_value_must_not_be(language: str) -> None:
    make, condition, reads = LANGUAGES[language]
    rows = [make(value) for value in VALUES]
    # SPL's `$` is also before a last line end; what EventData may hold is not known exactly.
    unsure = {number for number, value in enumerate(VALUES) if value.endswith("\n") or language == "KQL, Sentinel"}
    for value in ASKED[::3]:
        same = holding(value, within=False)
        keeps = reads(condition([rule(value)]) or "")
        found = {number for number, row in enumerate(rows) if keeps(row)}
        assert same <= found, value
        if value in TELLING:
            assert found - unsure <= same, value
        others = reads(condition([rule(value, negated=True)]) or "")
        assert set(range(len(VALUES))) - same <= {number for number, row in enumerate(rows) if others(row)}, value


@pytest.mark.parametrize("field", FIELDS)
def test_sumo(field: str) -> None:
    for value in ASKED:
        condition = sumo.condition([rule(FIELDS[field].format(value), field)])
        quoting.sumo(condition)
        keeps = expressions.sumo(condition)
        record = sysmon({field: FIELDS[field].format(value)})
        assert keeps({"_raw": json.dumps(record)}), value
        assert keeps({"_raw": json.dumps(record, ensure_ascii=False)}), value


def test_sumo_finds_the_value_within_a_message() -> None:
    for value in ASKED:
        keeps = expressions.sumo(sumo.condition([rule(value, within=True)]))
        assert all(keeps({"_raw": json.dumps(sysmon({"CommandLine": VALUES[n]}))}) for n in holding(value, within=True))


def test_kql_as_another_engine_reads_it() -> None:
    duckdb = pytest.importorskip("duckdb")
    duckdb_kql = pytest.importorskip("duckdb_kql")
    told = [value for value in ASKED if "\x00" not in value]  # which DuckDB takes for the end
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE DeviceProcessEvents (n INTEGER, ProcessCommandLine VARCHAR)")
        connection.executemany("INSERT INTO DeviceProcessEvents VALUES (?, ?)", list(enumerate(told)))
        for value in told:
            condition = kusto.condition([rule(value)], "DeviceProcessEvents")
            sql = duckdb_kql.to_sql(f"DeviceProcessEvents | where {condition} | project n")
            found = {told[number] for (number,) in connection.execute(sql).fetchall()}
            same = {VALUES[number] for number in holding(value, within=False)}
            assert same <= found, value
            if value in TELLING:
                assert found == same, value
