"""The service over a store with two findings of one host, in this process."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.telemetry import BITSADMIN, harmless, process, write
from tests.machine import own_home, rules

from exfilwatch.detection.rule import RuleSet
from exfilwatch.findings.finding import Finding
from exfilwatch.findings.store import Store

from .asked import Asked, found, site

__all__ = ["own_home", "rules"]


@pytest.fixture
def url(tmp_path: Path) -> str:
    """The database. Modules that import `url` of databases.py run on PostgreSQL too."""
    return str(tmp_path / "kept.sqlite")


@pytest.fixture
def kept(tmp_path: Path, rules: RuleSet, url: str) -> list[Finding]:
    """Findings of two uploads of one host and one of another, stored; oldest first."""
    uploads = [process(BITSADMIN, second=2), process(BITSADMIN.replace("a.zip", "b.zip"), second=40)]
    logs = write(tmp_path / "sysmon.jsonl", harmless(1), *uploads, harmless(20))
    findings = sorted(found(logs, rules), key=lambda each: str(each.time))
    Store(url).save(findings)
    return findings


@pytest.fixture
def asked(tmp_path: Path, rules: RuleSet, kept: list[Finding], url: str) -> Iterator[Asked]:
    """A client with a token that may do everything."""
    with site(tmp_path, rules, url=url) as made:
        yield made
