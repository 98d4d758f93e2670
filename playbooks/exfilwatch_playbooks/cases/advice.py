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
    Runs,
    Strong,
    Text,
    said,
)
from exfilwatch_playbooks.cases.evidence import Size
from exfilwatch_playbooks.hostile import cut
from exfilwatch_playbooks.response.facts import Facts
from exfilwatch_playbooks.response.languages import LANGUAGE_NAMES, LANGUAGES, languages_of
from exfilwatch_playbooks.response.markdown import PLATFORM_NAMES, effort, questions
from exfilwatch_playbooks.response.placeholders import Piece
from exfilwatch_playbooks.response.plan import Plan, plan_of

_GUIDE = 3000  # characters
_WHOLE = 1_000_000  # characters: half a command is worse than none
_ASK: Document = (
    said("Searches for your SIEM with these values: ", Code("exfilwatch action get_response_plan --incident ID"), "."),
)


def steps(
    findings: Sequence[Finding], facts: Sequence[Facts], room: int, size: Size, *, default: bool = True
) -> Document:
    """The response steps, filled in; with fewer queries and values where they would not fit into `room` bytes, at last
    by name.

    Queries are for the SIEM that the findings are from; for all of them when they are from files. Without `default`,
    only the steps of the findings' kinds.
    """
    found = [(finding.rule.branch, fact) for finding, fact in zip(findings, facts, strict=True)]
    known = languages_of(facts) or LANGUAGES
    for shown, languages in ((3, known), (1, ()), (0, ())):
        plan = plan_of(found, languages, shown, general=default)
        phases = _by_phase(plan)
        left = room - size(phases) - 2
        for searches in (_queries(plan), _ASK) if languages else (_ASK,):
            if size(searches) <= left:
                return (*phases, *searches)
    named = _named(plan)
    return named if size(named) <= room else (said("The steps are in the case's attachments."),)


def _by_phase(plan: Plan) -> Document:
    blocks: list[Block] = []
    number = 0
    for phase in plan.phases:
        blocks.append(Heading(3, (phase.title,)))
        for step in phase.steps:
            number += 1
            named = f" ({', '.join(step.references)})" if step.references else ""
            title = Strong(f"{number}. {step.title}.")
            who = f" [{'; '.join(effort(step))}]"
            blocks.append(said(title, " ", *_runs(step.instruction), " ", Emphasis(step.why), who, named))
            if step.decision:
                blocks.append(said(Strong("To decide:"), " ", *_runs(step.decision)))
            for platform, commands in groupby(step.commands, key=lambda command: command.platform):
                pasted = list(commands)
                blocks.append(said(f"{PLATFORM_NAMES[platform]}:"))
                blocks.append(CodeBlock("\n".join(command.text for command in pasted), pasted[0].shell, _WHOLE))
    return tuple(blocks)


def _runs(pieces: Sequence[Piece]) -> Runs:
    return tuple(Code(piece.text, _WHOLE) if piece.value else piece.text for piece in pieces)


def _queries(plan: Plan) -> Document:
    """Each question once, with the numbers of the steps that it helps."""
    blocks: list[Block] = []
    for title, numbers, queries in questions(plan):
        blocks.append(said(Strong(title), f" (step{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))})"))
        for query in queries:
            blocks += [said(f"{LANGUAGE_NAMES[query.language]}:"), CodeBlock(query.text, "text", _WHOLE)]
    return (Heading(3, ("Queries",)), *blocks) if blocks else ()


def _named(plan: Plan) -> Document:
    named = ((Strong(phase.title), f": {step.title}") for phase in plan.phases for step in phase.steps)
    return (Items(tuple(named), ordered=True),)


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
