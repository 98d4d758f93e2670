"""A store with two findings of one host, which no test's own machine has a part in."""

import os
from pathlib import Path

import pytest
from tests.cli.telemetry import BITSADMIN, harmless, process, write

from exfilwatch.detection.load import load
from exfilwatch.detection.rule import RuleSet
from exfilwatch.findings.finding import Finding
from exfilwatch.findings.store import Store
from exfilwatch.rules.packs import FILTERS, pack
from exfilwatch_playbooks.actions.context import Context

from .kept import context, found


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("EXFILWATCH_", "XDG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.fixture(scope="session")
def rules() -> RuleSet:
    """The pack as it is used."""
    return load([pack("exfil"), FILTERS])


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """Two uploads, and something harmless between."""
    upload = process(BITSADMIN, second=2)
    other = process(BITSADMIN.replace("a.zip", "b.zip"), second=40)
    return write(tmp_path / "sysmon.jsonl", harmless(1), upload, harmless(20), other)


@pytest.fixture
def kept(tmp_path: Path, logs: Path, rules: RuleSet) -> list[Finding]:
    """The findings of `logs`, stored; oldest first."""
    findings = sorted(found(logs, rules), key=lambda each: str(each.time))
    Store(str(tmp_path / "kept.sqlite")).save(findings)
    return findings


@pytest.fixture
def work(tmp_path: Path, rules: RuleSet) -> Context:
    """Where actions run."""
    return context(tmp_path, rules)
