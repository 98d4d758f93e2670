"""Records and rules for the tests of queries, and what the engine itself says of them."""

import json
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from exfilwatch.detection.load import load
from exfilwatch.detection.rule import Rule
from exfilwatch.events.event import Origin
from exfilwatch.events.shape import recognise
from exfilwatch.packaged import read_yaml
from exfilwatch.rules.packs import pack

from ..detection.test_every_shape import RECORDS, spelled  # noqa: TID252 (tests are no package on the path)

__all__ = ["RECORDS", "spelled"]

DATA = Path(__file__).parents[2] / "../shared/data"
Record = dict[str, Any]


@cache  # several files of tests ask for them when they are collected, in each worker
def rules(*, sigma: bool = True) -> list[Rule]:
    """Those of our packs, and (`sigma`, where they are on this machine) a hundred of SigmaHQ's."""
    found = [*load([pack("exfil")]).rules, *load([pack("seed")]).rules]
    others = sorted((DATA / "sigma-regression").glob("*/rule.yml")) if sigma else []
    return [*found, *(load(others).rules if others else ())]


@cache
def pack_records() -> list[Record]:
    """The events in the tests of our packs."""
    found: list[Record] = []
    for name in ("exfil", "seed"):
        for path in sorted((pack(name) / "tests").glob("*.yml")):
            for case in read_yaml(path.read_text("utf-8")).values():
                found += list(_objects(case))
    return found


def _objects(value: object) -> Iterator[Record]:
    """Every mapping that looks like an event."""
    if isinstance(value, dict):
        if any(name in value for name in ("Image", "CommandLine", "ScriptBlockText", "DestinationIp", "EventID")):
            yield value
        else:
            for inner in value.values():
                yield from _objects(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _objects(inner)


def atomics() -> list[Record]:
    """Process creations of Atomic Red Team's tests, as Sysmon has them."""
    path = DATA / "atomics.jsonl"
    if not path.exists():
        return []
    tests = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return [event for test in tests for event in test["events"]]


@cache
def events() -> list[Record]:
    """Both, each once."""
    return list({json.dumps(event): event for event in (*pack_records(), *atomics())}.values())


def sysmon(event: Record, number: int = 1) -> Record:
    """An event as flat Sysmon JSON."""
    head = {"EventID": number, "Channel": "Microsoft-Windows-Sysmon/Operational", "Hostname": "ws1.example"}
    return {**head, "@timestamp": "2026-03-12T09:14:02.123Z", "SourceName": "Microsoft-Windows-Sysmon", **event}


def winlogbeat(event: Record, number: int = 1) -> Record:
    """An event as winlogbeat sends it, without its modules."""
    return {
        "@timestamp": "2026-03-12T09:14:02.123Z",
        "event": {"code": str(number), "provider": "Microsoft-Windows-Sysmon"},
        "host": {"name": "ws1.example"},
        "winlog": {
            "channel": "Microsoft-Windows-Sysmon/Operational",
            "event_id": str(number),
            "provider_name": "Microsoft-Windows-Sysmon",
            "computer_name": "ws1.example",
            "event_data": event,
        },
    }


def endpoint(event: Record) -> Record:
    """An event as Elastic Endpoint sends it."""
    return {
        "@timestamp": "2026-03-12T09:14:02.123Z",
        "event": {"category": ["process"], "type": ["start"], "action": "start"},
        "host": {"name": "ws1.example", "os": {"type": "windows"}},
        "process": {
            "executable": event.get("Image"),
            "command_line": event.get("CommandLine"),
            "parent": {"executable": event.get("ParentImage"), "command_line": event.get("ParentCommandLine")},
        },
    }


def firing(found: Iterable[Rule], records: Iterable[Record]) -> list[tuple[Rule, Record]]:
    """Which rules fire on which records, by the engine."""
    every = list(found)
    concerned: dict[tuple[str, str, str], list[Rule]] = {}
    pairs = []
    for record in records:
        shape = recognise(record)
        event = shape.event(record, Origin("test"), b"") if shape else None
        if event is not None:
            key = (event.category, event.product, event.service)
            if key not in concerned:
                concerned[key] = [rule for rule in every if rule.source.fits(*key)]
            pairs += [(rule, record) for rule in concerned[key] if rule.fires(event)]
    return pairs
