"""Polls and rules: what the pages say of how they do."""

from datetime import UTC, datetime, timedelta

import pytest
from tests.findings.made import make

from exfilwatch.detection.rule import RuleSet
from exfilwatch.findings.marks import Disposition
from exfilwatch.findings.store import Store
from exfilwatch.polling.runs import Run
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
    found = [make(f"event {n}", n * 6000) for n in range(5)]
    store.save(found)
    said = (Disposition.FALSE_POSITIVE, Disposition.TRUE_POSITIVE, Disposition.BENIGN, Disposition.DUPLICATE)
    for finding, disposition in zip(found, said, strict=False):
        store.mark(finding.id, disposition, "a test")
    health = counted(store, rules.infos)
    (mine, *others) = health
    assert (mine.id, mine.fires, mine.judged, mine.wrong, mine.loaded) == ("rule-transfer_tool", 5, 3, 1, False)
    assert mine.share == pytest.approx(1 / 3)
    assert mine.last == found[-1].time
    assert {each.id for each in others} == {info.id for info in rules.infos}
    assert all(each.fires == 0 and each.share is None for each in others)
