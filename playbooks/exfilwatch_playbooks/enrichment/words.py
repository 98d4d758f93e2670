"""An enrichment as people read it in a case: a document (cases/document.py), in as much room as there is."""

from collections.abc import Callable, Iterator, Sequence

from exfilwatch_playbooks.cases.document import (
    Block,
    Code,
    CodeBlock,
    Document,
    Heading,
    Paragraph,
    Run,
    Runs,
    Strong,
    Table,
    Text,
    listed,
    said,
)
from exfilwatch_playbooks.enrichment.model import Enrichment, Fact, Severity, Status, Step
from exfilwatch_playbooks.response.facts import basename

_HEAD: tuple[Runs, ...] = (("What",), ("Found",), ("Source",))
_ABOUT, _VALUE, _ITEM, _REASON = 120, 240, 60, 300  # characters
_ITEMS = 8
_STEPS, _COMMAND = 40, 160
_SMALLER = ((10, _STEPS), (10, 12), (5, 0), (3, 0), (1, 0))
"""How many things and processes are told of, in ever less room."""


def words(made: Enrichment, room: int, size: Callable[[Document], int]) -> Document:
    """What was found out, with a heading, within `room` by `size`; nothing where not even the least fits."""
    if not made.facts:
        return ()
    for things, steps in _SMALLER:
        document = tuple(_blocks(made, things, steps))
        if size(document) <= room:
            return document
    least = (Heading(2, ("What else is known",)), *_unknown(made.unknown))
    return least if size(least) <= room else ()


def severity(judged: Severity) -> Paragraph:
    """**Raised to high**: destination new in this organisation, 1.2 GB out."""
    did, _, _ = judged.words.partition(":")
    reasons = listed(Text(reason, _VALUE) for reason in judged.reasons)
    return said(Strong(did[:1].upper() + did[1:]), " by what was looked up: ", *reasons, ".")


def _blocks(made: Enrichment, things: int, steps: int) -> Iterator[Block]:
    yield Heading(2, ("What else is known",))
    subjects = made.subjects
    whole = made.of_subject("")
    if whole:
        yield Table(_HEAD, tuple(map(_row, whole)))
    for about in subjects[:things]:
        yield Heading(3, (Code(about, _ABOUT),))
        yield Table(_HEAD, tuple(map(_row, made.of_subject(about))))
    if len(subjects) > things:
        yield said(f"Of {len(subjects) - things:,} more there are facts in `exfilwatch action enrich_finding`.")
    if made.processes and steps:
        yield Heading(3, ("Process tree",))
        yield CodeBlock(tree(made.processes[:steps]), limit=steps * (_COMMAND + 60))
    yield from _unknown(made.unknown)


def _row(fact: Fact) -> tuple[Runs, ...]:
    found: list[Run] = [Text(fact.value, _VALUE)]
    if fact.items:
        more = f" and {len(fact.items) - _ITEMS} more" if len(fact.items) > _ITEMS else ""
        found += [": ", *listed(Code(item, _ITEM) for item in fact.items[:_ITEMS]), more]
    return (Text(fact.label, 60),), tuple(run for run in found if run != ""), (Text(fact.source, 80),)


def _unknown(facts: Sequence[Fact]) -> Iterator[Block]:
    """Who did not answer, each with the reason; who was not asked, in one line."""
    off = [fact for fact in facts if fact.status is Status.NOT_CONFIGURED]
    for fact in facts:
        if fact.status is not Status.NOT_CONFIGURED:
            yield said(
                Strong("Not known"), ": ", Text(fact.label, 60), f" ({fact.status}: ", Text(fact.reason, _REASON), ")."
            )
    if off:
        names = dict.fromkeys(fact.label for fact in off)
        yield said("Not asked, as not configured: ", *listed(Text(name, 60) for name in names), ".")


def tree(steps: Sequence[Step]) -> str:
    """A line for each process, indented by its depth; `>` before those of the evidence."""
    return "\n".join(
        f"{'>' if step.evidence else ' '} {'  ' * min(step.depth, 20)}{_process(step)}".rstrip() for step in steps
    )


def _process(step: Step) -> str:
    when = f"{step.time:%H:%M:%S} " if step.time else ""
    line = " ".join(step.command_line.split())
    shown = line if len(line) <= _COMMAND else f"{line[:_COMMAND]}…"
    number = f" ({step.process_id})" if step.process_id else ""
    return f"{when}{basename(step.image) or '?'}{number} {shown}".rstrip()
