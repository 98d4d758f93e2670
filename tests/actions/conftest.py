"""A store with two findings of one host, which no test's own machine has a part in."""

from pathlib import Path

import pytest
from tests.cli.telemetry import BITSADMIN, harmless, process, write
from tests.machine import own_home, rules

from exfilwatch.detection.rule import RuleSet
from exfilwatch.findings.finding import Finding
from exfilwatch.findings.store import Store
from exfilwatch_playbooks.actions.context import Context

from .kept import context, found

__all__ = ["own_home", "rules"]


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
