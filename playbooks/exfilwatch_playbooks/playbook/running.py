"""Carrying out the playbook: with our actions, and somebody who is asked; for a team without a SOAR, and for tests."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from exfilwatch.errors import ExfilwatchError
from exfilwatch_playbooks.playbook.model import Ask, If, Person, Playbook, Run, Step, Together, Value, filled
from exfilwatch_playbooks.playbook.source import values

Perform: TypeAlias = Callable[[str, dict[str, Value]], Awaitable[Mapping[str, Any]]]
"""Runs an action and answers with its fields. Raises ExfilwatchErrors."""


class People(Protocol):
    """Who is asked, and does what a person has to do."""

    async def answer(self, question: Ask) -> str | None:
        """One of the answers; None for none."""

    async def do(self, step: Person) -> None:
        """Comes back when it is done."""


@dataclass
class Way:
    """The way that was gone: steps in order, each with what came of it, in words; and what is known."""

    steps: list[tuple[str, str]] = field(default_factory=list)
    known: dict[str, str] = field(default_factory=dict)
    told: Callable[[Step, str], None] = lambda _step, _said: None

    def went(self, step: Step, said: str) -> None:
        """A step is over."""
        self.steps.append((step.id, said))
        self.told(step, said)


async def carry_out(
    playbook: Playbook,
    given: Mapping[str, str],
    perform: Perform,
    people: People,
    way: Way,
    platform: str = "exfilwatch",
    *,
    patient: bool = False,
) -> None:
    """Do the steps, into `way`; `patient`: questions wait for ever. Raises what an action raises whose failure ends the
    playbook.
    """
    way.known |= {f"${name}": given[name] for name in playbook.inputs}
    await _Run(perform, people, way, platform, patient).all(playbook.steps)


@dataclass(frozen=True)
class _Run:
    perform: Perform
    people: People
    way: Way
    platform: str
    patient: bool

    async def all(self, steps: list[Step]) -> None:
        for step in steps:
            await self.one(step)

    async def one(self, step: Step) -> None:
        match step:
            case Run():
                await self.run(step)
            case Together():
                await asyncio.gather(*(self.run(each) for each in step.together))
            case Person():
                await self.people.do(step)
                self.way.went(step, "done")
            case Ask():
                await self.ask(step)
            case If():
                among = self.way.known.get(step.of) in step.among
                self.way.went(step, f"{step.of.removeprefix('$')} is {self.way.known.get(step.of, 'not known')}")
                await self.all(step.then if among else step.otherwise)

    async def ask(self, step: Ask) -> None:
        try:
            async with asyncio.timeout(None if self.patient else step.within.total_seconds()):
                answer = await self.people.answer(step)
        except TimeoutError:
            answer = None
        self.way.known[f"${step.id}"] = counted = answer or step.unanswered
        choice = next(each for each in step.choices if each.answer == counted)
        self.way.went(step, choice.label if answer else f"nobody answered: {choice.label}")
        await self.all(choice.steps)

    async def run(self, step: Run) -> None:
        given = {name: filled(value, self.platform) for name, value in step.given.items()}
        given |= {name: self.way.known[value] for name, value in values(step).items()}
        try:
            async with asyncio.timeout(step.within.total_seconds()):
                said = await self.perform(step.run, given)
        except (ExfilwatchError, TimeoutError) as error:
            why = str(error) or f"not done within {step.within}"
            self.way.went(step, f"failed: {why}")
            if step.failure == "stop":
                raise
            if step.failure != "go-on":
                await self.all(step.failure)
            return
        self.way.known |= {f"${step.id}.{name}": value for name, value in said.items() if isinstance(value, str)}
        self.way.went(step, str(said.get("summary", "")))
