"""The response steps as the report shows them: phases, each with steps to tick off."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count, groupby

from exfilwatch.findings.finding import Finding
from exfilwatch_playbooks.response.facts import Facts
from exfilwatch_playbooks.response.markdown import PLATFORM_NAMES, effort, marked
from exfilwatch_playbooks.response.plan import plan_of


@dataclass(frozen=True)
class Block:
    """Text to paste: what it is for, and the text."""

    name: str
    text: str


@dataclass(frozen=True)
class Step:
    """`instruction` and `why` are Markdown; `tags` short words (who, minutes, needs, references)."""

    number: int
    title: str
    instruction: str
    why: str
    tags: tuple[str, ...]
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Phase:
    """A part of the response."""

    name: str
    steps: tuple[Step, ...]


def phases(findings: Sequence[Finding], facts: Sequence[Facts]) -> tuple[Phase, ...]:
    """The steps for findings, whose facts are given, by phase."""
    plan = plan_of([(finding.rule.branch, said) for finding, said in zip(findings, facts, strict=True)], languages=())
    numbers = count(1)
    return tuple(
        Phase(
            phase.title,
            tuple(
                Step(
                    number=next(numbers),
                    title=step.title,
                    instruction=marked(step.instruction),
                    why=step.why,
                    tags=(*effort(step), *step.references),
                    blocks=tuple(
                        Block(PLATFORM_NAMES[platform], "\n".join(command.text for command in commands))
                        for platform, commands in groupby(step.commands, key=lambda command: command.platform)
                    ),
                )
                for step in phase.steps
            ),
        )
        for phase in plan.phases
    )
