"""Keeping what was found, and doing about it what the policy says: the step that `run` and `demo` share."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exfilwatch.detection.rule import RuleSet
from exfilwatch.findings.filing import Saved
from exfilwatch.findings.finding import Finding
from exfilwatch.findings.store import Store
from exfilwatch_playbooks.actions.context import Context
from exfilwatch_playbooks.cases.opening import Outcome
from exfilwatch_playbooks.policy import Handled, check, handle

if TYPE_CHECKING:
    from exfilwatch.config import Settings


@dataclass(frozen=True)
class Kept:
    """What is new: findings and incidents in the store, and what was done about them."""

    saved: Saved
    handled: Handled

    @property
    def outcomes(self) -> list[Outcome]:
        """What was done about cases."""
        return self.handled.outcomes


def keep(
    store: Store, findings: Iterable[Finding], rules: RuleSet, settings: "Settings", paths: Sequence[str] = ()
) -> Kept:
    """Save findings, and enrich, open and page as the settings say. Doing it again changes nothing. `paths`: the files
    that the findings are from."""
    saved = store.record(findings)

    async def handled() -> Handled:
        async with Context(settings, lambda: store, lambda: rules) as context:
            return await handle(context, paths)

    return Kept(saved, asyncio.run(handled()))


def checked(settings: "Settings", store: Store, rules: RuleSet) -> None:
    """Raises ConfigError where the settings of cases, enrichment or policy are wrong."""

    async def check_all() -> None:
        async with Context(settings, lambda: store, lambda: rules) as context:
            check(context)

    asyncio.run(check_all())
