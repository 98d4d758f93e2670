"""Whose records a hunt asks for: those of some hosts and users, so far as nothing is missed by it.

A rule that fires on an event by itself needs the records of these hosts and users only, and so does one whose hits
count together by host or by user. Hits of others (one destination, from many hosts) may be of anybody: for those, all
is asked.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from exfilwatch.detection.parts import PARTS, sees_blocks
from exfilwatch.detection.rule import Correlation, Rule, RuleSet
from exfilwatch.siem.queries.whose import named
from exfilwatch.siem.siem import Ask

_HOST, _USER = "Computer", "User"


class Owners(NamedTuple):
    """The hosts and users that are asked for (none: any), and the ids of rules for which all of them are."""

    hosts: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    of_any_host: frozenset[str] = frozenset()
    of_any_user: frozenset[str] = frozenset()

    def asks(self, whole: Ask, *, everything: bool, most: int) -> Iterator[Ask]:
        """An Ask in parts, of at most so many hosts and users each; `everything`: whatever the rules look at."""
        groups: dict[tuple[bool, bool], list[Rule]] = {}
        for rule in whole.rules or ():
            groups.setdefault((rule.id not in self.of_any_host, rule.id not in self.of_any_user), []).append(rule)
        if everything:  # as little as is enough for each
            groups = {(all(host for host, _ in groups), all(user for _, user in groups)): []}
        for (by_host, by_user), rules in groups.items():
            for hosts in _parts(self.hosts if by_host else (), most):
                for users in _parts(self.users if by_user else (), most):
                    asked = None if everything else tuple(rules)
                    yield msgspec.structs.replace(whole, rules=asked, hosts=hosts, users=users)


ANYBODY = Owners()


def owners_of(rules: RuleSet, hosts: Sequence[str] = (), users: Sequence[str] = ()) -> Owners:
    """Whose records are asked for, to find with these rules what is of one of the hosts and one of the users."""
    if not hosts and not users:
        return ANYBODY
    return Owners(
        tuple(hosts) if named(hosts, ()) else (),
        tuple(users) if named((), users) else (),
        _of_any(_HOST, rules),
        _of_any(_USER, rules),
    )


def _of_any(field: str, rules: RuleSet) -> frozenset[str]:
    """The ids of the rules that lead to a correlation over several values of the field."""
    found = set[str]()
    for each in rules.correlations:
        plan = each.plan
        if any(field not in plan.group_fields(member) for member in plan.members):
            found |= _leading_to(each, rules)
    blocks = any(sees_blocks(rules.by_id[rule]) for rule in found if rule in rules.by_id)
    return frozenset(found | ({PARTS.id} if blocks else set()))


def _leading_to(correlation: Correlation, rules: RuleSet) -> set[str]:
    by_id = {each.id: each for each in rules.correlations}
    found = set(correlation.plan.members)
    for member in correlation.plan.members:
        if member in by_id:
            found |= _leading_to(by_id[member], rules)
    return found


def _parts(names: tuple[str, ...], most: int) -> Iterator[tuple[str, ...]]:
    for start in range(0, len(names) or 1, most):
        yield names[start : start + most]
