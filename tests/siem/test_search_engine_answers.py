"""Answers that are not whole, or no answers: none of them is taken for everything. Over real HTTP, from a fake."""

from typing import Any

import httpx
import pytest

from exfilwatch.errors import AuthError, ConfigError, PartialResult, RateLimited, SourceError, Unreachable
from exfilwatch.siem.elastic_indices import indices
from exfilwatch.siem.registry import open_siem
from exfilwatch.siem.siem import Ask, Clock, Siem

from .fake_search import FakeSearch
from .fetching import all_of, run
from .loopback import Answer, answer_json

EVERYTHING = Ask(Clock.EVENT)
KINDS = {"elasticsearch": {"api_key": "wholly-secret"}, "opensearch": {"user": "u", "password": "wholly-secret"}}


def client(kind: str, server: FakeSearch, **settings: object) -> Siem:
    found = open_siem("mine", {"kind": kind, "url": server.url, "indices": "logs-*", **KINDS[kind], **settings})
    assert isinstance(found, Siem)
    return found


def but(**changed: object) -> Any:
    return lambda answer: answer | changed


FAILURE = {"shard": 0, "index": "logs-a", "reason": {"type": "x", "reason": "it broke"}}
NOT_WHOLE = {
    "a shard failed": (
        but(_shards={"total": 2, "successful": 1, "failed": 1, "failures": [FAILURE]}),
        r"1 of 2 shards failed \(index logs-a: it broke\)",
    ),
    "too late": (but(timed_out=True), "timed_out"),
    "partial": (but(is_partial=True), "ask for less"),
    "fewer than counted": (but(hits={"total": {"value": 5}, "hits": []}), "0 documents came of 5"),
}
NO_ANSWER = {
    "a page": (lambda _: Answer(200, b"<html>please log in</html>"), "check `url`"),
    "cut": (lambda _: Answer(200, b'{"hits": {"hits": [{"_id'), "check `url`"),
    "no source": (but(hits={"total": {"value": 1}, "hits": [{"_index": "a", "_id": "1", "sort": [0]}]}), "_source"),
    "bad query": (
        lambda _: answer_json({"error": {"root_cause": [{"type": "parse_exception", "reason": "no such"}]}}, 400),
        "answered 400: parse_exception: no such",
    ),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("change", NOT_WHOLE)
def test_an_answer_that_is_not_whole_is_a_partial_result(kind, change):
    made, said = NOT_WHOLE[change]
    with FakeSearch(made) as server:
        siem = client(kind, server)
        with pytest.raises(PartialResult, match=said):
            run(siem, all_of(siem, EVERYTHING))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("change", NO_ANSWER)
def test_what_is_no_answer_says_what_to_look_at(kind, change):
    made, said = NO_ANSWER[change]
    with FakeSearch(made) as server:
        siem = client(kind, server)
        with pytest.raises(SourceError, match=said) as raised:
            run(siem, all_of(siem, EVERYTHING))
    assert not isinstance(raised.value, PartialResult | Unreachable | AuthError)
    assert "wholly-secret" not in str(raised.value)


@pytest.mark.parametrize("kind", KINDS)
def test_a_whole_answer_is_whole_and_its_point_in_time_is_closed(kind):
    with FakeSearch() as server:
        siem = client(kind, server)
        assert run(siem, all_of(siem, EVERYTHING)) == [{"n": 0}, {"n": 1}, {"n": 2}]
        assert [request.method for request in server.requests].count("DELETE") == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_that_has_too_much_to_do_is_left_alone(kind, monkeypatch):
    monkeypatch.setattr("exfilwatch.siem.http.ATTEMPTS", 1)
    busy = {"error": {"root_cause": [{"type": "es_rejected_execution_exception", "reason": "queue is full"}]}}
    with FakeSearch(lambda _: answer_json(busy, 429)) as server:
        siem = client(kind, server)
        with pytest.raises(RateLimited, match="queue is full"):
            run(siem, all_of(siem, EVERYTHING))


def test_an_api_key_is_sent_as_elastic_says():
    # https://www.elastic.co/docs/deploy-manage/api-keys/elasticsearch-api-keys
    with FakeSearch() as server:
        siem = client("elasticsearch", server)
        run(siem, all_of(siem, EVERYTHING))
        assert {request.headers["authorization"] for request in server.requests} == {"ApiKey wholly-secret"}


def test_requests_to_aws_are_signed(monkeypatch, tmp_path):
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
    pytest.importorskip("botocore")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wholly-secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "a token")
    with FakeSearch() as server:
        settings = {"kind": "opensearch", "url": server.url, "indices": "logs-*", "aws_region": "eu-west-1"}
        siem = open_siem("mine", settings)
        assert isinstance(siem, Siem)
        assert len(run(siem, all_of(siem, EVERYTHING))) == 3
        for request in server.requests:
            signature = request.headers["authorization"]
            assert signature.startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
            assert "/eu-west-1/es/aws4_request, SignedHeaders=host;x-amz-date;x-amz-security-token" in signature
            assert signature == _signed(request.method, f"{server.url}{request.path}", request, server.url)
    assert "wholly-secret" not in repr(vars(siem))


