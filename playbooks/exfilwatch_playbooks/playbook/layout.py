"""Where the steps stand when the playbook is drawn: one line downwards, and beside it what few go through."""

from collections.abc import Mapping
from typing import NamedTuple

from exfilwatch_playbooks.playbook.model import Playbook, Step, Together, branches
from exfilwatch_playbooks.playbook.wiring import END


class Place(NamedTuple):
    """Counted from 0, rightwards and downwards."""

    column: int
    row: int


def placed(playbook: Playbook) -> Mapping[str, Place]:
    """The place of each node, and of the end."""
    places: dict[str, Place] = {}
    free: dict[int, int] = {}
    last = _line(playbook.steps, 0, 0, places, free)
    places[END] = Place(0, last)
    return places


def _line(steps: list[Step], column: int, row: int, places: dict[str, Place], free: dict[int, int]) -> int:
    """Place steps from a row on downwards; the row after them. `free`: the first free row of each column."""
    for step in steps:
        row = max(row, free.get(column, 0))
        if isinstance(step, Together):
            for each in step.together:
                places[each.id] = Place(column, row)
                row += 1
            free[column] = row
            continue
        places[step.id] = Place(column, row)
        row += 1
        free[column] = row
        below = [(way, some) for way, some in branches(step) if some]
        straight = next((some for way, some in below if way != "failure"), [])
        aside = row if straight else row - 1
        for _, some in below:
            if some is not straight:
                aside = _line(some, column + 1, aside, places, free)
        row = max(_line(straight, column, row, places, free), aside if straight else row)
    return row
