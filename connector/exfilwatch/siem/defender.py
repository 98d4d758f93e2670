"""Microsoft Defender XDR: advanced hunting by Microsoft Graph.

Sources: learn.microsoft.com/graph/api/security-security-runhuntingquery, and /graph/api/resources/security-api-overview
(100,000 rows, 124 MB, 3 min; per tenant 45 calls a minute and a share of CPU every 15 min; 30 days). A device may send
its events days late: learn.microsoft.com/defender-xdr/custom-detection-rules filters by ingestion_time().
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import ClassVar, Literal

import httpx

from exfilwatch.detection.rule import Rule
from exfilwatch.errors import SourceError
from exfilwatch.events.timestamps import to_datetime
from exfilwatch.siem import hunt, kql
from exfilwatch.siem.answers import explanation, refusal, whole
from exfilwatch.siem.connection import Connection
from exfilwatch.siem.entra import CLOUDS, ClientCredentials
from exfilwatch.siem.http import Http, Sleep
from exfilwatch.siem.siem import SECOND, Ask, Capabilities, Clock, Place

_DAY = 86_400 * SECOND
_KEPT = 30 * _DAY
_RIGHT = "grant the application permission ThreatHunting.Read.All of Microsoft Graph, with an administrator's consent"


class DefenderSettings(hunt.Tables):
    """The API is in no other cloud."""

    api: ClassVar[Literal["logs", "graph"]] = "graph"
    cloud: Literal["public", "usgov", "usgov-dod"] = "public"
    tables: hunt.TableNames = ("DeviceProcessEvents", "DeviceNetworkEvents", "DeviceFileEvents", "DeviceEvents")


class Defender:
    """A Siem."""

    kind: ClassVar[str] = "defender"
    Settings: ClassVar[type[Connection]] = DefenderSettings

    def __init__(self, name: str, settings: DefenderSettings, *, sleep: Sleep = asyncio.sleep) -> None:
        auth = ClientCredentials(name, settings, CLOUDS[settings.cloud].graph)
        self.name = name
        self.settings = settings
        self.capabilities: Capabilities = hunt.capabilities(settings)
        self._tables = [kql.table(table, received="") for table in settings.tables]
        self._http = Http(name, settings, auth=auth, explain=explanation, refusal=self._refusal, sleep=sleep)
        self.traffic = self._http.traffic

    async def now(self) -> int:
        return await hunt.now(self._run)

    def fetch(self, ask: Ask) -> AsyncIterator[Sequence[bytes]]:
        return hunt.records(ask, self.settings, self._tables, self._run)

    def query(self, rules: Sequence[Rule]) -> str:
        return kql.pasted(rules, self._tables, self.settings.pushdown)

    async def places(self) -> list[Place]:
        return await hunt.places(self._tables, self._run)

    async def close(self) -> None:
        await self._http.close()

    async def _run(self, query: str, ask: Ask | None) -> list[bytes]:
        body = {"Query": query, **_timespan(ask)}
        return whole(self.name, await self._http.request("POST", "/v1.0/security/runHuntingQuery", json=body))

    def _refusal(self, response: httpx.Response) -> SourceError | None:
        return refusal(self.name, response, _RIGHT)


def _timespan(ask: Ask | None) -> dict[str, str]:
    """The API cuts by Timestamp what lies outside of 30 days before now; by name, so that it doesn't cut events of a
    device whose clock is ahead, or the oldest ones while a long query runs.
    """
    if ask is None or ask.low is None or ask.high is None:
        return {}
    low, high = (ask.low, ask.high) if ask.clock is Clock.EVENT else (ask.low - _KEPT, ask.high + _DAY)
    first, last = to_datetime(low), to_datetime(high + SECOND)  # to whole seconds, outwards
    return {"Timespan": f"{first:%Y-%m-%dT%H:%M:%SZ}/{last:%Y-%m-%dT%H:%M:%SZ}"} if first and last else {}
