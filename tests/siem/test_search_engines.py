"""Elasticsearch and OpenSearch, real ones: what is asked for comes, all of it, and nothing else."""

import json
from collections import Counter

import pytest

from exfilwatch.errors import ConfigError, PartialResult
from exfilwatch.siem.registry import open_siem
from exfilwatch.siem.siem import SECOND, Ask, Clock, Near, Siem

from .engines import KEYWORDS

NOON = 1_735_732_800 * SECOND
"""2025-01-01T12:00:00Z"""
EVERYTHING = Ask(Clock.EVENT)


def at(micros: int) -> str:
    return f"2025-01-01T12:00:{micros // SECOND:02}.{micros % SECOND:06}Z"


def numbers(records: list[bytes]) -> list[int]:
    return sorted(json.loads(record)["n"] for record in records)


def test_it_is_what_the_poller_wants(searching):
    assert isinstance(open_siem("test", searching.settings()), Siem)


@pytest.mark.parametrize("slices", [1, 3])
def test_thousands_of_documents_of_one_instant_come_once_each(searching, slices):
    # Two indices of three shards: the documents' numbers in their shards, by which is paged, are alike six times over.
    for part in "ab":
        searching.create(part, number_of_shards=3)
        for start in range(0, 12_500, 6_250):
            searching.put(({"@timestamp": at(0), "n": start + n, "part": part} for n in range(6_250)), part)
    records = searching.fetch(Ask(Clock.EVENT, NOON, NOON + 1), slices=slices)
    assert len(records) == 25_000
    assert set(Counter((each["n"], each["part"]) for each in map(json.loads, records)).values()) == {1}


def test_a_document_comes_as_the_bytes_that_it_was(searching):
    searching.create(mappings={"dynamic": False})
    written = (
        '{"@timestamp": "2025-01-01T12:00:00Z",  "n":1.0, "text":"\\u00e9 \\/ \\"|*", "big": 123456789012345678901}'
    )
    url = f"/{searching.name()}/_doc?refresh=true"
    searching.client.post(url, content=written, headers={"Content-Type": "application/json"}).raise_for_status()
    assert searching.fetch(EVERYTHING) == [written.encode()]


def test_bounds_are_exact_to_the_microsecond_where_the_index_is(searching):
    searching.create(mappings={"properties": {"@timestamp": {"type": "date_nanos"}}})
    searching.put({"@timestamp": at(n), "n": n} for n in range(10))
    assert numbers(searching.fetch(Ask(Clock.EVENT, NOON + 3, NOON + 7))) == [3, 4, 5, 6]
    assert numbers(searching.fetch(Ask(Clock.EVENT, NOON + 9, None))) == [9]
    assert numbers(searching.fetch(Ask(Clock.EVENT, None, NOON + 1))) == [0]


def test_bounds_are_half_open_to_the_millisecond_where_the_index_knows_no_more(searching):
    searching.create()
    searching.put({"@timestamp": at(n * 1000), "n": n} for n in range(10))
    assert numbers(searching.fetch(Ask(Clock.EVENT, NOON + 3000, NOON + 7000))) == [3, 4, 5, 6]
    # Between milliseconds: a document may be of either side of such a bound.
    assert numbers(searching.fetch(Ask(Clock.EVENT, NOON + 3001, NOON + 6999))) == [3, 4, 5, 6]


def test_bounds_out_of_what_an_index_can_hold_are_no_bounds(searching):
    for part, kind in {"a": "date", "b": "date_nanos"}.items():
        searching.create(part, mappings={"properties": {"@timestamp": {"type": kind}}})
        searching.put([{"@timestamp": at(0), "n": 1}], part)
    assert numbers(searching.fetch(Ask(Clock.EVENT, -1, 2**62))) == [1, 1]


def test_ingest_time_is_asked_where_it_is_and_event_time_where_it_was_not_stamped(searching):
    searching.create(mappings={"properties": {"event": {"properties": {"ingested": {"type": "date"}}}}})
    late = {"@timestamp": at(0), "event": {"ingested": at(30 * SECOND)}, "n": 1}
    unstamped = {"@timestamp": at(30 * SECOND), "n": 2}
    searching.put([late, unstamped])
    assert numbers(searching.fetch(Ask(Clock.INGEST, NOON + 29 * SECOND, NOON + 31 * SECOND))) == [1, 2]
    assert numbers(searching.fetch(Ask(Clock.INGEST, NOON, NOON + SECOND))) == []
    assert numbers(searching.fetch(Ask(Clock.EVENT, NOON, NOON + SECOND))) == [1]


def test_ingest_time_that_an_index_lacks_is_refused(searching):
    searching.create()
    searching.put([{"@timestamp": at(0), "n": 1}])
    with pytest.raises(ConfigError, match=r'has no date field event\.ingested: set `clock = "event"`'):
        searching.fetch(Ask(Clock.INGEST, NOON, NOON + SECOND))


