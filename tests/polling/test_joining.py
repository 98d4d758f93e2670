"""Script blocks whose parts come in several slices or polls give the findings of one pass over all records."""

import asyncio
from itertools import permutations

import pytest

from exfilwatch.detection.engine import Engine
from exfilwatch.detection.load import load
from exfilwatch.detection.parts import PARTS
from exfilwatch.events.report import Report
from exfilwatch.findings.finding import finding
from exfilwatch.polling.poller import Poller
from exfilwatch.siem.siem import SECOND

from .memory_siem import START, MemorySiem, events, stored

MINUTE, HOUR = 60 * SECOND, 3600 * SECOND
RULE = """
title: Script
id: 5a0f0f0f-0000-4000-8000-000000000001
logsource: {category: ps_script}
detection:
  a: {ScriptBlockText|contains|all: ['begin', 'files.example.net', 'end']}
  condition: a
level: medium
"""
CUT_SHORT = """
title: Beginning
id: 5a0f0f0f-0000-4000-8000-000000000002
logsource: {category: ps_script}
detection:
  a: {ScriptBlockText|contains: 'files.example'}
  whole: {ScriptBlockText|contains: 'end'}
  condition: a and not whole
level: low
"""
TEXTS = ("begin files.exa", "mple.net ", "end")


@pytest.fixture
def rules(tmp_path):
    path = tmp_path / "rules.yml"
    path.write_text(f"{RULE}---{CUT_SHORT}")
    return load([path])


def part(time, number, host="ws1", total=3, block="b1", **times):
    fields = {"MessageNumber": str(number), "MessageTotal": str(total), "ScriptBlockId": block}
    text = TEXTS[number - 1]
    return stored(time, category="ps_script", Computer=host, ScriptBlockText=text, **fields, **times)


def poll(siem, rules, store):
    return asyncio.run(Poller(siem, rules, store, since=4 * HOUR, clock=lambda: siem.clock).once())


def found(store):
    return sorted(each.id for each in store.find())


def clean(siem, rules):
    return sorted({finding(each).id for each in Engine(rules, Report()).detect(events(siem.records))})


@pytest.mark.parametrize("order", list(permutations((1, 2, 3))))
def test_parts_that_come_in_three_polls_are_found_once_as_one(rules, store, order):
    siem = MemorySiem()
    poll(siem, rules, store)
    for number in order:
        siem.records.append(part(siem.clock + MINUTE, number))
        siem.clock += 10 * MINUTE
        assert poll(siem, rules, store).findings == (number == order[-1])
    siem.clock += 48 * HOUR
    poll(siem, rules, store)
    assert found(store) == clean(siem, rules)


def test_parts_in_two_slices_of_one_poll_are_joined(rules, store):
    siem = MemorySiem(slice="1h")
    siem.records = [part(START - HOUR - 1, 1), part(START - HOUR, 2), part(START - HOUR + 1, 3)]
    assert poll(siem, rules, store).findings == 1
    assert found(store) == clean(siem, rules)


def test_a_look_back_that_sees_a_part_again_adds_nothing(rules, store):
    siem = MemorySiem(lookback="10m", ingest_time=False)
    siem.records = [part(START - 10 * MINUTE - SECOND, 1), part(START - 9 * MINUTE, 2), part(START - 8 * MINUTE, 3)]
    assert poll(siem, rules, store).findings == 1
    for _ in range(8):
        siem.clock += 5 * MINUTE
        poll(siem, rules, store)
    siem.clock += 48 * HOUR
    poll(siem, rules, store)
    assert found(store) == clean(siem, rules)


def test_what_is_never_whole_is_judged_as_it_is_once_nothing_more_is_expected(rules, store):
    siem = MemorySiem([part(START - MINUTE, 2), part(START - MINUTE, 1)])
    assert poll(siem, rules, store).findings == 0
    siem.clock += 40 * MINUTE
    assert poll(siem, rules, store).findings == 1
    siem.clock += 40 * MINUTE
    assert poll(siem, rules, store).findings == 0
    assert found(store) == clean(siem, rules)


def test_the_rest_that_comes_after_that_is_found_too(rules, store):
    siem = MemorySiem([part(START - MINUTE, 1), part(START - MINUTE, 2)])
    poll(siem, rules, store)
    siem.clock += HOUR
    poll(siem, rules, store)
    siem.records.append(part(START - MINUTE, 3, ingest=siem.clock))
    siem.clock += 10 * MINUTE
    assert poll(siem, rules, store).findings == 1
    assert clean(siem, rules)[0] in found(store)


def test_parts_of_two_hosts_stay_apart_and_doubles_count_once(rules, store):
    siem = MemorySiem()
    siem.doubled = True
    poll(siem, rules, store)
    for number in (1, 2, 3):
        siem.records += [part(siem.clock + MINUTE, number), part(siem.clock + MINUTE, number % 3 + 1, host="ws2")]
        siem.clock += 10 * MINUTE
        poll(siem, rules, store)
    assert len(found(store)) == 2
    assert found(store) == clean(siem, rules)


def test_parts_are_asked_for_whatever_the_rules_ask_of_texts(rules, store):
    siem = MemorySiem([part(START - MINUTE, 1)])
    poll(siem, rules, store)
    assert all(PARTS in ask.rules for ask in siem.asked)
