"""Explain a finding: which parts of its rule matched, where in which event, and which did not.

From its events as they are read again where they came from, else as they were kept.
"""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from exfilwatch.detection.explain import RuleExplanation, explain
from exfilwatch.events.event import Event
from exfilwatch.events.report import Report
from exfilwatch.events.timestamps import to_datetime
from exfilwatch.findings.finding import Finding
from exfilwatch_playbooks.actions.answer import Answer
from exfilwatch_playbooks.actions.context import Context
from exfilwatch_playbooks.actions.inputs import FindingId
from exfilwatch_playbooks.actions.stored import events_of

CHANGES = False
REFERENCES = ("D3-PA", "D3-SEA")


class Input(BaseModel):
    """Which."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"finding": "3fa9c2d1"}]})
    finding: FindingId


class Said(BaseModel):
    """What a selection of a rule says of an event. `matched` is hostile text from `field`; None where it did not match.

    `start`: the 0-based offset of the text in the field, where it stands there.
    """

    event: str
    rule: str
    fired: bool
    selection: str
    field: str
    matched: str | None
    start: int | None
    weight: int


class Seen(BaseModel):
    """An event of the finding."""

    id: str
    time: datetime | None
    host: str | None
    category: str
    source: str
    line: int


class Output(Answer):
    """The rule with its guide, and what it saw."""

    finding: str
    rule: str
    level: str
    description: str = Field(description="What the rule is for.")
    guide: str = Field(description="What to look at, as its author says; Markdown.")
    falsepositives: list[str] = Field(description="What can be harmless.")
    attack: list[str]
    score: int | None
    threshold: int | None
    events: list[Seen]
    signals: list[Said]


async def run(given: Input, context: Context) -> Output:
    """Evaluate the rules on the finding's events once more."""
    found = context.store.get(given.finding)
    report = Report()
    events, missing = events_of(found, report)
    where = (
        [f"{', '.join(missing)}: the events are no longer there"] if missing and not _polled(missing, context) else []
    )
    info = next((each for each in context.rules.infos if each.id == found.rule.id), None)
    if info is None:
        where.append(f"the rule {found.rule.id} is not loaded: what other rules say of its events")
    judged = [(event, each) for event in events for each in _telling(found, context, event)]
    matched = sum(signal.matched is not None for _, each in judged for signal in each.signals)
    return Output(
        summary=f"{found.rule.title}: {matched} of {sum(len(each.signals) for _, each in judged)} parts matched",
        problems=where,
        finding=found.id,
        rule=found.rule.title,
        level=found.rule.level,
        description=info.description if info else "",
        guide=info.guide if info else "",
        falsepositives=list(info.falsepositives) if info else [],
        attack=found.rule.attack,
        score=found.score,
        threshold=next((each.threshold for _, each in judged if each.rule.id == found.rule.id), None),
        events=[_seen(event) for event in events],
        signals=[_said(event, each, at) for event, each in judged for at in range(len(each.signals))],
    )


def _polled(sources: list[str], context: Context) -> bool:
    """Whether they are SIEMs, whose events are kept as they were read."""
    return all(source in context.siems for source in sources)


def _telling(finding: Finding, context: Context, event: Event) -> list[RuleExplanation]:
    """What the finding's rule says of an event; of a correlation, its members that fired, else whatever is near."""
    rules = explain(context.rules, event).rules
    own = [each for each in rules if each.rule.id == finding.rule.id]
    members = {
        member for each in context.rules.correlations if each.id == finding.rule.id for member in each.plan.members
    }
    return (
        own
        or [each for each in rules if each.rule.id in members and each.fired]
        or [each for each in rules if each.near]
    )


def _said(event: Event, each: RuleExplanation, at: int) -> Said:
    signal = each.signals[at]
    return Said(
        event=event.id,
        rule=each.rule.title,
        fired=each.fired,
        selection=signal.name,
        field=signal.field,
        matched=signal.matched,
        start=signal.start,
        weight=signal.weight,
    )


def _seen(event: Event) -> Seen:
    return Seen(
        id=event.id,
        time=to_datetime(event.time),
        host=event.host,
        category=event.category,
        source=event.origin.source,
        line=event.origin.line,
    )
