"""Guides: the steps of a kind of finding, kept as data, one YAML file per kind in guides/.

A kind is a rule's branch, or what the finding's events show beside it: `also_when` names the techniques of ATT&CK, the
families and directions of transfers (exfilwatch/commands/catalogue), the kinds of records by which it is told. So
cloud storage, DNS, tunnels and shares have steps of their own though their rules share a branch. general.yml holds the
steps of any exfiltration. References are RE&CT (RAnnnn, github.com/atc-project/atc-react), D3FEND (D3-...,
d3fend.mitre.org) and CSF 2.0 (RS.MI-01, as in NIST SP 800-61r3) ids.
"""

import re
from collections.abc import Iterable, Sequence
from functools import cache
from importlib import resources
from typing import Annotated, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from exfilwatch.errors import ConfigError
from exfilwatch.packaged import read_yaml
from exfilwatch_playbooks.response.facts import Facts
from exfilwatch_playbooks.response.phases import Phase, references
from exfilwatch_playbooks.response.placeholders import Platform, known

GENERAL = "general"


def _a_reference(name: str) -> str:
    if name not in references():
        raise ValueError(f"{name} is not in references.yml: look it up, and write there what it is called")
    return name


Who = Literal[
    "analyst",
    "incident lead",
    "forensics",
    "administrator",
    "network team",
    "identity team",
    "cloud team",
    "data owner",
    "privacy officer",
    "legal",
    "human resources",
    "management",
    "detection engineer",
]
Automatable = Literal["yes", "approval", "no"]
Template = Annotated[str, Field(min_length=1), AfterValidator(known)]
Reference = Annotated[str, AfterValidator(_a_reference)]


class Step(BaseModel):
    """One step; `commands` are for PowerShell on Windows, for a POSIX shell on Linux and macOS.

    `who` does it, in at most `minutes`, with what it `needs`. `only`: the platforms on which it makes sense; without
    it, all. `first`: stands before the phase's other steps. `queries` names questions of asks.yml. `decision`: what a
    person has to decide; such a step is never automatable. `elsewhere`: left out where the destination is the
    host itself.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    phase: Phase
    title: Annotated[str, Field(min_length=1, max_length=80)]
    instruction: Template
    why: Annotated[str, Field(min_length=1)]
    who: Who
    minutes: Annotated[int, Field(ge=1, le=2880)]
    needs: list[Annotated[str, Field(min_length=1, max_length=80)]] = []
    automatable: Automatable = "no"
    first: bool = False
    elsewhere: bool = False
    decision: Template | None = None
    only: list[Platform] = []
    commands: dict[Platform, list[Template]] = {}
    queries: list[str] = []
    references: list[Reference] = []

    @property
    def id(self) -> str:
        return re.sub(r"[^a-z0-9]+", "-", self.title.lower()).strip("-")

    @model_validator(mode="after")
    def _decided_by_a_person(self) -> "Step":
        if self.decision and self.automatable == "yes":
            raise ValueError("a step with a decision can't be automatable without approval")
        return self


class When(BaseModel):
    """What tells the kind, any of it. `attack`: techniques with all their sub-techniques. `here`: the destination is
    the host itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    attack: list[Annotated[str, Field(pattern=r"^T\d{4}(\.\d{3})?$")]] = []
    families: list[str] = []
    directions: list[str] = []
    categories: list[str] = []
    here: bool = False

    def holds(self, said: Facts) -> bool:
        return bool(
            {technique for each in said.attack for technique in (each, each.partition(".")[0])}.intersection(
                self.attack
            )
            or said.families.intersection(self.families)
            or said.directions.intersection(self.directions)
            or said.categories.intersection(self.categories)
            or (self.here and said.here)
        )


class Guide(BaseModel):
    """The steps of a kind: of the rules' branches that it names, and of findings that `also_when` tells.

    `means`: what such findings say, as a clause.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: Annotated[str, Field(pattern=r"^[a-z][a-z_]*$")]
    branches: list[str] = []
    also_when: When = When()
    means: Annotated[str, Field(min_length=1, max_length=120, pattern=r"^[a-z].*[a-z]$")]
    steps: Annotated[list[Step], Field(min_length=1)]

    @model_validator(mode="after")
    def _titles_differ(self) -> "Guide":
        names = [step.id for step in self.steps]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"steps of the same title: {', '.join(twice)}")
        return self

    def concerns(self, branch: str, said: Facts) -> bool:
        return branch in self.branches or self.also_when.holds(said)


@cache
def guides() -> dict[str, Guide]:
    """All guides by name. Raises ConfigError that names the file."""
    found: dict[str, Guide] = {}
    branches: dict[str, str] = {}
    for path in sorted(resources.files(__package__).joinpath("guides").iterdir(), key=lambda path: path.name):
        if not path.name.endswith(".yml"):
            continue
        try:
            guide = Guide.model_validate(read_yaml(path.read_text("utf-8")))
        except (ValidationError, yaml.YAMLError) as error:
            raise ConfigError(f"response/guides/{path.name}: {error}") from error
        if f"{guide.name}.yml" != path.name:
            raise ConfigError(f"response/guides/{path.name}: its name is {guide.name}")
        for branch in guide.branches:
            if branch in branches:
                raise ConfigError(f"response/guides/{path.name}: branch {branch} has steps in another file too")
            branches[branch] = guide.name
        found[guide.name] = guide
    return found


def of_branch(branch: str) -> Guide | None:
    """The guide of a rule's branch."""
    return next((guide for guide in guides().values() if branch in guide.branches), None)


def meaning(branch: str) -> str:
    """What findings of this branch say, as a clause without a full stop."""
    return (of_branch(branch) or guides()[GENERAL]).means


def guides_for(found: Iterable[tuple[str, Facts]], *, general: bool = True) -> list[tuple[Guide, Sequence[Facts]]]:
    """The guides that findings, given as branch and facts, need, each with the facts of those that it concerns.

    What tells the most stands first: guides by `also_when` are of special kinds, then those of branches, then the
    general one, which concerns all of them.
    """
    given = list(found)
    chosen: list[tuple[Guide, Sequence[Facts]]] = []
    for guide in sorted(guides().values(), key=lambda guide: (bool(guide.branches), guide.name)):
        concerned = [said for branch, said in given if guide.concerns(branch, said)]
        if concerned and guide.name != GENERAL:
            chosen.append((guide, concerned))
    if general:
        chosen.append((guides()[GENERAL], [said for _, said in given]))
    return chosen
