"""Inputs that several actions share. All are flat scalars, as every platform can give them."""

from datetime import UTC, datetime
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, Field

from exfilwatch.detection.detection import LEVELS
from exfilwatch.written import listed, moment


def _a_moment(text: str) -> str:
    if text.strip():
        moment(text, datetime.now(UTC))
    return text.strip()


def _a_level(text: str) -> str:
    level = text.strip().lower()
    if level and level not in LEVELS:
        raise ValueError(f"use one of {', '.join(LEVELS)}")
    return level


def _a_reason(text: str) -> str:
    if not text.strip():
        raise ValueError("say why, for whoever reads it later")
    return text.strip()


FindingId: TypeAlias = Annotated[
    str,
    Field(description="A finding's id, or the beginning of it.", min_length=1, max_length=64, pattern=r"^\s*\w+\s*$"),
]
Moment: TypeAlias = Annotated[str, AfterValidator(_a_moment), Field(max_length=64)]
"""A time as people write it; empty for none."""
Level: TypeAlias = Annotated[str, AfterValidator(_a_level), Field(max_length=32)]
"""One of Sigma's levels; empty for any."""
Reason: TypeAlias = Annotated[str, AfterValidator(_a_reason), Field(max_length=4000)]
DryRun: TypeAlias = Annotated[bool, Field(description="Only say what would be changed.")]


def at(text: str, now: datetime) -> datetime | None:
    """The time that a Moment means; None when it is empty."""
    return moment(text, now) if text else None


def names(text: str) -> list[str]:
    """The items of a text with commas between, each once."""
    found = listed(text)
    assert isinstance(found, list)
    return list(dict.fromkeys(found))
