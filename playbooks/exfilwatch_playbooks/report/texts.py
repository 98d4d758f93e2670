"""The command lines and scripts of an incident, marked: each kind of command once, the gravest first."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from exfilwatch.findings.incident import rank
from exfilwatch_playbooks.report import marking
from exfilwatch_playbooks.report.marking import Marked, Span
from exfilwatch_playbooks.report.material import TEXTS, Happening, Material, titles

_SHOWN = 10
_LONGEST = 6_000  # characters of a text as it is shown
_LOOKED_AT = 65_536


@dataclass(frozen=True)
class Text:
    """What was run: `marked` as it was logged, `plain` as it was understood where something was `undone`.

    `times`: how often this, or the same but for the file names and numbers in it, was run; `place` has it whole.
    """

    what: str
    program: str
    level: str
    rules: tuple[str, ...]
    does: tuple[str, ...]
    times: int
    first: datetime | None
    last: datetime | None
    marked: Marked
    plain: Marked | None
    undone: tuple[str, ...]
    place: str


@dataclass(frozen=True)
class Texts:
    """`more`: kinds of commands that are only in the evidence. `kinds`: the marks that occur."""

    shown: tuple[Text, ...]
    more: int
    kinds: tuple[tuple[str, str], ...]


def texts(material: Material) -> Texts:
    """The texts of an incident."""
    groups: dict[tuple[str, str], list[Happening]] = {}
    for happening in material.happenings:
        name, text = happening.text
        if text:
            template = material.understood(happening).get("command.template")
            groups.setdefault((name, str(template or text)), []).append(happening)
    ordered = sorted(groups.values(), key=lambda alike: -max(rank(each.level) for each in alike))
    shown = tuple(_text(material, alike) for alike in ordered[:_SHOWN])
    seen = {kind for each in shown for part in (each.marked, each.plain) if part for kind in part.kinds}
    kinds = tuple((kind, said) for kind, said in marking.KINDS.items() if kind in seen)
    return Texts(shown, len(ordered) - len(shown), kinds)


def place(happening: Happening) -> str:
    """The file or index, and the line, where an event can be read again."""
    event = happening.event
    source = event.source if len(event.source) <= 150 else f"…{event.source[-149:]}"
    return f"{source}:{event.line}" if event.line else source


def _text(material: Material, alike: Sequence[Happening]) -> Text:
    one = max(alike, key=lambda each: rank(each.level))
    name, whole = one.text
    fields = material.understood(one)
    text = whole[:_LOOKED_AT]
    plain, undone = str(fields.get("command.plain") or ""), marking.values(fields.get("command.undone"))
    spans = [*_matched(one, name), *marking.acts(text, fields), *marking.hidden(text, fields)]
    times = [each.time for each in alike if each.time]
    return Text(
        what=TEXTS[name],
        program=one.program,
        level=one.level,
        rules=titles(finding for each in alike for finding in each.findings),
        does=tuple(_does(fields.get)),
        times=len({(each.value("ProcessId"), each.text[1]) for each in alike}),
        first=min(times, default=None),
        last=max(times, default=None),
        marked=marking.marked(whole, spans, _LONGEST),
        plain=marking.marked(
            plain, [*marking.acts(plain[:_LOOKED_AT], fields), *marking.found(plain[:_LOOKED_AT], text)], _LONGEST
        )
        if undone and plain
        else None,
        undone=tuple(undone),
        place=place(one),
    )


def _matched(happening: Happening, name: str) -> Iterator[Span]:
    for signal in happening.signals:
        if signal.field == name and signal.matched and signal.start is not None:
            end = signal.start + len(signal.matched)
            if happening.text[1][signal.start : end] == signal.matched:
                yield Span(signal.start, end, marking.MATCHED)


def _does(get: "marking.Get") -> Iterator[str]:
    """What the text does, in a few words each."""
    does = marking.values(get("command.does"))
    for act in does:
        said = act
        if act == "upload":
            tool, kind = get("transfer.tool"), get("transfer.destination_class")
            said = f"uploads with {tool}" if tool else "uploads"
            said += f" ({kind} destination)" if kind and kind != "unknown" else ""
        elif act in _ACTS:
            said = _ACTS[act]
        yield said
    kinds = (get(f"{group}.sensitive_source") for group in ("transfer", "archive", "collect"))
    if sensitive := next((kind for kind in kinds if kind), None):
        yield f"sensitive files: {sensitive}"
    if within := marking.values(get("command.within")):
        yield f"run by {', '.join(within[:3])}"


_ACTS = {
    "collect": "looks for or gathers files",
    "archive": "packs files",
    "encrypt": "encrypts files",
    "split": "splits files",
    "download": "downloads",
    "offer": "offers files to others",
    "tunnel": "opens a tunnel",
    "relay": "copies from one place in a cloud to another",
    "schedule": "puts something on a schedule",
}