def _signed(method: str, url: str, request: Any, base: str) -> str:
    """The signature that AWS would compute of what arrived."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    class Then(SigV4Auth):
        def _modify_request_before_signing(self, request):
            pass  # it sets the date to today's

    query = str(httpx.QueryParams(request.query))
    arrived = AWSRequest(method, f"{url}?{query}" if query else url, data=request.body)
    arrived.headers["Host"] = base.removeprefix("http://")
    for name in ("X-Amz-Date", "X-Amz-Security-Token"):
        arrived.headers[name] = request.headers[name.lower()]
    arrived.context["timestamp"] = request.headers["x-amz-date"]
    signer = Then(Credentials("AKIDEXAMPLE", "wholly-secret", "a token"), "es", "eu-west-1")
    canonical = signer.canonical_request(arrived)
    signature = signer.signature(signer.string_to_sign(arrived, canonical), arrived)
    names = signer.signed_headers(signer.headers_to_sign(arrived))
    return f"AWS4-HMAC-SHA256 Credential={signer.scope(arrived)}, SignedHeaders={names}, Signature={signature}"


def test_aws_without_its_extra_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "botocore.auth", None)
    settings = {"kind": "opensearch", "url": "https://x.eu-west-1.es.amazonaws.com", "indices": "a"}
    with pytest.raises(ConfigError, match=r"pip install 'exfilwatch\[aws\]'"):
        open_siem("mine", settings | {"aws_region": "eu-west-1"})


def test_a_mapping_is_read_with_all_that_hides_fields():
    body = b"""{"i": {"mappings": {"dynamic": "true", "runtime": {"r": {"type": "keyword"}}, "properties": {
        "@timestamp": {"type": "date"}, "when": {"type": "alias", "path": "@timestamp"},
        "process": {"properties": {"command_line":
            {"type": "wildcard", "fields": {"text": {"type": "match_only_text"}}}}},
        "dotted.name": {"type": "keyword", "ignore_above": 256},
        "off": {"type": "keyword", "index": false}, "labels": {"type": "flattened"}, "many": {"type": "nested"},
        "blind": {"type": "object", "enabled": false},
        "still": {"dynamic": "false", "properties": {"a": {"type": "ip"}}}}},
        "settings": {"index": {"mode": "logsdb", "refresh_interval": "5s"}}},
        "j": {"mappings": {"dynamic": "false"}, "settings": {"index": {"refresh_interval": "-1",
        "mapping": {"ignore_above": "99", "total_fields": {"ignore_dynamic_beyond_limit": "true"}}}}}}"""
    i, j = indices(body)
    ways = {
        field: [(way.path, way.type, way.ignore_above) for way in found] for field, found in i.mapping.fields.items()
    }
    assert ways == {
        "@timestamp": [("@timestamp", "date", None)],
        "when": [("@timestamp", "date", None)],
        "process.command_line": [
            ("process.command_line", "wildcard", 8191),
            ("process.command_line.text", "match_only_text", None),
        ],
        "dotted.name": [("dotted.name", "keyword", 256)],
        "off": [],
        "labels": [("labels", "flattened", None)],
        "still.a": [("still.a", "ip", None)],
        "r": [("r", "keyword", None)],
    }
    assert i.mapping.opaque == {"labels", "many", "blind", "still"}
    assert [i.mapping.ways(field) for field in ("none", "still.b", "many.a", "labels.x.y")] == [None, (), (), ()]
    assert (i.refresh, i.overflows, j.refresh, j.overflows) == (5, False, None, True)
    assert j.mapping.ways("anything") == ()
