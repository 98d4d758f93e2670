"""Response steps, kept as data: one YAML file per branch, filled in with what the findings say.

default.yml holds the steps of any exfiltration; they follow a branch's own. References are RE&CT (RAnnnn,
github.com/atc-project/atc-react) and D3FEND (D3-..., d3fend.mitre.org) ids.
"""

import re
import shlex
import string
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Annotated, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from exfilwatch.errors import ConfigError
from exfilwatch_playbooks.hostile import code, visible
from exfilwatch_playbooks.response.facts import Facts

Phase = Literal["contain", "preserve", "scope", "eradicate", "recover"]
PHASES: tuple[Phase, ...] = ("contain", "preserve", "scope", "eradicate", "recover")
Platform = Literal["windows", "linux", "macos"]

# The placeholders, and what stands for one whose value no event gives.
UNKNOWN = {
    "host": "the host",
    "user": "the user",
    "account": "the account",
    "domain_account": "the domain's account",
    "local_account": "the host's account",
    "program": "the program",
    "image": "the program's file",
    "image_path": "the program's file",
    "process_id": "the process id",
    "destination": "the destination",
    "destination_ip": "the destination's address",
    "file": "the file",
    "task": "the task",
}
_SHOWN = 3
_DOUBLED = {ord(quote): 2 * quote for quote in "'\u2018\u2019\u201a\u201b"}


def _known(template: str) -> str:
    names = {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}
    if unknown := sorted(names - set(UNKNOWN)):
        raise ValueError(f"unknown placeholder {', '.join(unknown)}: use one of {', '.join(sorted(UNKNOWN))}")
    return template


Template = Annotated[str, Field(min_length=1), AfterValidator(_known)]


class Step(BaseModel):
    """One step; `commands` are for PowerShell on Windows, for a POSIX shell on Linux and macOS.

    `only`: the platforms on which it makes sense; without it, all.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    phase: Phase
    title: Annotated[str, Field(min_length=1, max_length=80)]
    instruction: Template
    why: Annotated[str, Field(min_length=1)]
    only: list[Platform] = []
    commands: dict[Platform, list[Template]] = {}
    references: list[Annotated[str, Field(pattern=r"^(RA\d{4}|D3-[A-Z]{2,5})$")]] = []


class Guide(BaseModel):
    """The steps of a branch, and of the branches it is `also` for. `means`: what such findings say, as a clause."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    branch: str
    also: list[str] = []
    means: Annotated[str, Field(min_length=1, max_length=120, pattern=r"^[a-z].*[a-z]$")]
    steps: Annotated[list[Step], Field(min_length=1)]


@dataclass(frozen=True)
class FilledStep:
    """A step for an analyst to follow: Markdown-safe text, and commands that can be pasted, per platform."""

    phase: Phase
    title: str
    instruction: str
    why: str
    commands: dict[Platform, tuple[str, ...]]
    references: tuple[str, ...]


@cache
def guides() -> dict[str, Guide]:
    """All guides by branch. Raises ConfigError that names the file."""
    found: dict[str, Guide] = {}
    for path in sorted(resources.files(__package__).iterdir(), key=lambda path: path.name):
        if not path.name.endswith(".yml"):
            continue
        try:
            guide = Guide.model_validate(yaml.safe_load(path.read_text("utf-8")))
        except (ValidationError, yaml.YAMLError) as error:
            raise ConfigError(f"response/{path.name}: {error}") from error
        for branch in (guide.branch, *guide.also):
            if branch in found:
                raise ConfigError(f"response/{path.name}: branch {branch} has steps in another file too")
            found[branch] = guide
    return found


def has_steps(branch: str) -> bool:
    """Whether the branch has steps of its own; else it gets those of default.yml."""
    return branch in guides()


def meaning(branch: str) -> str:
    """What findings of this branch say, as a clause without a full stop."""
    return guides().get(branch, guides()["default"]).means


def steps_for(found: Iterable[tuple[str, Facts]], shown: int = _SHOWN, *, default: bool = True) -> list[FilledStep]:
    """The steps for findings, given as branch and facts: by phase, a branch's own before those for any exfiltration.

    A sentence names at most `shown` values, and a command is given for as many; 0 leaves the findings out. Without
    `default`, there are only the branches' own steps.
    """
    findings = list(found)
    by_guide: dict[str, list[Facts]] = {}
    for branch, facts in findings:
        if has_steps(branch):
            by_guide.setdefault(guides()[branch].branch, []).append(facts)
    by_guide.pop("default", None)
    if default:
        by_guide["default"] = [facts for _, facts in findings]
    filled = [
        fill(step, facts, shown)
        for branch, facts in by_guide.items()
        for step in guides()[branch].steps
        if not step.only or any(each.product in ("", *step.only) for each in facts)
    ]
    return sorted(filled, key=lambda step: PHASES.index(step.phase))


def fill(step: Step, facts: Sequence[Facts], shown: int = _SHOWN) -> FilledStep:
    """One step with what the findings say."""
    return FilledStep(
        phase=step.phase,
        title=step.title,
        instruction=_sentence(step.instruction, facts, shown),
        why=step.why,
        commands={
            platform: commands
            for platform, templates in step.commands.items()
            if (commands := tuple(_commands(templates, platform, facts, shown)))
        },
        references=tuple(step.references),
    )


def _values(name: str, facts: Iterable[Facts]) -> list[str]:
    """What the facts say under a placeholder's name, each value once."""
    found = (each.destinations if name == "destination" else (getattr(each, name),) for each in facts)
    return list(dict.fromkeys(value for values in found for value in values if value))


def _sentence(template: str, facts: Sequence[Facts], shown: int) -> str:
    def value(name: str) -> str:
        values = _values(name, facts)
        if not shown:
            return UNKNOWN[name]
        if not values:
            return f"{UNKNOWN[name]} (unknown)"
        more = f" and {len(values) - shown} more" if len(values) > shown else ""
        return ", ".join(code(each, 120) for each in values[:shown]) + more

    return _replaced(template, value)


def _commands(templates: Iterable[str], platform: Platform, facts: Sequence[Facts], shown: int) -> list[str]:
    """Each command once for each set of values, left out where a value is missing or can't be pasted safely."""
    quote = powershell if platform == "windows" else shlex.quote
    commands: dict[str, None] = {}
    for template in templates:
        names = [name for _, name, _, _ in string.Formatter().parse(template) if name]
        filled: dict[str, None] = {}
        for each in facts:
            if len(filled) >= shown:
                break
            values = {name: getattr(each, name) for name in names}
            if each.product in (platform, "") and all(_pasteable(value) for value in values.values()):
                filled[_replaced(template, _quoted(values, quote))] = None
        commands.update(filled)
    return list(commands)


def _quoted(values: dict[str, str], quote: Callable[[str], str]) -> Callable[[str], str]:
    return lambda name: quote(values[name])


def _pasteable(value: str | None) -> bool:
    return bool(value) and len(value or "") <= 500 and visible(value or "") == value


def _replaced(template: str, value: Callable[[str], str]) -> str:
    return "".join(text + (value(name) if name else "") for text, name, _, _ in string.Formatter().parse(template))


def powershell(text: str) -> str:
    """A PowerShell literal. PowerShell takes typographic single quotes for quotes too, so those are doubled as well
    (about_Quoting_Rules; IsSingleQuote in its tokenizer). Numbers that it reads as they stand need no quotes."""
    if re.fullmatch(r"0|[1-9][0-9]{0,9}", text, re.ASCII):
        return text
    return f"'{text.translate(_DOUBLED)}'"
