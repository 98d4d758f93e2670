"""The response plan as the report shows it: phases, each with steps to tick off, and what to paste for them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from exfilwatch_playbooks.response.languages import LANGUAGE_NAMES
from exfilwatch_playbooks.response.markdown import PLATFORM_NAMES, effort
from exfilwatch_playbooks.response.placeholders import Piece
from exfilwatch_playbooks.response.plan import Plan, PlanStep, Query

_MOST = 400_000
"""Characters of what is to be pasted; a plan of ours takes a fifth of it."""


@dataclass(frozen=True)
class Block:
    """Text to paste: where, and the text."""

    name: str
    text: str


@dataclass(frozen=True)
class Question:
    """What to ask the SIEM, in each language that is known; without, where step `at` has it."""

    title: str
    at: int
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Step:
    """`tags` are short words: who does it, how long it takes, what others call it."""

    number: int
    title: str
    instruction: tuple[Piece, ...]
    why: str
    decision: tuple[Piece, ...]
    needs: tuple[str, ...]
    tags: tuple[str, ...]
    blocks: tuple[Block, ...]
    questions: tuple[Question, ...]


@dataclass(frozen=True)
class Phase:
    """A part of the response; `minutes` at most, one step after the other."""

    name: str
    aim: str
    minutes: int
    steps: tuple[Step, ...]


def phases(plan: Plan) -> tuple[Phase, ...]:
    """The plan's steps by phase, numbered through; each question with its first step."""
    asked: dict[str, int] = {}
    found: list[Phase] = []
    number, room = 0, _MOST
    for phase in plan.phases:
        steps: list[Step] = []
        for step in phase.steps:
            number += 1
            room -= sum(len(each.text) for each in step.commands) + sum(len(each.text) for each in step.queries)
            steps.append(_step(number, step if room > 0 else _bare(step), asked))
        found.append(Phase(phase.title, phase.aim, phase.minutes, tuple(steps)))
    return tuple(found)


def _bare(step: PlanStep) -> PlanStep:
    return step.model_copy(update={"commands": (), "queries": ()})


def _step(number: int, step: PlanStep, asked: dict[str, int]) -> Step:
    return Step(
        number=number,
        title=step.title,
        instruction=step.instruction,
        why=step.why,
        decision=step.decision,
        needs=step.needs,
        tags=(*effort(step), *step.references),
        blocks=tuple(
            Block(PLATFORM_NAMES[platform], "\n".join(command.text for command in commands))
            for platform, commands in groupby(step.commands, key=lambda command: command.platform)
        ),
        questions=tuple(_questions(number, step.queries, asked)),
    )


def _questions(number: int, queries: Sequence[Query], asked: dict[str, int]) -> Iterator[Question]:
    for title, alike in groupby(queries, key=lambda query: query.title):
        at = asked.setdefault(title, number)
        blocks = (Block(_language(query), query.text) for query in alike)
        yield Question(title, at, tuple(blocks) if at == number else ())


def _language(query: Query) -> str:
    """The language, and for which time where the query itself does not say."""
    name = LANGUAGE_NAMES[query.language]
    if query.language == "sumo" and query.since and query.until:
        return f"{name}, from {query.since:%Y-%m-%d %H:%M} to {query.until:%Y-%m-%d %H:%M} UTC"
    return name
