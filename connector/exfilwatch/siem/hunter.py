"""What the clients of Microsoft's SIEMs share: all of a Siem but how a query is run."""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Sequence

import httpx

from exfilwatch.detection.rule import Rule
from exfilwatch.errors import SourceError
from exfilwatch.siem import hunt, kql
from exfilwatch.siem.answers import explanation, refusal
from exfilwatch.siem.entra import ClientCredentials
from exfilwatch.siem.http import Http, Sleep
from exfilwatch.siem.kql import Table
from exfilwatch.siem.siem import Ask, Capabilities, Place


class Hunter(ABC):
    """A Siem that is asked in KQL. `right`: what to grant when it refuses; `audience`: whom a token is for."""

    right: str

    def __init__(self, name: str, settings: hunt.Tables, audience: str, tables: Sequence[Table], sleep: Sleep) -> None:
        auth = ClientCredentials(name, settings, audience)
        self.name = name
        self.capabilities: Capabilities = hunt.capabilities(settings)
        self._asked = settings
        self._tables = tables
        self._http = Http(name, settings, auth=auth, explain=explanation, refusal=self._refusal, sleep=sleep)
        self.traffic = self._http.traffic

    @abstractmethod
    async def _run(self, query: str, ask: Ask | None) -> list[bytes]:
        """See hunt.Run."""

    async def now(self) -> int:
        return await hunt.now(self._run)

    def fetch(self, ask: Ask) -> AsyncGenerator[Sequence[bytes], None]:
        return hunt.records(ask, self._asked, self._tables, self._run)

    def query(self, rules: Sequence[Rule]) -> str:
        return kql.pasted(rules, self._tables, self._asked.pushdown)

    async def places(self) -> list[Place]:
        return await hunt.places(self._tables, self._run)

    async def close(self) -> None:
        await self._http.close()

    def _refusal(self, response: httpx.Response) -> SourceError | None:
        return refusal(self.name, response, self.right, self._http.masked)
