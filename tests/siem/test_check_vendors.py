"""`check` against the vendors' fakes, over HTTP: right, wrong secret, missing right, missing index, odd answers."""

import time

import pytest

from exfilwatch.siem import sumo as sumo_module
from exfilwatch.siem.siem import SECOND

from ..polling.checked import checked, outcomes, said  # noqa: TID252 (tests are no package on the path)
from .fake_splunk import TOKEN, FakeSplunk
from .fake_sumo import ID, KEY, FakeSumo
from .loopback import Answer, Loopback, Request, answer_json
from .microsoft import hunted, security
from .splunk_samples import record
from .sumo_samples import message


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch):
    monkeypatch.setattr("exfilwatch.siem.http.wait", lambda _state: 0.0)
    monkeypatch.setattr(sumo_module, "_PACE", 0.0)


def splunk(server, **more):
    return {"kind": "splunk", "url": server.url, "token": TOKEN, "indexes": ["windows"], **more}


def sumo(server, **more):
    scopes = ["_sourceCategory=windows/*"]
    return {"kind": "sumo", "url": server.url, "access_id": ID, "access_key": KEY, "scopes": scopes, **more}


def test_a_splunk_that_is_well():
    now = int(time.time())
    with FakeSplunk([record(now - 60 * n, indexed=now - 60 * n + 5) for n in range(1, 40)]) as server:
        steps = checked(splunk(server))
        assert server.jobs == {}
    assert set(outcomes(steps).values()) <= {"ok", "warning"}
    assert "39 of 39 processes of sysmon" in said(steps, "command lines")
    assert 'clock = "ingest"' in said(steps, "settings")
    assert "5 s (p50)" in said(steps, "lateness")


def test_a_splunk_with_a_wrong_token_an_unknown_index_or_a_clock_ahead():
    now = int(time.time())
    with FakeSplunk([record(now - 60)]) as server:
        steps = checked(splunk(server, token="wrong"))
        assert (steps[-1].name, steps[-1].unreadable) == ("account", True)
        assert "check the credentials in siem.main" in steps[-1].said
        steps = checked(splunk(server, indexes=["windws"]))
        assert outcomes(steps)["places"] == "failure"
        assert "srchIndexesAllowed" in said(steps, "places")
        server.now = now + 600
        assert "ahead of ours" in said(checked(splunk(server)), "clock")


def test_a_splunk_that_gives_what_it_calls_incomplete():
    with FakeSplunk([record(int(time.time()) - 60)]) as server:
        server.messages = [("WARN", "Search results might be incomplete: peer idx2 is down")]
        steps = checked(splunk(server))
    assert steps[-1].outcome == "failure"
    assert "idx2 is down" in steps[-1].said


def test_a_sumo_logic_that_is_well_and_one_with_a_wrong_key_or_nothing_in_scope():
    now = round(time.time() * 1000)
    with FakeSumo([message(now - 60_000 * n) for n in range(1, 20)]) as server:
        steps = checked(sumo(server))
        assert set(outcomes(steps).values()) <= {"ok", "warning"}
        assert "19 of 19 processes of sysmon" in said(steps, "command lines")
        steps = checked(sumo(server, access_key="wrong"))
        assert (steps[-1].name, steps[-1].unreadable) == ("account", True)
        server.records.clear()
        steps = checked(sumo(server))
        assert outcomes(steps)["places"] == "failure"
        assert "no message in the last 24 hours" in said(steps, "places")


@pytest.fixture
def microsoft():
    pytest.importorskip("duckdb", reason="DuckDB runs the fake's queries: pip install 'duckdb-kql[duckdb]'")
    from .fake_microsoft import FakeMicrosoft

    with FakeMicrosoft() as fake:
        yield fake


def sentinel(fake, **more):
    return {"kind": "sentinel", **fake.settings(), **more}


