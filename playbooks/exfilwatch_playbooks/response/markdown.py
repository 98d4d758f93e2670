"""A plan as Markdown, for a wiki, a ticket or a file: boxes to tick off, commands and queries in fences.

Values of events are code spans; in fences, commands and queries stand as they are.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from exfilwatch_playbooks.hostile import code, fence
from exfilwatch_playbooks.response.languages import LANGUAGE_NAMES
from exfilwatch_playbooks.response.placeholders import Piece, Platform
from exfilwatch_playbooks.response.plan import Plan, PlanStep, Query

PLATFORM_NAMES: dict[Platform, str] = {"windows": "Windows (PowerShell)", "linux": "Linux", "macos": "macOS"}
_WHOLE = 1_000_000  # characters: half a command is worse than none


def markdown(plan: Plan, title: str = "Response plan") -> str:
    """The whole plan. `title` is ours, on one line."""
    return "\n\n".join([f"# {title}", *_phases(plan), *_queries(plan)]) + "\n"


def marked(pieces: Iterable[Piece]) -> str:
    """A sentence of a step, on one line."""
    return "".join(code(piece.text, _WHOLE) if piece.value else piece.text for piece in pieces)


def effort(step: PlanStep) -> tuple[str, ...]:
    """Who does it, how long it takes at most, whether a machine can, in words."""
    machine = {"yes": ("can be automated",), "approval": ("can be automated after approval",), "no": ()}
    return (step.who, f"at most {step.minutes} min", *machine[step.automatable])


def questions(plan: Plan) -> Iterator[tuple[str, tuple[int, ...], tuple[Query, ...]]]:
    """Each question of the plan once: its title, the numbers of the steps that ask it, its query in each language."""
    asked: dict[str, tuple[dict[int, None], dict[str, Query]]] = {}
    for number, step in enumerate(plan.steps, 1):
        for query in step.queries:
            numbers, queries = asked.setdefault(query.title, ({}, {}))
            numbers[number] = None
            queries.setdefault(query.language, query)
    for title, (numbers, queries) in asked.items():
        yield title, tuple(numbers), tuple(queries.values())


def _phases(plan: Plan) -> Iterator[str]:
    number = 0
    for phase in plan.phases:
        named = ", ".join((f"SANS: {phase.sans}", f"RE&CT {phase.react}", f"CSF 2.0: {', '.join(phase.nist)}"))
        yield f"## {phase.title}"
        yield f"{phase.aim} At most {phase.minutes:,} min, one after the other. ({named})"
        for step in phase.steps:
            number += 1
            yield from _step(number, step)


def _step(number: int, step: PlanStep) -> Iterator[str]:
    yield f"- [ ] **{number}. {step.title}.** {marked(step.instruction)} *{step.why}*"
    told = [f"Who: {', '.join(effort(step))}."]
    told += [f"Needs: {', '.join(step.needs)}."] if step.needs else []
    told += [f"**To decide:** {marked(step.decision)}"] if step.decision else []
    told += [f"({', '.join(step.references)})"] if step.references else []
    yield _within(" ".join(told))
    for platform, commands in groupby(step.commands, key=lambda command: command.platform):
        pasted = list(commands)
        yield _within(f"{PLATFORM_NAMES[platform]}:")
        yield _within(fence("\n".join(command.text for command in pasted), pasted[0].shell, _WHOLE))


def _within(text: str) -> str:
    """In the item of the list."""
    return "\n".join(f"  {line}" if line else "" for line in text.split("\n"))


def _queries(plan: Plan) -> Iterator[str]:
    asked = list(questions(plan))
    if asked:
        yield "## Queries"
    for title, numbers, queries in asked:
        yield f"### {title}"
        yield f"For step{'s' if len(numbers) > 1 else ''} {_listed(numbers)}.{_span(queries)}"
        for query in queries:
            yield f"{LANGUAGE_NAMES[query.language]}:"
            yield fence(query.text, "text", _WHOLE)


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))


def _span(queries: Sequence[Query]) -> str:
    query = queries[0]
    if query.since is None:
        return ""
    until = f" to {query.until:%Y-%m-%d %H:%M}" if query.until else " to now"
    return f" From {query.since:%Y-%m-%d %H:%M}{until}, UTC."
