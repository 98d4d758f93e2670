"""Results as JSON lines. Detections are written without the pydantic models of findings, which take longer to load
than most inputs to read; tests/cli holds both to the same content."""

import json
from typing import TYPE_CHECKING, TypeAlias, Union

import msgspec

from exfilwatch.detection.derived import understood
from exfilwatch.detection.detection import Detection, RuleInfo, Signal
from exfilwatch.events.event import Event
from exfilwatch.events.timestamps import to_datetime
from exfilwatch.findings.identity import finding_id, user_of

if TYPE_CHECKING:
    from exfilwatch.detection.explain import Explanation

Json: TypeAlias = Union["dict[str, Json]", "list[Json]", str, int, float, bool, None]


def finding_line(detection: Detection) -> bytes:
    """The finding of a detection: what findings.finding.Finding says of it."""
    events = detection.events
    return line(
        {
            "id": finding_id(detection.rule.id, [event.id for event in events], detection.kinship),
            "rule": rule(detection.rule),
            "score": detection.score,
            "time": to_datetime(events[0].time),
            "end": to_datetime(events[-1].time),
            "host": next((event.host for event in events if event.host), None),
            "user": user_of(events),
            "fields": detection.fields,
            "signals": [signal(each) for each in detection.signals],
            "events": [event(each) for each in events],
            "source": events[0].origin.source,
        }
    )


def explanation_line(found: "Explanation") -> bytes:
    """An event, what its command line does, and each rule with all its signals."""
    rules = [
        {
            "rule": rule(each.rule),
            "fired": each.fired,
            "condition": each.condition,
            "score": each.score,
            "threshold": each.threshold,
            "signals": [signal(one) | {"weight": one.weight} for one in each.signals],
        }
        for each in found.rules
    ]
    return line({"event": event(found.event), "does": understood(found.event), "rules": rules})


def rule(info: RuleInfo) -> dict[str, object]:
    """What a finding says of its rule."""
    return {
        "id": info.id,
        "title": info.title,
        "branch": info.branch,
        "level": info.level,
        "attack": info.attack,
    }


def signal(found: Signal) -> dict[str, object]:
    """What a finding says of a signal."""
    return {
        "name": found.name,
        "field": found.field,
        "matched": found.matched,
        "start": found.start,
        "event": found.event,
    }


def event(found: Event) -> dict[str, object]:
    """What a finding says of one of its events."""
    return {
        "id": found.id,
        "time": to_datetime(found.time),
        "host": found.host,
        "category": found.category,
        "product": found.product,
        "shape": found.shape,
        "source": found.origin.source,
        "line": found.origin.line,
        "fields": found.fields,
    }


def line(document: object) -> bytes:
    """One line of JSON that is valid whatever hostile text it holds, and that may be shown on a terminal.

    Characters that JSON allows and a terminal obeys (DEL, C1, changes of direction) are written as \\uXXXX.
    """
    try:
        data = msgspec.json.encode(document)
    except UnicodeEncodeError:  # lone surrogates, which no UTF-8 can hold
        data = msgspec.json.encode(_storable(msgspec.to_builtins(document)))
    if data.isascii() and b"\x7f" not in data:
        return data
    text = data.decode()
    if text.isprintable():
        return data
    return (
        "".join(char if char.isprintable() else json.dumps(char)[1:-1] for char in text)
        .encode()
        .replace(b"\x7f", b"\\u007f")
    )


def _storable(value: Json) -> Json:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, list):
        return [_storable(item) for item in value]
    if isinstance(value, dict):
        return {key.encode("utf-8", "backslashreplace").decode(): _storable(item) for key, item in value.items()}
    return value
