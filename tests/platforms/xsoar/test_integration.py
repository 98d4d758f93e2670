"""The integration's own code, as the server runs it, against the service as a process."""

import asyncio
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import MetaData
from tests.platforms.service import Service, service
from tests.servers.artifact import cache as kept
from tests.servers.unavailable import Unavailable, leave_out

from exfilwatch.config import Settings
from exfilwatch.findings.finding import Finding
from exfilwatch.findings.incident import Incident, rank
from exfilwatch.findings.store import Store
from exfilwatch.packaged import read_yaml
from exfilwatch_playbooks.demo.telemetry import OWN_TRAFFIC, telemetry
from exfilwatch_playbooks.manifest import built
from exfilwatch_playbooks.opened import context
from exfilwatch_playbooks.platforms.xsoar import package
from exfilwatch_playbooks.polls import poll_once

from .cortex import Failed, Platform, platform
from .sdk import environment

_OURS = Path(__file__).parent / "ours"
_THEIRS = Path(os.environ.get("EXFILWATCH_XSOAR_COMMON") or kept() / "xsoar-common")
"""A folder with CommonServerPython.py and demistomock.py of demisto/content, where there is one: never part of this."""


@dataclass(frozen=True)
class Site:
    """A service over a store that holds the findings of the demo."""

    service: Service
    database: str
    pack: Path

    def store(self, ago: timedelta = timedelta(0)) -> Store:
        """The store; what is saved in it was first seen so long ago."""
        return Store(self.database, clock=lambda: datetime.now(UTC) - ago)

    def params(self, **more: str) -> dict[str, Any]:
        """The settings of an instance, as the server gives them."""
        given = {"url": self.service.url, "credentials": {"identifier": "", "password": self.service.token}}
        return {
            **given,
            "isFetch": True,
            "first_fetch": "3 days",
            "max_fetch": "50",
            "look_back": "1440",
            "level": "low",
            **more,
        }


@cache
def demo() -> tuple[Finding, ...]:
    """The findings of a poll of the demo's telemetry."""
    with tempfile.TemporaryDirectory() as folder, telemetry() as files:
        settings = Settings(
            database=str(Path(folder) / "demo.sqlite"),
            suppressions=str(Path(folder) / "suppressions"),
            rules=("exfil", str(OWN_TRAFFIC)),
            policy={"enrich": "never", "open": "never", "page": "never"},
            siem={"logs": {"kind": "files", "paths": [str(each) for each in files]}},
        )

        async def polled() -> tuple[Finding, ...]:
            async with context(settings) as work:
                await poll_once(work)
                return tuple(work.store.find())

        return asyncio.run(polled())


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    try:
        environment()
    except Unavailable as error:
        leave_out(error)
    out = tmp_path_factory.mktemp("pack")
    package(built(), out)
    return out / "ExfilWatch"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    home = tmp_path_factory.mktemp("served")
    with telemetry() as files:
        config, paths = home / "config.toml", ", ".join(f'"{each}"' for each in files)
        config.write_text(
            f'database = "{home}/served.sqlite"\nsuppressions = "{home}/suppressions"\n'
            f'rules = ["exfil", "{OWN_TRAFFIC}"]\n[siem.logs]\nkind = "files"\npaths = [{paths}]\n',
            "utf-8",
        )
        mine = {name: value for name, value in os.environ.items() if not name.startswith("EXFILWATCH_")}
        with service({**mine, "EXFILWATCH_CONFIG": str(config)}, f"{home}/served.sqlite") as running:
            yield running


