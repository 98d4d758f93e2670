"""Microsoft Defender XDR: advanced hunting by Microsoft Graph.

Sources: learn.microsoft.com/graph/api/security-security-runhuntingquery, and /graph/api/resources/security-api-overview
(100,000 rows, 50 MB, by older pages 124, 3 min; per tenant 45 calls a minute and a share of CPU every 15 min; 30 days).
A device may send its events days late: learn.microsoft.com/defender-xdr/custom-detection-rules filters by
ingestion_time().
"""

import asyncio
from typing import ClassVar, Literal

from exfilwatch.events.timestamps import to_datetime
from exfilwatch.siem import hunt, kql
from exfilwatch.siem.answers import whole
from exfilwatch.siem.connection import Connection
from exfilwatch.siem.entra import CLOUDS
from exfilwatch.siem.http import Sleep
from exfilwatch.siem.hunter import Hunter
from exfilwatch.siem.siem import SECOND, Ask, Clock

_DAY = 86_400 * SECOND
_KEPT = 30 * _DAY
_RIGHT = "grant the application permission ThreatHunting.Read.All of Microsoft Graph, with an administrator's consent"


class DefenderSettings(hunt.Tables):
    """The API is in no other cloud."""

    api: ClassVar[Literal["logs", "graph"]] = "graph"
    cloud: Literal["public", "usgov", "usgov-dod"] = "public"
    tables: hunt.TableNames = ("DeviceProcessEvents", "DeviceNetworkEvents", "DeviceFileEvents", "DeviceEvents")


class Defender(Hunter):
    """A Siem."""

    kind: ClassVar[str] = "defender"
    Settings: ClassVar[type[Connection]] = DefenderSettings
    right = _RIGHT

    def __init__(self, name: str, settings: DefenderSettings, *, sleep: Sleep = asyncio.sleep) -> None:
        self.settings = settings
        tables = [kql.table(table, received="") for table in settings.tables]
        super().__init__(name, settings, CLOUDS[settings.cloud].graph, tables, sleep)

    async def _run(self, query: str, ask: Ask | None) -> list[bytes]:
        body = {"Query": query, **_timespan(ask)}
        response = await self._http.request("POST", "/v1.0/security/runHuntingQuery", json=body)
        return whole(self.name, response, self._http.masked)


def _timespan(ask: Ask | None) -> dict[str, str]:
    """The API cuts by Timestamp what lies outside of 30 days before now; by name, so that it doesn't cut events of a
    device whose clock is ahead, or the oldest ones while a long query runs.
    """
    if ask is None or ask.low is None or ask.high is None:
        return {}
    low, high = (ask.low, ask.high) if ask.clock is Clock.EVENT else (ask.low - _KEPT, ask.high + _DAY)
    first, last = to_datetime(low), to_datetime(high + SECOND)  # to whole seconds, outwards
    return {"Timespan": f"{first:%Y-%m-%dT%H:%M:%SZ}/{last:%Y-%m-%dT%H:%M:%SZ}"} if first and last else {}
