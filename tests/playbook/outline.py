"""What a playbook says, whichever platform it is written for: its steps in order, by their titles."""

from dataclasses import dataclass, field, replace

from exfilwatch_playbooks.playbook.model import Ask, If, Person, Playbook, Run
from exfilwatch_playbooks.playbook.wiring import END, FAILURE, wired


@dataclass(frozen=True)
class Seen:
    """A step. `ways`: the titles that a way leads to: labels of choices, then, otherwise, failure, or empty.

    `within`: seconds; `unanswered`: the label that counts when nobody answers. Arguments are texts; `$incident` and the
    like are references.
    """

    title: str
    does: str
    given: dict[str, str] = field(default_factory=dict)
    asks: str = ""
    of: str = ""
    among: tuple[str, ...] = ()
    ways: dict[str, frozenset[str]] = field(default_factory=dict)
    within: int | None = None
    unanswered: str = ""


def outline(playbook: Playbook, platform: str) -> list[Seen]:
    """Of the source."""
    nodes = wired(playbook)
    titles = {node.id: node.step.title for node in nodes} | {END: END}
    found = []
    for node in nodes:
        ways = {way: frozenset(titles[each] for each in to) for way, to in node.ways.items()}
        match node.step:
            case Run() as run:
                given = {name: str(value).replace("{platform}", platform) for name, value in run.given.items()}
                within = int(run.within.total_seconds())
                found.append(Seen(run.title, f"run {run.run}", given=given, ways=ways, within=within))
            case Ask() as ask:
                labels = {choice.answer: choice.label for choice in ask.choices}
                found.append(
                    Seen(
                        ask.title,
                        "ask",
                        asks=ask.ask,
                        ways={labels[way]: to for way, to in ways.items()},
                        within=int(ask.within.total_seconds()),
                        unanswered=labels[ask.unanswered],
                    )
                )
            case Person() as person:
                found.append(Seen(person.title, "person", ways=ways))
            case If() as condition:
                found.append(Seen(condition.title, "if", of=condition.of, among=tuple(condition.among), ways=ways))
    return found


def one_after_the_other(steps: list[Seen]) -> list[Seen]:
    """As a platform has it that runs nothing at the same time."""
    together = next((step.ways[""] for step in steps if len(step.ways.get("", ())) > 1), frozenset())
    order = [step.title for step in steps if step.title in together]
    found = []
    for step in steps:
        if step.title in order[:-1]:
            following = frozenset({order[order.index(step.title) + 1]})
            step = replace(step, ways=dict.fromkeys(step.ways, following))
        elif step.ways.get("") == together and together:
            step = replace(step, ways={**step.ways, "": frozenset(order[:1])})
        found.append(step)
    return found


def without_times(steps: list[Seen], *, questions: bool, actions: bool) -> list[Seen]:
    """As a platform has it that waits for ever."""
    found = []
    for step in steps:
        if (questions and step.does == "ask") or (actions and step.does.startswith("run")):
            step = replace(step, within=None, unanswered="")
        found.append(step)
    return found


def until_a_question(steps: list[Seen]) -> list[Seen]:
    """As a platform has it that can ask nobody."""
    asked = next(place for place, step in enumerate(steps) if step.does == "ask")
    kept = {step.title for step in steps[:asked]}
    return [
        replace(step, ways={way: to if to <= kept else frozenset({END}) for way, to in step.ways.items()})
        for step in steps[:asked]
    ]


def without_failures(steps: list[Seen]) -> list[Seen]:
    """As a platform has it that ends with the first failure."""
    return [replace(step, ways={way: to for way, to in step.ways.items() if way != FAILURE}) for step in steps]