@pytest.fixture(scope="module")
def server(pack: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """With the platform's CommonServerPython where that is at hand, else with our stand-in, as the door has it."""
    common, home = tmp_path_factory.mktemp("common"), tmp_path_factory.mktemp("server")
    names = ("CommonServerPython.py", "demistomock.py")
    source = _THEIRS if all((_THEIRS / name).is_file() for name in names) else _OURS
    for name in names:
        shutil.copy(source / name, common)
    with platform(pack, common, {}, home) as running:
        yield running


@pytest.fixture
def site(served: Service, pack: Path) -> Site:
    """With nothing in it."""
    with Store(served.database).database.write() as connection:
        tables = MetaData()
        tables.reflect(connection)
        for table in reversed(tables.sorted_tables):
            if table.name != "service_tokens" and "version_num" not in table.c:
                connection.execute(table.delete())
    return Site(served, served.database, pack)


@pytest.fixture
def cortex(server: Platform, site: Site) -> Platform:
    """With an instance that has fetched nothing."""
    server.params, server.context, server.fetched, server.last_run = site.params(), {}, [], {}
    return server


def gravest(site: Site) -> Incident:
    return max(reversed(site.store().incidents()), key=lambda each: rank(each.level))


def by_incident() -> list[list[Finding]]:
    """The findings of the demo, those of each incident together."""
    whole = Store("sqlite://")
    whole.save(demo())
    return [[each for each in demo() if each.id in incident.findings] for incident in whole.incidents()]


def test_each_incident_is_fetched_once_also_one_that_is_seen_late(site: Site, cortex: Platform) -> None:
    cortex.params["level"] = "informational"
    assert cortex.test() == "ok"
    first, late, *others = by_incident()
    site.store(timedelta(hours=2)).save(first)
    made = cortex.fetch()
    assert len(made) == 1
    assert cortex.fetch() == []
    for each in others:
        site.store().save(each)
    assert len(cortex.fetch(ended=True)) == len(others)
    assert len(cortex.fetch()) == len(others)
    site.store(timedelta(hours=5)).save(late)  # of a worker that was cut off
    assert len(cortex.fetch()) == 1
    assert cortex.fetch() == []
    raw = [json.loads(each["rawJSON"]) for each in cortex.fetched]
    assert len({each["id"] for each in raw}) == len(raw) == len(by_incident())
    kept = {each.id: each for each in site.store().incidents()}
    assert {each["id"] for each in raw} == set(kept)
    assert sorted(finding["id"] for each in raw for finding in each["findings"]) == sorted(each.id for each in demo())


def test_an_incident_is_fetched_when_it_becomes_grave_enough_however_old_it_is(site: Site, cortex: Platform) -> None:
    cortex.params |= {"level": "critical", "look_back": "0"}
    (findings,) = [each for each in by_incident() if len({found.rule.branch for found in each}) > 1][:1]
    milder = [each for each in findings if each.rule.branch == findings[-1].rule.branch]
    site.store(timedelta(days=40)).save([_as(each, "high") for each in milder])
    assert cortex.fetch() == []
    site.store().save([_as(each, "high") for each in findings])
    (made,) = cortex.fetch()
    assert (made["severity"], json.loads(made["rawJSON"])["count"]) == (4, len(findings))


def _as(finding: Finding, level: str) -> Finding:
    return finding.model_copy(update={"rule": finding.rule.model_copy(update={"level": level})})


def test_few_at_once_lose_nothing(site: Site, cortex: Platform) -> None:
    cortex.params |= {"max_fetch": "1", "level": "informational"}
    site.store().save(demo())
    wanted = {each.id for each in site.store().incidents()}
    counts = [len(cortex.fetch()) for _ in range(len(wanted) + 2)]
    assert counts == [1] * len(wanted) + [0, 0]
    assert {json.loads(each["rawJSON"])["id"] for each in cortex.fetched} == wanted


def test_fields_of_an_incident_are_what_the_mapper_asks_for(site: Site, cortex: Platform) -> None:
    site.store().save(demo())
    mapper = json.loads((site.pack / "Classifiers/classifier-mapper-incoming-ExfilWatch.json").read_text())
    ((_, mapped),) = mapper["mapping"].items()
    sources = {each["simple"] for each in mapped["internalMapping"].values()}
    for made in cortex.fetch():
        raw = json.loads(made["rawJSON"])
        assert sources <= set(raw)
        assert made["occurred"].endswith("Z")
        assert made["severity"] in (0.5, 1, 2, 3, 4)
        assert all(raw[each] is None or not isinstance(raw[each], (list, dict)) for each in sources)


def test_every_command_answers_with_the_outputs_that_its_yml_names(site: Site, cortex: Platform) -> None:
    site.store().save(demo())
    incident = gravest(site)
    given = {
        "incident": incident.id,
        "finding": incident.findings[0],
        "why": "migration, CHG-1042",
        "text": "asked the owner",
        "disposition": "benign",
        "until": "14d",
    }
    answers: dict[str, dict[str, Any]] = {}
    commands = read_yaml((site.pack / "Integrations/ExfilWatch/ExfilWatch.yml").read_text())["script"]["commands"]
    for command in sorted(commands, key=lambda each: _ORDER.get(each["name"], 5)):
        name = command["name"]
        asked = {each["name"]: given[each["name"]] for each in command["arguments"] if each.get("required")}
        asked |= {each["name"]: each["defaultValue"] for each in command["arguments"] if "defaultValue" in each}
        asked |= {"incident": incident.id} if name in _OF_INCIDENT else {}
        cortex.context.clear()
        entries = cortex.run(name, **asked)
        shown = entries[0]["HumanReadable"]
        assert shown.startswith("### "), shown
        assert entries[0]["IgnoreAutoExtract"]
        (prefix,) = {each["contextPath"].split(".")[1] for each in command["outputs"]}
        answer = cortex.context["ExfilWatch"][prefix]
        answers[name] = answer = answer[0] if isinstance(answer, list) else answer
        named = {each["contextPath"].split(".", 2)[2]: each["type"] for each in command["outputs"]}
        unnamed = set(leaves(answer, named)) - set(named)
        assert not unnamed, f"{name}: {unnamed}"
        if name in _TWICE:
            cortex.run(name, **asked)
            assert len(cortex.context["ExfilWatch"][prefix]) == 1
    assert answers["exfilwatch-open-case"]["case_id"] == answers["exfilwatch-close-case"]["case_id"]


_ORDER = {"exfilwatch-open-case": 1, "exfilwatch-close-case": 9, "exfilwatch-suppress": 10}
_TWICE = ("exfilwatch-open-case", "exfilwatch-get-finding", "exfilwatch-estimate-volume")
_OF_INCIDENT = ("exfilwatch-get-response-plan", "exfilwatch-export-finding")


def leaves(value: Any, named: dict[str, str], path: str = "") -> Iterator[str]:
    """The paths in an answer, as far down as the yml goes."""
    if path in named or value in (None, [], {}):
        if path:
            yield path if path in named else next((each for each in named if each.startswith(path)), path)
        return
    if isinstance(value, list):
        for each in value:
            yield from leaves(each, named, path)
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from leaves(each, named, f"{path}.{name}".strip("."))
    else:
        yield path


def test_reports_and_exports_are_files(site: Site, cortex: Platform) -> None:
    site.store().save(demo())
    incident = gravest(site)
    report = cortex.run("exfilwatch-make-report", incident=incident.id)[1]
    assert report["File"].endswith(".html")
    assert cortex.file(report).startswith("<!doctype html>")
    table = cortex.run("exfilwatch-export-finding", incident=incident.id, form="csv")[1]
    assert table["File"].endswith(".csv")
    assert len(cortex.file(table).splitlines()) > len(incident.findings)


def test_errors_are_said_in_plain_words(site: Site, cortex: Platform) -> None:
    with pytest.raises(Failed, match="exfilwatch: no finding has an id"):
        cortex.run("exfilwatch-get-finding", finding="ffffffff")
    with pytest.raises(Failed, match="limit"):
        cortex.run("exfilwatch-list-findings", limit="many")
    cortex.params = site.params(credentials={"password": site.service.reader})
    with pytest.raises(Failed, match="scope `act`"):
        cortex.run("exfilwatch-close-case", incident="abc", why="x")
    cortex.params = site.params(credentials={"password": "exfw_wrong"})
    assert "token" in cortex.test()
    with pytest.raises(Failed, match="token"):
        cortex.fetch()
    for empty in ("", " "):
        cortex.params = site.params(credentials={"password": empty})
        assert "no API token" in cortex.test()
    cortex.params = site.params(max_fetch="0")
    assert "from 1 to 200" in cortex.test()
    cortex.params = site.params(url="http://127.0.0.1:9")
    assert "URL" in cortex.test()


def test_hostile_text_stays_text_in_the_war_room(site: Site, cortex: Platform) -> None:
    hostile = "curl -F f=@x ![a](http://203.0.113.7/b.png) | <img src=//203.0.113.7> `x` \n# heading [x](//e)"
    finding = demo()[0]
    events = [each.model_copy(update={"fields": {**each.fields, "CommandLine": hostile}}) for each in finding.events]
    site.store().save([finding.model_copy(update={"events": events, "id": "f" * 16})])
    (entry,) = cortex.run("exfilwatch-list-findings")
    shown = entry["HumanReadable"]
    assert "curl" in shown
    for live in ("![", "<img", "http://", "](", "\n# heading", " `x"):
        assert live not in shown
    assert entry["EntryContext"]["ExfilWatch(true)"]["ListFindings"]["findings"][0]["evidence"] == hostile
