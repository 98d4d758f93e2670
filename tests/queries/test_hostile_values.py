"""Values made to break a query: each language takes them, finds the records that have them, and no others."""

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest

from exfilwatch.detection.condition import FieldTest, Not
from exfilwatch.detection.detection import RuleInfo
from exfilwatch.detection.logsource import LogSource
from exfilwatch.detection.rule import Rule
from exfilwatch.detection.values import Text, Wild
from exfilwatch.siem.queries import kusto, splunk, sumo
from exfilwatch.siem.queries.elastic import query

from . import expressions
from .engines import index, mapping
from .records import Record, sysmon

_PIECES = [
    *('"', "'", "\\", "\\\\", "/", "|", "`", "$", "*", "?", "%", "_", "[", "]", "(", ")", "{", "}", "^", ".", "+", "#"),
    *("<", ">", "&", "~", "@", "!", "-", "=", ":", ";", ",", "\n", "\r\n", "\t", "\x00", "\x1b", "\x7f", "\u2028"),
    *(
        "é",
        "İ",
        "ſ",
        "K",
        "ß",
        "Σ",
        "ς",
        "日本",
        "😀",
        "\u202e",
        "\u0301",
        "\ud7ff",
        "(?i)",
        "\\d",
        "\\E",
        "\\Q",
        "%27",
        "/*",
    ),
]
_ATTACKS = [
    *(
        '" OR 1=1',
        "' OR ''='",
        '") | delete',
        "| rest /services",
        "`macro`",
        "[search index=*]",
        "*:*",
        '"}}]},"x":{"',
        "// ",
    ),
    *(
        "; drop table T",
        "| union *",
        "let x = 1;",
        "\\u0022",
        "&quot;",
        "${jndi:ldap://x}",
        "{{7*7}}",
        "%00",
        "a" * 300,
        "b" * 2_000,
    ),
]
VALUES = list(
    dict.fromkeys(
        [*_ATTACKS, *(f"x{a}y{b}z" for a, b in itertools.islice(itertools.product(_PIECES, _PIECES), 0, None, 9))]
    )
)
TELLING = [value for value in VALUES if value.isascii() and not set(value.lower()) & set("k\x00\x1b\x7f\n\r\t")]


def rule(value: str, *, within: bool = False, negated: bool = False) -> Rule:
    """A process creation whose command line is, or contains, the value; or is not."""
    parts = [Wild.ANY, value, Wild.ANY] if within else [value]
    test: Any = FieldTest("CommandLine", Text(parts, cased=False))
    return Rule(RuleInfo("h", "h"), LogSource("process_creation", "windows"), Not(test) if negated else test, {}, [])


def holding(value: str, *, within: bool) -> set[int]:
    found = Text([Wild.ANY, value, Wild.ANY] if within else [value], cased=False)
    return {number for number, other in enumerate(VALUES) if found.holds(other)}


def test_there_are_enough_of_them() -> None:
    assert len(VALUES) >= 300
    assert len(TELLING) >= 100


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
        for value in VALUES:
            same = holding(value, within=False)
            found = put.found(query([rule(value)], known))
            assert same <= found, value
            assert everything - same <= put.found(query([rule(value, negated=True)], known)), value
            assert holding(value, within=True) <= put.found(query([rule(value, within=True)], known)), value
            if kind == "keyword" and value in TELLING:
                assert found == same, value


ROWS: list[Record] = [
    {**sysmon({"Image": "x.exe", "CommandLine": value}), "EventCode": "1", "_time": "2026", "_raw": ""}
    for value in VALUES
]


@pytest.mark.parametrize("value", VALUES)
def test_spl(value: str) -> None:
    keeps = expressions.spl(splunk.condition([rule(value)]))
    found = {number for number, row in enumerate(ROWS) if keeps(row)}
    same = holding(value, within=False)
    assert same <= found
    if value in TELLING:
        assert found == same
    others = expressions.spl(splunk.condition([rule(value, negated=True)]))
    assert set(range(len(VALUES))) - same <= {number for number, row in enumerate(ROWS) if others(row)}


@pytest.mark.parametrize("value", VALUES)
def test_sumo(value: str) -> None:
    keeps = expressions.sumo(sumo.condition([rule(value, within=True)]))
    for number in holding(value, within=True):
        assert keeps({"_raw": json.dumps(sysmon({"CommandLine": VALUES[number]}))})
        assert keeps({"_raw": json.dumps(sysmon({"CommandLine": VALUES[number]}), ensure_ascii=False)})


def test_kql() -> None:
    duckdb = pytest.importorskip("duckdb")
    duckdb_kql = pytest.importorskip("duckdb_kql")
    told = [value for value in VALUES if "\x00" not in value]
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE DeviceProcessEvents (n INTEGER, ProcessCommandLine VARCHAR)")
        connection.executemany("INSERT INTO DeviceProcessEvents VALUES (?, ?)", list(enumerate(told)))
        for value in told[::3]:
            condition = kusto.condition([rule(value)], "DeviceProcessEvents")
            sql = duckdb_kql.to_sql(f"DeviceProcessEvents | where {condition} | project n")
            found = {told[number] for (number,) in connection.execute(sql).fetchall()}
            same = {VALUES[number] for number in holding(value, within=False)}
            assert same <= found, value
            if value in TELLING:
                assert found == same, value
