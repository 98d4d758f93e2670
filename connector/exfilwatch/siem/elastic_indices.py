"""What an Elasticsearch or OpenSearch server says of its indices (GET /INDEX), as far as it matters for asking them.

Sources: https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-indices-get ,
https://docs.opensearch.org/latest/api-reference/index-apis/get-index/ ,
https://www.elastic.co/docs/reference/elasticsearch/mapping-reference/mapping-parameters
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

import msgspec

from exfilwatch.siem.queries.elastic_mapping import ElasticMapping, Indexed
from exfilwatch.structs import ready

WANTED = ",".join(
    f"*.{path}"
    for path in (
        *("mappings.dynamic", "mappings.properties", "mappings.runtime"),
        *("settings.index.uuid", "settings.index.refresh_interval", "settings.index.mode"),
        *("settings.index.mapping.ignore_above", "settings.index.mapping.total_fields.ignore_dynamic_beyond_limit"),
        "settings.index.analysis.analyzer.default.type",
    )
)
"""The parameter `filter_path`: mappings of thousands of fields come without what is not needed of them."""

DATES = ("date", "date_nanos")
_REFRESH = 1.0  # seconds, where an index does not say
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400}
_LOGSDB = 8191
"""Characters after which an index of this mode ignores a keyword, where it does not say."""


class Index(msgspec.Struct, frozen=True):
    """One index. `refresh`: seconds until a document is found; None: it is not, until someone asks for it.
    `overflows`: a document's fields beyond a number are not indexed, and only named in its `_ignored`.
    """

    name: str
    mapping: ElasticMapping
    refresh: float | None = _REFRESH
    overflows: bool = False

    def date(self, field: str) -> str | None:
        """`date` or `date_nanos`, if the field is one that can be asked for."""
        return next((way.type for way in self.mapping.ways(field) or () if way.type in DATES), None)

    @property
    def empty(self) -> bool:
        """No document of it has any field."""
        return not self.mapping.fields and not self.mapping.opaque


class _Property(msgspec.Struct):
    """A field of a mapping. Booleans may be texts."""

    type: str = ""
    properties: dict[str, "_Property"] = {}
    fields: dict[str, "_Property"] = {}
    ignore_above: int | None = None
    normalizer: str = ""
    analyzer: str = ""
    index: bool | str = True
    enabled: bool | str = True
    dynamic: bool | str = True
    path: str = ""


class _Mappings(msgspec.Struct):
    dynamic: bool | str = True
    properties: dict[str, _Property] = {}
    runtime: dict[str, _Property] = {}


class _Total(msgspec.Struct):
    ignore_dynamic_beyond_limit: str = "false"


class _MappingSettings(msgspec.Struct):
    ignore_above: str = ""
    total_fields: _Total = msgspec.field(default_factory=_Total)


class _IndexSettings(msgspec.Struct):
    refresh_interval: str = ""
    mode: str = ""
    mapping: _MappingSettings = msgspec.field(default_factory=_MappingSettings)
    analysis: dict[str, object] = {}


class _Settings(msgspec.Struct):
    index: _IndexSettings = msgspec.field(default_factory=_IndexSettings)


class _Described(msgspec.Struct):
    mappings: msgspec.Raw = msgspec.Raw(b"{}")
    settings: _Settings = msgspec.field(default_factory=_Settings)


_DECODER = msgspec.json.Decoder(dict[str, _Described])


def indices(body: bytes) -> list[Index]:
    """The indices of an answer, by name. Raises msgspec.DecodeError."""
    found = []
    for name, described in sorted(_DECODER.decode(body).items()):
        settings = described.settings.index
        cut = settings.mapping.ignore_above
        above = int(cut) if cut.isdigit() else _LOGSDB if settings.mode == "logsdb" else None
        found.append(
            Index(
                name,
                _mapping(bytes(described.mappings), above, "custom" if settings.analysis else "standard"),
                _seconds(settings.refresh_interval),
                settings.mapping.total_fields.ignore_dynamic_beyond_limit == "true",
            )
        )
    return found


def _seconds(interval: str) -> float | None:
    if not interval:
        return _REFRESH
    if interval.startswith("-"):
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", interval)
    return float(found[1]) * _UNITS[found[2]] if found else _REFRESH


@lru_cache(maxsize=64)
def _mapping(body: bytes, above: int | None, analyzer: str) -> ElasticMapping:
    """Indices of one template have the same bytes here, and then one mapping."""
    read = msgspec.json.decode(body, type=ready(_Mappings))
    opaque = {""} if _no(read.dynamic) else set()
    fields, aliases = dict[str, tuple[Indexed, ...]](), dict[str, str]()
    for path, each in _walk(read.properties, "", opaque):
        if each.type == "alias":
            aliases[path] = each.path
        else:
            fields[path] = tuple(_ways(path, each, above, analyzer))
    for path, each in read.runtime.items():
        fields[path] = (Indexed(path, each.type), *fields.get(path, ()))
    fields |= {alias: fields[path] for alias, path in aliases.items() if path in fields}
    return ElasticMapping(fields, frozenset(opaque))


def _walk(properties: Mapping[str, _Property], above: str, opaque: set[str]) -> Iterator[tuple[str, _Property]]:
    """The fields with their paths; what holds others that can't be asked for goes to `opaque`."""
    for name, each in properties.items():
        path = f"{above}{name}"
        if each.type in ("nested", "flattened", "flat_object") or _no(each.enabled) or _no(each.dynamic):
            opaque.add(path)
        if each.type == "nested" or _no(each.enabled):
            continue
        if each.properties or each.type in ("", "object", "passthrough"):
            yield from _walk(each.properties, f"{path}.", opaque)
        else:
            yield path, each


def _ways(path: str, field: _Property, above: int | None, analyzer: str) -> Iterator[Indexed]:
    for name, each in {"": field, **field.fields}.items():
        if _no(each.index):
            continue
        cut = each.ignore_above
        if cut is None and each.type in ("keyword", "wildcard"):
            cut = above
        yield Indexed(f"{path}.{name}" if name else path, each.type, cut, each.normalizer, each.analyzer or analyzer)


def _no(value: bool | str) -> bool:
    return value in (False, "false")
