"""How we know: the findings in order of time, each with its command line, its signals and its events.

Findings that say the same (a loop of uploads) are one entry with a count. Those that do not fit into the room follow
with one line each; what does not fit even so is counted.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from exfilwatch.findings.finding import EvidenceEvent, Finding, FindingSignal
from exfilwatch.findings.incident import rank
from exfilwatch_playbooks.cases.summary import moment
from exfilwatch_playbooks.hostile import code, fence, prose
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


def size(text: str) -> int:
    """What a text takes: bytes in UTF-8."""
    return len(text.encode())


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """By time, then id; those without time first, as in an incident."""
    start = datetime.min.replace(tzinfo=UTC)
    return sorted(findings, key=lambda finding: (finding.time or start, finding.id))


def evidence(findings: Sequence[Finding], facts: Sequence[Facts], room: int) -> str:
    """Markdown of at most `room` bytes. `findings` are in order, `facts` those of each."""
    entries = _entries(findings, facts)
    whole = _chosen(entries, room)
    left = room - _REMARK - sum(size(text) + 2 for text in whole.values())
    lines: list[str] = []
    unsaid = 0
    for number, entry in enumerate(entries):
        if number in whole:
            continue
        short = _short(entry)
        if size(short) + 1 <= left:
            lines.append(short)
            left -= size(short) + 1
        else:
            unsaid += len(entry.findings)
    if unsaid:
        lines.append(f"- **{unsaid:,} more findings** are not shown: `exfilwatch findings list` has them all.")
    pieces = [whole[number] for number in sorted(whole)]
    return "\n\n".join([*pieces, "### In short", "\n".join(lines)] if lines else pieces)


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


def _chosen(entries: Sequence[Entry], room: int) -> dict[int, str]:
    """The entries to show whole: the gravest of each rule, then the others by level; the rest's lines fit too."""
    by_level = sorted(enumerate(entries), key=lambda each: (-rank(each[1].first.rule.level), each[0]))
    of_rule = {entry.first.rule.id: number for number, entry in reversed(by_level)}
    first = set(of_rule.values())
    chosen: dict[int, str] = {}
    left = room - _REMARK - min(room // 4, 400 * len(entries))
    too_long = 0
    for number, entry in sorted(by_level, key=lambda each: each[0] not in first):
        if left < _REMARK or too_long > _TRIED:
            break
        for limit in (_COMMAND, _SHORTER):
            text = _whole(entry, number + 1, limit)
            if size(text) + 2 <= left:
                chosen[number] = text
                left -= size(text) + 2
                break
        else:
            too_long += 1
    return chosen


def _whole(entry: Entry, number: int, limit: int) -> str:
    finding, said = entry.first, entry.facts
    score = "" if finding.score is None else f", score {finding.score}"
    facts = [f"{moment(finding.time)}, {prose(finding.rule.level, 20)}{score}, finding {code(finding.id[:12])}."]
    if more := len(entry.findings) - 1:
        last = max((each.end or each.time for each in entry.findings if each.time), default=None)
        facts.append(f"The same {more:,} more {'time' if more == 1 else 'times'}, last {moment(last)}.")
    what = [
        f"program {code(said.program, 60)}" if said.program else "",
        f"started by {code(said.parent, 60)}" if said.program and said.parent else "",
        f"process {said.process_id}" if said.process_id else "",
        f"task {code(said.task, 80)}" if said.task else "",
        *(f"destination {code(destination, 120)}" for destination in said.destinations),
    ]
    if joined := ", ".join(filter(None, what)):
        facts.append(f"{joined[0].upper()}{joined[1:]}.")
    if processes := finding.fields.get("Processes"):
        facts.append(f"Its events are {prose(str(processes), 100)}.")
    blocks = [f"### {number}. {prose(finding.rule.title or 'Unnamed rule', 120)}", " ".join(facts)]
    if text := _text(said):
        blocks.append(fence(text, limit=limit))
    blocks.append("\n".join([*_signals(finding.signals), *_events(entry.findings)]))
    return "\n\n".join(blocks)


def _text(said: Facts) -> str | None:
    return said.command_line or said.script or said.content


def _signals(signals: Sequence[FindingSignal]) -> list[str]:
    hits = list({(each.name, each.field, each.matched): each for each in signals if each.matched is not None}.values())
    lines = [
        f"- Signal {code(signal.name, 60)}: {code(signal.matched or '', 160)} in {code(signal.field, 60)}"
        + ("" if signal.start is None else f" at character {signal.start + 1:,}")
        for signal in hits[:_SIGNALS]
    ]
    if len(hits) > _SIGNALS:
        lines.append(f"- {len(hits) - _SIGNALS:,} more signals")
    missed = dict.fromkeys(signal.name for signal in signals if signal.matched is None)
    if unseen := [code(name, 60) for name in missed if name not in {hit.name for hit in hits}][:_SIGNALS]:
        lines.append(f"- Not seen: {', '.join(unseen)}")
    return lines


def _events(findings: Sequence[Finding]) -> list[str]:
    events = list({event.id: event for finding in findings for event in finding.events}.values())
    lines = [f"- Event {_place(event)}, {_kind(event)}, {moment(event.time)}" for event in events[:_EVENTS]]
    if len(events) > _EVENTS:
        lines.append(f"- {len(events) - _EVENTS:,} more events")
    return lines


def _place(event: EvidenceEvent) -> str:
    """The source and line; of a long path its end."""
    source = event.source if len(event.source) <= 150 else f"…{event.source[-149:]}"
    return code(f"{source}:{event.line}" if event.line else source, 200)


def _kind(event: EvidenceEvent) -> str:
    return code(" ".join(filter(None, (event.product, event.category))) or event.shape, 60)


def _short(entry: Entry) -> str:
    finding = entry.first
    times = f", {len(entry.findings):,} times" if len(entry.findings) > 1 else ""
    text = _text(entry.facts)
    said = f", {code(text, 100)}" if text else ""
    place = f", {_place(finding.events[0])}" if finding.events else ""
    level = prose(finding.rule.level, 20)
    return f"- {moment(finding.time)}, {level}: {prose(finding.rule.title, 80)}{times}{said}{place}"
