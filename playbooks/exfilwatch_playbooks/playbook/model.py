"""What a playbook is: steps in order, some of which branch; each branch ends where the next step begins.

Texts (`title`, `says`, `ask`, `label`) are plain text of ours, on one line; a value that is `$...` is a reference.
"""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag

from exfilwatch.written import duration

Id = Annotated[str, Field(pattern=r"^[a-z][a-z_]{1,30}$")]
Word = Annotated[str, Field(pattern=r"^[a-z][a-z-]{0,30}$")]
_PLATFORM = "{platform}"
SAFE = frozenset("{}<>$`%\\|\n\r\t=")
"""What no text of a playbook has: each begins code or a template on one of the platforms."""


def _plain(text: str) -> str:
    text = " ".join(text.replace(_PLATFORM, "\x00").split())
    if found := SAFE & set(text):
        raise ValueError(f"has {' '.join(sorted(map(repr, found)))}, which a platform could take for code")
    if not text:
        raise ValueError("says nothing")
    return text.replace("\x00", _PLATFORM)


def _a_reference(text: str) -> str:
    if not text.startswith("$"):
        raise ValueError("is no reference: $STEP or $STEP.FIELD")
    return _a_value(text)


def _a_value(text: str) -> str:
    if text.startswith("$"):
        if not re.fullmatch(r"\$[a-z_]+(\.[a-z_]+)?", text):
            raise ValueError("is no reference: $STEP or $STEP.FIELD")
        return text
    return _plain(text)


Text = Annotated[str, AfterValidator(_plain)]
Value: TypeAlias = bool | int | Annotated[str, AfterValidator(_a_value)]
Reference = Annotated[str, AfterValidator(_a_reference)]
Length = Annotated[timedelta, BeforeValidator(duration)]


def filled(value: Value, platform: str) -> Value:
    """A value with the platform that it is for."""
    return value.replace(_PLATFORM, platform) if isinstance(value, str) else value


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class _Step(_Part):
    """`phase`: the part of the playbook that begins with this step; empty where it goes on."""

    id: Id
    title: Text
    says: Text | Literal[""] = ""
    phase: Text | Literal[""] = ""


class Run(_Step):
    """Runs an action. `failure`: the playbook ends there (`stop`), goes on as if it had been done (`go-on`), or does
    these steps before it goes on.
    """

    run: Id
    given: Annotated[dict[Id, Value], Field(alias="with")] = {}
    within: Length
    failure: "Literal['stop', 'go-on'] | list[Step]" = "stop"


class Together(_Step):
    """Runs actions that do not wait for each other; what comes next waits for all."""

    together: Annotated[list[Run], Field(min_length=2)]


class Choice(_Part):
    """What a person may answer: `label` is what they see."""

    answer: Word
    label: Text
    steps: "list[Step]" = []


class Ask(_Step):
    """Asks a person. `unanswered`: the answer that counts when nobody gave one `within` the time."""

    ask: Text
    within: Length
    unanswered: Word
    choices: Annotated[list[Choice], Field(min_length=2)]

    @property
    def silent_first(self) -> list[Choice]:
        """The choices, the one that counts when nobody answers before the others."""
        return sorted(self.choices, key=lambda choice: choice.answer != self.unanswered)


class Person(_Step):
    """A person does something, and says when it is done."""

    person: Text


class If(_Step):
    """`then` when the value of `of` is among the words, else, also when it is not known, `otherwise`."""

    of: Annotated[Reference, Field(alias="if")]
    among: Annotated[list[Word], Field(min_length=1)]
    then: "list[Step]" = []
    otherwise: "list[Step]" = []


_KINDS: dict[type[_Step], str] = {Run: "run", Together: "together", Ask: "ask", Person: "person", If: "if"}


def _kind(value: Any) -> str | None:
    if isinstance(value, dict):
        return next((each for each in _KINDS.values() if each in value), None)
    return next((kind for step, kind in _KINDS.items() if isinstance(value, step)), None)


Step: TypeAlias = Annotated[
    Annotated[Run, Tag("run")]
    | Annotated[Together, Tag("together")]
    | Annotated[Ask, Tag("ask")]
    | Annotated[Person, Tag("person")]
    | Annotated[If, Tag("if")],
    Discriminator(
        _kind,
        custom_error_type="step",
        custom_error_message="is no step: it has one of run, together, ask, person and if",
    ),
]


class Playbook(_Part):
    """`starts`: what sets it off; `inputs`: what it is given, each an id of ours."""

    name: Text
    description: Text
    starts: dict[Word, Text]
    inputs: dict[Id, Text]
    steps: Annotated[list[Step], Field(min_length=1)]


for _each in (Run, Choice, If, Playbook):
    _each.model_rebuild()


def branches(step: Step) -> Iterator[tuple[str, list[Step]]]:
    """The steps below a step, by what leads to them: an answer, `then`, `otherwise` or `failure`."""
    match step:
        case Ask():
            yield from ((choice.answer, choice.steps) for choice in step.choices)
        case If():
            yield from (("then", step.then), ("otherwise", step.otherwise))
        case Run(failure=list(instead)):
            yield "failure", instead
        case _:
            pass


def every(steps: list[Step]) -> Iterator[Step]:
    """All steps, in the order of the source."""
    for step in steps:
        yield step
        if isinstance(step, Together):
            yield from step.together
        for _, below in branches(step):
            yield from every(below)
