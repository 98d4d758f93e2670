"""Requests to a SIEM over real connections; nothing here waits in real time."""

import asyncio
import base64
import gc
import json
import weakref
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from exfilwatch.errors import AuthError, RateLimited, SourceError, Unreachable
from exfilwatch.siem.http import ATTEMPTS, Http, WrongServer

from .asking import AGAIN, OK, SECRET, Keyed, get, http, using
from .fetching import Naps
from .loopback import Answer, Request, answer_json


@pytest.mark.parametrize("passing", AGAIN)
def test_what_passes_is_asked_again(server, passing):
    server.answers = [AGAIN[passing], AGAIN[passing], OK]
    one = http(server)
    assert get(one).json() == {"ok": True}
    assert (one.traffic.requests, one.traffic.retries) == (3, 2)


def test_an_answer_goes_with_its_last_name_and_not_when_garbage_is_looked_for(server):
    server.answers = [OK]
    gc.collect()
    gc.disable()
    try:
        answer = weakref.ref(get(http(server)))
        assert answer() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("passing", AGAIN)
def test_what_may_have_done_something_is_not(server, passing):
    server.answers = [AGAIN[passing], OK]
    with pytest.raises(Unreachable):
        get(http(server), repeat=False)
    assert len(server.requests) == 1


def test_what_does_not_pass_is_given_up(server):
    server.answers = [Answer(503)]
    naps = Naps()
    with pytest.raises(Unreachable, match="GET /x answered 503"):
        get(http(server, sleep=naps))
    assert len(server.requests) == ATTEMPTS
    bounds = [(0.25, 0.5), (0.5, 1.0), (1.0, 2.0), (2.0, 4.0)]
    assert all(low <= nap <= high for nap, (low, high) in zip(naps.naps, bounds, strict=True))


def test_too_many_requests_are_repeated_in_any_case_and_after_the_time_that_is_told(server):
    server.answers = [Answer(429, headers={"Retry-After": "7"}), OK]
    naps = Naps()
    get(http(server, sleep=naps), repeat=False)
    assert naps.naps == [7.0]


def test_a_time_to_wait_may_be_a_date(server):
    later = datetime.now(UTC) + timedelta(seconds=30)
    server.answers = [Answer(503, headers={"Retry-After": later.strftime("%a, %d %b %Y %H:%M:%S GMT")}), OK]
    naps = Naps()
    get(http(server, sleep=naps))
    assert 20 < naps.naps[0] <= 30


def test_a_long_wait_is_the_callers(server):
    server.answers = [Answer(429, headers={"Retry-After": "3600"}), OK]
    with pytest.raises(RateLimited) as error:
        get(http(server))
    assert error.value.wait == 3600
    assert len(server.requests) == 1


def test_others_are_answered_while_one_waits(server):
    server.answers = [Answer(503), OK]
    waiting, go = asyncio.Event(), asyncio.Event()

    async def nap(_seconds: float) -> None:
        waiting.set()
        await go.wait()

    async def both(one: Http) -> list[int]:
        first = asyncio.create_task(one.request("GET", "/first"))
        await waiting.wait()
        second = await one.request("GET", "/second")
        go.set()
        return [second.status_code, (await first).status_code]

    assert using(http(server, {"at_once": 1}, sleep=nap), both) == [200, 200]
    assert [request.path for request in server.requests] == ["/first", "/second", "/first"]


@pytest.mark.parametrize(
    ("status", "expected", "advice"),
    [
        (401, AuthError, "check the credentials in siem.corp"),
        (403, AuthError, "lacks a right"),
        (400, SourceError, "answered 400: too long"),
        (404, SourceError, "answered 404"),
        (500, SourceError, "answered 500"),
        (302, WrongServer, "answered 302"),
        (204, SourceError, "answered 204"),
    ],
)
def test_what_is_refused_is_told_once_with_the_vendors_words(server, status, expected, advice):
    server.answers = [answer_json({"why": "too long"}, status, Location="https://elsewhere.example/")]
    with pytest.raises(expected, match=advice) as error:
        get(http(server, explain=lambda response: json.loads(response.content or b'{"why": ""}')["why"]))
    assert type(error.value) is expected
    assert len(server.requests) == 1


