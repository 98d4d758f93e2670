"""The `exfilwatch:` block of a rule: the one thing that Sigma lacks. docs/rules.md describes it for people.

Other Sigma tools ignore the block. The rule's condition stays a superset of the scored rule.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from exfilwatch.errors import RuleError

Weight = Annotated[int, Field(strict=True, ge=1)]
FieldEntry = str | dict[str, str]


class Score(BaseModel):
    """The rule fires when the weights of the selections that match add up to `threshold`."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    threshold: Weight
    weights: Annotated[dict[str, Weight], Field(min_length=1)]


class Extension(BaseModel):
    """The block as written; `fields` are names, or {output name: source}."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    branch: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=64)] | None = None
    score: Score | None = None
    fields: tuple[Annotated[FieldEntry, Field(union_mode="left_to_right")], ...] = ()
    guide: str = ""
    emit: Literal["window", "pair"] = "window"


def extension(block: object) -> Extension:
    """The block, validated; RuleError names every key that is wrong."""
    try:
        return Extension.model_validate({} if block is None else block)
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(str(part) for part in each['loc']) or 'exfilwatch'}: {each['msg']}" for each in error.errors()
        )
        raise RuleError(f"exfilwatch: {wrong}") from None
