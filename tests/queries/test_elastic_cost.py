"""What queries cost a search engine: how many clauses they have, and how much they make it look through."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from exfilwatch.detection.load import load
from exfilwatch.detection.values import Text, Wild
from exfilwatch.rules.packs import pack
from exfilwatch.siem.elastic_ask import queries
from exfilwatch.siem.elastic_indices import indices
from exfilwatch.siem.elastic_times import TimeFields
from exfilwatch.siem.queries.elastic import query
from exfilwatch.siem.queries.elastic_clauses import Counting
from exfilwatch.siem.queries.elastic_mapping import ElasticMapping, Indexed
from exfilwatch.siem.queries.elastic_words import by_words
from exfilwatch.siem.queries.globs import Fold, Glob, globs
from exfilwatch.siem.siem import Ask, Clock, Near

from .engines import index, mapping
from .records import Record, endpoint, events, firing, rules

ANY, ONE = Wild.ANY, Wild.ONE
MOST = 1024
PACK = tuple(load([pack("seed")]).rules)
TIMES = TimeFields("@timestamp", "event.ingested")
KEYWORD = {"type": "keyword", "ignore_above": 1024}
WINLOGBEAT = KEYWORD | {"fields": {"text": {"type": "text", "norms": False}}}
WORDS = Indexed("line.text", "text")


@pytest.fixture(scope="module")
def client(opensearch: Any) -> Iterator[Any]:
    with opensearch.client() as found:
        yield found


def each_test(found: object) -> Iterator[dict[str, Any]]:
    """Each test of a query."""
    if isinstance(found, dict) and set(found) == {"bool"}:
        for parts in found["bool"].values():
            for part in parts if isinstance(parts, list) else [parts]:
                yield from each_test(part)
    elif isinstance(found, dict):
        yield found


def looked_through(found: object) -> list[str]:
    """The keywords of which a query has all values looked through."""
    patterns = [
        (path, each)
        for test in each_test(found)
        for name in ("wildcard", "regexp")
        for path, each in test.get(name, {}).items()
    ]
    return [path for path, each in patterns if each["value"].startswith(("*", "?", ".")) and not path.endswith("text")]


def winlogbeat(strings: dict[str, Any]) -> ElasticMapping:
    """The fields of its Sysmon module, processes' as `strings`."""
    fields = dict.fromkeys(("executable", "command_line", "name"), strings)
    others = {
        "event": {"properties": {"code": KEYWORD, "provider": KEYWORD, "category": KEYWORD, "type": KEYWORD}},
        "winlog": {"properties": dict.fromkeys(("channel", "computer_name", "event_id", "provider_name"), KEYWORD)},
        "host": {"properties": {"name": KEYWORD}},
        "@timestamp": {"type": "date"},
    }
    return mapping({"process": {"properties": fields | {"parent": {"properties": fields}}}, **others})


def test_command_lines_are_asked_for_by_words_where_they_have_them() -> None:
    assert "process.command_line" not in looked_through(query(PACK, winlogbeat(WINLOGBEAT)))
    assert "process.command_line" in looked_through(query(PACK, winlogbeat(KEYWORD)))


GLOBS = {
    ("\\documents\\",): {"term": "documents"},
    ("\\documents",): {"regexp": "documents.*"},
    ("documents\\",): {"regexp": ".*documents.*"},
    ("x.documents",): {"regexp": ".*documents.*"},
    (" -upload ", ANY, "@"): {"term": "upload"},
    ("-d ", ANY, "invoke-webrequest"): {"regexp": "webrequest.*"},
    ("_upload ",): {"regexp": ".*upload.*"},
}


@pytest.mark.parametrize("parts", GLOBS)
def test_what_a_word_begins_with_is_told_by_the_signs_before_it(parts: tuple[Any, ...]) -> None:
    made = by_words(WORDS, [Glob((ANY, *parts, ANY), Fold.LOWER)])
    said = [{name: test[name][WORDS.path]["value"]} for test in each_test(made) for name in test]
    assert GLOBS[parts] in said


def test_a_glob_without_letters_says_nothing_of_words() -> None:
    assert by_words(WORDS, [Glob((ANY, " -@", ANY), Fold.LOWER)]) is None
    assert (
        by_words(WORDS, [*(globs(Text([ANY, "upload", ANY], cased=False)) or ()), Glob((ANY, "@", ANY), Fold.NONE)])
        is None
    )


LINES = [
    *(
        "curl.exe -T C:\\Users\\a\\Documents\\x.zip",
        "c:\\documents.old\\y",
        "x_documents y",
        "my.documents",
        "DOCUMENTS",
    ),
    *(
        "'documents'",
        "a:documents:b",
        "documents\u0301 x",
        "über-documents",
        "documents;upload,x",
        "1.upload.2",
        "Upload",
    ),
    *(
        "x" * 250 + "documents",
        "documents" + "x" * 250,
        "/upload=" + "y" * 300,
        "up load",
        "-upload",
        "po\u017ft pos\u017f",
    ),
    *(
        "post",
        "\u212ait",
        "kit",
        "f\u0130le file",
        "f\u0131le",
        "日本upload",
        "upload日本",
        "a\u200dupload",
        "upload\ufe0f",
    ),
]
WANTED = ["documents", "\\documents\\", " upload", "-upload", "upload", "upload ", "post", "kit", "file", "fi", "x.zip"]


