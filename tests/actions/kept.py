"""A store with findings in it, and the context that actions run in."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from exfilwatch.config import Settings
from exfilwatch.detection.engine import Engine
from exfilwatch.detection.rule import RuleSet
from exfilwatch.events.inputs import open_inputs
from exfilwatch.events.limits import Limits
from exfilwatch.events.report import Report
from exfilwatch.findings.finding import Finding, finding
from exfilwatch.findings.store import Store
from exfilwatch_playbooks.actions.context import Context

NOW = datetime(2026, 3, 12, 12, tzinfo=UTC)


def found(path: Path, rules: RuleSet) -> list[Finding]:
    """What detection finds in a file."""
    report = Report()
    return [finding(each) for each in Engine(rules, report).run(open_inputs([str(path)], report, Limits(), True))]


def context(folder: Path, rules: RuleSet, settings: Mapping[str, Any] | None = None, who: str = "anna") -> Context:
    """A context over the database `kept.sqlite` in a folder."""
    database = str(folder / "kept.sqlite")
    chosen = Settings(database=database, **(settings or {}))
    return Context(chosen, lambda: Store(database), lambda: rules, who=who, clock=lambda: NOW)
