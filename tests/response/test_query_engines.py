"""Queries with hostile values in engines that run: each takes them all, and finds the record that has the value."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from exfilwatch.events.shape import SHAPES
from exfilwatch.events.spelling import paths_of
from exfilwatch_playbooks.response.languages import Language, asks
from exfilwatch_playbooks.response.languages.asking import Meaning
from exfilwatch_playbooks.response.languages.columns import Source, columns, sources

from ..queries.engines import index  # noqa: TID252 (tests are no package on the path)
from .questions import IP, NAMES, NOW, VALUES, compared, query, recordable

RECORDED = [value for value in VALUES if recordable(value) and 0 < len(value) < 8_000][::15]
ECS = [each for group in columns()["elasticsearch"].values() for each in group]
CODES = sorted({code for each in ECS for code in each.only.split()})
MAPPINGS = {
    "properties": {
        "@timestamp": {"type": "date"},
        "destination": {"properties": {"ip": {"type": "ip"}, "port": {"type": "long"}}},
        "source": {"properties": {"ip": {"type": "ip"}, "bytes": {"type": "long"}}},
        "process": {"properties": {"pid": {"type": "long"}}},
    },
    "dynamic_templates": [{"strings": {"match_mapping_type": "string", "mapping": {"type": "keyword"}}}],
}


def document(number: int, value: str) -> dict[str, Any]:
    """A record of ECS that has the value in every text; each a different kind of event."""
    texts = {name for each in ECS for names in each.columns.values() for name in names}
    others = {"destination.ip": IP, "source.ip": IP, "destination.port": 443, "process.pid": 31, "source.bytes": 5}
    others["host.name"] = compared("host", value) + (".corp.example" if number % 2 else "")
    told = {"event.code": CODES[number % len(CODES)], "@timestamp": NOW.isoformat()}
    return dict.fromkeys(sorted(texts), value) | others | told


@pytest.mark.parametrize("engine", ["opensearch", "elasticsearch"])
def test_search_engines_take_each_query_and_find_the_record(engine, request):
    with request.getfixturevalue(engine).client() as client, index(client, MAPPINGS) as put:
        put.put(document(number, value) for number, value in enumerate(RECORDED))
        assert not put.refused
        asked: set[str] = set()
        for name in NAMES:
            only = [code for each in sources("elasticsearch", asks()[name].records) for code in each.only.split()]
            texts = [(number, query(name, "elasticsearch", value)) for number, value in enumerate(RECORDED)]
            bodies = [(number, json.loads(text)) for number, text in texts if text]
            answer = client.post(f"/{put.name}/_search", json=bodies[0][1])
            assert answer.status_code == 200, answer.text
            if (conditions := f"{asks()[name].records} {asks()[name].where}") in asked:
                continue
            asked.add(conditions)
            found = put.found_by(body["query"] for _, body in bodies)
            for (number, _), seen in zip(bodies, found, strict=True):
                if not only or CODES[number % len(CODES)] in only:
                    assert number in seen, (name, RECORDED[number])
                assert not exactly_known(name, number) or seen <= {*holding(number)}, (name, RECORDED[number])


def exactly_known(name: str, number: int) -> bool:
    """Whether a text is asked for, of which every engine knows what is the same."""
    value = RECORDED[number]
    return value.isascii() and value.isprintable() and not {"host", "destination_ip"} & set(asks()[name].where)


def holding(number: int) -> Iterator[int]:
    wanted = RECORDED[number].lower()
    return (other for other, value in enumerate(RECORDED) if wanted in value.lower())


class Tables:
    """The tables of a language in DuckDB, each with a row for the question that is asked."""

    def __init__(self, connection: Any, language: Language) -> None:
        self._connection = connection
        self._time = {"sentinel": "TimeGenerated", "defender": "Timestamp"}[language]
        for table, declared in declarations(language, self._time).items():
            listed = ", ".join(f"{name} {kind}" for name, kind in declared.items())
            connection.execute(f"CREATE TABLE {table} ({listed})")

    def put(self, source: Source, value: str) -> None:
        """The only row of the source's table, which has the value everywhere."""
        row: dict[str, Any] = {self._time: NOW.replace(tzinfo=None)}
        for meaning, names in source.columns.items():
            row |= dict.fromkeys(names, 5 if meaning == "sent" else self._of(meaning, value))
        if found := re.search(r"EventID (?:==|in) \(?(\d+)", source.only):
            row["EventID"] = int(found[1])
        if found := re.search(r'ActionType (?:==|in) \(?"(\w+)"', source.only):
            row["ActionType"] = found[1]
        self._connection.execute(f"DELETE FROM {source.table}")
        marks = ", ".join("?" for _ in row)
        self._connection.execute(f"INSERT INTO {source.table} ({', '.join(row)}) VALUES ({marks})", [*row.values()])

    def _of(self, meaning: Meaning, value: str) -> str:
        return compared(meaning, value) if meaning in ("host", "destination_ip") else value


def declarations(language: Language, time: str) -> dict[str, dict[str, str]]:
    """Each table with its columns, whatever kind of record asks for them."""
    found: dict[str, dict[str, str]] = {}
    for each in (each for group in columns()[language].values() for each in group):
        declared = found.setdefault(each.table, {time: "TIMESTAMP", "EventID": "INTEGER", "ActionType": "VARCHAR"})
        declared |= {n: "BIGINT" if m == "sent" else "VARCHAR" for m, names in each.columns.items() for n in names}
    return found


@pytest.mark.parametrize("language", ["sentinel", "defender"])
def test_kql_runs_and_finds_the_row(language):
    duckdb = pytest.importorskip("duckdb")
    duckdb_kql = pytest.importorskip("duckdb_kql")
    told = [value for value in RECORDED if value.isascii() and value.isprintable()]  # DuckDB ends at a NUL
    with duckdb.connect() as connection:
        tables = Tables(connection, language)
        for at, name in enumerate(NAMES):
            for value in told[at % 6 :: 6]:
                for source in sources(language, asks()[name].records):
                    tables.put(source, value)
                if text := query(name, language, value):
                    assert duckdb_kql.kql(connection, text).fetchall(), (name, value, text)


def mapped() -> Iterator[str]:
    """The heads of all members that a field map reads."""
    for spec in (shape.spec for shape in SHAPES.values()):
        read = (each for one in spec.classes for each in (*one.fields.values(), *one.when))
        for expression in filter(None, (*read, *spec.host, *spec.time)):
            yield from (path.partition(".")[0] for path in paths_of(expression, ("",)))


def test_columns_of_microsofts_tables_are_those_of_the_field_maps():
    """But for those that no rule reads, which were looked up in the reference of tables."""
    looked_up = {"TargetUserName", "IpAddress", "ShareName", "RelativeTargetName", "EventData", "SubjectUserName"}
    looked_up |= {"DnsQuery", "AdditionalFields", "UserName", "Account", "NewProcessName", "ParentProcessName"}
    looked_up |= {"NewProcessId"}
    named = {
        name
        for language in ("sentinel", "defender")
        for group in columns()[language].values()
        for each in group
        for names in each.columns.values()
        for name in names
    }
    assert named - set(mapped()) - looked_up == set()
