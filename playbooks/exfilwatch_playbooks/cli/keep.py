"""Keeping what was found, and opening its cases: the step that `run` and `demo` share."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from exfilwatch.detection.rule import RuleSet
from exfilwatch.findings.filing import Saved
from exfilwatch.findings.finding import Finding
from exfilwatch.findings.store import Store
from exfilwatch_playbooks.cases.local import Local
from exfilwatch_playbooks.cases.opening import Outcome, open_cases


@dataclass(frozen=True)
class Kept:
    """What is new: findings and incidents in the store, and what was done about cases."""

    saved: Saved
    outcomes: list[Outcome]


def keep(store: Store, findings: Iterable[Finding], rules: RuleSet, lowest: str) -> Kept:
    """Save findings, and open or extend the local case of each incident with a finding of the level `lowest` or above.
    Doing it again changes nothing."""
    saved = store.record(findings)
    return Kept(saved, asyncio.run(opened(store, rules, lowest)))


async def opened(store: Store, rules: RuleSet, lowest: str) -> list[Outcome]:
    """Open or extend the local case of each such incident that has news."""
    return await open_cases(store, Local(store), rules={info.id: info for info in rules.infos}, lowest=lowest)
