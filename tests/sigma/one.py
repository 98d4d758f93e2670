"""One rule, one event: what these tests are made of.

A rule is a piece of YAML; an event is a handful of fields. Both ways into the engine are tried: events that are already
decoded (`detect`), and a file in the flat Sysmon form (`run`), which has a fast path of its own.
"""

import json
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from exfilwatch.detection.detection import Detection
from exfilwatch.detection.engine import Engine
from exfilwatch.detection.load import RuleSet, load
from exfilwatch.events.event import Event, Origin
from exfilwatch.events.inputs import open_inputs
from exfilwatch.events.limits import Limits
from exfilwatch.events.lines import LineDecoder
from exfilwatch.events.report import Report

Way = Literal["detect", "run"]
WAYS: tuple[Way, Way] = ("detect", "run")
Fields = Mapping[str, Any]
Placeholders = Mapping[str, Sequence[str]]

START = 1_767_225_600_000_000  # 2026-01-01, µs
PROCESS = "category: process_creation\nproduct: windows"
SYSMON_1 = {
    "EventID": 1,
    "Channel": "Microsoft-Windows-Sysmon/Operational",
    "SourceName": "Microsoft-Windows-Sysmon",
    "Hostname": "ws1",
    "@timestamp": "2026-01-01T00:00:00.000Z",
}


def indented(text: str, spaces: int = 2) -> str:
    return textwrap.indent(textwrap.dedent(text).strip("\n"), " " * spaces)


def rule(detection: str, logsource: str = PROCESS, *, title: str = "Rule", head: str = "", tail: str = "") -> str:
    """A whole rule around the `detection` section; `head` and `tail` are further top-level keys."""
    parts = [f"title: {title}", head, "logsource:", indented(logsource), "detection:", indented(detection), tail]
    return "\n".join(textwrap.dedent(part).strip("\n") if part in (head, tail) else part for part in parts if part)


def selecting(selection: str, logsource: str = PROCESS) -> str:
    """A rule of one selection, given as the YAML below its name."""
    return rule(f"selection:\n{indented(selection)}\ncondition: selection", logsource)


def loaded(*documents: str, placeholders: Placeholders | None = None) -> RuleSet:
    """The documents as the rule set of one file."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "rule.yml")
        path.write_text("\n---\n".join(documents) + "\n", "utf-8")
        return load([path], placeholders or {})


def event(
    fields: Fields,
    *,
    category: str = "process_creation",
    product: str = "windows",
    service: str = "sysmon",
    raw: Fields | None = None,
    at: float | None = 0,
    host: str | None = "ws1",
    name: str = "",
) -> Event:
    """A decoded event, `at` seconds after the start of 2026 (None: at no known time)."""
    time = None if at is None else START + round(at * 1_000_000)
    shown = {**({} if host is None else {"Computer": host}), **fields}
    return Event(
        shape="made",
        category=category,
        product=product,
        service=service,
        time=time,
        ingest_time=None,
        host=host,
        id=name or f"{at}-{sorted(map(repr, fields.items()))}",
        origin=Origin("made"),
        fields=shown,
        raw=dict(fields if raw is None else raw),
    )


def detected(rules: RuleSet, events: Iterable[Event]) -> list[Detection]:
    return list(Engine(rules, Report()).detect(events))


def lines(records: Iterable[Fields]) -> str:
    """The records as JSON lines in the flat Sysmon form, each a process creation."""
    return "".join(json.dumps({**SYSMON_1, **record}) + "\n" for record in records)


def decoded(records: Iterable[Fields]) -> list[Event]:
    """The records' events, as the reader makes them one by one."""
    decoder = LineDecoder("made", Report())
    return [
        found
        for number, line in enumerate(lines(records).splitlines(), 1)
        for found in decoder.feed(line.encode(), number)
    ]


def run(rules: RuleSet, text: str) -> list[Detection]:
    """What the engine finds in a file of this text."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "events.jsonl")
        path.write_text(text, "utf-8")
        report = Report()
        return list(Engine(rules, report).run(open_inputs([str(path)], report, Limits(), replayable=True)))


def found(rules: RuleSet, fields: Fields, way: Way) -> list[Detection]:
    """The detections on one process creation with these fields."""
    return detected(rules, [event(fields)]) if way == "detect" else run(rules, lines([fields]))


def fires(selection: str, fields: Fields, way: Way, placeholders: Placeholders | None = None) -> bool:
    """Whether a rule of this selection fires on a process creation with these fields."""
    return bool(found(loaded(selecting(selection), placeholders=placeholders), fields, way))
