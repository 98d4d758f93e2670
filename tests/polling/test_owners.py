"""A hunt of some hosts or users asks a SIEM for theirs only, and finds what one of everybody finds of them."""

import asyncio
from collections.abc import Iterable
from textwrap import dedent

import pytest

from exfilwatch.detection.load import load
from exfilwatch.detection.rule import RuleSet
from exfilwatch.events.report import Report
from exfilwatch.findings.finding import Finding
from exfilwatch.findings.node import host_key, user_key
from exfilwatch.polling.hunting import hunt_siem
from exfilwatch.polling.owners import owners_of
from exfilwatch.polling.slices import Interval
from exfilwatch.siem.siem import SECOND

from .memory_siem import START, MemorySiem, stored

RULES = """
title: An upload
name: upload
id: 00000000-0000-4000-8000-000000000001
logsource: {category: process_creation, product: windows}
detection: {selection: {CommandLine|contains: upload}, condition: selection}
level: medium
---
title: A look around
name: look
id: 00000000-0000-4000-8000-000000000002
logsource: {category: process_creation, product: windows}
detection: {selection: {CommandLine|contains: look}, condition: selection}
level: informational
---
title: A step
name: step
id: 00000000-0000-4000-8000-000000000003
logsource: {category: process_creation, product: windows}
detection: {selection: {CommandLine|contains: step}, condition: selection}
level: informational
---
title: The same on many hosts
id: 00000000-0000-4000-8000-000000000004
correlation: {type: value_count, rules: [look], group-by: [CommandLine], timespan: 10m,
  condition: {gte: 2, field: Computer}}
level: high
---
title: Two steps on a host
id: 00000000-0000-4000-8000-000000000005
correlation: {type: event_count, rules: [step], group-by: [Computer], timespan: 10m, condition: {gte: 2}}
level: high
"""
HOSTS = ["WS1", "ws2.corp.example", "WS10", "10.0.0.5"]
USERS = ["CORP\\anna", "bob@corp.example", "SUSANNA", "S-1-5-21-1-2-3-1001"]


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> RuleSet:
    path = tmp_path_factory.mktemp("rules") / "rules.yml"
    path.write_text(dedent(RULES))
    return load([path])


@pytest.fixture
def siem() -> MemorySiem:
    made = MemorySiem(
        stored(
            START + (20 * at + step) * SECOND,
            category="process_creation",
            Computer=host,
            Image="C:\\x.exe",
            CommandLine=f"{word} {step}",
            User=USERS[(at + step) % 4],
        )
        for at, host in enumerate(HOSTS)
        for step, word in enumerate(["upload", "look", "step", "step"])
    )
    made.clock = START + 3600 * SECOND
    return made


def hunted(siem: MemorySiem, rules: RuleSet, hosts: Iterable[str] = (), users: Iterable[str] = ()) -> list[Finding]:
    span = Interval(START, START + 3600 * SECOND)
    return asyncio.run(hunt_siem(siem, rules, span, Report(), [*hosts], [*users])).findings


def of(findings: Iterable[Finding], hosts: Iterable[str], users: Iterable[str]) -> set[str]:
    on, by = {host_key(host, "") for host in hosts}, set(map(user_key, users))
    return {
        each.id
        for each in findings
        if (not on or on & {host_key(event.host, "") for event in each.events})
        and (not by or by & {user_key(str(event.fields.get("User"))) for event in each.events})
    }


@pytest.mark.parametrize(
    ("hosts", "users"),
    [
        (["ws1.corp.example"], []),
        (["WS2", "10.0.0.5"], []),
        (["nobody"], []),
        ([], ["anna"]),
        ([], ["BOB", "corp/susanna", "S-1-5-21-1-2-3-1001"]),
        (["ws1", "ws10"], ["anna", "bob"]),
        (HOSTS, USERS),
        (["-"], []),
        ([], ["-"]),
    ],
)
def test_it_finds_what_a_hunt_of_everybody_finds_of_them(
    hosts: list[str], users: list[str], siem: MemorySiem, rules: RuleSet
) -> None:
    everybody = hunted(siem, rules)
    assert len(everybody) > 8
    assert of(hunted(siem, rules, hosts, users), hosts, users) == of(everybody, hosts, users)


def test_the_siem_is_asked_for_theirs_so_far_as_a_rule_looks_at_one_host(siem: MemorySiem, rules: RuleSet) -> None:
    hunted(siem, rules, ["ws1"], ["anna"])
    asked = {frozenset(rule.info.title for rule in ask.rules or ()): (ask.hosts, ask.users) for ask in siem.asked}
    assert asked == {
        frozenset({"An upload"}): (("ws1",), ("anna",)),
        frozenset({"A look around"}): ((), ()),
        frozenset({"A step"}): (("ws1",), ()),
    }


def test_many_hosts_are_asked_for_in_parts(siem: MemorySiem, rules: RuleSet) -> None:
    many = [f"host{number}" for number in range(8)]
    hunted(siem, rules, [*many, "WS1"])
    parts = [ask.hosts for ask in siem.asked if ask.hosts and ask.rules and ask.rules[0].info.title == "An upload"]
    assert [len(part) for part in parts] == [3, 3, 3]
    assert sorted(host for part in parts for host in part) == sorted([*many, "WS1"])


def test_what_is_not_pushed_down_is_asked_for_of_them_only_where_no_rule_needs_others(rules: RuleSet) -> None:
    siem = MemorySiem(pushdown="off")
    siem.clock = START + 3600 * SECOND
    hunted(siem, rules, ["ws1"])
    assert [(ask.rules, ask.hosts) for ask in siem.asked] == [(None, ())]
    alone = RuleSet([rule for rule in rules.rules if rule.info.title == "An upload"], [])
    siem.asked.clear()
    hunted(siem, alone, ["ws1"])
    assert [(ask.rules, ask.hosts) for ask in siem.asked] == [(None, ("ws1",))]


def test_nobody_named_is_everybody(rules: RuleSet) -> None:
    assert owners_of(rules) == owners_of(rules, [], [])
    assert owners_of(rules, ["unset"], ["-"])[:2] == ((), ())
