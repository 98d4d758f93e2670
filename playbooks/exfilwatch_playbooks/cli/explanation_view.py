"""Explanations, for people: an event, then each rule with all its signals."""

from collections.abc import Iterator

from rich.padding import Padding
from rich.text import Text

from exfilwatch.detection.derived import seeing, understood
from exfilwatch.detection.detection import Signal
from exfilwatch.detection.explain import Explanation, RuleExplanation
from exfilwatch.events.event import Event, Value
from exfilwatch.events.timestamps import to_datetime
from exfilwatch_playbooks.cli.terminal import console, evidence, level, plain, when
from exfilwatch_playbooks.hostile import visible

_LONG = 600
_LONGEST_MATCH = 80
_TELLING = ("CommandLine", "ScriptBlockText", "Payload", "Image", "TaskName", "TargetFilename", "DestinationIp")


def show_explanation(found: Explanation, *, whole: bool = False) -> None:
    """Print it; `whole`: with all that is known of what the command line does, and nothing of where it ran."""
    out = console()
    event = found.event
    if whole:
        _show_line(found)
    else:
        _show_event(found)
    for rule in found.rules:
        out.print(Padding(_verdict(rule), (0, 0, 0, 2)))
        width = max((len(signal.name) for signal in rule.signals), default=0)
        for signal in rule.signals:
            out.print(Padding(_signal(signal, width, event), (0, 0, 0, 4)))
    if whole and not any(rule.fired for rule in found.rules):
        out.print(Padding(Text("no rule fires on this line alone", "yellow"), (0, 0, 0, 2)))
    out.print()


def _show_line(found: Explanation) -> None:
    out, told = console(), understood(found.event)
    out.print(evidence(str(found.event.get("CommandLine")), [], _LONG))
    width = max(map(len, told), default=0)
    for name, value in told.items():
        texts = [*map(str, value)] if isinstance(value, list) else str(value).split("\n")
        out.print(Padding(Text(f"{name:{width}}  ", "dim").append(visible(", ".join(texts))), (0, 0, 0, 2)))
    if not told:
        out.print(Padding(Text("nothing that rules ask for is done by it", "dim"), (0, 0, 0, 2)))


def _show_event(found: Explanation) -> None:
    out, event = console(), found.event
    head = when(to_datetime(event.time)).append("  ").append_text(plain(event.host, 60, "bold"))
    head.append("  ").append_text(plain(event.get("User"), 60)).append(f"  {visible(str(event.origin))}", "dim")
    out.print(head)
    spans = [place for rule in found.rules for place in _spans(rule)]
    for name in [name for name in _TELLING if event.get(name)][:2]:
        mine = [(start, size) for field, start, size in spans if field == name]
        out.print(Padding(evidence(str(event.get(name)), mine, _LONG), (0, 0, 0, 2)))
    if undone := understood(event).get("command.undone"):
        out.print(Padding(_undone(event, undone), (0, 0, 0, 2)))


def _undone(event: Event, what: Value) -> Text:
    shown = Text(f"undone ({visible(', '.join(map(str, what)))})  " if isinstance(what, list) else "undone  ", "dim")
    return shown.append_text(evidence(str(understood(event).get("command.plain")), [], _LONG))


def _spans(rule: RuleExplanation) -> Iterator[tuple[str, int, int]]:
    for signal in rule.signals:
        if signal.matched and signal.start is not None:
            yield signal.field, signal.start, len(signal.matched)


def _verdict(rule: RuleExplanation) -> Text:
    shown = Text("fired  ", "bold green") if rule.fired else Text("silent ", "yellow")
    shown.append_text(plain(rule.rule.title, 120, "bold")).append(" ").append_text(level(rule.rule.level))
    if rule.threshold is not None:
        shown.append(f"  score {rule.score} of {rule.threshold}", "" if rule.fired else "yellow")
    if not rule.fired:
        shown.append("  condition met" if rule.condition else "  condition not met", "dim")
    return shown


def _signal(signal: Signal, width: int, event: Event) -> Text:
    name = f"{visible(signal.name):{width}}"
    if signal.matched is None:
        there = seeing(event, event.get)(signal.field) is not None
        why = f"not in {visible(signal.field)}" if there else f"no {visible(signal.field)}"
        return Text(f"✗ {name}  ", "dim").append(why if signal.field else "not met", "dim")
    shown = Text("✓ ", "green").append(name, "cyan").append("  ")
    if signal.matched:
        cut = signal.matched[:_LONGEST_MATCH]
        shown.append(visible(cut), "bold").append("…" if len(signal.matched) > len(cut) else "").append("  ")
    if signal.field:
        shown.append(f"in {visible(signal.field)}", "dim")
    if signal.start is not None:
        shown.append(f" at {signal.start}", "dim")
    if signal.weight:
        shown.append(f"  +{signal.weight}", "green")
    return shown
