"""What to do: the response steps by phase, and what the rules say should be checked first."""

from collections.abc import Mapping, Sequence
from itertools import groupby

from exfilwatch.detection.detection import RuleInfo
from exfilwatch.findings.finding import Finding
from exfilwatch.findings.incident import rank
from exfilwatch_playbooks.cases import authored
from exfilwatch_playbooks.cases.document import (
    Block,
    Code,
    CodeBlock,
    Document,
    Emphasis,
    Heading,
    Items,
    Paragraph,
    Strong,
    Text,
    said,
)
from exfilwatch_playbooks.cases.evidence import Size
from exfilwatch_playbooks.hostile import cut
from exfilwatch_playbooks.response.facts import Facts
from exfilwatch_playbooks.response.steps import FilledStep, Platform, steps_for

_SHELLS: dict[Platform, tuple[str, str]] = {
    "windows": ("Windows (PowerShell)", "powershell"),
    "linux": ("Linux", "sh"),
    "macos": ("macOS", "sh"),
}
_GUIDE = 3000  # characters
_WHOLE = 1_000_000  # characters: half a command is worse than none


def steps(
    findings: Sequence[Finding], facts: Sequence[Facts], room: int, size: Size, *, default: bool = True
) -> Document:
    """The response steps, filled in; with fewer values where they would not fit into `room` bytes, at last by name.

    Without `default`, only the branches' own.
    """
    found = [(finding.rule.branch, fact) for finding, fact in zip(findings, facts, strict=True)]
    for shown in (3, 1, 0):
        filled = steps_for(found, shown, default=default)
        document = _by_phase(filled)
        if size(document) <= room:
            return document
    named = _named(filled)
    return named if size(named) <= room else (said("The steps are in the case's attachments."),)


def _by_phase(filled: Sequence[FilledStep]) -> Document:
    blocks: list[Block] = []
    numbered = enumerate(filled, 1)
    for phase, of_phase in groupby(numbered, key=lambda each: each[1].phase):
        blocks.append(Heading(3, (phase.capitalize(),)))
        for number, step in of_phase:
            references = f" ({', '.join(step.references)})" if step.references else ""
            title = Strong(f"{number}. {step.title}.")
            blocks.append(said(title, " ", *authored.runs(step.instruction), " ", Emphasis(step.why), references))
            for platform, commands in step.commands.items():
                name, language = _SHELLS[platform]
                blocks += [said(f"{name}:"), CodeBlock("\n".join(commands), language, _WHOLE)]
    return tuple(blocks)


def _named(filled: Sequence[FilledStep]) -> Document:
    return (Items(tuple((Strong(step.phase.capitalize()), f": {step.title}") for step in filled), ordered=True),)


def checks(findings: Sequence[Finding], rules: Mapping[str, RuleInfo], room: int, size: Size) -> Document:
    """Each rule's guide and false positives, the gravest rule first, as many as fit into `room` bytes."""
    fired = {finding.rule.id: finding.rule for finding in findings}
    known = [rules[name] for name in fired if name in rules and (rules[name].guide or rules[name].falsepositives)]
    known.sort(key=lambda rule: -rank(rule.level))
    blocks: list[Block] = []
    left = room - 100
    for number, rule in enumerate(known):
        of_rule = _rule(rule)
        if (took := size(of_rule) + 2) > left:
            more = f"{len(known) - number:,} more rules have guides: "
            blocks.append(said(more, Code("exfilwatch rules show ID"), " prints one."))
            break
        blocks += of_rule
        left -= took
    return tuple(blocks)


def _rule(rule: RuleInfo) -> Document:
    blocks: list[Block] = [Heading(3, (Text(rule.title, 120),))]
    if rule.guide.strip():
        kept, remark = cut(rule.guide.strip().replace("\r\n", "\n"), _GUIDE, keep="\n\t")
        blocks += authored.blocks(kept)
        if remark:
            blocks.append(said(remark.strip(" …")))
    if rule.falsepositives:
        blocks.append(Paragraph(("Can be harmless:",)))
        blocks.append(Items(tuple((Text(each, 300),) for each in rule.falsepositives[:10])))
    return tuple(blocks)
