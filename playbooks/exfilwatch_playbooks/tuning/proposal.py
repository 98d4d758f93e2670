"""Which filter silences findings that were marked as false positives, and what else it would hide.

Pure: findings and rules in, proposals out. A filter holds on to a parent by its full path or to a destination, adds
what the false positives have in common (program, command line, user), and is refused when it would hide a finding that
was marked as a true positive.
"""

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import NamedTuple

import yaml
from sigma.filters import SigmaFilter

from exfilwatch.detection.condition import Holds
from exfilwatch.detection.condition import compiled as evaluated
from exfilwatch.detection.derived import seeing
from exfilwatch.detection.document import Document
from exfilwatch.detection.filters import compiled
from exfilwatch.detection.rule import Rule, RuleSet
from exfilwatch.events.event import Event, Origin, Value
from exfilwatch.findings.finding import EvidenceEvent, Finding
from exfilwatch.findings.marks import Disposition
from exfilwatch_playbooks.tuning.template import escaped, template

_TEXTS = ("CommandLine", "ScriptBlockText", "TaskContent")
_DESTINATIONS = ("transfer.destination", "DestinationHostname", "DestinationIp")
_SHORT = 8


class Proposal(NamedTuple):
    """A filter for some false positives, as YAML; ids of findings. `why_not`: why there is none, or it is refused."""

    rule: str
    title: str
    silences: tuple[str, ...]
    document: str = ""
    also: tuple[str, ...] = ()
    true: tuple[str, ...] = ()
    why_not: str = ""


class _Seen(NamedTuple):
    """The event of a finding that a filter can take away, and the rule that fires on it."""

    finding: Finding
    rule: Rule
    event: Event

    def text(self, field: str) -> str:
        value = seeing(self.event, self.event.get)(field)
        return value if isinstance(value, str) else ""

    @property
    def parent(self) -> str:
        """The parent's full path; a bare name counts as none."""
        path = self.text("ParentImage")
        return path if path.startswith("/") or path[1:3] == ":\\" else ""

    @property
    def destination(self) -> tuple[str, str]:
        """The field that names where it went, and its value."""
        return next(((field, value) for field in _DESTINATIONS if (value := self.text(field))), ("", ""))

    @property
    def held_by(self) -> tuple[str, str, tuple[str, str]]:
        """What a filter holds on to: rule, parent, destination."""
        return self.rule.id, self.parent.lower(), self.destination


def proposals(
    findings: Sequence[Finding], marks: Mapping[str, Disposition], rules: RuleSet, today: date
) -> Iterator[Proposal]:
    """A proposal for each group of false positives of one rule, parent and destination. `findings`: all history."""
    false = [each for each in findings if marks.get(each.id) is Disposition.FALSE_POSITIVE]
    groups: dict[object, list[_Seen]] = {}
    for finding in false:
        seen = _telling(finding, rules)
        if not seen:
            why = "its rule is not among --rules, or a filter of these silences it already"
            yield Proposal(finding.rule.id, finding.rule.title, (finding.id,), why_not=why)
        else:
            groups.setdefault(seen[0].held_by, []).extend(seen)
    for group in groups.values():
        yield _proposal(group, findings, marks, rules, today)


def _proposal(
    group: Sequence[_Seen],
    findings: Sequence[Finding],
    marks: Mapping[str, Disposition],
    rules: RuleSet,
    today: date,
) -> Proposal:
    rule, ids = group[0].rule, tuple(dict.fromkeys(each.finding.id for each in group))
    made = Proposal(rule.id, rule.info.title, ids)
    if not group[0].parent and not group[0].destination[1]:
        why = "neither a parent with its full path nor a destination is known, and a name alone can be borrowed"
        return made._replace(why_not=why)
    content = _filter(group, today)
    holds = _condition(content)
    if not all(_hides(holds, each) for each in group):
        return made._replace(why_not="what they have in common does not fit all of them")
    hidden = [each for each in findings if _would_hide(holds, each, rule, rules)]
    made = made._replace(
        document=yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=1000),
        also=tuple(each.id for each in hidden if each.id not in marks),
        true=tuple(each.id for each in hidden if marks.get(each.id) is Disposition.TRUE_POSITIVE),
    )
    return made._replace(why_not="it would hide a finding that is marked as a true positive") if made.true else made


