"""Polls and rules: what the pages say of how they do."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from tests.cli.telemetry import BITSADMIN, process, write
from tests.findings.made import make
from tests.service.program import said
from tests.triage.kept import browsing

from exfilwatch.detection.rule import RuleSet
from exfilwatch.findings.marks import Disposition
from exfilwatch.findings.store import Store
from exfilwatch.polling.runs import Run
from exfilwatch.polling.tables import PACKAGE, PART
from exfilwatch_playbooks.service.views import run_view
from exfilwatch_playbooks.triage.health import judged
from exfilwatch_playbooks.triage.health import rules as counted

NOW = datetime(2026, 3, 12, 9, tzinfo=UTC)


def _run(minutes: int, **values) -> Run:
    ended = round((NOW - timedelta(minutes=minutes)).timestamp() * 1e6)
    return Run(source="main", worker="w", started=ended - 1_000_000, ended=ended, **values)


@pytest.mark.parametrize(
    ("run", "every", "state"),
    [
        (None, 5, "never"),
        (_run(1), 5, "fine"),
        (_run(14), 5, "fine"),
        (_run(16), 5, "late"),
        (_run(16), None, "fine"),
        (_run(1, left=3), 5, "behind"),
        (_run(1, left=3, problem="the SIEM is away"), 5, "failed"),
    ],
)
def test_a_siem_is_judged_by_its_last_poll(run, every, state) -> None:
    apart = timedelta(minutes=every) if every else None
    assert judged("main", [run_view(run)] if run else [], apart, NOW).state == state


@pytest.mark.parametrize(
    ("minutes", "state"),
    [((20, 25, 30, 35), "late"), ((12, 17, 22, 27), "fine"), ((60, 61), "fine"), ((25 * 60,), "late")],
)
def test_polls_that_something_else_starts_are_late_by_how_often_they_came(minutes, state) -> None:
    runs = [run_view(_run(each, records=1)) for each in minutes]
    assert judged("main", runs, None, NOW).state == state


@pytest.mark.parametrize(
    ("records", "minutes", "state"),
    [
        ([0, 0, 0], 60, "silent"),
        ([0, 0, 0], 5, "fine"),
        ([0, 0], 60, "fine"),
        ([0, 7, 0], 60, "fine"),
        ([7], 1, "fine"),
    ],
)
def test_a_siem_whose_polls_bring_nothing_for_long_is_silent(records, minutes, state) -> None:
    runs = [run_view(_run(minutes * number, records=count)) for number, count in enumerate(records)]
    assert judged("main", runs, None, NOW).state == state


def test_rules_are_counted_and_what_was_judged_false(tmp_path, rules: RuleSet) -> None:
    store = Store(str(tmp_path / "kept.sqlite"))
    store.database.ensure(PART, PACKAGE)
    found = [make(f"event {n}", n * 6000) for n in range(5)]
    store.save(found)
    said = (Disposition.FALSE_POSITIVE, Disposition.TRUE_POSITIVE, Disposition.BENIGN, Disposition.DUPLICATE)
    for finding, disposition in zip(found, said, strict=False):
        store.mark(finding.id, disposition, "a test")
    health = counted(store, rules, NOW)
    (mine, *others) = health
    assert (mine.id, mine.fires, mine.judged, mine.wrong, mine.loaded) == ("rule-transfer_tool", 5, 3, 1, False)
    assert mine.share == pytest.approx(1 / 3)
    assert mine.last == found[-1].time
    assert {each.id for each in others} == {info.id for info in rules.infos}
    assert all(each.fires == 0 and each.share is None for each in others)


def test_rules_that_no_event_reaches_are_told_on_the_page_to_clients_and_in_a_terminal(
    tmp_path, rules: RuleSet
) -> None:
    logs = write(tmp_path / "logs.jsonl", process(BITSADMIN, second=2))
    files = {"logs": {"kind": "files", "paths": [str(logs)]}}
    values = {"siem": files, "policy": {"enrich": "never", "open": "never"}}
    with browsing(tmp_path, rules, **values) as browser:
        browser.log_in(browser.asked.made("bo", "read"))
        told = browser.asked.get("/v1/rules?limit=1000").json()["items"]
        assert {each["feed"] for each in told} == {"unknown"}
        assert "can&#39;t fire" not in browser.get("/rules").text
        assert browser.asked("POST", "/v1/polls", json={}).json()["problems"] == []
        told = {each["title"]: each for each in browser.asked.get("/v1/rules?limit=1000").json()["items"]}
        shown = browser.get("/rules").text
    dry = [each for each in told.values() if each["cannot_fire"]]
    assert {each["feed"] for each in dry} == {"missing"}
    assert {each["feed"] for each in told.values() if not each["cannot_fire"]} == {"fed"}
    assert re.search(r"it can&#39;t fire: no zeek \w+ event was seen in 24 h", shown)
    assert f"<strong>{len(dry)} rules can't fire</strong>" in shown
    database = str(tmp_path / "kept.sqlite")
    listed = said(tmp_path, "rules", "health", "--dry", "--output", "jsonl", "--database", database)
    lines = [json.loads(line) for line in listed.splitlines()]
    assert {each["title"] for each in lines} == {each["title"] for each in dry}
    assert all(each["feed"]["advice"] for each in lines)
