"""How we know: the findings in order of time, each with its command line, its signals and its events.

Findings that say the same (a loop of uploads) are one entry with a count. Those that do not fit into the room follow
with one line each; what does not fit even so is counted.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias

from exfilwatch.findings.finding import EvidenceEvent, Finding, FindingSignal
from exfilwatch.findings.incident import rank
from exfilwatch_playbooks.cases.document import (
    Block,
    Code,
    CodeBlock,
    Document,
    Heading,
    Items,
    Paragraph,
    Run,
    Runs,
    Strong,
    Text,
)
from exfilwatch_playbooks.cases.summary import moment
from exfilwatch_playbooks.response.facts import Facts

_COMMAND, _SHORTER = 3000, 600  # characters of a command line
_SIGNALS, _EVENTS = 10, 6  # shown of an entry
_TRIED = 20  # entries that turn out too long for what is left
_REMARK = 300  # bytes kept free for saying what was left out


@dataclass
class Entry:
    """Findings of one rule that say the same; `facts` are those of the first."""

    facts: Facts
    findings: list[Finding]

    @property
    def first(self) -> Finding:
        return self.findings[0]


Size: TypeAlias = Callable[[Document], int]
"""What a document takes in the markup that it will stand in: bytes in UTF-8."""


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """By time, then id; those without time first, as in an incident."""
    start = datetime.min.replace(tzinfo=UTC)
    return sorted(findings, key=lambda finding: (finding.time or start, finding.id))


def evidence(findings: Sequence[Finding], facts: Sequence[Facts], room: int, size: Size) -> Document:
    """At most `room` bytes, as `size` measures. `findings` are in order, `facts` those of each."""
    entries = _entries(findings, facts)
    whole, taken = _chosen(entries, room, size)
    left = room - _REMARK - taken
    lines: list[Runs] = []
    unsaid = 0
    for number, entry in enumerate(entries):
        if number in whole:
            continue
        short = _short(entry)
        took = size((Items((short,)),)) + 1
        if took <= left:
            lines.append(short)
            left -= took
        else:
            unsaid += len(entry.findings)
    if unsaid:
        left_out: Run = Strong(f"{unsaid:,} more findings")
        lines.append((left_out, " are not shown: ", Code("exfilwatch findings list"), " has them all."))
    pieces = tuple(block for number in sorted(whole) for block in whole[number])
    return (*pieces, Heading(3, ("In short",)), Items(tuple(lines))) if lines else pieces


def _entries(findings: Sequence[Finding], facts: Sequence[Facts]) -> list[Entry]:
    entries: dict[tuple[object, ...], Entry] = {}
    for finding, said in zip(findings, facts, strict=True):
        matched = tuple((signal.name, signal.field, signal.matched) for signal in finding.signals)
        same = (finding.rule.id, said.host, said.image, _text(said), said.destinations, matched)
        if entry := entries.get(same):
            entry.findings.append(finding)
        else:
            entries[same] = Entry(said, [finding])
    return list(entries.values())


def _chosen(entries: Sequence[Entry], room: int, size: Size) -> tuple[dict[int, Document], int]:
    """The entries to show whole, and what they take: the gravest of each rule, then the others by level; the rest's
    lines fit too.
    """
    by_level = sorted(enumerate(entries), key=lambda each: (-rank(each[1].first.rule.level), each[0]))
    of_rule = {entry.first.rule.id: number for number, entry in reversed(by_level)}
    first = set(of_rule.values())
    chosen: dict[int, Document] = {}
    left = room - _REMARK - min(room // 4, 400 * len(entries))
    taken = too_long = 0
    for number, entry in sorted(by_level, key=lambda each: each[0] not in first):
        if left < _REMARK or too_long > _TRIED:
            break
        for limit in (_COMMAND, _SHORTER):
            blocks = _whole(entry, number + 1, limit)
            if (took := size(blocks) + 2) <= left:
                chosen[number] = blocks
                left -= took
                taken += took
                break
        else:
            too_long += 1
    return chosen, taken


def _whole(entry: Entry, number: int, limit: int) -> Document:
    finding, said = entry.first, entry.facts
    score = "" if finding.score is None else f", score {finding.score}"
    facts: list[Run] = [
        f"{moment(finding.time)}, ",
        Text(finding.rule.level, 20),
        f"{score}, finding ",
        Code(finding.id[:12]),
        ".",
    ]
    if more := len(entry.findings) - 1:
        last = max((each.end or each.time for each in entry.findings if each.time), default=None)
        facts.append(f" The same {more:,} more {'time' if more == 1 else 'times'}, last {moment(last)}.")
    facts += _what(said)
    if processes := finding.fields.get("Processes"):
        facts += [" Its events are ", Text(str(processes), 100), "."]
    blocks: list[Block] = [
        Heading(3, (f"{number}. ", Text(finding.rule.title or "Unnamed rule", 120))),
        Paragraph(tuple(facts)),
    ]
    if text := _text(said):
        blocks.append(CodeBlock(text, limit=limit))
    if items := (*_signals(finding.signals), *_events(entry.findings)):
        blocks.append(Items(items))
    return tuple(blocks)


def _what(said: Facts) -> list[Run]:
    """A sentence of the program, its parent, process, task and destinations; nothing when none is known."""
    named = [
        ("program ", said.program, 60),
        ("started by ", said.parent if said.program else None, 60),
        ("task ", said.task, 80),
        *(("destination ", destination, 120) for destination in said.destinations),
    ]
    pieces: list[Runs] = [(word, Code(value, limit)) for word, value, limit in named if value]
    if said.process_id:
        pieces.insert(sum(1 for _, value, _ in named[:2] if value), (f"process {said.process_id}",))
    runs: list[Run] = []
    for piece in pieces:
        first = piece[0] if runs or not isinstance(piece[0], str) else f"{piece[0][0].upper()}{piece[0][1:]}"
        runs += [", " if runs else " ", first, *piece[1:]]
    return [*runs, "."] if runs else []


def _text(said: Facts) -> str | None:
    return said.command_line or said.script or said.content


def _signals(signals: Sequence[FindingSignal]) -> list[Runs]:
    hits = list({(each.name, each.field, each.matched): each for each in signals if each.matched is not None}.values())
    lines: list[Runs] = [
        (
            "Signal ",
            Code(signal.name, 60),
            ": ",
            Code(signal.matched or "", 160),
            " in ",
            Code(signal.field, 60),
            "" if signal.start is None else f" at character {signal.start + 1:,}",
        )
        for signal in hits[:_SIGNALS]
    ]
    if len(hits) > _SIGNALS:
        lines.append((f"{len(hits) - _SIGNALS:,} more signals",))
    missed = dict.fromkeys(signal.name for signal in signals if signal.matched is None)
    if unseen := [Code(name, 60) for name in missed if name not in {hit.name for hit in hits}][:_SIGNALS]:
        lines.append(("Not seen: ", *[run for name in unseen for run in (", ", name)][1:]))
    return lines


def _events(findings: Sequence[Finding]) -> list[Runs]:
    events = list({event.id: event for finding in findings for event in finding.events}.values())
    lines: list[Runs] = [
        ("Event ", _place(event), ", ", _kind(event), f", {moment(event.time)}") for event in events[:_EVENTS]
    ]
    if len(events) > _EVENTS:
        lines.append((f"{len(events) - _EVENTS:,} more events",))
    return lines


def _place(event: EvidenceEvent) -> Code:
    """The source and line; of a long path its end."""
    source = event.source if len(event.source) <= 150 else f"…{event.source[-149:]}"
    return Code(f"{source}:{event.line}" if event.line else source, 200)


def _kind(event: EvidenceEvent) -> Code:
    return Code(" ".join(filter(None, (event.product, event.category))) or event.shape, 60)


def _short(entry: Entry) -> Runs:
    finding = entry.first
    times = f", {len(entry.findings):,} times" if len(entry.findings) > 1 else ""
    text = _text(entry.facts)
    return (
        f"{moment(finding.time)}, ",
        Text(finding.rule.level, 20),
        ": ",
        Text(finding.rule.title, 80),
        times,
        *((", ", Code(text, 100)) if text else ()),
        *((", ", _place(finding.events[0])) if finding.events else ()),
    )
