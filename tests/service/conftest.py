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


@pytest.fixture(scope="session")
def uploads(tmp_path_factory: pytest.TempPathFactory, rules: RuleSet) -> list[Finding]:
    """Findings of two uploads of one host; oldest first."""
    lines = [process(BITSADMIN, second=2), process(BITSADMIN.replace("a.zip", "b.zip"), second=40)]
    logs = write(tmp_path_factory.mktemp("uploads") / "sysmon.jsonl", harmless(1), *lines, harmless(20))
    return sorted(found(logs, rules), key=lambda each: str(each.time))


@pytest.fixture
def kept(uploads: list[Finding], url: str) -> list[Finding]:
    """The same, stored."""
    Store(url).save(uploads)
    return list(uploads)


@pytest.fixture
def asked(tmp_path: Path, rules: RuleSet, kept: list[Finding], url: str) -> Iterator[Asked]:
    """A client with a token that may do everything."""
    with site(tmp_path, rules, url=url) as made:
        yield made
