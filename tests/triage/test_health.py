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
    assert judged("main", run and run_view(run), apart, NOW).state == state


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
