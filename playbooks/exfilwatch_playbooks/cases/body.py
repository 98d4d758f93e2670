"""What an analyst reads: a case's title and body, and the notes of what came later, made of pure functions.

They are documents (document.py), written in the markup of the case system. A body is at most the renderer's limit
(60 KB unless the system takes less), however many findings there are and whatever stands in them. What happened and how
bad it is comes first and is never left out; steps and guides have room of their own, evidence takes what is left.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence

from exfilwatch.detection.detection import RuleInfo
from exfilwatch.findings.finding import Finding
from exfilwatch.findings.incident import Incident
from exfilwatch_playbooks.cases import advice, summary
from exfilwatch_playbooks.cases.case import Attachment, Case, Draft, Note
from exfilwatch_playbooks.cases.document import Block, Code, Document, Heading, Paragraph, Strong, Text, said
from exfilwatch_playbooks.cases.evidence import Size, evidence, in_order
from exfilwatch_playbooks.cases.render.markdown import MARKDOWN
from exfilwatch_playbooks.cases.render.renderer import Renderer
from exfilwatch_playbooks.enrichment import words
from exfilwatch_playbooks.enrichment.model import Enrichment, Severity
from exfilwatch_playbooks.response.facts import Facts, facts

LIMIT, NOTE_LIMIT = MARKDOWN.limit, MARKDOWN.note_limit
_STEPS, _CHECKS, _ENRICHMENT = 0.43, 0.17, 0.15  # of the room that there is
_NOTE_STEPS, _NOTE_CHECKS = 0.4, 0.2


def draft(
    incident: Incident,
    findings: Iterable[Finding],
    rules: Mapping[str, RuleInfo] | None = None,
    renderer: Renderer = MARKDOWN,
    enrichment: Enrichment | None = None,
    follows: Case | None = None,
    files: Sequence[Attachment] = (),
) -> Draft:
    """The case of an incident. `findings` are all that it has, in any order; `rules` by id bring guides. What was found
    out beside them (`enrichment`) is told of, and may make the case graver or less so than the incident. `follows`: the
    closed case that it goes on from. `files`: what the case gets, told with their checksums.
    """
    found = in_order(findings)
    known = [facts(finding) for finding in found]
    document = _body(incident, found, known, rules or {}, renderer, enrichment, follows, files)
    return Draft(
        incident=incident.id,
        title=renderer.title(summary.title(incident, found, known)),
        level=level_of(incident, enrichment),
        body=f"{renderer.write(document)}\n",
        document=document,
        findings=tuple(finding.id for finding in found),
        follows=follows.id if follows else None,
    )


def level_of(incident: Incident, enrichment: Enrichment | None) -> str:
    """How grave the case is: as the incident, unless what was found out about it as it is now says otherwise."""
    judged = _judged(incident, enrichment)
    return judged.after if judged else incident.level


def _judged(incident: Incident, enrichment: Enrichment | None) -> Severity | None:
    """The severity by an enrichment that is of the incident as it is now."""
    return enrichment.severity if enrichment and enrichment.severity.before == incident.level else None


def _body(
    incident: Incident,
    found: list[Finding],
    known: list[Facts],
    rules: Mapping[str, RuleInfo],
    renderer: Renderer,
    enrichment: Enrichment | None,
    follows: Case | None,
    files: Sequence[Attachment],
) -> Document:
    size, limit = _size(renderer), renderer.limit
    judged = _judged(incident, enrichment)
    opening: Document = (
        *((_named("This goes on from case ", follows, ", which was closed."),) if follows else ()),
        Heading(2, ("What happened",)),
        *summary.what_happened(incident, found, known),
        Heading(2, ("How bad it is",)),
        Paragraph(summary.severity(incident, len(found))),
        *((words.severity(judged),) if judged and judged.reasons else ()),
        summary.techniques(incident),
    )
    if enrichment:
        opening += words.words(enrichment, int(limit * _ENRICHMENT), size)
    checks = advice.checks(found, rules, int(limit * _CHECKS), size)
    end = (
        *((Heading(2, ("What to check first, and what can be harmless",)), *checks) if checks else ()),
        Heading(2, ("What to do now",)),
        *advice.steps(found, known, int(limit * _STEPS), size),
        *_checksums(files),
        said("Incident ", Code(incident.id), ", opened by exfilwatch."),
    )
    room = limit - size(opening) - size(end) - 100
    return (*opening, Heading(2, ("How we know",)), *evidence(found, known, room, size), *end)


def news(
    incident: Incident,
    known: Iterable[Finding],
    new: Iterable[Finding],
    rules: Mapping[str, RuleInfo] | None = None,
    level: str | None = None,
    renderer: Renderer = MARKDOWN,
    enrichment: Enrichment | None = None,
    files: Sequence[Attachment] = (),
) -> Note:
    """The note of findings that came after the case was opened, whose other findings are `known`.

    Steps and guides are those that the case does not have yet. `level`: the case's severity changes to it. `files`:
    what the case gets with it.
    """
    found, before = in_order(new), list(known)
    told = [facts(finding) for finding in found]
    ids = tuple(finding.id for finding in found)
    size, limit = _size(renderer), renderer.note_limit
    count = "1 more finding" if len(found) == 1 else f"{len(found):,} more findings"
    opening: list[Block] = [
        said(Strong(count), f" in this incident, which now has {len(incident.findings):,}."),
        *summary.what_happened(_span_of(incident, found), found, told),
    ]
    if level:
        opening.append(said("Severity is now ", *summary.severity(incident, len(incident.findings))))
        if (judged := _judged(incident, enrichment)) and judged.reasons:
            opening.append(words.severity(judged))
    had_branches, had_rules = {each.rule.branch for each in before}, {each.rule.id for each in before}
    fresh = [(each, fact) for each, fact in zip(found, told, strict=True) if each.rule.branch not in had_branches]
    room = int(limit * _NOTE_STEPS)
    steps = advice.steps([each for each, _ in fresh], [fact for _, fact in fresh], room, size, default=False)
    unknown = [each for each in found if each.rule.id not in had_rules]
    checks = advice.checks(unknown, rules or {}, int(limit * _NOTE_CHECKS), size)
    end = (
        *((Heading(2, ("What to check first, and what can be harmless",)), *checks) if checks else ()),
        *((Heading(2, ("What to do as well",)), *steps) if steps else ()),
        *_checksums(files),
    )
    room = limit - size((*opening, *end)) - 100
    document = (*opening, Heading(2, ("How we know",)), *evidence(found, told, room, size), *end)
    return Note(
        key="findings " + hashlib.sha256("\n".join(sorted(ids)).encode()).hexdigest()[:32],
        text=f"{renderer.write(document)}\n",
        document=document,
        findings=ids,
        level=level,
    )


def _checksums(files: Sequence[Attachment]) -> Document:
    """What files should be, so that whoever opens one can tell that it is still that."""
    return tuple(said("File ", Code(each.name), ", SHA-256 ", Code(each.checksum), ".") for each in files)


def _size(renderer: Renderer) -> Size:
    return lambda document: len(renderer.write(document).encode())


def _span_of(incident: Incident, findings: list[Finding]) -> Incident:
    """The incident as if it had only these findings' times."""
    times = [time for each in findings for time in (each.time, each.end) if time]
    return incident.model_copy(update={"time": min(times, default=None), "end": max(times, default=None)})


def duplicate(survivor: Case, renderer: Renderer = MARKDOWN) -> Note:
    """The note that closes a case whose incident turned out to be part of another one."""
    why = "Later findings show that this is part of another incident. Go on in case "
    document = (_named(why, survivor, ", which tells of these findings too."),)
    return Note(
        key=f"merged into {survivor.incident}",
        text=f"{renderer.write(document)}\n",
        document=document,
        duplicate_of=survivor.id,
    )


def followed(by: Case, renderer: Renderer = MARKDOWN) -> Note:
    """The note of a closed case which says where it goes on."""
    document = (_named("New evidence came after this case was closed. It goes on in case ", by, "."),)
    return Note(key=f"goes on in {by.incident}", text=f"{renderer.write(document)}\n", document=document)


def _named(before: str, case: Case, after: str) -> Block:
    return said(before, Code(case.id), " (", Text(case.title, 250), ")", after)
