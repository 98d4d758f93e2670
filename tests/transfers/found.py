"""What a pack finds in the recorded log: for each host, that is each case, the rules and their levels."""

from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import yaml

from exfilwatch.detection.engine import Engine
from exfilwatch.detection.load import load
from exfilwatch.events.event import Event
from exfilwatch.events.lines import LineDecoder
from exfilwatch.events.report import Report
from exfilwatch.rules.packs import pack

LISTED = Path(__file__).with_name("missed.yml")
_LEVELS = ("informational", "low", "medium", "high", "critical")
# Exfiltration and what it is done with: automated, in parts, on a schedule, to a C2, another protocol, a cloud, a site.
_EXFILTRATION = ("T1020", "T1029", "T1030", "T1041", "T1048", "T1537", "T1567")


class Finding(NamedTuple):
    """A rule that fired on a case; `process` is the command line of the first process that it names."""

    title: str
    level: str
    attack: tuple[str, ...]
    process: str

    @property
    def loud(self) -> bool:
        """Above low."""
        return _LEVELS.index(self.level) > _LEVELS.index("low")

    @property
    def of_an_upload(self) -> bool:
        """The rule says exfiltration, is at least low (loopback is one level lower), and names a process."""
        of_it = any(technique.startswith(_EXFILTRATION) for technique in self.attack)
        return of_it and self.level != "informational" and self.process != ""


def events(log: Path) -> list[Event]:
    """The events of an audit log; each record of it must be understood."""
    report = Report()
    decoder = LineDecoder(str(log), report)
    read = [event for n, line in enumerate(log.read_bytes().splitlines(), 1) for event in decoder.feed(line, n)]
    read += decoder.finish()
    assert report.problems == []
    assert report.unknown_shapes == []
    return read


def findings(log: Path, name: str = "exfil") -> dict[str, list[Finding]]:
    """By host, what the pack of that name finds."""
    found: dict[str, list[Finding]] = defaultdict(list)
    for detection in Engine(load([pack(name)]), Report()).detect(events(log)):
        processes = [event for event in detection.events if event.category == "process_creation"]
        process = str(processes[0].get("CommandLine") or "") if processes else ""
        for host in {event.host or "" for event in detection.events}:
            rule = detection.rule
            found[host].append(Finding(rule.title, rule.level, rule.attack, process))
    return found


def listed() -> dict[str, set[str]]:
    """missed.yml: names of uploads that the pack misses, and of the harmless that it calls more than low."""
    read = yaml.safe_load(LISTED.read_text())
    return {key: set(read[key] or []) for key in ("missed", "loud")}
