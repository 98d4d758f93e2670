"""The response steps as the report shows them: phases, each with steps to tick off."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from exfilwatch.findings.finding import Finding
from exfilwatch_playbooks.response.facts import Facts
from exfilwatch_playbooks.response.steps import Platform, steps_for

PLATFORMS: dict[Platform, str] = {"windows": "Windows (PowerShell)", "linux": "Linux", "macos": "macOS"}


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
    found = [(finding.rule.branch, said) for finding, said in zip(findings, facts, strict=True)]
    filled = enumerate(steps_for(found), 1)
    return tuple(
        Phase(
            name.capitalize(),
            tuple(
                Step(
                    number=number,
                    title=step.title,
                    instruction=step.instruction,
                    why=step.why,
                    tags=step.references,
                    blocks=tuple(
                        Block(PLATFORMS[platform], "\n".join(commands)) for platform, commands in step.commands.items()
                    ),
                )
                for number, step in of_phase
            ),
        )
        for name, of_phase in groupby(filled, key=lambda each: each[1].phase)
    )
