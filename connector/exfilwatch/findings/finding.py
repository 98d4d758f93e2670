"""The finding: a detection as people and other systems see it, with an id that is the same in every run."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from exfilwatch.detection.detection import Detection
from exfilwatch.events.timestamps import to_datetime
from exfilwatch.findings.identity import finding_id as finding_id
from exfilwatch.findings.identity import user_of


class FindingRule(BaseModel):
    """The rule that fired; `attack` holds ATT&CK technique ids."""

    model_config = ConfigDict(frozen=True)
    id: str
    title: str
    branch: str
    level: str
    attack: list[str]


class FindingSignal(BaseModel):
    """Why: the text that matched in `field`, and its 0-based offset there. `event` is the id of the event."""

    name: str
    field: str
    matched: str | None
    start: int | None
    event: str = ""


class EvidenceEvent(BaseModel):
    """One event behind a finding, and where to read it again."""

    id: str
    time: datetime | None
    host: str | None
    category: str
    product: str
    shape: str
    source: str
    line: int
    fields: dict[str, Any]


class Finding(BaseModel):
    """An explained detection. `time` and `end` are the first and last event's time (UTC)."""

    id: str
    rule: FindingRule
    score: int | None
    time: datetime | None
    end: datetime | None
    host: str | None
    user: str | None
    fields: dict[str, Any]
    signals: list[FindingSignal]
    events: list[EvidenceEvent]
    source: str


def finding(detection: Detection) -> Finding:
    """Turn a detection into a finding."""
    rule, events = detection.rule, detection.events
    return Finding(
        id=finding_id(rule.id, [event.id for event in events], detection.kinship),
        rule=FindingRule(id=rule.id, title=rule.title, branch=rule.branch, level=rule.level, attack=list(rule.attack)),
        score=detection.score,
        time=to_datetime(events[0].time),
        end=to_datetime(events[-1].time),
        host=next((event.host for event in events if event.host), None),
        user=user_of(events),
        fields=dict(detection.fields),
        signals=[
            FindingSignal(name=s.name, field=s.field, matched=s.matched, start=s.start, event=s.event)
            for s in detection.signals
        ],
        events=[
            EvidenceEvent(
                id=event.id,
                time=to_datetime(event.time),
                host=event.host,
                category=event.category,
                product=event.product,
                shape=event.shape,
                source=event.origin.source,
                line=event.origin.line,
                fields=dict(event.fields),
            )
            for event in events
        ],
        source=events[0].origin.source,
    )