def _filter(group: Sequence[_Seen], today: date) -> dict[str, object]:
    """The document. What is the same in all of them is asked for, each value as it is."""
    rule, first = group[0].rule, group[0]
    asked: dict[str, object] = {}
    if first.parent:
        asked["ParentImage"] = escaped(first.parent)
    field, destination = first.destination
    if destination:
        asked[field] = escaped(destination)
    if field == "transfer.destination" and all(_one_destination(each) for each in group):
        asked["command.destinations"] = 1
    for name in ("Image", "User"):
        values = {each.text(name) for each in group}
        if len(values) == 1 and (value := values.pop()) and (name != "Image" or "/" in value or "\\" in value):
            asked[name] = escaped(value)
    text = next((name for name in _TEXTS if first.text(name)), "")
    if text and (pattern := template([each.text(text) for each in group])):
        asked[text] = pattern
    source = {"category": rule.source.category, "product": rule.source.product, "service": rule.source.service}
    shown = ", ".join(dict.fromkeys(each.finding.id[:_SHORT] for each in group))
    to = f" To {destination}" if destination else ""
    return {
        "title": f"Known: {rule.info.title}{to}"[:110],
        "id": str(uuid.uuid4()),
        "status": "experimental",
        "description": f"Proposed by exfilwatch tune on {today.isoformat()} from false positives: {shown}."[:2000],
        "date": today.isoformat(),
        "logsource": {name: value for name, value in source.items() if value},
        "filter": {"rules": [rule.id], "known": asked, "condition": "not known"},
    }


def _one_destination(seen: _Seen) -> bool:
    return seeing(seen.event, seen.event.get)("command.destinations") == 1


def _condition(content: dict[str, object]) -> Holds:
    """What must hold for an event to be left alone by the filter."""
    text = yaml.safe_dump(content)
    node = yaml.compose(text)
    assert isinstance(node, yaml.MappingNode)
    made = compiled(SigmaFilter.from_yaml(text), Document("", content, node), 0, {})
    assert made.condition is not None
    return evaluated(made.condition)


def _hides(holds: Holds, seen: _Seen) -> bool:
    return not holds(seeing(seen.event, seen.rule.getter(seen.event)), seen.event)


def _would_hide(holds: Holds, finding: Finding, rule: Rule, rules: RuleSet) -> bool:
    """Whether a finding of the rule, or of a correlation that it is a member of, would go."""
    if finding.rule.id != rule.id and rule.id not in _members(finding, rules):
        return False
    return any(_hides(holds, _Seen(finding, rule, each)) and rule.fires(each) for each in _events(finding))


def _telling(finding: Finding, rules: RuleSet) -> list[_Seen]:
    """The events to take away: the last one that says where it went, else the last one on which a rule fires; and
    those that are held by the same. Of a burst all must go."""
    names = [finding.rule.id] if finding.rule.id in rules.by_id else _members(finding, rules)
    found = [
        _Seen(finding, rules.by_id[name], event)
        for event in _events(finding)
        for name in names
        if name in rules.by_id and rules.by_id[name].fires(event)
    ]
    chosen = next((each for each in reversed(found) if each.destination[1]), found[-1] if found else None)
    return [each for each in found if chosen is not None and each.held_by == chosen.held_by]


def _members(finding: Finding, rules: RuleSet) -> list[str]:
    found = next((each for each in rules.correlations if each.id == finding.rule.id), None)
    return [*dict.fromkeys(found.references.values())] if found else []


def _events(finding: Finding) -> Iterable[Event]:
    return map(_event, finding.events)


def _event(kept: EvidenceEvent) -> Event:
    """The event as far as a finding keeps it."""
    fields: dict[str, Value] = dict(kept.fields)
    return Event(
        shape=kept.shape,
        category=kept.category,
        product=kept.product,
        service="",
        time=None,
        ingest_time=None,
        host=kept.host or "",
        id=kept.id,
        origin=Origin(kept.source, kept.line),
        fields=fields,
        raw=fields,
    )