def test_a_sentinel_whose_4688_have_no_command_lines(microsoft):
    now = round(time.time() * SECOND)
    for n in range(1, 10):
        microsoft.kusto.add("SecurityEvent", security(now - n * 60 * SECOND, n, CommandLine=""), now - n * 30 * SECOND)
    steps = checked(sentinel(microsoft))
    assert outcomes(steps)["places"] == "warning"  # tables that no connector fills
    assert outcomes(steps)["command lines"] == "failure"
    assert "Include command line in process creation events" in said(steps, "command lines")


def test_a_sentinel_with_a_wrong_secret_or_without_the_role(microsoft):
    steps = checked(sentinel(microsoft, client_secret="wrong"))
    assert steps[-1].name == "account"
    assert "AADSTS7000215" in steps[-1].said
    microsoft.rights.clear()
    steps = checked(sentinel(microsoft))
    assert steps[-1].name == "account"
    assert "Log Analytics Reader" in steps[-1].said
    steps = checked(sentinel(microsoft, tables=["Nothing"]))
    assert steps[-1].outcome == "failure"


def test_a_defender_that_is_well_and_one_without_consent(microsoft):
    now = round(time.time() * SECOND)
    for n in range(1, 10):
        microsoft.kusto.add("DeviceProcessEvents", hunted(now - n * 60 * SECOND, n), now - n * 30 * SECOND)
    ours = {name: value for name, value in microsoft.settings().items() if name != "workspace"}
    steps = checked({"kind": "defender", **ours})
    assert "9 of 9 processes of defender" in said(steps, "command lines")
    assert outcomes(steps)["settings"] == "ok"
    microsoft.rights.clear()
    assert "ThreatHunting.Read.All" in checked({"kind": "defender", **ours})[-1].said


class Odd(Loopback):
    """Answers each request with the same."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.always = answer

    def answer(self, request: Request) -> Answer:
        return self.always


ANSWERS = [
    Answer(200, b""),
    Answer(204),
    Answer(200, b"<html>sign in</html>", {"Content-Type": "text/html"}),
    answer_json({}),
    answer_json([]),
    answer_json(None),
    answer_json({"hits": 3, "tables": "x", "entry": [], "id": {}, "state": []}),
    answer_json({"access_token": "t", "expires_in": 60}),
    Answer(200, b"\xff\xfe\x00" * 50),
    Answer(200, b"[" * 100_000),
    Answer(200, b'{"a": 1', {"Content-Length": "9"}, cut=5),
    Answer(302, b"", {"Location": "https://elsewhere.example/"}),
    Answer(500, b"x" * 10_000),
    Answer(418, b"teapot"),
    Answer(reset=True),
    Answer(never=True),
]
KINDS = {
    "splunk": {"token": "t", "indexes": ["a"], "patience": "1s"},
    "sumo": {"access_id": "i", "access_key": "k", "scopes": ["a"], "patience": "1s"},
    "elasticsearch": {"user": "u", "password": "p", "indices": ["a"]},
    "opensearch": {"indices": ["a"]},
    "sentinel": {"client_secret": "s", "workspace": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"},
    "defender": {"client_secret": "s"},
}


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: repr((answer.status, answer.body[:12])))
@pytest.mark.parametrize("kind", KINDS)
def test_a_server_that_answers_nothing_or_something_else_is_a_step_and_no_crash(kind, answer):
    with Odd(answer) as server:
        configured = {"kind": kind, "url": server.url, "timeout": "1s", **KINDS[kind]}
        if kind in ("sentinel", "defender"):
            configured |= {"login": server.url, "tenant": "t", "client_id": "66666666-7777-8888-9999-000000000000"}
        steps = checked(configured)
    assert steps[-1].outcome == "failure"
    assert steps[-1].said
    assert "is not what it should be" not in steps[-1].said, steps  # a client let an error of its own through
    if answer.status == 302 or answer.body.startswith(b"<html>"):
        assert steps[-1].unreadable, steps  # exit code 3: nothing of a SIEM was read
        assert "account" not in outcomes(steps) or outcomes(steps)["account"] == "failure"
