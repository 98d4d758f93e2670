"""The page of one rule or filter."""

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import NamedTuple

from exfilwatch.detection.detection import LEVELS, shifted
from exfilwatch.detection.rule_tests import Case
from exfilwatch.events.event import Event
from exfilwatch_playbooks.hostile import code, fence
from exfilwatch_playbooks.rule_pages import attack, words
from exfilwatch_playbooks.rule_pages.written import Rule, RuleFile, yaml_of

_WHOLE = 200_000
"""Characters of a rule or of an example: all of it."""
_FIRST = ("CommandLine", "ScriptBlockText", "TaskContent", "Image", "ParentImage", "ParentCommandLine")
_FACTS = ("cadence", "destination", "destination_class", "tool", "source_path", "sensitive_source")
"""Reported fields that an example shows, where the rule has them."""


class Filtering(NamedTuple):
    """A filter that takes something away from a rule: its title, its page, and the placeholders that it waits for."""

    title: str
    page: str
    asks: tuple[str, ...]


def page(
    file: RuleFile, cases: Sequence[Case], filters: Sequence[Filtering], filtered: Sequence[RuleFile], manual: str = ""
) -> str:
    """Markdown. `filters` are those of the rule; `filtered`, of a filter, the rules that it is for. `manual`: where
    docs/rules.md is, as seen from the page."""
    parts = [
        _head(file),
        *_guide(file.rule),
        *(_hides(file) if file.rule.filter else _when(file)),
        *_levels(file.rule),
        *_fields(file, manual),
        *_false_positives(file.rule),
        *_tuning(file, filters, filtered),
        *_examples(file, cases),
        *_reports(file.rule),
        "## The rule itself",
        fence(file.text, "yaml", _WHOLE),
        *_references(file.rule),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def badge(level: str) -> str:
    """A level that pages show in its colour (docs/stylesheets/rules.css)."""
    return f'<span class="level {level}">{level}</span>' if level in LEVELS else level


def sources(file: RuleFile) -> str:
    """The log sources that the rule, or its members, look at."""
    found = [_source(each) for each in (file.rule, *file.members) if each.logsource]
    return ", ".join(dict.fromkeys(found))


def _source(rule: Rule) -> str:
    parts = [rule.logsource[name] for name in ("product", "category", "service") if rule.logsource.get(name)]
    return " ".join(parts)


def _head(file: RuleFile) -> str:
    rule = file.rule
    facts = [f"**{file.kind.capitalize()}** of {code(file.place)}"]
    if not rule.filter:
        facts.insert(0, badge(rule.level))
        if rule.status:
            facts.append(rule.status)
    facts += [f"looks at {code(sources(file))}", f"id {code(rule.id)}" if rule.id else ""]
    tactics, techniques = attack.of(rule.tags)
    lines = [f"# {rule.title}", " · ".join(filter(None, facts)), rule.description.strip()]
    if techniques:
        named = [
            f"[{attack.TACTICS[each][0]}](https://attack.mitre.org/tactics/{attack.TACTICS[each][1]}/)"
            for each in tactics
        ]
        parts = filter(None, [", ".join(named), "; ".join(map(attack.technique, techniques))])
        lines.append(f"ATT&CK: {': '.join(parts)}.")
    return "\n\n".join(filter(None, lines))


def _guide(rule: Rule) -> Iterator[str]:
    if guide := rule.block("guide"):
        yield "## When you have one of its findings"
        yield guide


def _when(file: RuleFile) -> Iterator[str]:
    yield "## When it fires"
    if not file.rule.correlation:
        yield from _conditions(file.rule)
        return
    links = {each.name or each.id: f"[{each.title}](#{_anchor(each)})" for each in file.members}
    yield "\n".join(words.correlation(file.rule.correlation, links))
    if isinstance(regular := file.rule.exfilwatch.get("regular"), dict):
        jitter = f"{regular['jitter']:.0%}"
        yield f"They come **at regular intervals** of a minute to a day, with at most {jitter} of jitter."
    for member in file.members:
        yield f'### <a id="{_anchor(member)}"></a>{member.title}'
        yield member.description.strip()
        yield f"Looks at {code(_source(member))}."
        yield from _conditions(member)


def _anchor(member: Rule) -> str:
    return f"part-{member.name or member.id}"


def _conditions(rule: Rule) -> Iterator[str]:
    """The condition, then what its names stand for."""
    score = rule.exfilwatch.get("score")
    and_score, weights = "", {}
    if isinstance(score, dict):
        and_score, weights = f", and the score is at least {score['threshold']}", score.get("weights", {})
    yield f"{code(rule.condition, _WHOLE)}{and_score}, where:"
    yield _named(
        rule, [name for name in rule.selections if name in weights or _stands_in(name, rule.condition)], weights
    )


def _named(rule: Rule, names: Sequence[str], weights: Mapping[str, int] = MappingProxyType({})) -> str:
    lines = []
    for name in names:
        weight = f" (weighs {weights[name]})" if name in weights else ""
        lines.append(f"- **{name}**{weight}: {words.selection(rule.selections[name])}")
    return "\n".join(lines)


def _stands_in(name: str, condition: str) -> bool:
    """Whether a condition asks for a selection: by its name, a pattern, or all of them."""
    return any(word == "them" or fnmatchcase(name, word) for word in re.findall(r"[\w*]+", condition))


def _fields(file: RuleFile, manual: str) -> Iterator[str]:
    if manual and re.search(r"^ *(transfer|archive|collect|command)\.", file.text, re.MULTILINE):
        link = f"[What a command line does]({manual}#what-a-command-line-does)"
        yield f"What fields such as `transfer.direction` say: {link}."


def _hides(file: RuleFile) -> Iterator[str]:
    yield "## What it leaves out"
    yield "An event is kept, so that its rules see it, only when this holds:"
    yield from _conditions(file.rule)


def _levels(rule: Rule) -> Iterator[str]:
    if rule.filter:
        return
    graver, milder = rule.block("graver"), rule.block("milder")
    if not (graver or milder):
        return
    rows = [f"- {badge(rule.level)} as it stands"]
    if graver:
        rows.append(f"- {badge(shifted(rule.level, 1))} when {code(graver, _WHOLE)}")
    if milder:
        rows.append(f"- {badge(shifted(rule.level, -1))} when {code(milder, _WHOLE)}")
    if graver and milder:
        rows.append("- both at once cancel each other out")
    yield "## Its level"
    yield "\n".join(rows)
    conditions = f"{graver} {milder}"
    asked = [name for name in rule.selections if _stands_in(name, conditions) and not _stands_in(name, rule.condition)]
    if asked:
        yield f"where:\n\n{_named(rule, asked)}"


def _false_positives(rule: Rule) -> Iterator[str]:
    if rule.falsepositives and not rule.filter:
        yield "## What may be harmless"
        yield "\n".join(f"- {each}" for each in rule.falsepositives)


def _tuning(file: RuleFile, filters: Sequence[Filtering], filtered: Sequence[RuleFile]) -> Iterator[str]:
    if file.rule.filter:
        yield "## Rules that it is for"
        yield "\n".join(f"- [{each.rule.title}](../{each.page})" for each in filtered) or "None that come along."
        return
    yield "## How to tune it"
    if filters:
        yield "These filters that come along take something away from it" + (
            ", or from its parts:" if file.members else ":"
        )
        yield "\n".join(f"- [{each.title}](../{each.page}){_asking(each)}" for each in filters)
    tuned = file.members or [file.rule]
    yield (
        "For what is your own, mark findings and let `exfilwatch tune` propose a filter, or write one: the full path "
        "of the parent, and the destination."
    )
    derived = "transfer." in file.text
    yield fence(_skeleton(tuned, derived=derived), "yaml", _WHOLE)


def _asking(filtering: Filtering) -> str:
    names = words.listed([code(f"%{each}%") for each in filtering.asks])
    return f", once the settings give values for {names}" if names else ""


def _skeleton(rules: Sequence[Rule], *, derived: bool) -> str:
    """A filter to begin with; of the log source of the first."""
    chosen = [each for each in rules if each.logsource == rules[0].logsource]
    selection: dict[str, object] = {"ParentImage": "/opt/reports/agent"}
    selection |= {"transfer.destination": "reports.corp.example", "command.destinations": 1} if derived else {}
    return yaml_of(
        {
            "title": "Reports Of Our Own Agent",
            "id": "00000000-0000-4000-8000-000000000000",
            "logsource": dict(chosen[0].logsource),
            "filter": {
                "rules": [each.id or each.name for each in chosen],
                "selection": selection,
                "condition": "not selection",
            },
        }
    )


def _examples(file: RuleFile, cases: Sequence[Case]) -> Iterator[str]:
    named = ("Still found", "Left out") if file.rule.filter else ("Must fire", "Must not fire")
    order = ("silent", "fires") if file.rule.filter else ("fires", "silent")
    for expected in order:
        mine = [case for case in cases if case.expected == expected]
        if mine:
            yield f"## {named[expected == 'silent']}"
            for case in mine:
                yield f"**{case.why[:1].upper()}{case.why[1:]}**{_outcome(case)}"
                yield fence(_events(case.events), "text", _WHOLE)


def _outcome(case: Case) -> str:
    if not case.found:
        return ""
    found = max(case.found, key=lambda each: LEVELS.index(each.rule.level))
    facts = [f"{name} {code(_plain(found.fields[name]))}" for name in _FACTS if found.fields.get(name)]
    return f" → {badge(found.rule.level)}" + (f" {', '.join(facts)}" if facts else "")


def _plain(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _events(events: Sequence[Event]) -> str:
    several = len(events) > 1
    start = min((event.time or 0 for event in events), default=0)
    blocks = []
    for event in events:
        fields = {name: value for name, value in event.fields.items() if name != "Computer" or value != "HOST"}
        names = [name for name in _FIRST if name in fields] + [name for name in fields if name not in _FIRST]
        lines = [f"{name + ':':18} {_plain(fields[name])}" for name in names]
        if several:
            lines.insert(0, f"after {_clock((event.time or 0) - start)}")
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def _clock(microseconds: int) -> str:
    seconds = microseconds // 1_000_000
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02} h"


def _reports(rule: Rule) -> Iterator[str]:
    if not rule.reported:
        return
    yield "## What a finding reports"
    shown = [
        code(name) if name == source else f"{code(name)} ({code(source)})" for name, source in rule.reported.items()
    ]
    yield textwrap.fill(", ".join(shown), 4000)


def _references(rule: Rule) -> Iterator[str]:
    if rule.references:
        yield "## References"
        yield "\n".join(f"- <{each}>" for each in rule.references)
