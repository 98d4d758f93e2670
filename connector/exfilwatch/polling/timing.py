"""What a sample says of clocks and of how late events come, and which poll settings follow from that. Pure."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from exfilwatch.polling.advising import span
from exfilwatch.polling.runs import Lateness, lateness
from exfilwatch.polling.sampling import Noted, Taken
from exfilwatch.polling.steps import Step, ok, warning
from exfilwatch.siem.siem import SECOND, Clock

_APART = 30.0  # seconds between the SIEM's clock and ours that nobody minds
_AHEAD = 60.0  # seconds that an event may be ahead
_HALF_HOUR = 1800.0
_NEAR = 300.0  # seconds from a whole half hour that count as on it
_MOST_ZONES = 14 * 3600.0
_OF_A_HOST = 3  # events from which on a host's clock is judged
_SHOWN = 5
_LENGTHS = (
    *(
        ("30s", 30),
        ("1m", 60),
        ("2m", 120),
        ("5m", 300),
        ("15m", 900),
        ("30m", 1800),
        ("1h", 3600),
        ("2h", 7200),
        ("6h", 21_600),
    ),
    *(("12h", 43_200), ("1d", 86_400), ("2d", 172_800), ("7d", 604_800), ("14d", 1_209_600), ("30d", 2_592_000)),
)
_FILES = "10s"
_PACES = ((60, "1m"), (600, "5m"), (3600, "15m"))


class Plan(NamedTuple):
    """How the source is polled, in seconds. `default`: the look-back when the settings say nothing."""

    name: str
    clock: Clock
    ingest_time: bool
    lookback: float | None
    default: float
    late: float


def own_clock(ahead: float) -> Step:
    """The SIEM's clock against ours: `ahead` in seconds."""
    details = {"ahead": round(ahead, 3)}
    if abs(ahead) <= _APART:
        return ok("clock", "the SIEM's clock and ours agree", **details)
    direction = "ahead of" if ahead > 0 else "behind"
    return warning(
        "clock",
        f"the SIEM's clock is {span(abs(ahead))} {direction} ours",
        "polls go by the SIEM's, so that nothing is missed; set the wrong one by NTP",
        **details,
    )


def clocks(events: Sequence[Noted], now: int) -> list[Step]:
    """Hosts whose events are of the future, or off by whole hours: clocks, and zones that were left out."""
    offs = _offsets(events, now)
    zones = {host: off for host, off in offs.items() if _is_zone(off)}
    fast = {host: off for host, off in offs.items() if off < -_AHEAD and host not in zones}
    steps = []
    if zones:
        steps.append(
            warning(
                "clock",
                f"times of {_hosts(zones)} are off by whole hours: local time that was read as UTC",
                "send times with their zone, or set the source's time zone (TZ in Splunk's props.conf, the ingest "
                "pipeline's date processor, Sumo Logic's source), or let the source write UTC",
                zones={host: round(off) for host, off in zones.items()},
            )
        )
    if fast:
        steps.append(
            warning(
                "clock",
                f"the clock of {_hosts(fast)} is ahead",
                "set their clocks by NTP; up to a day ahead, nothing is missed",
                fast={host: round(off) for host, off in fast.items()},
            )
        )
    return steps


def _hosts(offs: dict[str, float]) -> str:
    shown = ", ".join(
        f"{host or 'unknown hosts'} ({-off / 3600:+.1f} h)" for host, off in sorted(offs.items())[:_SHOWN]
    )
    more = len(offs) - _SHOWN
    return f"{shown} and {more:,} more" if more > 0 else shown


def _offsets(events: Iterable[Noted], now: int) -> dict[str, float]:
    """By host, the middle of how late its events are, s; where no event says when it was taken in, at most how late."""
    late: dict[str, list[float]] = {}
    for each in events:
        if each.time is not None and (each.ingest_time is not None or each.time > now):
            known = now if each.ingest_time is None else each.ingest_time
            late.setdefault(each.host, []).append((known - each.time) / SECOND)
    return {host: middle for host, found in late.items() if (middle := _steady(found)) is not None}


