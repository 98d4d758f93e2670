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
from exfilwatch_playbooks.cases.system import CaseSystem


@dataclass(frozen=True)
class Kept:
    """What is new: findings and incidents in the store, and what was done about cases."""

    saved: Saved
    outcomes: list[Outcome]


def keep(
    store: Store, findings: Iterable[Finding], rules: RuleSet, lowest: str, case_system: CaseSystem | None = None
) -> Kept:
    """Save findings, and open or extend the case of each incident with a finding of the level `lowest` or above.
    Doing it again changes nothing. `case_system`: where, else the local one."""
    saved = store.record(findings)
    return Kept(saved, asyncio.run(opened(store, rules, lowest, case_system)))


async def opened(store: Store, rules: RuleSet, lowest: str, case_system: CaseSystem | None = None) -> list[Outcome]:
    """Open or extend the case of each such incident that has news."""
    system = case_system or Local(store)
    try:
        return await open_cases(store, system, rules={info.id: info for info in rules.infos}, lowest=lowest)
    finally:
        await system.close()
