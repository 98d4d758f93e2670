"""A part of a rule set: the rules that somebody names, with what they are made of."""

from collections.abc import Iterable
from typing import NamedTuple

from exfilwatch.detection.rule import Correlation, Rule, RuleSet
from exfilwatch.errors import ConfigError


class Chosen(NamedTuple):
    """The rules to evaluate, and the ids of those whose findings are wanted."""

    rules: RuleSet
    ids: frozenset[str]


def choose(rules: RuleSet, names: Iterable[str]) -> Chosen:
    """The rules of these ids, titles or branches, in any case of letters; without names all that give findings.

    Raises ConfigError for a name that is no rule's.
    """
    every: list[Rule | Correlation] = [*rules.rules, *rules.correlations]
    giving = [each for each in every if each.emits]
    asked = list(names)
    if not asked:
        return Chosen(rules, frozenset(each.info.id for each in giving))
    wanted: list[Rule | Correlation] = []
    for name in asked:
        key = name.strip().lower()
        found = [each for each in giving if key in (each.info.id.lower(), each.info.title.lower(), each.info.branch)]
        if not found:
            raise ConfigError(f"no rule has the id, title or branch {name!r}: `exfilwatch rules list` shows all")
        wanted += found
    needed = {each.id for each in wanted}
    for correlation in reversed(rules.correlations):  # outer ones first
        if correlation.id in needed:
            needed.update(correlation.plan.members)
    part = RuleSet(
        [rule for rule in rules.rules if rule.id in needed],
        [each for each in rules.correlations if each.id in needed],
    )
    return Chosen(part, frozenset(each.info.id for each in wanted))
