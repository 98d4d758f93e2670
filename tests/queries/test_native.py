"""A rule's condition over a record's own members holds of every record on which the rule fires."""

import functools
import random
from typing import Any

import pytest

from exfilwatch.detection.condition import Get, Holds, compiled
from exfilwatch.detection.rule import Rule
from exfilwatch.events.event import Event, Origin
from exfilwatch.events.mapping import dict_access
from exfilwatch.siem.queries.doing import narrowed
from exfilwatch.siem.queries.native import asked

from .records import RECORDS, Record, endpoint, events, firing, rules, spelled, sysmon, winlogbeat

RULES = rules()
NO_EVENT = Event("", "", "", "", None, None, None, "", Origin(""), {}, {})


def members(record: Record) -> Get:
    """A record's members by path; an object counts as a text that is not empty."""

    def get(path: str) -> Any:
        value = dict_access(path)(record)
        return "{}" if isinstance(value, dict) else value

    return get


@functools.cache
def conditions(rule: Rule, by_words: bool) -> list[tuple[Holds, Holds]]:
    found = asked(rule, condition=narrowed(rule) if by_words else rule.asked)
    return [(compiled(each.guard), compiled(each.condition)) for each in found]


def fulfils(rule: Rule, record: Record, by_words: bool) -> bool:
    get = members(record)
    return any(guard(get, NO_EVENT) and holds(get, NO_EVENT) for guard, holds in conditions(rule, by_words))


def records() -> list[Record]:
    rng = random.Random(1)
    found = [*events(), *(make(event) for event in events() for make in (sysmon, winlogbeat, endpoint))]
    return [*RECORDS, *found, *(spelled(record, rng) for record in (*RECORDS, *found[::4]))]


@pytest.fixture(scope="module")
def pairs() -> list[Any]:
    return firing(RULES, records())


def test_many_rules_fire_in_many_forms(pairs: list[Any]) -> None:
    assert len(pairs) > 500
    assert len({rule.id for rule, _ in pairs}) > 12


@pytest.mark.parametrize("by_words", [False, True], ids=["widely", "by words"])
def test_what_fires_fulfils_the_native_condition(pairs: list[Any], by_words: bool) -> None:
    # Of what takes long to compile, a part: the words that are looked for are the same in all rules.
    rules = set(sorted({rule.id for rule, _ in pairs})[:: 3 if by_words else 1])
    asked = [(rule, record) for rule, record in pairs if rule.id in rules]
    assert [(rule.id, record) for rule, record in asked if not fulfils(rule, record, by_words)] == []
