"""Queries with a finding's values: none breaks out, each asks for what has the value, where and since when.

How each language's texts are read: ../quoting.py.
"""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import re2

from exfilwatch_playbooks.response.facts import facts
from exfilwatch_playbooks.response.languages import LANGUAGES, Language, asks, languages_of, queries_of
from exfilwatch_playbooks.response.languages.asking import TESTS

from .. import quoting  # noqa: TID252 (tests are no package on the path)
from ..findings.made import make  # noqa: TID252
from .known import known
from .questions import IP, NAMES, NOW, VALUES, compared, query

READERS: dict[Language, Callable[[str], quoting.Read]] = {
    "splunk": quoting.spl,
    "sentinel": quoting.kql,
    "defender": quoting.kql,
    "sumo": quoting.sumo,
}
# What a base search of Splunk may name, if all of it is ordinary: terms.
TERMS = re.compile(r" (?:\((?:(?:host=)?\0(?: OR )?)+\)|\0)(?= |$)", re.MULTILINE)
NOT_THERE = {"defender": {"share_used", "requests_of_host"}}


def structure(language: Language, text: str) -> Any:
    """The query without its texts."""
    if language == "elasticsearch":
        return kinds(json.loads(text))
    code = READERS[language](text).code
    head, _, rest = code.partition("\n")
    return (TERMS.sub("", head), rest) if language == "splunk" else code


def kinds(body: Any) -> Any:
    if isinstance(body, dict):
        return {name: kinds(value) for name, value in body.items()}
    return [kinds(each) for each in body] if isinstance(body, list) else type(body).__name__


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", NAMES)
def test_no_value_changes_anything_but_texts(name, language):
    plain = query(name, language, "a b")
    if plain is None:
        assert name in NOT_THERE[language]
        return
    for value in VALUES:
        text = query(name, language, value)
        if text is None:
            assert "" in [compared(meaning, value) for meaning in asks()[name].where]
        elif language == "sumo":  # any spelling of what is no letter passes, so that length shows
            READERS[language](text)
        else:
            assert structure(language, text) == structure(language, plain), value


@pytest.mark.parametrize("name", NAMES)
def test_expressions_of_splunk_find_the_value_and_not_what_only_begins_so(name):
    where = asks()[name].where
    for value in VALUES:
        text = query(name, "splunk", value)
        literals = re.findall(rf"match\(\w+, ({quoting.SPL})\)", text or "")
        for meaning, literal in zip(where if text else (), literals, strict=True):
            expression = re.compile(quoting.spl_text(literal))
            there = compared(meaning, value)
            assert expression.search(there), (meaning, value)
            if TESTS.get(meaning) != "has":
                assert not expression.search(f"{there}x"), (meaning, value)


@pytest.mark.parametrize("name", NAMES)
def test_expressions_of_sumo_find_messages_with_the_value_in_json_and_as_it_is(name):
    meaning = next(iter(asks()[name].where))
    for value in VALUES:
        literals = re.findall(quoting.SUMO, query(name, "sumo", value) or "")
        there = compared(meaning, value)
        for message in (there, json.dumps({"x": there}), json.dumps({"x": there}, ensure_ascii=False)):
            assert not literals or re2.search(quoting.sumo_text(literals[0]), message), (meaning, value)


def test_times_are_those_of_the_findings():
    first, last = NOW - timedelta(hours=2), NOW
    found = [known(host="WS1", time=first, end=first), known(host="WS2", time=last, end=last)]
    (ready,) = queries_of("volume_of_host", found, ["splunk"], 3)
    assert (ready.since, ready.until) == (first - timedelta(days=1), last + timedelta(hours=24))
    assert f"earliest={int(ready.since.timestamp())} latest={int(ready.until.timestamp()) + 1} " in ready.text
    (open_end,) = queries_of("address_elsewhere", [known(destination_ip=IP, time=NOW)], ["defender"], 3)
    assert open_end.until is None
    assert "Timestamp >= datetime(2026-02-10T09:14:02.0000000Z)\n" in open_end.text


def test_without_a_time_the_last_days_are_asked_for():
    for language, part in {"splunk": "earliest=-30d", "sentinel": "ago(30d)", "elasticsearch": '"now-30d"'}.items():
        (ready,) = queries_of("address_elsewhere", [known(destination_ip=IP)], [language], 3)
        assert part in ready.text


def test_a_question_without_a_value_is_not_asked():
    assert queries_of("address_elsewhere", [known(host="WS1")], LANGUAGES, 3) == []
    assert queries_of("address_elsewhere", [known(destination_ip=IP)], LANGUAGES, 0) == []


def test_several_values_are_one_query():
    found = [known(host=f"WS{n}.corp.example", time=NOW, end=NOW) for n in range(5)]
    (ready,) = queries_of("volume_of_host", found, ["defender"], 3)
    assert ready.text.count("=~") == 3
    assert 'Host startswith "ws2."' in ready.text


@pytest.mark.parametrize(
    ("shapes", "expected"),
    [
        ({"splunk_windows"}, ("splunk",)),
        ({"cim_processes", "cim_web"}, ("splunk",)),
        ({"ecs_windows", "auditbeat"}, ("elasticsearch",)),
        ({"defender", "sentinel_windows"}, ("sentinel", "defender")),
        ({"asim_network"}, ("sentinel",)),
        ({"sumo_cse"}, ("sumo",)),
        ({"evtx", "auditd"}, ()),
    ],
)
def test_a_finding_is_asked_about_where_it_is_from(shapes, expected):
    assert languages_of([known(shapes=frozenset(shapes))]) == expected
    assert facts(make("a")).shapes == {"sysmon_flat"}
