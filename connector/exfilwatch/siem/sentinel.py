"""Microsoft Sentinel: the tables of a Log Analytics workspace, by its query API.

Sources: learn.microsoft.com/azure/azure-monitor/logs/api/request-format, /response-format, /timeouts, /access-api, and
/azure/azure-monitor/service-limits (500,000 rows, 100 MB, 10 min; per user 5 queries at once, 200 in 30 s).
"""

import asyncio
from typing import ClassVar, Literal
from uuid import UUID

from exfilwatch.siem import hunt, kql
from exfilwatch.siem.answers import whole
from exfilwatch.siem.connection import Connection
from exfilwatch.siem.entra import CLOUDS
from exfilwatch.siem.http import Sleep
from exfilwatch.siem.hunter import Hunter
from exfilwatch.siem.siem import Ask

_LONGEST_WAIT = 600  # seconds
_ANSWERS = frozenset({200, 204})
_RIGHT = "give the application the role Log Analytics Reader on the workspace (it takes minutes to be seen)"


class SentinelSettings(hunt.Tables):
    """`workspace`: its id, as the overview page of the Log Analytics workspace shows it."""

    api: ClassVar[Literal["logs", "graph"]] = "logs"
    workspace: UUID
    tables: hunt.TableNames = (
        "SecurityEvent",
        "WindowsEvent",
        "Event",
        "DeviceProcessEvents",
        "DeviceNetworkEvents",
        "DeviceFileEvents",
        "DeviceEvents",
        "ASimProcessEventLogs",
        "ASimNetworkSessionLogs",
        "ASimFileEventLogs",
        "ASimWebSessionLogs",
        "CommonSecurityLog",
    )


class Sentinel(Hunter):
    """A Siem."""

    kind: ClassVar[str] = "sentinel"
    Settings: ClassVar[type[Connection]] = SentinelSettings
    right = _RIGHT

    def __init__(self, name: str, settings: SentinelSettings, *, sleep: Sleep = asyncio.sleep) -> None:
        self.settings = settings
        tables = [kql.table(table) for table in settings.tables]
        super().__init__(name, settings, CLOUDS[settings.cloud].logs_audience, tables, sleep)

    async def _run(self, query: str, _ask: Ask | None) -> list[bytes]:
        """Without a timespan: the API then looks at everything, also at what claims to be of the future."""
        wait = max(1, min(_LONGEST_WAIT, int(self.settings.timeout.total_seconds() * 0.9)))
        response = await self._http.request(
            "POST",
            f"/v1/workspaces/{self.settings.workspace}/query",
            accept=_ANSWERS,
            json={"query": query},
            headers={"Prefer": f"wait={wait}"},
        )
        return whole(self.name, response, self._http.masked)
