"""The `exfilwatch:` block of a rule: the one thing that Sigma lacks. docs/rules.md describes it for people.

Other Sigma tools ignore the block. The rule's condition stays a superset of the scored rule.
"""

from typing import Annotated, Literal

import msgspec

from exfilwatch.errors import RuleError
from exfilwatch.structs import ready

Weight = Annotated[int, msgspec.Meta(ge=1)]
FieldEntry = str | dict[str, str]


class Score(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The rule fires when the weights of the selections that match add up to `threshold`."""

    threshold: Weight
    weights: Annotated[dict[str, Weight], msgspec.Meta(min_length=1)]


class Regular(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of an event_count: its events must come at regular intervals (cadence.py), off by this share of them at most."""

    jitter: Annotated[float, msgspec.Meta(ge=0, le=0.3)]


class New(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of an event_count: only what is new of the group (newness.py): events of the member `by` whose `field` no event
    had in the timespan before. `learned`: days for which a group must be known before anything of it is new."""

    field: Annotated[str, msgspec.Meta(min_length=1)]
    by: Annotated[str, msgspec.Meta(min_length=1)]
    learned: Annotated[int, msgspec.Meta(ge=1)] = 7


class Extension(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The block as written; `fields` are names, or {output name: source}. `graver` and `milder`: conditions over
    selections, under which a finding is one level above the rule's, or one below. `tree`: how a correlation
    asks for one process tree (correlate.py)."""

    branch: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]*\Z", max_length=64)] | None = None
    score: Score | None = None
    fields: tuple[FieldEntry, ...] = ()
    guide: str = ""
    graver: str = ""
    milder: str = ""
    emit: Literal["window", "pair"] = "window"
    tree: Literal["prefer", "require"] | None = None
    regular: Regular | None = None
    new: New | None = None


def extension(block: object) -> Extension:
    """The block, validated; RuleError names every key that is wrong."""
    block = {} if block is None else block
    try:
        return msgspec.convert(block, ready(Extension))
    except msgspec.ValidationError as error:
        # msgspec stops at the first, so each key is asked for alone.
        alone = [{name: value} for name, value in block.items()] if isinstance(block, dict) else []
        wrong = "; ".join(filter(None, map(_wrong, alone))) or _placed(error)
        raise RuleError(f"exfilwatch: {wrong}") from None


def _wrong(block: object) -> str:
    try:
        msgspec.convert(block, ready(Extension))
    except msgspec.ValidationError as error:
        return _placed(error)
    return ""


def _placed(error: msgspec.ValidationError) -> str:
    what, _, place = str(error).partition(" - at `$")
    return f"{place.strip('.`') or 'exfilwatch'}: {what}"
