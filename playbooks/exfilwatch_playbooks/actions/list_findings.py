"""List the findings that are kept, newest first.

Host and user compare as in incidents: ws1 is WS1.corp.local, anna is CORP\\anna.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from exfilwatch.findings.finding import Finding
from exfilwatch.findings.marks import Mark
from exfilwatch_playbooks.actions.answer import Answer, CaseState
from exfilwatch_playbooks.actions.context import Context
from exfilwatch_playbooks.actions.inputs import Level, Moment, at
from exfilwatch_playbooks.report.wording import counted
from exfilwatch_playbooks.response.facts import facts

CHANGES = False


class Input(BaseModel):
    """Each that is given narrows the list."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"level": "high", "since": "7d"}, {"host": "ws-07", "limit": 10}]}
    )
    host: str = Field(default="", description="Of this host.")
    user: str = Field(default="", description="Of this user.")
    rule: str = Field(default="", description="A rule's id, title or branch.")
    level: Level = Field(default="", description="This level and above.")
    incident: str = Field(default="", description="Of this incident: its id or the beginning of it.")
    since: Moment = Field(default="", description="From this time on: 2026-03-12, 2026-03-12T09:14Z, 24h (ago).")
    until: Moment = Field(default="", description="Before this time.")
    limit: int = Field(default=100, ge=1, le=10_000, description="So many of the newest.")


class Listed(BaseModel):
    """A finding in a list. `evidence` is hostile text, as it was logged; `cases` are those of its incident."""

    SHOWN: ClassVar = ("id", "time", "level", "rule", "host", "user", "destination", "evidence", "program", "branch")
    id: str
    time: datetime | None
    level: str
    rule: str
    branch: str
    attack: list[str]
    host: str | None
    user: str | None
    program: str | None
    destination: str | None
    evidence: str
    mark: Mark | None
    cases: list[CaseState] = []


class Output(Answer):
    """The findings."""

    findings: list[Listed]


async def run(given: Input, context: Context) -> Output:
    """Ask the store."""
    from exfilwatch_playbooks.cases.standing import cases_of

    now = context.clock()
    found = context.store.find(
        host=given.host or None,
        user=given.user or None,
        rule=given.rule or None,
        level=given.level or None,
        since=at(given.since, now),
        until=at(given.until, now),
        incident=given.incident or None,
        limit=given.limit,
    )
    marks = context.store.marks(each.id for each in found)
    count = counted(len(found), "finding")
    cases = cases_of(context.store, [each.id for each in found])
    made = [listed(each, marks.get(each.id), cases.get(each.id, ())) for each in found]
    return Output(summary=count, findings=made)


def listed(finding: Finding, mark: Mark | None = None, cases: Sequence[CaseState] = ()) -> Listed:
    """A finding as lists have it."""
    known = facts(finding)
    return Listed(
        id=finding.id,
        time=finding.time,
        level=finding.rule.level,
        rule=finding.rule.title,
        branch=finding.rule.branch,
        attack=finding.rule.attack,
        host=finding.host,
        user=finding.user,
        program=known.program,
        destination=known.destination,
        evidence=_telling(finding),
        mark=mark,
        cases=list(cases),
    )


def _telling(finding: Finding) -> str:
    for field in ("CommandLine", "ScriptBlockText", "Payload", "TargetFilename", "TaskName"):
        for event in finding.events:
            if event.fields.get(field):
                return str(event.fields[field])
    return ""