HUGE = "x" * 100_000
HOSTS = [
    "WS-01",
    "ws.corp.example",
    'a"b',
    "a' OR 1=1",
    "*",
    "WS*",
    "?",
    "a\\b",
    "a|b [c] {d} (e) /f/ ~g ^h",
    "line\nbreak",
    "täglich-Ünïcode",
    "ホスト",
    "straße",
    "\ud800 half",
    HUGE,
    "{}",
    "null",
    "AND",
    "<now-1d>",
]
MAPPINGS = {
    "keyword": {"type": "keyword"},
    "keyword, cut": {"type": "keyword", "ignore_above": 256},
    "keyword, folded": {"type": "keyword", "ignore_above": 1024, "normalizer": "lowercase"},
    "text": {"type": "text"},
    "text and keyword": {"type": "text", "fields": {"keyword": {"type": "keyword", "ignore_above": 256}}},
    "not indexed": {"type": "keyword", "index": False, "doc_values": False},
}


@pytest.mark.parametrize("mapping", MAPPINGS)
def test_hosts_are_found_by_name_whatever_is_in_it(searching, mapping):
    # A term that is longer than 32,766 bytes can't be indexed: such a document has no place in a plain keyword.
    hosts = [host for host in HOSTS if len(host) < 30_000 or mapping != "keyword"]
    searching.create(mappings={"properties": {"host": {"properties": {"name": MAPPINGS[mapping]}}}})
    searching.put({"@timestamp": at(0), "host": {"name": host}, "n": n} for n, host in enumerate(hosts))
    for n, host in enumerate(hosts):
        found = numbers(searching.fetch(Ask(Clock.EVENT, near=(Near(host, NOON, NOON),))))
        assert n in found
        if mapping.startswith("keyword"):
            # In OpenSearch a host that was too long to be indexed looks like no host, which may be any.
            assert set(found) <= {n, hosts.index(HUGE)} if "cut" in mapping or "folded" in mapping else found == [n]


def test_hosts_are_found_in_either_case_within_their_own_times(searching):
    searching.create(mappings=KEYWORDS)
    searching.put(
        {"@timestamp": at(n * SECOND), "host": {"name": "WS01" if n % 2 else "ws02"}, "n": n} for n in range(9)
    )
    near = (Near("ws01", NOON + 3 * SECOND, NOON + 5 * SECOND), Near("WS02", NOON + 8 * SECOND, NOON + 9 * SECOND))
    assert numbers(searching.fetch(Ask(Clock.EVENT, near=near))) == [3, 5, 8]
    assert numbers(searching.fetch(Ask(Clock.EVENT, NOON, NOON + 5 * SECOND, near=near))) == [3]


def test_a_document_that_shows_no_host_may_be_of_any(searching):
    searching.create(mappings=KEYWORDS)
    searching.put(
        [
            {"@timestamp": at(0), "message": "type=EXECVE ...", "n": 1},
            {"@timestamp": at(0), "host": {"name": "b"}, "n": 2},
        ]
    )
    assert numbers(searching.fetch(Ask(Clock.EVENT, near=(Near("a", NOON, NOON),)))) == [1]


def test_as_many_hosts_as_it_says_are_asked_for_at_once(searching):
    searching.create(mappings=KEYWORDS)
    names = [
        {"host": {"name": f"h{n}"}, "winlog": {"computer_name": f"h{n}"}, "agent": {"name": "a"}} for n in range(1500)
    ]
    searching.put({"@timestamp": at(0), "n": n, **name} for n, name in enumerate(names))
    most = open_siem("test", searching.settings()).capabilities.most_near
    near = tuple(Near(f"h{n}", NOON - n, NOON) for n in range(most))
    assert numbers(searching.fetch(Ask(Clock.EVENT, near=near))) == list(range(most))


def test_indices_of_different_mappings_are_asked_each_in_its_own_way(searching):
    for part, mapping in {
        "a": {"type": "keyword"},
        "b": {"type": "text"},
        "c": {"type": "keyword", "index": False},
    }.items():
        searching.create(part, mappings={"properties": {"host": {"properties": {"name": mapping}}}})
        searching.put(
            [
                {"@timestamp": at(0), "host": {"name": "WS-01"}, "n": 1},
                {"@timestamp": at(0), "host": {"name": "x"}, "n": 2},
            ],
            part,
        )
    searching.create("empty")
    # Of the last one only the time can be asked.
    assert numbers(searching.fetch(Ask(Clock.EVENT, near=(Near("WS-01", NOON, NOON),)))) == [1, 1, 1, 2]


def test_documents_of_100_kb_come_in_smaller_pages(searching):
    searching.create(mappings={"dynamic": False})
    for start in range(0, 300, 100):
        searching.put({"@timestamp": at(0), "n": start + n, "text": "y" * 100_000} for n in range(100))
    assert numbers(searching.fetch(EVERYTHING)) == list(range(300))


def test_an_interval_of_too_many_documents_is_left_to_be_halved(searching, monkeypatch):
    monkeypatch.setattr("exfilwatch.siem.search_engine._MOST", 5)
    searching.create()
    searching.put({"@timestamp": at(n * SECOND), "n": n} for n in range(8))
    with pytest.raises(PartialResult, match="8 documents, too many at once"):
        searching.fetch(Ask(Clock.EVENT, NOON, NOON + 8 * SECOND))
    assert numbers(searching.fetch(Ask(Clock.EVENT, NOON, NOON + 4 * SECOND))) == [0, 1, 2, 3]
    assert numbers(searching.fetch(Ask(Clock.EVENT, NOON, NOON + SECOND // 2))) == [0]
    assert numbers(searching.fetch(EVERYTHING)) == list(range(8))