def test_a_status_that_is_accepted_is_an_answer(server):
    server.answers = [Answer(404)]
    assert get(http(server), accept=frozenset({404})).status_code == 404


def test_the_body_may_say_what_an_error_is(server):
    server.answers = [Answer(503), OK]
    naps = Naps()
    get(http(server, sleep=naps, refusal=lambda _response: RateLimited("full", 5.0)), repeat=False)
    assert naps.naps == [5.0]


@pytest.mark.parametrize("slow", [Answer(never=True), Answer(drip=True)], ids=["nothing", "a byte at a time"])
def test_an_answer_has_to_be_there_in_time(server, slow):
    server.answers = [slow]
    with pytest.raises(Unreachable, match=r"no answer within 0\.05 s"):
        get(http(server, {"timeout": timedelta(milliseconds=50)}), repeat=False)


@pytest.mark.parametrize("chunked", [0, 5])
def test_a_body_that_is_cut_off_is_no_answer(server, chunked):
    server.answers = [Answer(200, OK.body, cut=6, chunked=chunked), OK]
    with pytest.raises(Unreachable):
        get(http(server), repeat=False)
    assert get(http(server)).json() == {"ok": True}


def test_nobody_listening_is_unreachable(server):
    one = http(server)
    server.__exit__()
    with pytest.raises(Unreachable, match="nothing listens there: check host and port") as error:
        get(one)
    assert f"corp ({server.url})" in str(error.value)


def test_it_may_be_used_again_after_it_was_closed(server):
    one = http(server)
    assert [get(one).status_code, get(one).status_code] == [200, 200]


def echo(request: Request) -> Answer:
    return answer_json({"headers": request.headers}, 400)


@pytest.mark.parametrize("scheme", ["Bearer", "Basic"])
def test_a_server_that_sends_back_what_it_was_sent_gives_no_secret_away(server, scheme, monkeypatch):
    monkeypatch.setattr(server, "answer", echo)
    sent = SECRET if scheme == "Bearer" else base64.b64encode(f"ann:{SECRET}".encode()).decode()
    one = http(server, {"token": SECRET}, headers={"Authorization": f"{scheme} {sent}"}, explain=lambda r: r.text)
    with pytest.raises(SourceError, match=f"{scheme} \\*\\*\\*") as error:
        get(one)
    assert SECRET not in str(error.value)
    assert sent not in str(error.value)


def failing(why: Exception) -> httpx.MockTransport:
    def handle(_request: httpx.Request) -> httpx.Response:
        raise why

    return httpx.MockTransport(handle)


@pytest.mark.parametrize(
    "why",
    [
        httpx.LocalProtocolError(f"Illegal header value b'Bearer {SECRET}\\n'"),
        httpx.ProxyError(f"407 for ann:{SECRET}"),
        httpx.DecodingError(SECRET),
        httpx.InvalidURL(SECRET),
        httpx.ReadTimeout(SECRET),
        httpx.ConnectError(""),
    ],
    ids=lambda why: type(why).__name__,
)
def test_no_error_of_a_connection_shows_a_secret(server, why):
    one = http(server, {"password": SECRET}, transport=failing(why))
    with pytest.raises(SourceError) as error:
        get(one)
    seen: BaseException | None = error.value
    while seen is not None:  # what a traceback would show
        assert SECRET not in str(seen)
        seen = None if seen.__suppress_context__ else seen.__context__
    assert "corp (http://127.0.0.1:" in str(error.value)


def test_settings_show_no_secret():
    settings = Keyed(url="https://s.example", token=SECRET, password=SECRET, proxy=f"http://ann:{SECRET}@p.example:1")
    assert SECRET not in f"{settings!r} {settings} {settings.model_dump_json()}"


def test_redirects_are_not_followed_and_the_agent_is_named(server):
    server.answers = [Answer(301, headers={"Location": f"{server.url}/elsewhere"})]
    with pytest.raises(SourceError):
        get(http(server))
    assert [request.path for request in server.requests] == ["/x"]
    assert server.requests[0].headers["user-agent"].startswith("exfilwatch/")
