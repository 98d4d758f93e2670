"""Searches in Splunk's language, whatever a host is called."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exfilwatch.siem import spl
from exfilwatch.siem.siem import Ask, Clock, Near

from .fake_splunk import strings


def text(*hosts: str, low: int = 1, high: int = 2) -> str:
    near = tuple(Near(host, low, high) for host in hosts)
    return spl.search('(index="main")', Ask(Clock.EVENT, near=near), "", ("*",))


@given(st.lists(st.text(min_size=1), min_size=1, max_size=5))
def test_any_names_are_texts(hosts):
    found = strings(text(*hosts))
    assert found is not None
    assert {host.lower() for host in hosts} <= set(found)


def test_names_with_wildcards_are_not_asked_of_the_index():
    assert "OR" not in text("*").split("|")[0]
    assert '(host="WS1" OR "WS1")' in text("WS1").split("|")[0]
    assert "OR" not in text("WS1", "a*").split("|")[0]


def test_a_span_has_both_its_ends_and_the_millisecond_that_is_not_shown():
    search = text("a", low=1_500_000, high=2_000_000)
    assert "(_time>=1.500000 AND _time<2.001000 AND " in search


def test_hosts_of_one_span_are_asked_for_together():
    assert text("a", "b").count("_time>=") == 1


def test_what_rules_select_stands_as_it_is():
    assert '| where a="x  y" | fields' in spl.search("x", Ask(Clock.EVENT), '| where a="x  y"', ("*",))


def test_times_by_ingest_are_whole_seconds_around_what_is_asked():
    search = spl.search("x", Ask(Clock.INGEST, 1_200_000, 3_400_000), "", ())
    assert search.startswith(
        "search x _index_earliest=1 _index_latest=4 | where _indextime>=1 AND _indextime<4 | fields"
    )


@pytest.mark.parametrize(
    ("ask", "reach", "expected"),
    [
        (Ask(Clock.INGEST, 5_000_000, 6_000_000), None, ("0", "2147483647")),
        (Ask(Clock.INGEST, 5_000_000, 6_000_000), 2_000_000, ("3.000000", "2147483647")),
        (Ask(Clock.INGEST, 5_000_000, 6_000_000), 9_000_000, ("0.000000", "2147483647")),
        (Ask(Clock.EVENT, 5_000_001, 6_000_000), None, ("5.000001", "6.000000")),
        (Ask(Clock.EVENT, None, 6_000_000), None, ("0", "6.000000")),
        (Ask(Clock.EVENT, 5_000_000), 1, ("5.000000", "2147483647")),
        (Ask(Clock.EVENT, near=(Near("a", 7, 8), Near("b", 3, 5))), None, ("0.000003", "0.001008")),
    ],
)
def test_the_range_of_event_times_is_as_wide_as_it_has_to_be(ask, reach, expected):
    assert spl.bounds(ask, reach) == expected
