"""What a pack finds in the recorded log: for each case, the rules and their levels.

Each case is looked at twice: as it was recorded, to and from loopback, which makes a finding one level lower; and as if
the other side had been a public address.
"""

import functools
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from exfilwatch.detection.engine import Engine
from exfilwatch.detection.load import load
from exfilwatch.events.event import Event, Value
from exfilwatch.events.report import Report
from exfilwatch.packaged import read_yaml
from exfilwatch.rules.packs import pack

from ..audit_log import events_of  # noqa: TID252 (tests are no package on the path)
from .running import ABROAD, Outcome

LISTED = Path(__file__).with_name("missed.yml")
_ABROAD = "-abroad"
_QUOTES = re.compile(r"[\s'\"]+")
_LEVELS = ("informational", "low", "medium", "high", "critical")
# Exfiltration and what it is done with: automated, in parts, on a schedule, to a C2, another protocol, a cloud, a site.
_EXFILTRATION = ("T1020", "T1029", "T1030", "T1041", "T1048", "T1537", "T1567")


class Finding(NamedTuple):
    """A rule that fired on a case; `process` is the command line of the first process that it names."""

    title: str
    level: str
    attack: tuple[str, ...]
    process: str
    abroad: bool

    def above(self, level: str) -> bool:
        return _LEVELS.index(self.level) > _LEVELS.index(level)

    @property
    def of_an_upload(self) -> bool:
        """The rule says exfiltration and names a process."""
        return self.process != "" and any(technique.startswith(_EXFILTRATION) for technique in self.attack)


def wrong(kind: Literal["upload", "harmless"], findings: Iterable[Finding]) -> str:
    """In what the pack is wrong about a case; empty when it is right.

    An upload is found: at medium or above abroad, one level lower on loopback. What is harmless is not above low.
    """
    found = list(findings)
    if kind == "harmless":
        loud = sorted({f"{each.level} {each.title}" for each in found if each.above("low")})
        return ", ".join(loud)
    for abroad, below in ((False, "informational"), (True, "low")):
        if not any(each.abroad == abroad and each.of_an_upload and each.above(below) for each in found):
            return f"not above {below} {'abroad' if abroad else 'on loopback'}"
    return ""


def findings(log: Path, outcomes: Mapping[str, Outcome], name: str = "exfil") -> dict[str, list[Finding]]:
    """By host, what the pack of that name finds."""
    scripts = {outcome.host: outcome.scripts for outcome in outcomes.values()}
    read = events_of(log)
    read += [moved_abroad(event, *scripts[event.host]) for event in read if event.host in scripts]
    found: dict[str, list[Finding]] = defaultdict(list)
    for detection in Engine(load([pack(name)]), Report()).detect(read):
        processes = [event for event in detection.events if event.category == "process_creation"]
        process = str(processes[0].get("CommandLine") or "") if processes else ""
        for host in {event.host or "" for event in detection.events}:
            rule, abroad = detection.rule, host.endswith(_ABROAD)
            found[host.removesuffix(_ABROAD)].append(Finding(rule.title, rule.level, rule.attack, process, abroad))
    return found


def moved_abroad(event: Event, here: str, there: str) -> Event:
    """The event as if the other side had been ABROAD, on a host of its own.

    The line may be encoded: its words are swapped for those of the line that would have been run, however quoted.
    """
    words = [pair for pair in zip(_QUOTES.split(here), _QUOTES.split(there), strict=True) if pair[0] != pair[1]]
    words = [*sorted(words, key=lambda pair: -len(pair[0])), ("127.0.0.1", ABROAD)]

    def moved(value: Value) -> Value:
        match value:
            case str() if value == event.host:
                return host
            case str():
                return functools.reduce(lambda text, pair: text.replace(*pair), words, value)
            case list():
                return [moved(each) for each in value]
            case dict():
                return {name: moved(each) for name, each in value.items()}
        return value

    host = f"{event.host}{_ABROAD}"
    fields = {name: moved(value) for name, value in event.fields.items()}
    raw = {name: moved(value) for name, value in event.raw.items()}
    return msgspec.structs.replace(event, id=f"{event.id}{_ABROAD}", host=host, fields=fields, raw=raw)


def listed() -> dict[str, set[str]]:
    """missed.yml: names of uploads that the pack misses, and of the harmless that it calls more than low."""
    read = read_yaml(LISTED.read_text())
    return {key: set(read[key] or []) for key in ("missed", "loud")}
