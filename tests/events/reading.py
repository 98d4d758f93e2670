"""What the tests of the shapes share: a record, and the event that it has to become."""

import copy
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from exfilwatch.events.event import Event
from exfilwatch.events.lines import LineDecoder
from exfilwatch.events.report import Report

Json = dict[str, Any]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Case:
    """`record` is an object or a text line; of `fields`, `raw` only the named are compared. Times are ISO 8601, UTC."""

    name: str
    record: Json | str
    shape: str
    category: str
    product: str
    host: str | None
    time: str | None
    fields: Json = field(default_factory=dict)
    service: str | None = None
    ingest_time: str | None = None
    raw: Json = field(default_factory=dict)


def events(*records: Json | str, report: Report | None = None) -> list[Event]:
    decoder = LineDecoder("x.json", report or Report())
    found: list[Event] = []
    for number, record in enumerate(records, 1):
        found += decoder.feed(record if isinstance(record, str) else json.dumps(record), number)
    return found + decoder.finish()


def one(record: Json | str) -> Event:
    """The only event of a record, which was read without complaint."""
    report = Report()
    (event,) = events(record, report=report)
    assert not report.problems
    return event


def iso(micros: int | None) -> str | None:
    if micros is None:
        return None
    time = EPOCH + timedelta(microseconds=micros)
    return (
        time.strftime("%Y-%m-%dT%H:%M:%S") + (f".{time.microsecond:06}".rstrip("0") if time.microsecond else "") + "Z"
    )


def check(case: Case) -> None:
    event = one(case.record)
    found = (event.shape, event.category, event.product, event.host, iso(event.time))
    assert found == (case.shape, case.category, case.product, case.host, case.time), found
    assert {name: event.fields.get(name) for name in case.fields} == case.fields, event.fields
    assert {name: event.raw.get(name) for name in case.raw} == case.raw, event.raw
    if case.service is not None:
        assert event.service == case.service
    if case.ingest_time is not None:
        assert iso(event.ingest_time) == case.ingest_time
    assert event.origin.line == 1
    assert len(event.id) == 32
    assert one(case.record).id == event.id


def dotted(record: Json) -> Json:
    """The record with dots in its keys instead of objects."""
    flat: Json = {}
    for key, value in record.items():
        if isinstance(value, dict) and value:
            flat |= {f"{key}.{inner}": deeper for inner, deeper in dotted(value).items()}
        else:
            flat[key] = value
    return flat


def partly_dotted(record: Json) -> Json:
    """The record with dots in some of its keys: Elasticsearch accepts any mix, and ingest pipelines make them."""
    half = copy.deepcopy(record)
    for name in ("event", "process", "winlog", "auditd"):
        if name in half:
            half |= {f"{name}.{key}": value for key, value in half.pop(name).items()}
    return half


def same(first: Event, second: Event) -> None:
    """Both are one event, whatever their records looked like."""
    for name in ("shape", "category", "product", "service", "time", "ingest_time", "host", "fields"):
        assert getattr(first, name) == getattr(second, name), name
