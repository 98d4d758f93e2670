"""Kusto tables held as rows, and asked in KQL: translated to SQL by duckdb-kql, run by DuckDB.

What duckdb-kql can't is put in its words first, outside of string literals: `ingestion_time()`, `now()` and `ago()`
(which follow the fake's clock), `column_ifexists`, `hash(tostring(pack_all()), n)`, and `\\u` in strings; and
`hash_sha256`, at which it is slow, by another hash. Times are
compared in µs; Kusto's own step is 0.1 µs. A column that no row has is there and empty when a field map of ours names
it, since Microsoft's tables have fixed columns; else it is an error, as in Kusto. `column_ifexists` knows only columns
that some row has.
"""

import contextlib
import json
import re
import threading
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any, NamedTuple

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIMES = {"TimeGenerated", "Timestamp", "TimeCollected"}
_NUMBERS = {"EventID", "RemotePort", "LocalPort", "InitiatingProcessId", "DstPortNumber", "SrcPortNumber"}
_SHAPES = ("asim_process", "asim_network", "asim_file", "defender", "sentinel_windows")
_HIDDEN = ("_row", "_hash", "_ingested")
_SOURCE = re.compile(r"^(?:union )?\(?(\w+)\s*$", re.MULTILINE)  # a table, as our queries have it: on a line of its own
_UNRESOLVED = "'where' operator: Failed to resolve table or column expression named '{}'"
_SPANS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_WORDS = re.compile(
    r'column_ifexists\("(?P<column>\w+)", ""\)|(?P<string>"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\')'
    r"|(?P<ingested>ingestion_time\(\))|(?P<now>\bnow\(\))|\bago\((?P<number>\d+)(?P<unit>[dhms])\)"
    r"|hash\(tostring\(pack_all\(\)\), (?P<parts>\d+)\)|(?P<hashed>\bhash_sha256\()"
)


class Refused(Exception):
    """What Kusto says of a query that it doesn't run: `kind` is SyntaxError or SemanticError."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Result(NamedTuple):
    columns: dict[str, str]
    """Name -> Kusto's type."""
    rows: list[list[Any]]


class Row(NamedTuple):
    record: dict[str, Any]
    ingested: int
    """µs since 1970: from then on it is seen."""


