"""Running a check in tests: its steps, by name."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Any

from exfilwatch.detection.judge import Judge
from exfilwatch.detection.load import load
from exfilwatch.events.report import Report
from exfilwatch.polling.checking import check, of_siem
from exfilwatch.polling.steps import Step
from exfilwatch.siem.siem import Siem

RULES = load([Path(__file__).parent / "rules.yml"])


def checked(configured: Mapping[str, Any], clock: Callable[[], int] | None = None) -> list[Step]:
    """The steps for a source as the settings have it."""
    more = {"clock": clock} if clock else {}

    async def steps() -> list[Step]:
        async with aclosing(check("main", configured, RULES, **more)) as found:
            return [step async for step in found]

    return asyncio.run(steps())


def checked_siem(siem: Siem, clock: Callable[[], int]) -> list[Step]:
    """The steps for a client."""
    eager = Judge(RULES, Report()).eager

    async def steps() -> list[Step]:
        async with aclosing(of_siem(siem, RULES.rules, eager, clock)) as found:
            return [step async for step in found]

    return asyncio.run(steps())


def outcomes(steps: list[Step]) -> dict[str, str]:
    """The worst outcome of each step, in order."""
    order = ["ok", "warning", "failure"]
    found: dict[str, str] = {}
    for step in steps:
        found[step.name] = max(found.get(step.name, "ok"), step.outcome.value, key=order.index)
    return found


def said(steps: list[Step], name: str) -> str:
    """All that a step said and advised."""
    return "\n".join(f"{step.said}\n{step.advice}" for step in steps if step.name == name)
