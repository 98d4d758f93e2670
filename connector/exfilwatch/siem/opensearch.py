"""OpenSearch 2 and 3.

https://docs.opensearch.org/latest/search-plugins/searching-data/point-in-time-api/ . OpenSearch before 3.3 has no
`_shard_doc`, and that of 3.3 may be the same for documents of two indices, so that paging by it loses some. `_doc`, the
number of a document in its shard, is in all versions; documents of several shards that share one are told apart by us.
"""

from typing import ClassVar, Self

import httpx
import msgspec
from pydantic import SecretStr, model_validator

from exfilwatch.siem.aws import SigV4
from exfilwatch.siem.http import decoded
from exfilwatch.siem.search_engine import KEEP_ALIVE, SearchEngine, SearchSettings


class OpenSearchSettings(SearchSettings):
    """`user` and `password`, where the security plugin asks for them. `aws_region`: sign requests for a domain of
    Amazon OpenSearch Service there, with the credentials that the AWS tools would use.
    """

    user: str | None = None
    password: SecretStr | None = None
    aws_region: str | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.user is None) != (self.password is None):
            raise ValueError("user and password belong together: give both")
        if self.user is not None and self.aws_region is not None:
            raise ValueError("give user and password, or aws_region, not both")
        return self


class _Point(msgspec.Struct):
    pit_id: str


class OpenSearch(SearchEngine):
    """An OpenSearch."""

    kind: ClassVar[str] = "opensearch"
    Settings: ClassVar[type[OpenSearchSettings]] = OpenSearchSettings
    rights = (
        "give the account's role `indices:data/read/search`, `indices:admin/get` and the points in time on the indices,"
        " as the page of this SIEM says"
    )
    sort = "_doc"
    tied = True

    def __init__(
        self, name: str, settings: OpenSearchSettings, *, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self.settings = settings
        super().__init__(name, settings, _auth(settings), transport)

    async def _open(self) -> str:
        # Partial ones are allowed by default.
        parameters = {"keep_alive": KEEP_ALIVE, "allow_partial_pit_creation": "false"}
        response = await self._http.request("POST", f"{self._path()}/_search/point_in_time", params=parameters)
        return decoded(self.name, response, _Point).pit_id

    async def _close(self, point: str) -> None:
        gone = frozenset({200, 404})
        await self._http.request("DELETE", "/_search/point_in_time", json={"pit_id": [point]}, accept=gone)


def _auth(settings: OpenSearchSettings) -> httpx.Auth | None:
    if settings.aws_region is not None:
        return SigV4(settings.aws_region, "es")
    if settings.user is not None and settings.password is not None:
        return httpx.BasicAuth(settings.user, settings.password.get_secret_value())
    return None
