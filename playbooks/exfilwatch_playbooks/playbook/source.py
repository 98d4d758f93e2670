"""The source, read and checked: a step that names an action, an argument or a value that there is not is refused."""

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any

import yaml
from pydantic import ValidationError

from exfilwatch.errors import ConfigError
from exfilwatch.packaged import read_yaml
from exfilwatch_playbooks.actions.perform import WrongInput, validated
from exfilwatch_playbooks.actions.registry import Action, action
from exfilwatch_playbooks.playbook.model import Ask, If, Person, Playbook, Run, Step, Together, branches, every

_ID = "0a1b"
"""Stands for any id where arguments are checked."""
_UNASKED = frozenset({"open_case"})
"""Changes that may follow a question that nobody answered: a case loses nothing, and is seen."""

_NOBODY, _SILENCE, _SOMEBODY = range(3)
"""Who has been heard of those who were asked."""


@cache
def incident() -> Playbook:
    """The playbook for an incident. Raises ConfigError."""
    return loaded((resources.files(__package__) / "incident.yml").read_text("utf-8"))


def loaded(text: str) -> Playbook:
    """A playbook from YAML. Raises ConfigError, which names the step."""
    try:
        made = Playbook.model_validate(read_yaml(text))
    except yaml.YAMLError as error:
        raise ConfigError(f"playbook: is no YAML: {error}") from None
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)[-1]
        raise ConfigError(f"playbook: {'.'.join(map(str, found['loc']))}: {found['msg']}") from None
    if wrong := list(_wrong(made)):
        raise ConfigError(f"playbook: {'; '.join(wrong)}")
    return made


def values(step: Run) -> dict[str, str]:
    """The references among a step's arguments, by the argument."""
    return {name: value for name, value in step.given.items() if isinstance(value, str) and value.startswith("$")}


def _wrong(made: Playbook) -> Iterator[str]:
    ids = [step.id for step in every(made.steps)]
    for double in sorted({each for each in ids if ids.count(each) > 1} | set(ids) & {"start", "end", *made.inputs}):
        yield f"{double}: is the name of something else"
    titles = [step.title for step in every(made.steps)]
    for double in sorted({each for each in titles if titles.count(each) > 1}):
        yield f"{double}: is the title of two steps"
    known = {f"${name}": None for name in made.inputs}
    yield from _sequence(made.steps, dict[str, frozenset[str] | None](known))
    yield from _unasked(made.steps)[1]


def _sequence(steps: list[Step], known: dict[str, frozenset[str] | None]) -> Iterator[str]:
    """What is wrong with steps that follow what is `known`: the words that each reference may be, None for an id."""
    for step in steps:
        runs = step.together if isinstance(step, Together) else [step] if isinstance(step, Run) else []
        for each in runs:
            yield from _arguments(each, known)
        if isinstance(step, If):
            words = known.get(step.of)
            if words is None:
                yield f"{step.id}: if: {step.of} is not known here, or has no words to choose from"
            elif other := sorted(set(step.among) - words):
                yield f"{step.id}: among: {step.of} is never {', '.join(other)}: use {', '.join(sorted(words))}"
        if isinstance(step, Ask):
            answers = [choice.answer for choice in step.choices]
            if step.unanswered not in answers or len(set(answers)) < len(answers):
                yield f"{step.id}: unanswered: is none of the choices, or an answer is there twice"
            known[f"${step.id}"] = frozenset(answers)
        for _, below in branches(step):
            yield from _sequence(below, dict(known))
        for each in runs:
            known |= _answered(each)


def _arguments(step: Run, known: Mapping[str, object]) -> Iterator[str]:
    try:
        wanted = action(step.run)
    except ConfigError as error:
        yield f"{step.id}: run: {error}"
        return
    lost = {name: value for name, value in values(step).items() if known.get(value, "") is not None}
    for name, value in lost.items():
        yield f"{step.id}: with: {name}: {value} is not known here, or is no id"
    try:
        validated(wanted, step.given | dict.fromkeys(values(step), _ID))
    except WrongInput as error:
        yield f"{step.id}: with: {error}"


def _answered(step: Run) -> dict[str, frozenset[str] | None]:
    """The fields of an action's answer that later steps may refer to: those that are one of some words."""
    try:
        answers = action(step.run).answers
    except ConfigError:
        return {}
    return {f"${step.id}.{name}": words for name, field in answers["properties"].items() if (words := _words(field))}


def _words(field: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(map(str, field.get("enum", ())))


def _unasked(steps: list[Step], heard: int = _NOBODY) -> tuple[int, list[str]]:
    """Who has been heard, at least, when the steps are over; and the changes that nobody would have agreed to."""
    wrong: list[str] = []
    for step in steps:
        runs = step.together if isinstance(step, Together) else [step] if isinstance(step, Run) else []
        for each in runs:
            found = _known(each.run)
            if found and found.changes and heard < (_SILENCE if each.run in _UNASKED else _SOMEBODY):
                wrong.append(f"{each.id}: run: {each.run} changes something: ask a person before")
        ends = [] if isinstance(step, Ask | If) else [_SOMEBODY if isinstance(step, Person) else heard]
        for way, below in branches(step):
            begins = heard
            if isinstance(step, Ask):
                begins = max(heard, _SILENCE) if way == step.unanswered else _SOMEBODY
            over, more = _unasked(below, begins)
            wrong += more
            ends.append(over)
        heard = min(ends)
    return heard, wrong


def _known(name: str) -> Action | None:
    try:
        return action(name)
    except ConfigError:
        return None
