"""What every action answers, beside its own results."""

from collections.abc import Sequence

from pydantic import BaseModel, Field


class Answer(BaseModel):
    """`summary` is plain text on one line, in which hostile text may stand: escape it for where it goes."""

    summary: str = Field(description="What came of it, in a sentence.")
    problems: list[str] = Field(default=[], description="What could not be done or read; the rest of the answer holds.")


def as_whole(summary: str, problems: Sequence[object]) -> str:
    """The summary, which says so where not all could be looked at."""
    return f"{summary}; not all could be looked at: see the problems" if problems else summary


class Change(Answer):
    """The answer of an action that changes something."""

    changed: bool = Field(description="Whether something was changed; of a dry run, whether something would be.")


class CaseState(BaseModel):
    """An incident's case in a case system, as it was there when it was looked at last."""

    system: str = Field(description="The case system's name.")
    case_id: str = Field(description="The case's id there.")
    url: str = Field(description="Where people look at it.")
    status: str = Field(description="open, closed, or gone: it can't be found there any more.")


class CaseChange(Change):
    """The answer of an action about a case. `case_id` and `url` are empty where there is no case."""

    incident: str = Field(description="The incident's whole id.")
    system: str = Field(description="The case system's name.")
    case_id: str = Field(description="The case's id there.")
    url: str = Field(description="Where people look at it.")
