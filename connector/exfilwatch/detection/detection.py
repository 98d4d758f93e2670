"""What the engine says of events: a detection, with the rule, the events and the signals that fired."""

from enum import StrEnum

import msgspec

from exfilwatch.events.event import Event, Value

LEVELS = ("informational", "low", "medium", "high", "critical")


def shifted(level: str, steps: int) -> str:
    """The level some steps above (below: negative) another, within what there is."""
    at = LEVELS.index(level) if level in LEVELS else LEVELS.index("medium")
    return LEVELS[min(max(at + steps, 0), len(LEVELS) - 1)]


class RuleInfo(msgspec.Struct, frozen=True):
    """What people need to know of a rule. `attack` holds technique ids (T1020, T1567.002), sorted."""

    id: str
    title: str
    level: str = "medium"
    branch: str = ""
    attack: tuple[str, ...] = ()
    description: str = ""
    guide: str = ""
    falsepositives: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    path: str = ""
    line: int = 0


class Signal(msgspec.Struct, frozen=True):
    """One named selection of a rule on one event, and what it saw.

    `matched` is the text in `field` that satisfied it and `start` its 0-based offset there; both are None
    when the signal did not fire, `start` alone when there is no text position (numbers, existence, CIDR).
    `weight` counts towards the score of a scored rule.
    """

    name: str
    field: str
    matched: str | None = None
    start: int | None = None
    weight: int = 0
    event: str = ""


class Kinship(StrEnum):
    """What is known of the processes behind a match, in words for people."""

    TREE = "of one process tree"
    APART = "of one host, but of different process trees"
    UNTOLD = "of one host; which process started which is not recorded"


class Detection(msgspec.Struct):
    """A rule that fired. `events` are in order of time, then id; `score` is None for a rule without scoring, `kinship`
    for one that asks for no process tree."""

    rule: RuleInfo
    events: list[Event]
    signals: list[Signal]
    fields: dict[str, Value]
    score: int | None = None
    kinship: Kinship | None = None
