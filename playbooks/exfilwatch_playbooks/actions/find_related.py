"""Find who else does the same: hosts with the same destination, the same command, or an archive of the same name.

In the SIEM or the files that the finding came from, and among the findings in the store, of the days before and until
now. Commands are the same by their template: without names of files, numbers and dates.
"""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from exfilwatch_playbooks.actions.answer import Answer, as_whole
from exfilwatch_playbooks.actions.context import Context
from exfilwatch_playbooks.actions.inputs import FindingId
from exfilwatch_playbooks.enrichment.enriching import subject_of
from exfilwatch_playbooks.enrichment.related import Kind, related

CHANGES = False
REFERENCES = ("RA2001", "RA2113", "RA2114")


class Input(BaseModel):
    """Like which, and how far back."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"finding": "3fa9c2d1"}, {"finding": "3fa9", "days": 90}]}
    )
    finding: FindingId
    days: int = Field(default=30, ge=1, le=365, description="So many days before it.")
    limit: int = Field(default=200, ge=1, le=2_000, description="So many hosts.")


class Related(BaseModel):
    """Another host that does the same. `what`: the destination, template or name that it shares. Hostile texts."""

    host: str
    by: Kind
    what: str
    users: list[str]
    times: int = Field(description="So many events.")
    first: datetime | None
    last: datetime | None
    findings: list[str] = Field(description="Ids of findings on that host that name it too.")


class Output(Answer):
    """Most alike first: commands, then archives, then destinations."""

    finding: str
    sources: list[str]
    related: list[Related]


async def run(given: Input, context: Context) -> Output:
    """Ask for each thing that the finding shares with others."""
    finding = context.store.get(given.finding)
    subject, history = subject_of(context, given.finding, alone=True)
    try:
        found, problems = await related(subject, history, context.store, given.days, context.clock())
    finally:
        await history.close()
    hosts, unread = len({each.host for each in found}), list(problems)
    shares = "1 other host shares" if hosts == 1 else f"{hosts:,} other hosts share"
    said = f"{shares} something with it" if found else "no other host shares anything with it"
    if len(found) > given.limit:
        problems.append(f"only {given.limit:,} of {len(found):,}: raise limit")
    return Output(
        summary=as_whole(said, unread),
        problems=problems,
        finding=finding.id,
        sources=list(history.names),
        related=[Related(**each._asdict()) for each in found[: given.limit]],
    )
