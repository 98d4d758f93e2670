"""The ways that the playbook can go, and the one that its source goes."""

import asyncio
from typing import Any

from exfilwatch.errors import ExfilwatchError
from exfilwatch_playbooks.playbook.model import Ask, Person, Run, every
from exfilwatch_playbooks.playbook.running import People, Way, carry_out
from exfilwatch_playbooks.playbook.source import incident

CASES: dict[str, tuple[dict[str, str], str, set[str]]] = {
    "contained, and closed": ({"verdict": "true-positive", "approve": "yes", "finished": "yes"}, "high", set()),
    "not contained": ({"verdict": "true-positive", "approve": "no", "finished": "no"}, "critical", set()),
    "not grave": ({"verdict": "true-positive", "finished": "yes"}, "medium", set()),
    "benign": ({"verdict": "benign"}, "high", set()),
    "wrongly detected": ({"verdict": "false-positive"}, "high", set()),
    "cannot say": ({"verdict": "unclear", "finished": "no"}, "low", set()),
    "nobody answers": ({}, "high", set()),
    "nobody approves": ({"verdict": "true-positive", "finished": "yes"}, "high", set()),
    "no facts": ({"verdict": "true-positive", "approve": "yes", "finished": "no"}, "low", {"enrich_finding"}),
    "no case": ({"verdict": "true-positive", "finished": "yes"}, "low", {"open_case"}),
    "no findings": ({"verdict": "true-positive"}, "low", {"list_findings"}),
}
"""What is answered to questions, the level that enrichment finds, and the actions that fail."""


def the_source(answers: dict[str, str], level: str, failing: set[str]) -> list[str]:
    """The steps that it goes through, without conditions."""

    class Answers(People):
        async def answer(self, question: Ask) -> str | None:
            return answers.get(question.id)

        async def do(self, step: Person) -> None:
            pass

    async def perform(action: str, _given: dict[str, Any]) -> dict[str, Any]:
        if action in failing:
            raise ExfilwatchError("no")
        return {"level": level} if action == "enrich_finding" else {}

    way = Way()
    try:
        asyncio.run(carry_out(incident(), {"incident": "4b77", "finding": "3fa9"}, perform, Answers(), way))
    except ExfilwatchError:
        assert failing == {"list_findings"}
    shown = {step.id for step in every(incident().steps) if isinstance(step, Run | Ask | Person)}
    return [step for step, _ in way.steps if step in shown]
