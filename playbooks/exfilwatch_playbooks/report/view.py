"""The report's content: everything that the template shows, worked out of an incident's material."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from exfilwatch.detection.detection import RuleInfo
from exfilwatch.findings.finding import Finding
from exfilwatch.findings.incident import Incident, rank
from exfilwatch_playbooks.cases import summary
from exfilwatch_playbooks.cases.document import Document, Paragraph
from exfilwatch_playbooks.enrichment.model import Enrichment
from exfilwatch_playbooks.report.destinations import Destinations, destinations
from exfilwatch_playbooks.report.evidence import Evidence, evidence
from exfilwatch_playbooks.report.lookups import Lookups, lookups
from exfilwatch_playbooks.report.marking import values
from exfilwatch_playbooks.report.material import Material, material
from exfilwatch_playbooks.report.steps import Phase, Step, phases
from exfilwatch_playbooks.report.story import Story, story
from exfilwatch_playbooks.report.texts import Texts, texts
from exfilwatch_playbooks.report.timeline import Timeline, timeline
from exfilwatch_playbooks.report.tree import Tree, tree
from exfilwatch_playbooks.report.wording import amount, counted, lasting, listed
from exfilwatch_playbooks.response.facts import Facts, facts
from exfilwatch_playbooks.response.languages import LANGUAGES, languages_of
from exfilwatch_playbooks.response.plan import Plan, plan_of
from exfilwatch_playbooks.rule_pages.attack import TECHNIQUES

CONTENTS = (
    ("summary", "Summary"),
    ("timeline", "Timeline"),
    ("commands", "What was run"),
    ("tree", "Process tree"),
    ("destinations", "Destinations and volume"),
    ("others", "Other hosts"),
    ("steps", "What to do now"),
    ("reasons", "How we know"),
    ("evidence", "Raw evidence"),
)
_REASONS, _SIGNALS, _GUIDES = 20, 8, 12
_TELLING = 500
"""Findings that sentences and steps are filled with, the gravest; they name three values or so of each kind."""


@dataclass(frozen=True)
class Fact:
    """A figure at the head: `value` in few words, `note` what to make of it."""

    name: str
    value: str
    note: str = ""
    is_unknown: bool = False


@dataclass(frozen=True)
class Reason:
    """A rule that fired, `times`; what it saw, and what of it was not there."""

    title: str
    level: str
    attack: tuple[str, ...]
    times: int
    first: datetime | None
    last: datetime | None
    seen: tuple[tuple[str, str, str], ...]
    more_seen: int
    missing: tuple[str, ...]
    kinship: str
    description: str
    guide: str
    falsepositives: tuple[str, ...]
    ids: tuple[str, ...]


@dataclass(frozen=True)
class Report:
    """All that the page shows; `techniques`: the most exact ones."""

    incident: Incident
    level: str
    title: str
    made: datetime | None
    version: str
    what_happened: Document
    severity: Document
    facts: tuple[Fact, ...]
    techniques: tuple[tuple[str, str], ...]
    timeline: Timeline | None
    story: Story
    tree: Tree
    texts: Texts
    destinations: Destinations
    lookups: Lookups | None
    reasons: tuple[Reason, ...]
    more_reasons: int
    phases: tuple[Phase, ...]
    evidence: Evidence

    @property
    def events(self) -> int:
        return len(self.evidence.lines) + self.evidence.left_out

    @property
    def levels(self) -> tuple[str, ...]:
        """Those of the timeline's dots, the gravest first."""
        found = {dot.level for dot in self.timeline.dots} if self.timeline else set()
        return tuple(sorted(found, key=rank, reverse=True))

    @property
    def first_steps(self) -> tuple[Step, ...]:
        """What cannot wait: how to tell what it is, and how to stop it."""
        return tuple(step for phase, most in zip(self.phases, (2, 3), strict=False) for step in phase.steps[:most])

    @property
    def contents(self) -> tuple[tuple[str, str], ...]:
        """The sections: id and name."""
        return CONTENTS

    @property
    def steps(self) -> int:
        return sum(len(phase.steps) for phase in self.phases)


def view(
    incident: Incident,
    findings: Iterable[Finding],
    rules: Mapping[str, RuleInfo],
    enrichment: Enrichment | None,
    plan: Plan | None,
    made: datetime | None,
    room: int,
) -> Report:
    """The report of an incident. `findings` are all that it has, in any order; `room`: bytes for raw evidence."""
    from exfilwatch import __version__

    found = material(incident, findings)
    telling = sorted(found.findings, key=lambda finding: -rank(finding.rule.level))[:_TELLING]
    said = [facts(finding) for finding in telling]
    places = destinations(found)
    looked = lookups(enrichment, (place.key for place in places.shown)) if enrichment else None
    reasons = _reasons(found, rules)
    gravest = found.gravest
    return Report(
        incident=incident,
        level=looked.level if looked else incident.level,
        title=(gravest.rule.title if gravest else "") or "Exfiltration",
        made=made,
        version=__version__,
        what_happened=summary.what_happened(incident, found.findings, said),
        severity=(Paragraph(summary.severity(incident, len(found.findings))),),
        facts=tuple(_facts(found, places, looked)),
        techniques=tuple(
            (name, TECHNIQUES.get(name, ""))
            for name in incident.attack
            if not any(other.startswith(f"{name}.") for other in incident.attack)
        ),
        timeline=timeline(found),
        story=story(found),
        tree=tree(found, enrichment.processes if enrichment else ()),
        texts=texts(found),
        destinations=places,
        lookups=looked,
        reasons=tuple(reasons[:_REASONS]),
        more_reasons=max(0, len(reasons) - _REASONS),
        phases=phases(plan or _plan(telling, said)),
        evidence=evidence(found, room),
    )


