"""One finding, for people: what, who, when, why, and the events behind it."""

from collections.abc import Iterator

from rich.padding import Padding
from rich.text import Text

from exfilwatch.findings.finding import EvidenceEvent, Finding, FindingSignal
from exfilwatch.findings.marks import Mark
from exfilwatch_playbooks.cli.tables import spans
from exfilwatch_playbooks.cli.terminal import console, evidence, level, plain, when
from exfilwatch_playbooks.hostile import visible

_LONG = 1500
# Shown for each event, when it has them.
_TELLING = (
    "Image", "CommandLine", "ParentImage", "ParentCommandLine", "ScriptBlockText", "TaskName", "TargetFilename",
    "DestinationIp", "DestinationHostname", "DestinationPort", "User", "ProcessId",
)  # fmt: skip


def show_finding(finding: Finding, mark: Mark | None = None) -> None:
    """Print it, and what it was marked as."""
    out = console()
    out.print(plain(finding.rule.title, 200, "bold").append("  ").append_text(level(finding.rule.level)))
    for name, value in _facts(finding):
        out.print(Text(f"{name:8}", "dim").append_text(value))
    if mark:
        said = f"{mark.disposition.value}, {mark.at:%Y-%m-%d %H:%M}: {mark.why}"
        out.print(Text(f"{'marked':8}", "dim").append_text(plain(said, 1000)))
    out.print(Text("\nWhy", "bold"))
    for signal in finding.signals:
        out.print(Padding(_signal(signal), (0, 0, 0, 2)))
    for number, event in enumerate(finding.events, 1):
        out.print(Text(f"\nEvent {number} of {len(finding.events)}", "bold"))
        for name, value in _event(finding, event):
            out.print(Padding(Text(f"{name:20}", "dim").append_text(value), (0, 0, 0, 2)))


def _facts(finding: Finding) -> Iterator[tuple[str, Text]]:
    yield "id", Text(finding.id)
    yield (
        "time",
        when(finding.time)
        if finding.time == finding.end
        else when(finding.time).append(" to ").append_text(when(finding.end)),
    )
    yield "host", plain(finding.host)
    yield "user", plain(finding.user)
    yield "rule", plain(f"{finding.rule.id} {finding.rule.branch} {' '.join(finding.rule.attack)}")
    if finding.score is not None:
        yield "score", Text(str(finding.score))


def _signal(signal: FindingSignal) -> Text:
    shown = Text(visible(signal.name), "cyan")
    if signal.matched is None:
        return shown.append(" did not match", "dim")
    if signal.matched:
        shown.append("  ").append(visible(signal.matched[:200]), "bold underline")
    place = f" at {signal.start}" if signal.start is not None else ""
    return shown.append(f"  in {visible(signal.field)}{place}" if signal.field else "", "dim")


def _event(finding: Finding, event: EvidenceEvent) -> Iterator[tuple[str, Text]]:
    yield "time", when(event.time)
    yield "what", plain(f"{event.product} {event.category} ({event.shape})")
    yield "source", plain(f"{event.source}:{event.line}")
    for name in _TELLING:
        value = event.fields.get(name)
        if value is not None and value != "":
            yield name, evidence(str(value), spans(finding, event, name), _LONG)
