"""The page that lists all rules: by tactic, by what sends, by technique; and the filters."""

from collections.abc import Iterable, Iterator, Sequence

from exfilwatch.detection.detection import LEVELS
from exfilwatch_playbooks.rule_pages import attack
from exfilwatch_playbooks.rule_pages.page import badge, sources
from exfilwatch_playbooks.rule_pages.written import RuleFile

NAME = "all.md"
PACK = "exfil"
_FAMILY = "transfer.family"
_EACH = (
    "Each has a page made of the rule itself and of its tests: when it fires, at what level, what to do then, what may "
    "be harmless, how to tune it."
)
_LEVELS = (
    "The level is that of the rule as it stands; many are one higher for sensitive or freshly packed data, and one "
    "lower where it stays near."
)


def overview(files: Sequence[RuleFile]) -> str:
    """Markdown."""
    rules = [each for each in files if not each.rule.filter]
    filters = [each for each in files if each.rule.filter]
    parts = [
        "# All rules",
        f"{len(rules)} rules that give findings, and {len(filters)} filters. {_EACH}",
        _LEVELS,
        *_by_tactic(rules),
        *_by_family(rules),
        *_by_technique(rules),
        *_filters(filters),
    ]
    return "\n\n".join(parts) + "\n"


def _by_tactic(rules: Sequence[RuleFile]) -> Iterator[str]:
    for tactic, (title, _) in attack.TACTICS.items():
        mine = [each for each in rules if tactic in attack.of(each.rule.tags)[0]]
        if mine:
            yield f"## {title}"
            yield _table(mine)
    others = [each for each in rules if not attack.of(each.rule.tags)[0]]
    if others:
        yield "## Without a tactic"
        yield _table(others)


def _table(rules: Iterable[RuleFile]) -> str:
    """The gravest first; the default pack before others."""
    ordered = sorted(rules, key=lambda each: (each.place != PACK, -_rank(each.rule.level), each.rule.title))
    rows = [
        f"| {_link(each)}{_pack(each)}<br>{_first_sentence(each.rule.description)} | {badge(each.rule.level)} "
        f"| {sources(each)} | {' '.join(attack.of(each.rule.tags)[1])} |"
        for each in ordered
    ]
    return "| rule | level | looks at | ATT&CK |\n| --- | --- | --- | --- |\n" + "\n".join(rows)


def _rank(level: str) -> int:
    return LEVELS.index(level) if level in LEVELS else 0


def _pack(file: RuleFile) -> str:
    return "" if file.place == PACK else f" ({file.place})"


def _first_sentence(text: str) -> str:
    return f"{' '.join(text.split()).partition('. ')[0].rstrip('.')}.".replace("|", "&#124;")


def _link(file: RuleFile) -> str:
    return f"[{file.rule.title.replace('|', '&#124;')}]({file.page})"


def _by_family(rules: Sequence[RuleFile]) -> Iterator[str]:
    found: dict[str, list[RuleFile]] = {}
    for each in rules:
        for family in dict.fromkeys(_families(each)):
            found.setdefault(family, []).append(each)
    if found:
        yield "## By family of tool"
        yield "\n".join(f"- **{family}**: {', '.join(map(_link, mine))}" for family, mine in sorted(found.items()))


def _families(file: RuleFile) -> Iterator[str]:
    for rule in (file.rule, *file.members):
        for definition in rule.selections.values():
            named = definition.get(_FAMILY) if isinstance(definition, dict) else None
            yield from map(str, named if isinstance(named, list) else [named] if named else [])


def _by_technique(rules: Sequence[RuleFile]) -> Iterator[str]:
    found: dict[str, list[RuleFile]] = {}
    for each in rules:
        for name in attack.of(each.rule.tags)[1]:
            found.setdefault(name, []).append(each)
    if found:
        yield "## By technique"
        yield "\n".join(
            f"- {attack.technique(name)}: {', '.join(map(_link, mine))}" for name, mine in sorted(found.items())
        )


def _filters(filters: Sequence[RuleFile]) -> Iterator[str]:
    if filters:
        yield "## Filters"
        rows = (f"| {_link(each)} | {_first_sentence(each.rule.description)} |" for each in filters)
        yield "| filter | what it leaves out |\n| --- | --- |\n" + "\n".join(rows)
