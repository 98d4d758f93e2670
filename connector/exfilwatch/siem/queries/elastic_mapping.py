"""How the documents of an Elasticsearch or OpenSearch index can be asked for: what its mapping says, as plain data."""

from collections.abc import Mapping

import msgspec

_ECS = frozenset(
    [
        *("agent", "auditd", "client", "destination", "dll", "dns", "event", "file", "group", "host", "http", "log"),
        *("message", "network", "observer", "powershell", "process", "registry", "related", "rule", "server", "source"),
        *("sysmon", "tags", "url", "user", "user_agent", "winlog", "@timestamp"),
    ]
)
"""The first part of the names of fields."""


class Indexed(msgspec.Struct, frozen=True):
    """One way a field is indexed: under its own path, or under a multi-field's (`process.command_line.text`).

    `type` is the mapping's: text, match_only_text, keyword, wildcard, constant_keyword, ip, long, date, ... Values of
    more than `ignore_above` characters (of keyword and wildcard) are not indexed under this path. `normalizer`: what a
    keyword is put through ("" = nothing, so upper and lower case differ). `analyzer`: how a text is cut into words.
    """

    path: str
    type: str
    ignore_above: int | None = None
    normalizer: str = ""
    analyzer: str = "standard"


class ElasticMapping(msgspec.Struct, frozen=True, eq=False):
    """The fields of one index, or of several that have them alike; the same as itself only, so that what is made for it
    can be remembered.

    `fields`: the ways each field of the documents is indexed, its own path first; no way, where a document may have the
    field but it can't be asked for (`index: false`). `opaque`: objects of whose other members the mapping says nothing
    (`dynamic: false`, `enabled: false`, nested, flattened); "" is the document itself.
    """

    fields: Mapping[str, tuple[Indexed, ...]] = {}
    opaque: frozenset[str] = frozenset()

    def ways(self, field: str) -> tuple[Indexed, ...] | None:
        """How to ask for a field. None: no document has it. Empty: some may, but the index can't tell which."""
        known = self.fields.get(field)
        if known is not None or not self.opaque:
            return known
        parts = field.split(".")
        hidden = any(".".join(parts[:length]) in self.opaque for length in range(len(parts)))
        return () if hidden else None

    def plain(self, field: str) -> str | None:
        """Where an index has the values of a field as they are; "" where it has them in other ways only, None where no
        document has it."""
        ways = self.ways(field)
        if ways is None:
            return None
        return next((way.path for way in ways if way.type == "keyword" and not way.normalizer), "")


class EcsMapping(ElasticMapping, frozen=True):
    """The fields of ECS and winlogbeat as Elastic's templates map them, for when there is no index to look at."""

    def ways(self, field: str) -> tuple[Indexed, ...] | None:
        """Each a keyword, but what is long."""
        if field.partition(".")[0] not in _ECS:
            return None
        if field.endswith("command_line"):
            return Indexed(field, "wildcard"), Indexed(f"{field}.text", "match_only_text")
        return (Indexed(field, "keyword", 1024),)
