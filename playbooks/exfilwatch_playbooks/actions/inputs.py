"""Inputs that several actions share. All are flat scalars, as every platform can give them."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, Field

from exfilwatch.detection.detection import LEVELS
from exfilwatch.written import duration, listed, moment

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _a_moment(text: str) -> str:
    if text.strip():
        moment(text, datetime.now(UTC))
    return text.strip()


def _an_end(text: str) -> str:
    if text.strip().lower() == "now":
        return "now"
    end(text, datetime.now(UTC))
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
IncidentId: TypeAlias = Annotated[
    str,
    Field(description="An incident's id, or the beginning of it.", min_length=1, max_length=64, pattern=r"^\s*\w+\s*$"),
]
CaseSystemName: TypeAlias = Annotated[
    str, Field(description="The case system's name in the settings; else the default one.")
]
Moment: TypeAlias = Annotated[str, AfterValidator(_a_moment), Field(max_length=64)]
"""A time as people write it; empty for none."""
End: TypeAlias = Annotated[str, AfterValidator(_an_end), Field(max_length=64)]
"""A time to come, as people write it; or `now`."""
Level: TypeAlias = Annotated[str, AfterValidator(_a_level), Field(max_length=32)]
"""One of Sigma's levels; empty for any."""
Reason: TypeAlias = Annotated[str, AfterValidator(_a_reason), Field(max_length=4000)]
DryRun: TypeAlias = Annotated[bool, Field(description="Only say what would be changed.")]


def at(text: str, now: datetime) -> datetime | None:
    """The time that a Moment means; None when it is empty."""
    return moment(text, now) if text else None


def end(text: str, now: datetime) -> datetime:
    """The time that an End means: a length of time from now, a day or a time. Raises ValueError.

    Lengths are rounded up, to days or minutes, so that the same again soon after is the same end.
    """
    try:
        length = duration(text)
    except ValueError:
        length = None
    if length is not None:
        over = now + length
        step = timedelta(days=1) if length >= timedelta(days=1) else timedelta(minutes=1)
        return over + (_EPOCH - over) % step
    try:
        time = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError("use a length of time such as 14d, or 2026-12-31, or 2026-12-31T18:00Z") from None
    return (time.replace(tzinfo=UTC) if time.tzinfo is None else time).astimezone(UTC)


def names(text: str) -> list[str]:
    """The items of a text with commas between, each once."""
    found = listed(text)
    assert isinstance(found, list)
    return list(dict.fromkeys(found))
