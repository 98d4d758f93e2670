"""What is asked of a part of the benchmark, and the lines of the table that it answers with."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Run:
    """What the command line asked for."""

    events: int
    ten: bool
    rounds: int


@dataclass(frozen=True)
class Row:
    """A line; `passed` is None where there is no limit."""

    measure: str
    value: str
    limit: str = ""
    passed: bool | None = None


def at_most(measure: str, value: float, limit: float, shown: str = "{:.3f}") -> Row:
    """A number that must not be larger."""
    return Row(measure, shown.format(value), f"≤ {shown.format(limit)}", value <= limit)


def at_least(measure: str, value: float, limit: float, shown: str = "{:.2f}") -> Row:
    """A number that must not be smaller."""
    return Row(measure, shown.format(value), f"≥ {shown.format(limit)}", value >= limit)
