"""A store with findings in it, and the context that actions run in."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.polling.memory_siem import MemorySiem

from exfilwatch.config import Settings
from exfilwatch.detection.engine import Engine
from exfilwatch.detection.rule import RuleSet
from exfilwatch.events.inputs import open_inputs
from exfilwatch.events.limits import Limits
from exfilwatch.events.report import Report
from exfilwatch.findings.finding import Finding, finding
from exfilwatch.findings.store import Store
from exfilwatch.siem.siem import Siem
from exfilwatch.siem.spool import Spool
from exfilwatch_playbooks.actions.context import Context
from exfilwatch_playbooks.actions.perform import perform

NOW = datetime(2026, 3, 12, 12, tzinfo=UTC)


def found(path: Path, rules: RuleSet) -> list[Finding]:
    """What detection finds in a file."""
    report = Report()
    return [finding(each) for each in Engine(rules, report).run(open_inputs([str(path)], report, Limits(), True))]


class Around(Context):
    """A context whose SIEMs a test has made."""

    made: Mapping[str, Siem] = {}

    def siem(self, name: str) -> Siem | Spool:
        return self.made[name] if name in self.made else super().siem(name)


def context(folder: Path, rules: RuleSet, settings: Mapping[str, Any] | None = None, who: str = "anna") -> Around:
    """A context over the database `kept.sqlite` in a folder."""
    database = str(folder / "kept.sqlite")
    chosen = Settings(database=database, **(settings or {}))
    return Around(chosen, lambda: Store(database), lambda: rules, who=who, clock=lambda: NOW)


def did(name: str, work: Context, **given: object) -> Any:
    """What an action answers."""
    return asyncio.run(perform(name, given, work))


def in_files(folder: Path, rules: RuleSet, *paths: Path) -> Around:
    """A context whose settings name files as a source."""
    return context(folder, rules, {"siem": {"files": {"kind": "files", "paths": list(map(str, paths))}}})


def in_memory(folder: Path, rules: RuleSet, siem: MemorySiem) -> Around:
    """A context whose settings name a SIEM that is in memory."""
    made = context(folder, rules, {"siem": {"memory": {"kind": "memory"}}})
    made.made = {"memory": siem}
    return made
