"""A step of a check: how it went, what was seen, and what to change."""

from enum import StrEnum

import msgspec


class Outcome(StrEnum):
    """`warning`: polling works, and misses or costs something. `failure`: something must be changed."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


class Step(msgspec.Struct, frozen=True):
    """`said`: one sentence; `advice`: what to change, or settings to paste; `details`: the numbers, for programs.

    `unreadable`: the SIEM could not be asked, so that nothing is known of what comes after.
    """

    name: str
    outcome: Outcome
    said: str
    advice: str = ""
    details: dict[str, object] = {}
    unreadable: bool = False


def ok(name: str, said: str, advice: str = "", /, **details: object) -> Step:
    """A step that went well."""
    return Step(name, Outcome.OK, said, advice, details)


def warning(name: str, said: str, advice: str, /, **details: object) -> Step:
    """A step that should be looked at."""
    return Step(name, Outcome.WARNING, said, advice, details)


def failure(name: str, said: str, advice: str = "", /, **details: object) -> Step:
    """A step that shows what must be changed."""
    return Step(name, Outcome.FAILURE, said, advice, details)


def unreadable(name: str, said: str, advice: str = "") -> Step:
    """A step that ends the check."""
    return Step(name, Outcome.FAILURE, said, advice, unreadable=True)
