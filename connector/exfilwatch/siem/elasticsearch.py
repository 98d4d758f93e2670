"""Elasticsearch 8 and 9.

https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-open-point-in-time ,
https://www.elastic.co/docs/reference/elasticsearch/rest-apis/paginate-search-results
"""

import base64
from collections.abc import Generator
from typing import ClassVar, Self

import httpx
import msgspec
from pydantic import SecretStr, model_validator

from exfilwatch.siem.http import decoded
from exfilwatch.siem.search_engine import KEEP_ALIVE, SearchEngine, SearchSettings


class ElasticsearchSettings(SearchSettings):
    """`api_key`: as Elasticsearch shows it once, encoded, or as id:key. Or `user` and `password`."""

    api_key: SecretStr | None = None
    user: str | None = None
    password: SecretStr | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        pair = (self.user is not None, self.password is not None)
        if pair not in ((True, True), (False, False)):
            raise ValueError("user and password belong together: give both")
        if (self.api_key is not None) == all(pair):
            raise ValueError("say who asks: give api_key, or user and password")
        return self


class _ApiKey(httpx.Auth):
    def __init__(self, key: SecretStr) -> None:
        text = key.get_secret_value().strip()
        self._key = SecretStr(base64.b64encode(text.encode()).decode() if ":" in text else text)

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = f"ApiKey {self._key.get_secret_value()}"
        yield request


class _Point(msgspec.Struct):
    id: str


class Elasticsearch(SearchEngine):
    """An Elasticsearch. Its `_shard_doc` is different for every document of a point in time."""

    kind: ClassVar[str] = "elasticsearch"
    Settings: ClassVar[type[ElasticsearchSettings]] = ElasticsearchSettings
    rights = "give the account `read` and `view_index_metadata` on the indices, as the page of this SIEM says"
    sort = "_shard_doc"
    tied = False

    def __init__(
        self, name: str, settings: ElasticsearchSettings, *, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self.settings = settings
        super().__init__(name, settings, _auth(settings), transport)

    async def _open(self) -> str:
        response = await self._http.request("POST", f"{self._path()}/_pit", params={"keep_alive": KEEP_ALIVE})
        return decoded(self.name, response, _Point).id

    async def _close(self, point: str) -> None:
        await self._http.request("DELETE", "/_pit", json={"id": point}, accept=frozenset({200, 404}))


def _auth(settings: ElasticsearchSettings) -> httpx.Auth | None:
    if settings.api_key is not None:
        return _ApiKey(settings.api_key)
    return httpx.BasicAuth(settings.user or "", settings.password.get_secret_value() if settings.password else "")