def _plan(findings: Sequence[Finding], said: Sequence[Facts]) -> Plan:
    """The plan for findings whose facts are given; its queries are for the SIEM that they are from, else for all."""
    found = [(finding.rule.branch, facts) for finding, facts in zip(findings, said, strict=True)]
    return plan_of(found, languages_of(said) or LANGUAGES)


def _facts(found: Material, places: Destinations, looked: Lookups | None) -> Iterator[Fact]:
    incident = found.incident
    if incident.time and incident.end:
        span = incident.end - incident.time
        yield Fact("Lasted", lasting(span) if span else "one moment", "from the first event to the last")
    else:
        yield Fact("Lasted", "unknown", "no event has a time", is_unknown=True)
    yield _sent(places, looked)
    yield _taken(found)
    count = len(places.shown) + places.more
    if count:
        kinds = list(dict.fromkeys(place.kind for place in places.shown if place.kind != "unknown"))
        yield Fact(
            counted(count, "destination").partition(" ")[2].capitalize(),
            places.shown[0].said if count == 1 else f"{count:,}",
            ", ".join(kinds[:3]),
        )
    else:
        yield Fact("Destinations", "none seen", "neither a connection nor a name", is_unknown=True)
    yield _others(looked)
    rules = len({finding.rule.id for finding in found.findings})
    yield Fact(
        "Evidence",
        counted(len(found.happenings), "event"),
        f"{counted(len(found.findings), 'finding')} by {counted(rules, 'rule')}",
    )


def _taken(found: Material) -> Fact:
    """What kind of files, and where they lay."""
    kinds: dict[str, None] = {}
    paths: dict[str, None] = {}
    for happening in found.happenings:
        fields = found.understood(happening)
        for group in ("transfer", "archive", "collect"):
            if kind := fields.get(f"{group}.sensitive_source"):
                kinds[str(kind)] = None
            named = values(fields.get(f"{group}.source_path"))
            paths |= dict.fromkeys(path for path in named if len(path) > 2 and not re.fullmatch(r"[$%\w{}:]+", path))
        if happening.event.category == "file_event" and (file := happening.value("TargetFilename")):
            paths[file] = None
    if not kinds and not paths:
        return Fact("Files", "not named", "no command says which", is_unknown=True)
    return Fact("Files", listed(kinds) or counted(len(paths), "file or folder", "files or folders"), listed(paths, 2))


def _others(looked: Lookups | None) -> Fact:
    """How many hosts have to do with the same."""
    if looked is None or not looked.hosts:
        return Fact("Other hosts", "not looked for", "see what to do now: scope", is_unknown=True)
    most = max(looked.hosts, key=lambda fact: fact.number or 0)
    return Fact("Hosts in all", most.value, most.label.lower())


def _sent(places: Destinations, looked: Lookups | None) -> Fact:
    if looked and looked.sent and (looked.sent.number or 0) >= (places.sent or 0):
        return Fact("Data sent", looked.sent.value, f"as {looked.sent.source or looked.sent.enricher} has it")
    if places.sent is not None:
        return Fact("Data sent", amount(places.sent), f"{places.sent:,} bytes, by the connections' records")
    if places.connections:
        return Fact("Data sent", "not counted", "connections were seen, their bytes were not", is_unknown=True)
    return Fact("Data sent", "unknown", "no connection is among the evidence", is_unknown=True)


def _reasons(found: Material, rules: Mapping[str, RuleInfo]) -> list[Reason]:
    by_rule: dict[str, list[Finding]] = {}
    for finding in found.findings:
        by_rule.setdefault(finding.rule.id, []).append(finding)
    ordered = sorted(by_rule.items(), key=lambda each: -rank(each[1][0].rule.level))
    return [_reason(alike, rules.get(name), number < _GUIDES) for number, (name, alike) in enumerate(ordered)]


def _reason(alike: Sequence[Finding], rule: RuleInfo | None, with_guide: bool) -> Reason:
    one = max(alike, key=lambda finding: rank(finding.rule.level))
    signals = [signal for finding in alike for signal in finding.signals]
    hits = dict.fromkeys((each.name, each.matched or "", each.field) for each in signals if each.matched is not None)
    named = {name for name, _, _ in hits}
    missing = dict.fromkeys(each.name for each in signals if each.matched is None and each.name not in named)
    times = [time for finding in alike for time in (finding.time, finding.end) if time]
    return Reason(
        title=one.rule.title or "Unnamed rule",
        level=one.rule.level,
        attack=tuple(one.rule.attack),
        times=len(alike),
        first=min(times, default=None),
        last=max(times, default=None),
        seen=tuple(hits)[:_SIGNALS],
        more_seen=max(0, len(hits) - _SIGNALS),
        missing=tuple(missing)[:_SIGNALS],
        kinship=str(one.fields.get("Processes") or ""),
        description=rule.description.strip() if rule else "",
        guide=rule.guide.strip() if rule and with_guide else "",
        falsepositives=tuple(rule.falsepositives[:10]) if rule else (),
        ids=tuple(finding.id[:12] for finding in alike[:3]),
    )
