"""Who may ask the service: tokens, their scopes and ends, and how often."""

import getpass
import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from exfilwatch.errors import ConfigError
from exfilwatch_playbooks.service.tokens import Tokens

from .asked import Asked, problem, site
from .program import said

OPEN = ("/healthz", "/readyz", "/openapi.json", "/openapi-3.0.json")


def test_nothing_but_health_and_the_documents_is_answered_without_a_token(asked: Asked) -> None:
    for path in OPEN:
        assert asked.get(path, token="").status_code == 200
    document = asked.get("/openapi.json").json()
    closed = [(path, method) for path, each in document["paths"].items() for method in each if path not in OPEN]
    assert len(closed) > 30
    for path, method in closed:
        answer = asked(method.upper(), path, token="")
        assert problem(answer) == (401, "token-missing"), (path, method)
        assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("sent", "kind"),
    [
        ("Bearer nonsense", "token-wrong"),
        ("Bearer exfw_0123456789ab_" + "x" * 43, "token-wrong"),
        ("Bearer ", "token-missing"),
        ("Basic YW5uYTpwYXNz", "token-missing"),
        ("", "token-missing"),
    ],
)
def test_what_is_no_token_is_refused(asked: Asked, sent: str, kind: str) -> None:
    assert problem(asked.get("/v1/rules", token="", headers={"Authorization": sent})) == (401, kind)


def test_a_token_with_another_ones_secret_is_refused(asked: Asked) -> None:
    other = asked.made("other", "read")
    mixed = f"{asked.token[:17]}_{other[18:]}"
    assert problem(asked.get("/v1/rules", token=mixed)) == (401, "token-wrong")


def test_an_expired_and_a_revoked_token_are_told_so(asked: Asked) -> None:
    now = datetime.now(UTC)
    short = asked.made("short", "read", expires=now + timedelta(days=1))
    assert asked.get("/v1/rules", token=short).status_code == 200
    asked.service.clock = lambda: now + timedelta(days=1, seconds=1)
    assert problem(asked.get("/v1/rules", token=short)) == (401, "token-expired")
    asked.service.tokens.revoke("anna")
    assert problem(asked.get("/v1/rules")) == (401, "token-revoked")


def test_scopes_hold_those_before_them(asked: Asked) -> None:
    reads, acts = asked.made("reads", "read"), asked.made("acts", "act")
    finding = {"finding": asked.get("/v1/findings").json()["items"][0]["id"]}
    mark = finding | {"disposition": "benign", "why": "a test"}
    assert asked.act("get_finding", finding, token=reads).status_code == 200
    refused = asked.act("set_disposition", mark, token=reads)
    assert problem(refused) == (403, "scope-missing")
    assert 'scope="act"' in refused.headers["WWW-Authenticate"]
    assert asked.act("get_finding", finding, token=acts).status_code == 200
    assert asked.act("set_disposition", mark, token=acts).status_code == 200
    assert problem(asked.get("/v1/audit", token=acts)) == (403, "scope-missing")
    (line,) = asked.get("/v1/audit?action=set_disposition").json()["items"]
    assert (line["who"], line["outcome"], line["changed"]) == ("acts", "done", True)


def test_every_operation_wants_the_scope_that_the_document_says(asked: Asked) -> None:
    sent = {"read": asked.made("reads", "read"), "act": asked.made("acts", "act")}
    beyond = {"read": {"act", "admin"}, "act": {"admin"}}
    document, refused = asked.get("/openapi.json").json(), 0
    for path, item in document["paths"].items():
        for method, each in item.items():
            wanted = each.get("description", "").rpartition("Needs a token with the scope `")[2].partition("`")[0]
            for scope, token in sent.items():
                if wanted in beyond[scope]:
                    answer = asked(method.upper(), path.replace("{id}", "0" * 32), token=token)
                    assert problem(answer) == (403, "scope-missing"), (path, scope)
                    refused += 1
    assert refused >= 12


