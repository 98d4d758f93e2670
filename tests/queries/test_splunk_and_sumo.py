"""SPL and Sumo Logic's language, as the vendors document them: a compiled query keeps every event that fires."""

import json
from typing import Any

import pytest

from exfilwatch.detection.rule import Rule
from exfilwatch.siem.queries import splunk, sumo

from . import expressions
from .records import RECORDS, Record, endpoint, events, firing, rules, sysmon, winlogbeat

RULES = rules()
EVENTS = events()


_MODELLED = {"Processes", "All_Traffic", "Filesystem", "Web"}


def row(event: Record) -> Record:
    """A result of Splunk's add-on for Sysmon: texts only, and the XML as it came."""
    texts = {name: str(value) for name, value in sysmon(event).items() if value is not None}
    return {"_time": "2026-03-12T09:14:02.123+00:00", "EventCode": texts["EventID"], **texts, "_raw": "<Event/>"}


def bare(record: Record) -> Record:
    """A result, or a message, whose fields nobody extracted."""
    return {"_time": "2026-03-12T09:14:02.123+00:00", "_raw": json.dumps(record)}


@pytest.fixture(scope="module")
def extracted() -> list[tuple[Rule, Record]]:
    """Of rows that tstats makes of a data model (`Processes.process`) a search for events gives none."""
    of_splunk = [
        record
        for record in RECORDS
        if "_time" in record and not _MODELLED & {name.partition(".")[0] for name in record}
    ]
    return [(rule, record) for rule, record in firing(RULES, [*of_splunk, *map(row, EVENTS)])]


@pytest.fixture(scope="module")
def in_text() -> list[tuple[Rule, Record]]:
    records = [*RECORDS, *(make(event) for event in EVENTS for make in (sysmon, winlogbeat, endpoint))]
    return [(rule, bare(record)) for rule, record in firing(RULES, records)]


def missed(pairs: list[tuple[Rule, Record]], keeps: dict[str, Any]) -> list[Any]:
    return [(rule.info.title, record) for rule, record in pairs if not keeps[rule.id](record)]


def test_spl_keeps_what_fires_on_extracted_fields(extracted: list[tuple[Rule, Record]]) -> None:
    assert len(extracted) > 100
    assert missed(extracted, {rule.id: expressions.spl(splunk.condition([rule])) for rule in RULES}) == []


def test_spl_keeps_what_fires_where_no_field_is_extracted(in_text: list[tuple[Rule, Record]]) -> None:
    assert len(in_text) > 500
    assert missed(in_text, {rule.id: expressions.spl(splunk.condition([rule])) for rule in RULES}) == []


def test_sumo_keeps_what_fires(in_text: list[tuple[Rule, Record]]) -> None:
    assert missed(in_text, {rule.id: expressions.sumo(sumo.condition([rule])) for rule in RULES}) == []


def test_one_query_for_all_rules_keeps_what_fires(
    extracted: list[tuple[Rule, Record]], in_text: list[tuple[Rule, Record]]
) -> None:
    assert all(map(expressions.spl(splunk.condition(RULES)), [record for _, record in extracted[::5] + in_text[::20]]))
    assert all(map(expressions.sumo(sumo.condition(RULES)), [record for _, record in in_text[::20]]))


def test_what_fires_reaches_the_score_in_the_query(
    extracted: list[tuple[Rule, Record]], in_text: list[tuple[Rule, Record]]
) -> None:
    scored = {rule.id for rule in RULES if rule.threshold is not None}
    assert scored
    spl = {rule.id: expressions.spl_score(splunk.score(rule)) for rule in RULES if rule.id in scored}
    of_sumo = {rule.id: expressions.sumo_score(sumo.score(rule)) for rule in RULES if rule.id in scored}
    assert missed([pair for pair in extracted + in_text if pair[0].id in scored], spl) == []
    assert missed([pair for pair in in_text if pair[0].id in scored], of_sumo) == []


def test_the_score_leaves_out_what_does_not_reach_it() -> None:
    (rule,) = [rule for rule in RULES if rule.threshold == 2]
    once = row({"Image": "C:\\Windows\\cmd.exe", "CommandLine": "cmd.exe /c dir /s C:\\"})
    twice = row({"Image": "C:\\Windows\\cmd.exe", "CommandLine": "cmd.exe /c dir /s C:\\Users\\ann\\Documents\\"})
    assert expressions.spl(splunk.condition([rule]))(once)
    assert not expressions.spl_score(splunk.score(rule))(once)
    assert expressions.spl_score(splunk.score(rule))(twice)


def test_most_of_what_does_not_fire_is_left_out() -> None:
    """Of rules that ask for fields of records. What a command line does is seen only once it is here."""
    said = [rule for rule in rules(sigma=False) if not rule.derives]
    events = [row(event) for event in EVENTS]
    fired = {id(record) for _, record in firing(said, events)}
    keeps = expressions.spl(splunk.condition(said))
    others = [event for event in events if id(event) not in fired]
    assert sum(keeps(event) for event in others) < len(others) / 2
