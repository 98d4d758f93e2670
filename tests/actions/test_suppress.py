"""Suppressing what is like a finding until a day."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.cli.program import inside
from tests.cli.telemetry import BITSADMIN, process, write

from exfilwatch.detection.load import load
from exfilwatch.detection.rule import RuleSet
from exfilwatch.errors import ConfigError, RuleError
from exfilwatch.findings.finding import Finding
from exfilwatch.findings.marks import Disposition
from exfilwatch.packaged import read_yaml
from exfilwatch.rules.packs import pack
from exfilwatch_playbooks.actions.context import Context
from exfilwatch_playbooks.actions.inputs import end
from exfilwatch_playbooks.polls import Polling

from .kept import NOW, Around, context, did, found, in_files

WHY = "migration, CHG-1042"


@pytest.fixture
def work(tmp_path: Path, rules: RuleSet) -> Around:
    return context(tmp_path, rules, {"suppressions": str(tmp_path / "suppressions")})


def file(work: Around) -> Path:
    (path,) = Path(work.settings.suppressions).iterdir()
    return path


def test_what_is_like_it_is_hidden_and_the_rest_is_not(
    kept: list[Finding], work: Around, tmp_path: Path, logs: Path
) -> None:
    answer = did("suppress", work, finding=kept[0].id, until="2026-12-31", why=WHY)
    assert (answer.changed, answer.path) == (True, str(file(work)))
    assert answer.hides == [] or kept[1].id in answer.hides
    content = read_yaml(answer.document)
    assert content["description"].startswith(WHY)
    assert content["author"] == "anna"
    assert content["exfilwatch"] == {"until": "2026-12-31T00:00:00Z"}
    # As long as it is to come by the machine's own clock, which the engine goes by.
    file(work).write_text(answer.document.replace("2026-12-31", "2999-12-31"))
    active = load([pack("exfil"), work.settings.suppressions])
    assert kept[0].id not in {each.id for each in found(logs, active)}
    other = write(tmp_path / "other.jsonl", process(BITSADMIN.replace("203.0.113.9", "198.51.100.7"), second=9))
    assert len(found(other, active)) == len(found(other, load([pack("exfil")])))
    file(work).write_text(answer.document.replace("2026-12-31", "2020-12-31"))
    ended = load([pack("exfil"), work.settings.suppressions])
    assert kept[0].id in {each.id for each in found(logs, ended)}


def test_a_dry_run_writes_nothing(kept: list[Finding], work: Around) -> None:
    answer = did("suppress", work, finding=kept[0].id, until="14d", why=WHY, dry_run=True)
    assert answer.changed
    assert read_yaml(answer.document)["filter"]["rules"]
    assert not Path(work.settings.suppressions).exists()


def test_the_same_again_changes_nothing_and_another_end_does(kept: list[Finding], work: Around) -> None:
    first = did("suppress", work, finding=kept[0].id, until="14d", why=WHY)
    before = file(work).read_bytes()
    again = did("suppress", work, finding=kept[0].id[:10], until="14d", why=WHY)
    assert (again.changed, again.document) == (False, first.document)
    assert file(work).read_bytes() == before
    longer = did("suppress", work, finding=kept[0].id, until="30d", why=WHY)
    assert longer.changed
    assert longer.until == datetime(2026, 4, 12, tzinfo=UTC)
    contents = [read_yaml(each.document) for each in (first, longer)]
    assert contents[0]["filter"] == contents[1]["filter"]
    assert contents[0]["id"] == contents[1]["id"]


def test_what_would_hide_a_true_case_is_refused(kept: list[Finding], work: Around) -> None:
    work.store.mark(kept[1].id, Disposition.TRUE_POSITIVE, "it was")
    with pytest.raises(ConfigError, match="marked as a true positive"):
        did("suppress", work, finding=kept[1].id, until="14d", why=WHY)
    tried = did("suppress", work, finding=kept[0].id, until="14d", why=WHY, dry_run=True)
    assert kept[1].id not in tried.hides


def test_one_that_can_not_tell_a_true_case_apart_is_refused(
    logs: Path, tmp_path: Path, work: Around, rules: RuleSet
) -> None:
    same = [process(BITSADMIN, second=second) for second in (2, 900)]
    findings = found(write(tmp_path / "same.jsonl", *same), rules)
    work.store.save(findings)
    work.store.mark(findings[1].id, Disposition.TRUE_POSITIVE, "it was")
    with pytest.raises(ConfigError, match=f"it would hide a finding that is marked as a true.*{findings[1].id[:8]}"):
        did("suppress", work, finding=findings[0].id, until="14d", why=WHY)
    assert not Path(work.settings.suppressions).exists()


@pytest.mark.parametrize(
    ("until", "said"),
    [
        ("2026-03-12", "must be to come"),
        ("2028-01-01", "within a year"),
        ("0d", "must be to come"),
        ("tomorrow", "use a length of time such as 14d"),
        ("", "use a length of time such as 14d"),
    ],
)
def test_an_end_is_needed(until: str, said: str, kept: list[Finding], work: Around) -> None:
    with pytest.raises(ConfigError, match=said):
        did("suppress", work, finding=kept[0].id, until=until, why=WHY)


@pytest.mark.parametrize(
    ("text", "over"),
    [
        ("1d", datetime(2026, 3, 14, tzinfo=UTC)),
        ("90m", NOW + timedelta(minutes=90)),
        ("2026-03-20", datetime(2026, 3, 20, tzinfo=UTC)),
    ],
)
def test_ends(text: str, over: datetime) -> None:
    assert end(text, NOW) == over


def test_hostile_reasons_stay_text(kept: list[Finding], work: Around, tmp_path: Path) -> None:
    for why in ("exfilwatch: {until: 2999-01-01}", "a: b\n- c\n...\n---\nx", "\0\ud800", "'\"%{{7*7}}"):
        did("suppress", work, finding=kept[0].id, until="14d", why=why)
        (filter_,) = load([file(work)]).filters
        assert filter_.until == datetime(2026, 3, 27, tzinfo=UTC)


def test_the_commands_load_it(logs: Path, tmp_path: Path, capsys: Any) -> None:
    database = tmp_path / "kept.sqlite"
    assert len(inside(capsys, "run", logs, "--database", database).lines) > 0
    listed = inside(capsys, "action", "list_findings", "--database", database).lines[0]["findings"]
    for each in listed:
        ended = inside(
            capsys,
            "action",
            "suppress",
            "--finding",
            each["id"],
            "--until",
            "14d",
            "--why",
            WHY,
            "--database",
            database,
        )
        assert ended.code == 0
    assert (tmp_path / "home/.local/share/exfilwatch/suppressions").is_dir()
    assert inside(capsys, "detect", logs).lines == []
    assert len(inside(capsys, "detect", logs, "--no-filters").lines) == len(listed)
    folder = tmp_path / "home/.local/share/exfilwatch/suppressions"
    assert all("ends" in each for each in inside(capsys, "rules", "list", folder).lines)


def test_polls_that_are_running_take_up_what_is_new(tmp_path: Path) -> None:
    stamps, sets = iter([1, 1, 2, 3]), iter([RuleSet([], []), RuleSet([], [])])

    def loaded() -> RuleSet:
        try:
            return next(sets)
        except StopIteration:
            raise RuleError("broken") from None

    work = in_files(tmp_path, RuleSet([], []), tmp_path / "audit.log")
    polling = Polling(Context(work.settings, lambda: work.store, loaded), stamp=lambda: next(stamps))
    first, rules = polling.polls, polling.context.rules
    asyncio.run(polling.renew())
    assert polling.polls is first
    asyncio.run(polling.renew())
    second = polling.polls
    assert second is not first
    assert polling.context.rules is not rules
    with pytest.raises(RuleError):
        asyncio.run(polling.renew())
    assert polling.polls is second
    assert polling.context.rules is not rules