def test_only_a_digest_is_kept(asked: Asked, tmp_path) -> None:
    with asked.service.store.database.read() as connection:
        (row,) = connection.exec_driver_sql("SELECT * FROM service_tokens").all()
    secret = asked.token.split("_", 2)[2]
    assert len(secret) >= 20
    assert secret not in str(row)


def test_who_asks_too_often_has_to_wait(tmp_path, rules, kept) -> None:
    with site(tmp_path, rules, serve={"rate": 0.5}) as asked:
        answers = [asked.get("/v1/rules?limit=1") for _ in range(30)]
        assert answers[0].status_code == 200
        assert problem(answers[-1]) == (429, "too-many")
        assert int(answers[-1].headers["Retry-After"]) >= 1
        other = asked.made("other", "read")
        assert asked.get("/v1/rules?limit=1", token=other).status_code == 200


def test_who_tries_tokens_has_to_wait_and_keeps_nobody_out(asked: Asked) -> None:
    tried = [asked.get("/v1/rules", token=f"exfw_0123456789ab_{'x' * 43}") for _ in range(40)]
    assert problem(tried[0]) == (401, "token-wrong")
    assert problem(tried[-1]) == (429, "too-many")
    assert asked.get("/v1/rules").status_code == 200


def test_no_other_site_is_let_in(asked: Asked) -> None:
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    preflight = asked("OPTIONS", "/v1/actions/hunt", headers=headers)
    assert problem(preflight) == (405, "method-not-allowed")
    simple = asked.get("/v1/rules", headers={"Origin": "https://evil.example"})
    assert not [name for name in (*preflight.headers, *simple.headers) if name.lower().startswith("access-control")]


@pytest.mark.parametrize(
    ("name", "scopes", "why"),
    [
        ("", ["read"], "as a name"),
        ("a b", ["read"], "as a name"),
        ("anna", ["write"], "use read, act, admin"),
        ("anna", [], "use read, act, admin"),
        ("anna", ["read"], "already"),
    ],
)
def test_tokens_that_can_not_be_made(asked: Asked, name: str, scopes: list[str], why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        asked.service.tokens.add(name, scopes)


def test_a_name_is_free_again_when_its_token_is_revoked(asked: Asked) -> None:
    tokens: Tokens = asked.service.tokens
    tokens.revoke("anna")
    again, _ = tokens.add("anna", ["read"])
    assert asked.get("/v1/rules", token=again).status_code == 200
    with pytest.raises(ConfigError, match="no token 'bert'"):
        tokens.revoke("bert")


def test_tokens_made_and_revoked_are_in_the_audit_log_by_whoever_did_it_without_a_secret(tmp_path) -> None:
    values = {"database": tmp_path / "kept.sqlite"}
    sent = said(tmp_path, "tokens", "add", "xsoar", "--scope", "act,read", "--expires", "2090-01-02", values=values)
    said(tmp_path, "tokens", "revoke", "xsoar", values=values)
    said(tmp_path, "tokens", "revoke", "xsoar", values=values, code=2)
    told = said(tmp_path, "audit", "list", "--output", "jsonl", values=values)
    revoked, added = map(json.loads, told.splitlines())
    assert [(each["action"], each["outcome"], each["changed"], each["who"]) for each in (added, revoked)] == [
        ("add_token", "done", True, getpass.getuser()),
        ("revoke_token", "done", True, getpass.getuser()),
    ]
    given = {"name": "xsoar", "id": sent[5:17], "scopes": "read,act", "expires": "2090-01-02T00:00:00+00:00"}
    assert added["input"] == revoked["input"] == given
    assert sent[18:] not in told
    assert hashlib.sha256(sent[18:].encode()).hexdigest() not in told


def test_of_two_who_revoke_a_token_at_once_the_log_has_one(asked: Asked) -> None:
    asked.made("leaver", "read")
    database = asked.service.store.database
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(Tokens(database, who=name).revoke, "leaver") for name in (lambda: "one", lambda: "two")]
        assert [each for each in both if each.exception() is None]
    assert len(asked.get("/v1/audit?action=revoke_token").json()["items"]) == 1