class Kusto:
    """Tables. `clock`: the present, µs since 1970."""

    def __init__(self, clock: Callable[[], int]) -> None:
        import duckdb_kql

        self.clock = clock
        self.tables: dict[str, list[Row]] = {}
        self._columns: dict[str, dict[str, str]] = {}
        self._built: dict[str, int] = {}
        self._database = duckdb_kql.connect()
        self._one_at_a_time = threading.Lock()
        folder = files("exfilwatch.events") / "shapes"
        self._known = set(re.findall(r"\w+", " ".join((folder / f"{name}.yml").read_text() for name in _SHAPES)))

    def create(self, name: str) -> None:
        """A table without rows."""
        self.tables.setdefault(name, [])

    def add(self, name: str, record: dict[str, Any], ingested: int | None = None) -> None:
        """One row; by default ingested when it says that it was made."""
        time = record.get("TimeGenerated") or record.get("Timestamp")
        self.tables.setdefault(name, []).append(Row(record, micros(time) if ingested is None else ingested))

    def close(self) -> None:
        self._database.close()

    def run(self, query: str) -> Result:
        """Raises Refused."""
        import duckdb
        import duckdb_kql

        with self._one_at_a_time:
            for name in _SOURCE.findall(query):
                if name not in self.tables:  # without the cost of a translation
                    raise Refused("SemanticError", _UNRESOLVED.format(name))
                if self._built.get(name) != len(self.tables[name]):
                    self._build(name)
            while True:
                try:
                    found = duckdb_kql.kql(self._database, self._translated(query))
                    return self._result(query, [column[0] for column in found.description], found.fetchall())
                except duckdb_kql.KqlSyntaxError as error:
                    raise Refused("SyntaxError", f"Syntax Error: {error}") from error
                except duckdb.CatalogException as error:
                    name = re.findall(r"name (\w+) does not exist", str(error))[0]
                    raise Refused("SemanticError", _UNRESOLVED.format(name)) from error
                except duckdb.BinderException as error:
                    missing = re.findall(r'column "([^"]+)" not found', str(error))
                    if not missing or missing[0] not in self._known:
                        said = f"'where' operator: Failed to resolve scalar expression named '{(missing or ['?'])[0]}'"
                        raise Refused("SemanticError", said) from error
                    packed = re.search(r"pack_array\(([\w, ]+)\)", query)  # all at once: to translate takes seconds
                    for column in {missing[0], *(self._known & set(packed[1].split(", ")) if packed else ())}:
                        self._widen(query, column)

    def _widen(self, query: str, column: str) -> None:
        """Give the tables that are asked an empty column."""
        for name in self.tables:
            if re.search(rf"\b{name}\b", query) and column not in self._columns[name]:
                kind = "TIMESTAMP" if column in _TIMES else "BIGINT" if column in _NUMBERS else "VARCHAR DEFAULT ''"
                self._columns[name][column] = kind.partition(" ")[0]
                self._database.execute(f'ALTER TABLE "{name}" ADD COLUMN "{column}" {kind}')

    def _build(self, name: str) -> None:
        rows = self.tables[name]
        columns = {"TimeGenerated": "TIMESTAMP"} if not rows else {}
        for row in rows:
            for column, value in row.record.items():
                kind = "TIMESTAMP" if column in _TIMES else _KINDS.get(type(value), "VARCHAR")
                columns[column] = kind if columns.get(column, kind) == kind or value is None else "VARCHAR"
        self._columns[name] = columns
        listed = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
        self._database.execute(
            f'CREATE OR REPLACE TABLE "{name}" ({listed}, _row BIGINT, _hash BIGINT, _ingested TIMESTAMP)'
        )
        self._built[name] = len(rows)
        if not rows:
            return
        values: list[list[Any]] = [
            [_value(row.record.get(column), kind) for row in rows] for column, kind in columns.items()
        ]
        values.append(list(range(len(rows))))
        values.append([zlib.crc32(json.dumps(row.record).encode()) for row in rows])
        values.append([(EPOCH + timedelta(microseconds=row.ingested)).replace(tzinfo=None) for row in rows])
        self._database.execute(f'INSERT INTO "{name}" SELECT {", ".join(["unnest(?)"] * len(values))}', values)

    def _translated(self, query: str) -> str:
        now = EPOCH + timedelta(microseconds=self.clock())

        def word(found: re.Match[str]) -> str:
            if column := found["column"]:
                tables = [columns for name, columns in self._columns.items() if re.search(rf"\b{name}\b", query)]
                return column if any(column in columns for columns in tables) else '""'
            if string := found["string"]:
                return re.sub(r"(\\\\)|\\u([0-9a-f]{4})", lambda one: one[1] or chr(int(one[2], 16)), string)
            if found["hashed"]:
                return "hash_md5("
            if found["ingested"]:
                return "_ingested"
            if parts := found["parts"]:
                return f"_hash % {parts}"
            ago = timedelta(**{_SPANS[found["unit"]]: int(found["number"])}) if found["number"] else timedelta()
            return f"datetime({(now - ago).strftime('%Y-%m-%dT%H:%M:%S.%fZ')})"

        visible = f"where _ingested <= datetime({now.strftime('%Y-%m-%dT%H:%M:%S.%fZ')})"
        return _SOURCE.sub(rf"\g<0>\n| {visible}", _WORDS.sub(word, query))

    def _result(self, query: str, names: list[str], rows: list[tuple[Any, ...]]) -> Result:
        """A row that is of a table as it was added (columns of other rows are empty), and what was computed beside."""
        shown = [name for name in names if name not in _HIDDEN]
        table = next((name for name in self.tables if re.search(rf"\b{name}\b", query)), "")
        kinds = {name: _TYPES.get(self._columns.get(table, {}).get(name, ""), "") for name in shown}
        filled = []
        for row in rows:
            got = dict(zip(names, row, strict=True))
            record = self.tables[table][got["_row"]].record if "_row" in got else {}
            for name in shown:
                kinds[name] = kinds[name] or ("datetime" if isinstance(got[name], datetime) else "string")
            filled.append([_plain(record.get(name, got[name])) for name in shown])
        return Result({name: kind or "string" for name, kind in kinds.items()}, filled)


_KINDS: dict[type, str] = {bool: "BOOLEAN", int: "BIGINT", float: "DOUBLE"}
_TYPES = {"TIMESTAMP": "datetime", "VARCHAR": "string", "BOOLEAN": "bool", "BIGINT": "long", "DOUBLE": "real"}


def micros(time: object) -> int:
    return (_datetime(str(time)) - EPOCH) // timedelta(microseconds=1)


def _datetime(text: str) -> datetime:
    whole, _, fraction = text.removesuffix("Z").partition(".")
    return datetime.fromisoformat(f"{whole}.{fraction[:6].ljust(6, '0')}+00:00")


def _value(value: object, kind: str) -> object:
    if kind == "TIMESTAMP":
        with contextlib.suppress(ValueError):
            return _datetime(str(value)).replace(tzinfo=None)
        return None
    if kind == "VARCHAR":  # Kusto's strings are never null
        return value if isinstance(value, str) else "" if value is None else json.dumps(value)
    return value


def _plain(value: object) -> object:
    """Datetimes as Kusto writes them, to 0.1 µs."""
    return value.strftime("%Y-%m-%dT%H:%M:%S.%f0Z") if isinstance(value, datetime) else value
