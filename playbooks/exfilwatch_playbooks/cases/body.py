"""What an analyst reads: a case's title and body, and the notes of what came later. Markdown, made of pure functions.

A body is at most LIMIT bytes of UTF-8, however many findings there are and whatever stands in them. What happened and
how bad it is comes first and is never left out; steps and guides have room of their own, evidence takes what is left.
"""

import hashlib
from collections.abc import Iterable, Mapping

from exfilwatch.detection.detection import RuleInfo
from exfilwatch.findings.finding import Finding
from exfilwatch.findings.incident import Incident
from exfilwatch_playbooks.cases import advice, summary
from exfilwatch_playbooks.cases.case import Case, Draft, Note
from exfilwatch_playbooks.cases.evidence import evidence, in_order, size
from exfilwatch_playbooks.hostile import code, prose
from exfilwatch_playbooks.response.facts import facts

LIMIT = 60_000
NOTE_LIMIT = 20_000
_STEPS, _CHECKS = 26_000, 10_000
_NOTE_STEPS, _NOTE_CHECKS = 8_000, 4_000


def draft(incident: Incident, findings: Iterable[Finding], rules: Mapping[str, RuleInfo] | None = None) -> Draft:
    """The case of an incident. `findings` are all that it has, in any order; `rules` by id bring guides."""
    found = in_order(findings)
    said = [facts(finding) for finding in found]
    opening = "\n\n".join(
        [
            "## What happened",
            summary.what_happened(incident, found, said),
            "## How bad it is",
            summary.severity(incident, len(found)),
            summary.techniques(incident),
        ]
    )
    checks = advice.checks(found, rules or {}, _CHECKS)
    end = "\n\n".join(
        [
            *(["## What to check first, and what can be harmless", checks] if checks else []),
            "## What to do now",
            advice.steps(found, said, _STEPS),
            f"Incident {code(incident.id)}, opened by exfilwatch.",
        ]
    )
    room = LIMIT - size(opening) - size(end) - 100
    known = f"## How we know\n\n{evidence(found, said, room)}"
    return Draft(
        incident=incident.id,
        title=summary.title(incident, found, said),
        level=incident.level,
        body=f"{opening}\n\n{known}\n\n{end}\n",
        findings=tuple(finding.id for finding in found),
    )


def news(
    incident: Incident,
    known: Iterable[Finding],
    new: Iterable[Finding],
    rules: Mapping[str, RuleInfo] | None = None,
    level: str | None = None,
) -> Note:
    """The note of findings that came after the case was opened, whose other findings are `known`.

    Steps and guides are those that the case does not have yet. `level`: the case's severity changes to it.
    """
    found, before = in_order(new), list(known)
    said = [facts(finding) for finding in found]
    ids = tuple(finding.id for finding in found)
    count = "1 more finding" if len(found) == 1 else f"{len(found):,} more findings"
    opening = [
        f"**{count}** in this incident, which now has {len(incident.findings):,}.",
        summary.what_happened(_span_of(incident, found), found, said),
    ]
    if level:
        opening.append(f"Severity is now {summary.severity(incident, len(incident.findings))}")
    had_branches, had_rules = {each.rule.branch for each in before}, {each.rule.id for each in before}
    fresh = [(each, fact) for each, fact in zip(found, said, strict=True) if each.rule.branch not in had_branches]
    steps = advice.steps([each for each, _ in fresh], [fact for _, fact in fresh], _NOTE_STEPS, default=False)
    checks = advice.checks([each for each in found if each.rule.id not in had_rules], rules or {}, _NOTE_CHECKS)
    end = [
        *(["## What to check first, and what can be harmless", checks] if checks else []),
        *(["## What to do as well", steps] if steps else []),
    ]
    room = NOTE_LIMIT - size("\n\n".join([*opening, *end])) - 100
    return Note(
        key="findings " + hashlib.sha256("\n".join(sorted(ids)).encode()).hexdigest()[:32],
        text="\n\n".join([*opening, "## How we know", evidence(found, said, room), *end]) + "\n",
        findings=ids,
        level=level,
    )


def _span_of(incident: Incident, findings: list[Finding]) -> Incident:
    """The incident as if it had only these findings' times."""
    times = [time for each in findings for time in (each.time, each.end) if time]
    return incident.model_copy(update={"time": min(times, default=None), "end": max(times, default=None)})


def duplicate(survivor: Case) -> Note:
    """The note that closes a case whose incident turned out to be part of another one."""
    return Note(
        key=f"merged into {survivor.incident}",
        text=(
            f"Later findings show that this is part of another incident. Go on in case {code(survivor.id)} "
            f"({prose(survivor.title, 250)}), which tells of these findings too.\n"
        ),
        duplicate_of=survivor.id,
    )