def test_words_find_every_text_that_a_glob_is_like(client: Any) -> None:
    words = {"properties": {"line": {"type": "keyword", "fields": {"text": {"type": "text"}}}}}
    with index(client, words) as put:
        put.put([{"line": line} for line in LINES])
        for wanted in WANTED:
            for parts in ([wanted], [ANY, wanted, ANY], [wanted, ANY], [ANY, wanted]):
                for test in (Text(parts, cased=False), Text(parts, cased=True)):
                    made = by_words(WORDS, globs(test) or ())
                    like = {number for number, line in enumerate(LINES) if test.holds(line)}
                    assert made is not None
                    assert like <= put.found(made), (wanted, parts)


SHAPES = {
    "wildcard": {"type": "wildcard"},
    "keyword": KEYWORD,
    "keyword and text": WINLOGBEAT,
    "text": {"type": "text"},
    "match_only_text": {"type": "match_only_text"},
}


@cache
def endpoint_documents() -> tuple[list[Record], set[int]]:
    """Documents, and the `id`s of those on which some rule fires."""
    made = [endpoint(event) for event in events()]
    return made, {id(document) for _, document in firing(rules(), made)}


@pytest.mark.parametrize("kind", SHAPES)
def test_an_opensearch_takes_what_is_asked_of_it(client: Any, kind: str) -> None:
    """Rules, many times as many, and hosts with them: wildcard fields take a clause for each run of three letters."""
    documents, firing_ones = endpoint_documents()
    strings = {"strings": {"match_mapping_type": "string", "mapping": SHAPES[kind]}}
    dates = {"properties": {"@timestamp": {"type": "date"}}}
    everything = rules()
    near = tuple(Near(f"ws{n}.example", 0, 1 << 51) for n in range(1, 300))
    with index(client, {"dynamic_templates": [strings], **dates}) as put:
        put.put(documents)
        (described,) = indices(put.described())
        fired = {number for number, document in enumerate(documents) if id(document) in firing_ones}
        assert fired
        for ask in (
            Ask(Clock.EVENT, 0, 1 << 51, tuple(everything)),
            Ask(Clock.EVENT, rules=tuple(everything), near=near),
        ):
            made = queries(ask, [described], TIMES)
            assert max(map(Counting(described.mapping).clauses, made)) <= MOST
            assert fired <= set[int]().union(*map(put.found, made))


TESTS = {
    "an object": {"exists": {"field": "o"}},
    "a date": {"range": {"@timestamp": {"gte": 0}}},
    "a number": {"term": {"number": {"value": 1}}},
    "a phrase": {"match_phrase": {"short": {"query": "a b c"}}},
    "a wildcard field": {"wildcard": {"wild": {"value": "*upload*"}}},
    "an expression on it": {"regexp": {"wild": {"value": ".*(upload|documents|desktop).*", "case_insensitive": True}}},
    "a value of it": {"term": {"wild": {"value": "documents", "case_insensitive": True}}},
    "what is not": {"bool": {"must_not": [{"exists": {"field": "number"}}]}},
}


@pytest.mark.parametrize("name", TESTS)
def test_clauses_are_counted_as_the_engine_does(client: Any, name: str) -> None:
    """As many of a test, each with another one beside it, as should fit are taken."""
    fields = {
        "@timestamp": {"type": "date"},
        "number": {"type": "long"},
        "short": {"type": "match_only_text"},
        "wild": {"type": "wildcard"},
        "name": {"type": "keyword"},
        "o": {"properties": dict.fromkeys("abc", WINLOGBEAT)},
    }
    counting = Counting(mapping(fields))
    with index(client, {"properties": fields}) as put:
        put.put([{"@timestamp": n, "number": n, "short": "a b c", "wild": "x", "o": {"a": "b"}} for n in range(3)])
        each = counting.clauses(TESTS[name]) + 1
        several = [
            {"bool": {"filter": [TESTS[name], {"term": {"name": {"value": f"n{n}"}}}]}} for n in range(MOST // each)
        ]
        assert put.found({"bool": {"should": several}}) == set()


@pytest.mark.parametrize("most", [20, 200])
def test_what_has_too_many_clauses_is_made_wider(most: int) -> None:
    known = winlogbeat({"type": "wildcard"})
    clauses = Counting(known).clauses
    assert clauses(query(PACK, known, most=None)) > most
    assert clauses(query(PACK, known, most=most)) <= most
