"""The phases of a response, in order, and what NIST, SANS and RE&CT call them (phases.yml, references.yml)."""

from functools import cache
from importlib import resources
from typing import Annotated, Literal, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from exfilwatch.errors import ConfigError
from exfilwatch.packaged import read_yaml

Phase = Literal["verify", "contain", "collect", "scope", "eradicate", "recover", "notify", "learn"]
PHASES: tuple[Phase, ...] = get_args(Phase)


class PhaseInfo(BaseModel):
    """`nist`: outcomes of CSF 2.0, by which SP 800-61r3 speaks of response. `sans`: of the six phases, PICERL."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: Phase
    title: Annotated[str, Field(min_length=1, max_length=40)]
    aim: Annotated[str, Field(min_length=1, pattern=r"^[A-Z].*\.$")]
    sans: Literal["Identification", "Containment", "Eradication", "Recovery", "Lessons Learned"]
    react: Annotated[str, Field(pattern=r"^RS000[2-6]$")]
    nist: Annotated[list[Annotated[str, Field(pattern=r"^(DE|RS|RC|ID)\.[A-Z]{2}-\d{2}$")]], Field(min_length=1)]


@cache
def phases() -> dict[Phase, PhaseInfo]:
    """By name. Raises ConfigError when the file does not tell of each phase once, in order."""
    try:
        text = resources.files(__package__).joinpath("phases.yml").read_text("utf-8")
        found = TypeAdapter(list[PhaseInfo]).validate_python(read_yaml(text))
    except (ValidationError, yaml.YAMLError) as error:
        raise ConfigError(f"response/phases.yml: {error}") from error
    if tuple(each.name for each in found) != PHASES:
        raise ConfigError(f"response/phases.yml: the phases have to be {', '.join(PHASES)}, in this order")
    return {each.name: each for each in found}


@cache
def references() -> dict[str, str]:
    """What the ids that steps and phases refer to are called. Raises ConfigError."""
    try:
        text = resources.files(__package__).joinpath("references.yml").read_text("utf-8")
        return TypeAdapter(dict[str, str]).validate_python(read_yaml(text))
    except (ValidationError, yaml.YAMLError) as error:
        raise ConfigError(f"response/references.yml: {error}") from error
