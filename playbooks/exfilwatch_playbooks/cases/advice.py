"""What to do: the response steps by phase, and what the rules say should be checked first."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from exfilwatch.detection.detection import RuleInfo
from exfilwatch.findings.finding import Finding
from exfilwatch.findings.incident import rank
from exfilwatch_playbooks.cases.evidence import size
from exfilwatch_playbooks.hostile import cut, fence, prose
from exfilwatch_playbooks.response.facts import Facts
from exfilwatch_playbooks.response.steps import FilledStep, Platform, steps_for

_SHELLS: dict[Platform, tuple[str, str]] = {
    "windows": ("Windows (PowerShell)", "powershell"),
    "linux": ("Linux", "sh"),
    "macos": ("macOS", "sh"),
}
_GUIDE = 3000  # characters
_CODE_SPAN = re.compile(r"(`+[^`]+`+)")


def steps(findings: Sequence[Finding], facts: Sequence[Facts], room: int, *, default: bool = True) -> str:
    """The response steps, filled in; with fewer values where they would not fit into `room` bytes.

    Without `default`, only the branches' own.
    """
    found = [(finding.rule.branch, said) for finding, said in zip(findings, facts, strict=True)]
    text = ""
    for shown in (3, 1, 0):
        text = _by_phase(steps_for(found, shown, default=default))
        if size(text) <= room:
            break
    return text


def _by_phase(filled: Sequence[FilledStep]) -> str:
    blocks: list[str] = []
    numbered = enumerate(filled, 1)
    for phase, of_phase in groupby(numbered, key=lambda each: each[1].phase):
        blocks.append(f"### {phase.capitalize()}")
        for number, step in of_phase:
            references = f" ({', '.join(step.references)})" if step.references else ""
            blocks.append(f"**{number}. {step.title}.** {step.instruction} *{step.why}*{references}")
            for platform, commands in step.commands.items():
                name, language = _SHELLS[platform]
                # Never cut: half a command is worse than none.
                blocks += [f"{name}:", fence("\n".join(commands), language, limit=1_000_000)]
    return "\n\n".join(blocks)


def checks(findings: Sequence[Finding], rules: Mapping[str, RuleInfo], room: int) -> str:
    """Each rule's guide and false positives, the gravest rule first, as many as fit into `room` bytes."""
    fired = {finding.rule.id: finding.rule for finding in findings}
    known = [rules[name] for name in fired if name in rules and (rules[name].guide or rules[name].falsepositives)]
    known.sort(key=lambda rule: -rank(rule.level))
    blocks: list[str] = []
    left = room - 100
    for number, rule in enumerate(known):
        text = "\n\n".join(_rule(rule))
        if size(text) + 2 > left:
            blocks.append(f"{len(known) - number:,} more rules have guides: `exfilwatch rules show ID` prints one.")
            break
        blocks.append(text)
        left -= size(text) + 2
    return "\n\n".join(blocks)


def _rule(rule: RuleInfo) -> Iterator[str]:
    yield f"### {prose(rule.title, 120)}"
    if rule.guide.strip():
        yield _guide(rule.guide)
    if rule.falsepositives:
        yield "Can be harmless:"
        yield "\n".join(f"- {prose(each, 300)}" for each in rule.falsepositives[:10])


def _guide(text: str) -> str:
    """A guide is its author's Markdown; it gets no headings, images or HTML here, and can't leave a fence open."""
    kept, remark = cut(text.strip().replace("\r\n", "\n"), _GUIDE, keep="\n\t")
    lines: list[str] = []
    fenced = ""
    for raw in kept.split("\n"):
        if mark := re.match(r"\s*(```+|~~~+)", raw):
            if not fenced:
                fenced = mark[1]
            elif mark[1].startswith(fenced):
                fenced = ""
            lines.append(raw)
        else:
            lines.append(raw if fenced else _harmless(raw))
    if fenced:
        lines.append(fenced)
    return "\n".join(lines) + (f"\n\n{remark.strip(' …')}" if remark else "")


def _not_a_heading(match: re.Match[str]) -> str:
    return f"{match[2]}\\" if match[1] is None else f"{match[1]}\\#"


def _harmless(text: str) -> str:
    text = re.sub(r"^([\s>*+.)\d-]*)#|^(\s*)(?=[=-]+\s*$)", _not_a_heading, text)
    pieces = _CODE_SPAN.split(text)
    return "".join(
        piece if number % 2 else piece.replace("<", "&lt;").replace("![", "!\\[") for number, piece in enumerate(pieces)
    )
