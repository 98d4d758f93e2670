"""Role and owner of the host, and of destinations inside, from an index of Elasticsearch or OpenSearch.

It is your own, so it is asked for hosts by name. One document for each host; its top members are facts, as the columns
of a list are (assets.py). Sources: https://docs.opensearch.org/latest/query-dsl/term/term/ (case_insensitive),
https://www.elastic.co/docs/reference/query-languages/query-dsl/query-dsl-term-query .
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import quote

import httpx
import msgspec
from pydantic import Field

from exfilwatch.findings.node import host_key, storable
from exfilwatch.siem.connection import Duration, Server, Token
from exfilwatch.siem.http import Http, decoded
from exfilwatch_playbooks.enrichment.enricher import Means, OfSubject, Options, Said
from exfilwatch_playbooks.enrichment.enrichers.assets import told
from exfilwatch_playbooks.enrichment.subject import Subject

_COLUMNS = 20
_LONGEST_HOST = 255


class AssetIndexOptions(Options, Server):
    """`index`: its name. `host`: the field with the host's name or address, a keyword. `user` and `password`, or `key`
    (an API key, as the server gave it in base64).
    """

    timeout: Duration = timedelta(seconds=10)
    index: Annotated[str, Field(min_length=1)]
    host: str = "host"
    user: str = ""
    password: Token | None = None
    key: Token | None = None


class _Hit(msgspec.Struct, frozen=True):
    source: dict[str, Any] = msgspec.field(name="_source")


class _Hits(msgspec.Struct, frozen=True):
    hits: list[_Hit]


class _Answer(msgspec.Struct, frozen=True):
    hits: _Hits


class AssetIndex(OfSubject):
    """asset.role, .owner, .criticality, .MEMBER; of a destination destination.role, ..."""

    name = "asset_index"
    title = "Role and owner, by an index"
    Settings = AssetIndexOptions

    def __init__(self, name: str, settings: AssetIndexOptions, means: Means) -> None:
        super().__init__(name, settings, means)
        self._given = settings
        key, password = settings.key, settings.password
        auth = httpx.BasicAuth(settings.user, password.get_secret_value()) if settings.user and password else None
        headers = {"Authorization": f"ApiKey {key.get_secret_value()}"} if key else {}
        self._http = Http(name, settings, auth=auth, headers=headers, table="enrichment")

    @property
    def asks(self) -> str:
        return self._given.index

    def question(self, subject: Subject) -> str | None:
        return f"{subject.hosts} {subject.destinations}" if subject.hosts or subject.destinations else None

    async def survey(self, subject: Subject) -> Said:
        hosts = [*subject.hosts[:1], *subject.addresses, *subject.destinations]
        known = await self._known([host for host in hosts if len(host) <= _LONGEST_HOST])
        return Said(list(told(subject, known, self._given.index)))

    async def _known(self, hosts: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
        names = dict.fromkeys(storable(name) for host in hosts for name in (host, host.partition(".")[0]) if name)
        fields = (self._given.host, f"{self._given.host}.keyword")
        should = [
            {"term": {field: {"value": name, "case_insensitive": True}}} for name in names for field in fields
        ] + [{"prefix": {field: {"value": f"{name}.", "case_insensitive": True}}} for name in names for field in fields]
        query = {"size": 100, "query": {"bool": {"should": should, "minimum_should_match": 1}}}
        response = await self._http.request("POST", f"/{quote(self._given.index, safe='*,-')}/_search", json=query)
        found = decoded(self.called, response, _Answer)
        return dict(self._rows(found))

    def _rows(self, found: _Answer) -> Iterator[tuple[str, Mapping[str, str]]]:
        for hit in found.hits.hits:
            host = hit.source.get(self._given.host)
            if isinstance(host, str) and host.strip():
                others = [(name, value) for name, value in hit.source.items() if name != self._given.host]
                texts = {str(name): str(value) for name, value in others if isinstance(value, str | int | float)}
                yield host_key(host, ""), dict(list(texts.items())[:_COLUMNS])

    async def close(self) -> None:
        await self._http.close()
