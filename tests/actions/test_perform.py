"""Running actions, and what the audit log has of it."""

import asyncio
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from pydantic import BaseModel

from exfilwatch.detection.rule import RuleSet
from exfilwatch.errors import ConfigError, Unreachable
from exfilwatch.findings.finding import Finding
from exfilwatch_playbooks import actions
from exfilwatch_playbooks.actions.answer import Change
from exfilwatch_playbooks.actions.audit import Audit, Entry
from exfilwatch_playbooks.actions.context import Context

from .kept import NOW, context, did


def log(work: Context) -> list[Entry]:
    return Audit(work.store.database).entries()


def probe(monkeypatch: pytest.MonkeyPatch, run: Any) -> None:
    """An action `probe`, which does what a test wants."""
    module = ModuleType("exfilwatch_playbooks.actions.probe", "Try something out.")

    class Input(BaseModel):
        text: str = ""
        api_key: str = ""
        dry_run: bool = False

    module.__dict__.update(Input=Input, Output=Change, CHANGES=True, run=run)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(actions.registry, "_modules", lambda: ["probe"])


def test_what_was_done_is_logged(kept: list[Finding], work: Context) -> None:
    did("list_findings", work, limit=1)
    (entry,) = log(work)
    assert (entry.action, entry.who, entry.began, entry.ended) == ("list_findings", "anna", NOW, NOW)
    assert (entry.input, entry.outcome, entry.detail, entry.changed) == ({"limit": 1}, "done", "1 finding", None)


def test_wrong_input_is_refused_field_by_field_and_no_value_is_told(work: Context) -> None:
    with pytest.raises(ConfigError) as told:
        did("list_findings", work, limit="s3cret", since="hunter2", password="letmein")
    assert str(told.value).startswith("list_findings: password: there is no such input, use host, user, ")
    assert "limit: Input should be a valid integer" in str(told.value)
    assert "since: use 2026-03-12" in str(told.value)
    (entry,) = log(work)
    assert entry.outcome == "refused"
    for secret in ("s3cret", "hunter2", "letmein"):
        assert secret not in entry.model_dump_json()
        assert secret not in str(told.value)


def test_an_unknown_action_is_no_entry(work: Context) -> None:
    with pytest.raises(ConfigError, match="there is no action 'format_disk'"):
        did("format_disk", work)
    assert log(work) == []


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (Unreachable("main: no answer"), "failed"),
        (ZeroDivisionError("no"), "failed"),
        (asyncio.CancelledError(), "ended"),
        (KeyboardInterrupt(), "ended"),
    ],
    ids=["unreachable", "a bug", "cancelled", "interrupted"],
)
def test_what_fails_is_logged_and_raised(
    error: BaseException, outcome: str, work: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(_given: BaseModel, _context: Context) -> Change:
        raise error

    probe(monkeypatch, fails)
    with pytest.raises(type(error)):
        did("probe", work)
    (entry,) = log(work)
    assert (entry.outcome, entry.changed) == (outcome, None)


def test_an_action_that_is_killed_stays_in_the_log(work: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    async def looks(_given: BaseModel, context: Context) -> Change:
        (entry,) = log(context)
        assert (entry.outcome, entry.ended, entry.dry_run) == ("running", None, True)
        return Change(summary="seen", changed=True, problems=["half"])

    probe(monkeypatch, looks)
    did("probe", work, dry_run=True)
    (entry,) = log(work)
    assert (entry.outcome, entry.changed) == ("partial", True)


SECRETS = {
    "siem": {
        "main": {"kind": "splunk", "url": "https://svc:pa55word@splunk.example", "token": "tok-8372819"},
        "other": {"kind": "elasticsearch", "password": "correct horse", "headers": {"Authorization": "ApiKey Zm9v"}},
    }
}


@pytest.mark.parametrize(
    "secret",
    ["tok-8372819", "pa55word", "correct horse", "Y29ycmVjdCBob3JzZQ==", "correct%20horse", "ApiKey Zm9v"],
)
def test_the_log_has_no_secret_of_the_settings(
    secret: str, tmp_path: Path, rules: RuleSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def tells(given: BaseModel, _context: Context) -> Change:
        return Change(summary=f"sent {secret} to it", changed=False)

    probe(monkeypatch, tells)
    work = context(tmp_path, rules, SECRETS)
    did("probe", work, text=f"curl -u {secret} x")
    assert secret not in log(work)[0].model_dump_json()
    assert secret.encode() not in (tmp_path / "kept.sqlite").read_bytes()


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("psql postgresql://app:v3rysecret@db/x", "v3rysecret"),
        ("set PASSWORD=v3rysecret", "v3rysecret"),
        ('{"api_key": "v3rysecret"}', "v3rysecret"),
        ("Authorization: Bearer v3rysecret.abc", "v3rysecret"),
    ],
)
def test_nor_what_looks_like_one(
    text: str, secret: str, work: Context, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def does(_given: BaseModel, _context: Context) -> Change:
        return Change(summary="done", changed=False)

    probe(monkeypatch, does)
    did("probe", work, text=text, api_key="another")
    (entry,) = log(work)
    assert secret not in entry.model_dump_json()
    assert entry.input["api_key"] == "***"
    assert "another" not in entry.model_dump_json()
    assert entry.input["text"].split()[0] == text.split()[0] or "***" in entry.input["text"]


def test_hostile_and_long_input_is_kept_short(work: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    async def does(_given: BaseModel, _context: Context) -> Change:
        return Change(summary="\0" * 10_000, changed=False)

    probe(monkeypatch, does)
    did("probe", work, text="x" * 1_000_000)
    (entry,) = log(work)
    assert len(entry.input["text"]) < 3_000
    assert "998,000 characters cut" in entry.input["text"]
    assert len(entry.detail) <= 4_000


def test_the_log_can_be_narrowed(kept: list[Finding], tmp_path: Path, rules: RuleSet) -> None:
    anna, bob = context(tmp_path, rules), context(tmp_path, rules, who="bob")
    did("list_findings", anna)
    did("get_finding", bob, finding=kept[0].id)
    audit = Audit(anna.store.database)
    assert [each.action for each in audit.entries()] == ["get_finding", "list_findings"]
    assert [each.who for each in audit.entries(action="list-findings")] == ["anna"]
    assert [each.action for each in audit.entries(who="bob")] == ["get_finding"]
    assert len(audit.entries(limit=1)) == 1
    assert audit.entries(since=NOW)
    assert audit.entries(until=NOW) == []
