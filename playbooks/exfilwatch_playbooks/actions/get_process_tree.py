"""Get the tree of processes around a finding: who started them, and what these started.

From the starts of processes on its host, in the SIEM or the files that it came from. Processes are told apart by their
ProcessGuid, else by process id and start.
"""

from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field

from exfilwatch.detection.ancestry import Started, ancestry
from exfilwatch.detection.trees import STARTS
from exfilwatch.events.timestamps import to_datetime
from exfilwatch.polling.around import ask_host, of_host
from exfilwatch_playbooks.actions.answer import Answer, as_whole
from exfilwatch_playbooks.actions.context import Context
from exfilwatch_playbooks.actions.inputs import FindingId
from exfilwatch_playbooks.actions.sources import Asked, Places, span_around
from exfilwatch_playbooks.actions.stored import stored_event
from exfilwatch_playbooks.report.wording import counted

CHANGES = False
REFERENCES = ("D3-PA", "RA2401")
_LONGEST = 8_192  # characters of a command line


class Input(BaseModel):
    """Around which finding, and how far."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"finding": "3fa9c2d1"}, {"finding": "3fa9", "hours": 72}]}
    )
    finding: FindingId
    hours: float = Field(default=24, gt=0, le=720, description="So long before it, for who started its processes.")
    minutes: int = Field(default=60, ge=0, le=1440, description="So long after it, for what these started.")
    siem: str = Field(default="", description="Names of SIEMs, with commas between. Default: where it came from.")
    limit: int = Field(default=300, ge=1, le=5_000, description="So many processes.")


class Shown(BaseModel):
    """A process. Its texts are hostile, as they were logged. `evidence`: an event of the finding is its own.

    `seen`: an event of it is known; else it is named by a child only. `time`: its start, where that is known.
    """

    depth: int
    program: str | None
    command_line: str | None
    user: str | None
    time: datetime | None
    process_id: str | None
    evidence: bool
    seen: bool
    id: str
    parent: str


class Output(Answer):
    """The processes, each after its parent; `depth` is 0 for the topmost."""

    finding: str
    host: str | None
    sources: list[str]
    processes: list[Shown]


async def run(given: Input, context: Context) -> Output:
    """Ask for the starts, and put them together with the finding's own events."""
    finding = context.store.get(given.finding)
    span = span_around(finding, timedelta(hours=given.hours), timedelta(minutes=given.minutes))
    asked = Asked([], [], ["it names no host: only its own events are known"])
    if finding.host:
        ask, wanted = ask_host(finding.host, span, starts=True), of_host(finding.host, span, STARTS)
        asked = await Places(context, finding, given.siem).events(ask, wanted)
    own = [stored_event(event) for event in finding.events if event.host == finding.host]
    events = list({event.id: event for event in (*own, *asked.events)}.values())
    found, count = ancestry(events, frozenset(event.id for event in own), given.limit)
    problems = list(asked.problems)
    if count > len(found):
        problems.append(f"only {len(found):,} of {count:,} processes: raise limit")
    if not found:
        problems.append("none of its events names a process")
    said = f"{counted(count, 'process', 'processes')} on {finding.host or 'an unknown host'}"
    return Output(
        summary=as_whole(said, asked.problems),
        problems=problems,
        finding=finding.id,
        host=finding.host,
        sources=asked.places,
        processes=[_shown(each) for each in found],
    )


def _shown(each: Started) -> Shown:
    def text(field: str) -> str | None:
        value = each.event.get(field if each.seen else f"Parent{field}")
        written = "" if value is None or isinstance(value, list | dict) else str(value)
        return None if written in ("", "-") else written[:_LONGEST]

    image = text("Image")
    return Shown(
        depth=each.depth,
        program=image.replace("\\", "/").rsplit("/", 1)[-1] if image else None,
        command_line=text("CommandLine"),
        user=text("User"),
        time=to_datetime(each.event.time) if each.seen and each.event.category == STARTS else None,
        process_id=text("ProcessId"),
        evidence=each.sought,
        seen=each.seen,
        id=each.process,
        parent=each.parent,
    )
