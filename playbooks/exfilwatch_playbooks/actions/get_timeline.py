"""Get what a finding's host and user did around it, from the SIEM or the files that it came from.

All events of the host in a span of time before and after the finding; of the user on other hosts, process starts and
connections.
"""

from datetime import datetime, timedelta
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from exfilwatch.errors import SourceError
from exfilwatch.events.event import Event
from exfilwatch.events.timestamps import to_datetime
from exfilwatch.findings.node import user_key
from exfilwatch.polling.around import ask_host, ask_user, of_host, of_user
from exfilwatch_playbooks.actions.answer import Answer, as_whole
from exfilwatch_playbooks.actions.context import Context
from exfilwatch_playbooks.actions.inputs import FindingId
from exfilwatch_playbooks.actions.sources import Asked, Places, span_around
from exfilwatch_playbooks.report.wording import counted

CHANGES = False
REFERENCES = ("RA2113", "RA2114", "RA2401")
_TELLING = (
    "CommandLine", "ScriptBlockText", "Payload", "TargetFilename", "TaskName", "QueryName", "c-uri",
    "DestinationIp", "Image",
)  # fmt: skip
_LONGEST = 8_192  # characters of what an event tells


class Input(BaseModel):
    """Around which finding, and how far."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"finding": "3fa9c2d1", "minutes": 30}]})
    finding: FindingId
    minutes: int = Field(default=15, ge=1, le=1440, description="So long before and after it.")
    siem: str = Field(default="", description="Names of SIEMs, with commas between. Default: where it came from.")
    elsewhere: bool = Field(default=False, description="Also what the user did on other hosts.")
    limit: int = Field(default=500, ge=1, le=10_000, description="So many of the nearest events.")


class Happened(BaseModel):
    """An event. `what` is hostile text, as it was logged; `evidence`: the finding is made of it."""

    SHOWN: ClassVar = ("time", "host", "user", "program", "what", "destination", "evidence", "category")
    time: datetime | None
    host: str | None
    user: str | None
    category: str
    program: str | None
    what: str
    destination: str | None
    evidence: bool
    of_user: bool
    source: str
    id: str


class Output(Answer):
    """The events, oldest first."""

    finding: str
    host: str | None
    user: str | None
    sources: list[str]
    events: list[Happened]


async def run(given: Input, context: Context) -> Output:
    """Ask for the host, and for the user."""
    finding = context.store.get(given.finding)
    places = Places(context, finding, given.siem)
    span = span_around(finding, timedelta(minutes=given.minutes), timedelta(minutes=given.minutes))
    asked = Asked([], [], [])
    if finding.host:
        asked = await places.events(ask_host(finding.host, span), of_host(finding.host, span))
    if asked.problems and not asked.places:
        raise SourceError("; ".join(asked.problems))
    if given.elsewhere and finding.user and (asked.places or not finding.host):
        more = await places.events(ask_user(finding.user, span), of_user(finding.user, span))
        asked = Asked([*asked.events, *more.events], asked.places or more.places, asked.problems + more.problems)
    known = {event.id for event in finding.events}
    unique = {event.id: event for event in asked.events}
    events = _nearest(list(unique.values()), known, given.limit)
    problems = list(asked.problems)
    if len(unique) > len(events):
        problems.append(f"only the {len(events):,} nearest of {len(unique):,} events: raise limit or lower minutes")
    key = user_key(finding.user)
    where = finding.host or "an unknown host"
    return Output(
        summary=as_whole(f"{counted(len(unique), 'event')} within {given.minutes} minutes on {where}", asked.problems),
        problems=list(dict.fromkeys(problems)),
        finding=finding.id,
        host=finding.host,
        user=finding.user,
        sources=asked.places,
        events=[happened(event, known, key) for event in events],
    )


def _nearest(events: list[Event], known: set[str], limit: int) -> list[Event]:
    """So many events, the finding's own and those nearest to them first; in order of time."""
    times = [event.time or 0 for event in events if event.id in known] or [0]
    low, high = min(times), max(times)

    def distance(event: Event) -> tuple[bool, int]:
        time = event.time or 0
        return event.id not in known, max(low - time, time - high, 0)

    kept = sorted(events, key=distance)[:limit] if len(events) > limit else events
    return sorted(kept, key=lambda event: (event.time or 0, event.id))


def happened(event: Event, known: set[str], user: str | None) -> Happened:
    """An event as a timeline has it."""
    name = _text(event, "User")
    image = _text(event, "Image")
    address, port = (
        _text(event, "DestinationHostname") or _text(event, "DestinationIp"),
        _text(event, "DestinationPort"),
    )
    return Happened(
        time=to_datetime(event.time),
        host=event.host,
        user=name,
        category=event.category,
        program=image.replace("\\", "/").rsplit("/", 1)[-1] if image else None,
        what=next((text[:_LONGEST] for field in _TELLING if (text := _text(event, field))), ""),
        destination=f"{address}:{port}" if address and port else address,
        evidence=event.id in known,
        of_user=bool(user) and name is not None and user_key(name) == user,
        source=event.origin.source,
        id=event.id,
    )


def _text(event: Event, field: str) -> str | None:
    value = event.get(field)
    text = "" if value is None or isinstance(value, list | dict) else str(value)
    return None if text in ("", "-") else text
