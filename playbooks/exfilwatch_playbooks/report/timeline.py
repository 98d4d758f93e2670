"""The timeline as a drawing: lanes of what happened over time. Pure geometry; the template draws it as SVG.

Time runs evenly within a burst. Where bursts are few and far between, what lies between them is left out and its length
is written there; else the whole is one even axis. What would be drawn upon each other is one dot with a count, so that
a drawing is small however many events there are.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from exfilwatch.findings.incident import rank
from exfilwatch_playbooks.report.material import Happening, Material
from exfilwatch_playbooks.report.story import LANES, lane
from exfilwatch_playbooks.report.wording import clock, counted, day, lasting, listed, short

WIDTH, _LEFT, _RIGHT, _TOP, _LANE = 960, 104, 24, 46, 44
_BREAK = 74  # what a gap takes, in units of the drawing
_BURSTS = 6
_DOT = 18  # dots that are nearer than this are one
_NAMED = 78  # what the label of a time takes
_FINE = timedelta(seconds=10)
"""A shorter incident has milliseconds on its axis."""


@dataclass(frozen=True)
class Dot:
    """`count` events around `x`, in a lane; `said` in words."""

    x: float
    y: float
    radius: float
    level: str
    count: int
    said: str


@dataclass(frozen=True)
class Tick:
    """A time on the axis: `x`, the time, the day where it is another than before."""

    x: float
    time: str
    day: str


@dataclass(frozen=True)
class Break:
    """Time left out between two bursts, from `x` on for `width`."""

    x: float
    width: float
    said: str


@dataclass(frozen=True)
class Timeline:
    """`lanes`: name and y of each; `said`: the whole in a sentence, for who can't see it."""

    width: int
    height: int
    left: int
    lanes: tuple[tuple[str, float], ...]
    dots: tuple[Dot, ...]
    ticks: tuple[Tick, ...]
    breaks: tuple[Break, ...]
    untimed: int
    said: str


def timeline(material: Material) -> Timeline | None:
    """The drawing of an incident; None when no event has a time."""
    timed = [(each.time, each) for each in material.happenings if each.time]
    if not timed:
        return None
    bursts = _bursts([time for time, _ in timed])
    axis, breaks = _axis(bursts)
    fine = bursts[0][1] - bursts[0][0] < _FINE and len(bursts) == 1
    used = [name for name in LANES if any(lane(each) == name for _, each in timed)]
    heights = {name: _TOP + _LANE * (at + 0.5) for at, name in enumerate(used)}
    dots: list[Dot] = []
    for name in used:
        mine = [(_at(axis, time), each) for time, each in timed if lane(each) == name]
        dots += _dots(mine, heights[name], LANES[name])
    start, end = timed[0][0], timed[-1][0]
    return Timeline(
        width=WIDTH,
        height=_TOP + _LANE * len(used) + 14,
        left=_LEFT,
        lanes=tuple((LANES[name], heights[name]) for name in used),
        dots=tuple(dots),
        ticks=tuple(_ticks(axis, fine)),
        breaks=tuple(breaks),
        untimed=len(material.happenings) - len(timed),
        said=(
            f"{counted(len(timed), 'event')} from {day(start)} {clock(start)} to {day(end)} {clock(end)} UTC: "
            + ", ".join(f"{LANES[name]} {sum(lane(each) == name for _, each in timed):,}" for name in used)
            + ". The list below tells the same."
        ),
    )


@dataclass(frozen=True)
class _Stretch:
    """Times from `start` to `end` lie evenly from `x` on for `width`."""

    start: datetime
    end: datetime
    x: float
    width: float


def _bursts(times: Sequence[datetime]) -> list[tuple[datetime, datetime]]:
    """First and last time of each burst; one burst where there would be too many. `times` are in order."""
    whole = times[-1] - times[0]
    far = max(whole / 8, timedelta(seconds=2))
    bursts = [(times[0], times[0])]
    for time in times[1:]:
        if time - bursts[-1][1] > far:
            bursts.append((time, time))
        else:
            bursts[-1] = (bursts[-1][0], time)
    covered = sum(((end - start) for start, end in bursts), timedelta())
    return bursts if 1 < len(bursts) <= _BURSTS and covered < whole / 3 else [(times[0], times[-1])]


def _axis(bursts: Sequence[tuple[datetime, datetime]]) -> tuple[list[_Stretch], list[Break]]:
    room = WIDTH - _LEFT - _RIGHT - _BREAK * (len(bursts) - 1)
    weights = [1 + math.log1p((end - start).total_seconds()) for start, end in bursts]
    stretches: list[_Stretch] = []
    breaks: list[Break] = []
    x = float(_LEFT)
    for (start, end), weight in zip(bursts, weights, strict=True):
        if stretches:
            breaks.append(Break(round(x, 1), _BREAK, lasting(start - stretches[-1].end)))
            x += _BREAK
        width = room * weight / sum(weights)
        stretches.append(_Stretch(start, end, x, width))
        x += width
    return stretches, breaks


def _at(axis: Sequence[_Stretch], time: datetime) -> float:
    stretch = next((each for each in axis if time <= each.end), axis[-1])
    span = (stretch.end - stretch.start).total_seconds()
    # Beside hours a burst of less than a second is a moment.
    share = (time - stretch.start).total_seconds() / span if span >= 1 or (span and len(axis) == 1) else 0.5
    margin = min(20.0, stretch.width / 4)
    return stretch.x + margin + share * (stretch.width - 2 * margin)


def _dots(placed: Sequence[tuple[float, Happening]], y: float, name: str) -> list[Dot]:
    groups: list[list[tuple[float, Happening]]] = []
    for x, happening in placed:
        if groups and x - groups[-1][0][0] < _DOT:
            groups[-1].append((x, happening))
        else:
            groups.append([(x, happening)])
    dots: list[Dot] = []
    for group in groups:
        happenings = [each for _, each in group]
        first, last = happenings[0].time, happenings[-1].time
        programs = listed(short(each.program, 60) for each in happenings if each.program)
        span = clock(first) if clock(first) == clock(last) else f"{clock(first)}–{clock(last)}"
        dots.append(
            Dot(
                x=round(sum(x for x, _ in group) / len(group), 1),
                y=y,
                radius=round(min(15, 6 + 2.2 * math.log2(len(group))) if len(group) > 1 else 6, 1),
                level=max((each.level for each in happenings), key=rank),
                count=len(group),
                said=f"{span}: {counted(len(group), 'event')}, {name.lower()}" + (f": {programs}" if programs else ""),
            )
        )
    return dots


def _ticks(axis: Sequence[_Stretch], fine: bool) -> list[Tick]:
    """Times at the ends of each stretch, and between where there is room."""
    ticks: list[Tick] = []
    before = ""
    for stretch in axis:
        span = stretch.end - stretch.start
        is_moment = span < timedelta(seconds=1) and len(axis) > 1
        parts = 0 if is_moment or not span else max(1, min(6, int(stretch.width // _NAMED) - 1))
        for step in [span * at / parts for at in range(parts + 1)] if parts else [timedelta()]:
            time = stretch.start + step
            named = day(time)
            said = f"{clock(time)}.{time.microsecond // 1000:03}" if fine and span else clock(time)
            ticks.append(Tick(round(_at(axis, time), 1), said, named if named != before else ""))
            before = named
    return ticks
