"""The incident as a sequence of steps: what repeats is one step with a count."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from exfilwatch.findings.incident import rank
from exfilwatch_playbooks.report.material import Happening, Material, titles

LANES = {
    "process": "Processes",
    "script": "Scripts",
    "task": "Tasks",
    "file": "Files",
    "network": "Network",
    "other": "Other",
}
"""The kinds of what happens, in the order of the timeline."""
_VERBS = {
    "process": "ran",
    "script": "ran a script",
    "task": "registered to run later",
    "file": "wrote a file",
    "network": "connected",
    "other": "was active",
}
_CATEGORIES = {
    "process_creation": "process",
    "network_connection": "network",
    "dns_query": "network",
    "dns": "network",
    "proxy": "network",
    "firewall": "network",
    "webserver": "network",
    "ps_script": "script",
    "ps_module": "script",
    "file_event": "file",
    "file_access": "file",
    "file_rename": "file",
}
_SHOWN = 40


@dataclass(frozen=True)
class Step:
    """`program` did `verb` `what`, `times` times from `first` to `last`; `rules` are those that it is evidence for."""

    lane: str
    verb: str
    program: str
    what: str
    level: str
    rules: tuple[str, ...]
    times: int
    first: datetime | None
    last: datetime | None


@dataclass(frozen=True)
class Story:
    """`more`: steps that are only in the evidence; the graver ones are kept."""

    steps: tuple[Step, ...]
    more: int


def story(material: Material) -> Story:
    """The steps of an incident in order of time."""
    alike: dict[tuple[str, str, str], list[Happening]] = {}
    for happening in material.happenings:
        template = str(material.understood(happening).get("command.template") or "")
        what = template or _what(happening)
        alike.setdefault((lane(happening), happening.program.lower(), what), []).append(happening)
    steps = [_step(each) for each in alike.values()]
    if len(steps) <= _SHOWN:
        return Story(tuple(steps), 0)
    kept = sorted(range(len(steps)), key=lambda at: (-rank(steps[at].level), at))[:_SHOWN]
    return Story(tuple(steps[at] for at in sorted(kept)), len(steps) - _SHOWN)


def lane(happening: Happening) -> str:
    """The kind of what happened, a key of LANES."""
    event = happening.event
    if event.fields.get("TaskContent") or event.fields.get("TaskContentNew"):
        return "task"
    if event.category in _CATEGORIES:
        return _CATEGORIES[event.category]
    if event.fields.get("CommandLine") and not event.fields.get("Image"):
        return "task"  # nothing was started: the record says what is to be
    return next((kind for name, kind in _TELLING.items() if event.fields.get(name)), "other")


_TELLING = {
    "TaskName": "task",
    "DestinationIp": "network",
    "ScriptBlockText": "script",
    "TargetFilename": "file",
    "CommandLine": "process",
}


def _what(happening: Happening) -> str:
    """What an event is about: the command, the file, the destination or the task."""
    kind = lane(happening)
    if kind == "network":
        ip, name = happening.value("DestinationIp"), happening.value("DestinationHostname", "cs-host", "QueryName")
        port = happening.value("DestinationPort")
        where = name or (f"[{ip}]" if ":" in ip else ip)
        return f"{where}:{port}" if where and port else where
    if kind == "task":
        return happening.text[1] or happening.value("TaskName")
    if kind == "file":
        return happening.value("TargetFilename")
    return happening.text[1] or happening.value("TargetFilename", "TaskName", "Image")


def _step(alike: Sequence[Happening]) -> Step:
    one = next((each for each in alike if each.program), alike[0])
    kind = lane(one)
    times = [each.time for each in alike if each.time]
    # What two sources tell of one process is one time.
    told = {
        (each.value("ProcessId") or each.event.id, _what(each)) if kind == "process" else each.event.id
        for each in alike
    }
    return Step(
        lane=kind,
        verb=_VERBS[kind],
        program=one.program or ("A task" if kind == "task" else ""),
        what=_what(one),
        level=max((each.level for each in alike), key=rank),
        rules=titles(finding for each in alike for finding in each.findings),
        times=len(told),
        first=min(times, default=None),
        last=max(times, default=None),
    )