def _steady(found: list[float]) -> float | None:
    """The middle of what differs little: batches make events late by anything, a wrong clock by one thing."""
    ordered = sorted(found)
    most = ordered[len(ordered) // 10 : len(ordered) - len(ordered) // 10]
    steady = len(ordered) >= _OF_A_HOST and most[-1] - most[0] <= _NEAR
    return ordered[len(ordered) // 2] if steady else None


def _is_zone(off: float) -> bool:
    halves = round(off / _HALF_HOUR)
    return halves != 0 and abs(off - halves * _HALF_HOUR) <= _NEAR and abs(off) <= _MOST_ZONES + _NEAR


def late(events: Iterable[Noted], plan: Plan) -> list[Step]:
    """How late events come, and the settings that suit that."""
    found = [
        (each.ingest_time - each.time) / SECOND
        for each in events
        if each.ingest_time is not None and each.time is not None
    ]
    known = lateness(found)
    steps = []
    if known is None:
        steps.append(ok("lateness", "unknown: the events don't say when they were taken in"))
    else:
        said = f"{span(known.p50)} (p50), {span(known.p99)} (p99), {span(known.max)} (max), of {len(found):,} events"
        numbers = {"p50": known.p50, "p99": known.p99, "max": known.max, "events": len(found)}
        steps.append(ok("lateness", said, **numbers))
    return [*steps, settings(known, plan)]


def settings(known: Lateness | None, plan: Plan) -> Step:
    """The settings that follow, as TOML; a warning when those in force miss something."""
    lines, why = [f"[siem.{plan.name}]"], []
    most = max(0.0, known.max) if known else 0.0
    by_ingest = plan.clock is Clock.INGEST
    if plan.ingest_time and not by_ingest:
        why.append("it knows when it took events in, and polling by that misses no late ones")
    lines.append(f'clock = "{"ingest" if plan.ingest_time else "event"}"')
    # What is left to a poll follows what it sees, up to `late`.
    left_to_it = plan.default if by_ingest else max(plan.default, min(most, plan.late))
    lookback = left_to_it if plan.lookback is None else plan.lookback
    needed = plan.default if by_ingest or plan.ingest_time else max(most, plan.default if known is None else 0.0)
    if lookback < needed:
        what = "records may be found later than that" if by_ingest else f"events come {span(most)} late"
        why.append(f"lookback is {span(lookback)}, and {what}")
    lines.append(f'lookback = "{_length(max(needed, lookback))}"')
    if most > plan.late:
        why.append(f"late is {span(plan.late)}, and events come {span(most)} late: halves farther apart are not joined")
        lines.append(f'late = "{_length(most)}"')
    pace = next((text for most_late, text in _PACES if (known.p50 if known else 300.0) < most_late), "30m")
    lines.append(f"# exfilwatch poll {plan.name} --every {pace}")
    toml = "\n".join(lines)
    if why:
        return warning("settings", "; ".join(why), toml, toml=toml, every=pace)
    return ok("settings", "those in force suit this", toml, toml=toml, every=pace)


def pace(name: str) -> Step:
    """How often to read files: what is new in them costs little."""
    return ok("settings", "those in force suit this", f"# exfilwatch poll {name} --every {_FILES}", every=_FILES)


def _length(seconds: float) -> str:
    return next((text for text, size in _LENGTHS if size >= seconds), "30d")


def volume(hour: Taken, size: int, *, everything: bool) -> Step:
    """What a poll would fetch in a day, by the last hour. `size`: bytes that came."""
    what = "all records" if everything else "candidates"
    if hour.problem and not hour.records:
        return warning("volume", f"the last hour could not be read at once: {hour.problem}", "polls read it in parts")
    count, a_day = len(hour.records), len(hour.records) * 24
    if not hour.whole:
        advice = "" if not everything else 'set pushdown = "candidates"'
        make = warning if advice else ok
        return make("volume", f"more than {a_day:,} {what} a day", advice, records_a_day_above=a_day)
    said = f"about {a_day:,} {what} ({size * 24 / 1e6:,.1f} MB) a day, by the last hour"
    return ok("volume", said, records_an_hour=count, bytes_an_hour=size)
