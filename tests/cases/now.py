"""Case systems are awaited; tests that are not wait here."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from exfilwatch.findings.store import Store
from exfilwatch_playbooks.cases.case import Case, Draft
from exfilwatch_playbooks.cases.opening import Outcome, open_cases
from exfilwatch_playbooks.cases.system import CaseSystem, Created

T = TypeVar("T")


def now(what: Coroutine[Any, Any, T]) -> T:
    """What comes of it."""
    return asyncio.run(what)


def open_now(store: Store, system: CaseSystem, **options: Any) -> list[Outcome]:
    """`open_cases`, done."""
    return now(open_cases(store, system, **options))


def made(system: CaseSystem, draft: Draft) -> tuple[Case, bool]:
    """The case of a draft, and whether this call made it."""

    async def make() -> tuple[Case, bool]:
        creation = await system.create(draft)
        own = creation.case_id if isinstance(creation, Created) else None
        case = await system.converge(draft.key, own)
        return case, case.id == own

    return now(make())
