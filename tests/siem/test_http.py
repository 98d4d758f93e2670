"""Requests to a SIEM over real connections; nothing here waits in real time."""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from exfilwatch.errors import AuthError, RateLimited, SourceError, Unreachable
from exfilwatch.siem.connection import Connection, Token
from exfilwatch.siem.http import ATTEMPTS, Http, decoded, server_time
from exfilwatch.siem.retries import Open, retry_after

from .fetching import Naps
from .loopback import Answer, Loopback, Request, answer_json

T = TypeVar("T")
OK = answer_json({"ok": True})
AGAIN = {"502": Answer(502), "503": Answer(503), "504": Answer(504), "a reset": Answer(reset=True)}
SECRET = "s3cr3t-t0ken"


class Keyed(Connection):
    kind: str = "keyed"
    token: Token | None = None
    password: SecretStr | None = None


class Server(Loopback):
    """Gives `answers` one after another, the last one for ever."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: list[Answer] = [OK]

    def answer(self, request: Request) -> Answer:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def server():
    with Server() as one:
        yield one


def http(server: Server, settings: dict[str, Any] | None = None, **options: Any) -> Http:
    return Http("corp", Keyed(url=server.url, **(settings or {})), **{"sleep": Naps(), **options})


def using(one: Http, what: Callable[[Http], Awaitable[T]]) -> T:
    async def closing() -> T:
        try:
            return await what(one)
        finally:
            await one.close()

    return asyncio.run(closing())


def get(one: Http, **options: Any) -> httpx.Response:
    return using(one, lambda each: each.request("GET", "/x", **options))


async def lines(one: Http) -> list[bytes]:
    async with one.stream("POST", "/x") as stream:
        return [line async for line in stream]


@pytest.mark.parametrize("passing", AGAIN)
def test_what_passes_is_asked_again(server, passing):
    server.answers = [AGAIN[passing], AGAIN[passing], OK]
    one = http(server)
    assert get(one).json() == {"ok": True}
    assert (one.traffic.requests, one.traffic.retries) == (3, 2)


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
        (302, SourceError, "answered 302"),
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
    with pytest.raises(Unreachable, match="check url, network") as error:
        get(one)
    assert f"corp ({server.url})" in str(error.value)


def test_a_server_that_keeps_failing_is_left_alone_for_a_while(server):
    server.answers = [Answer(503)]
    clock = Clock()

    async def ask(one: Http) -> None:
        for _ in range(8):
            with pytest.raises(Unreachable):
                await one.request("GET", "/x", repeat=False)
        with pytest.raises(Open, match="failed 8 times running") as error:
            await one.request("GET", "/x")
        assert error.value.wait == 30
        with pytest.raises(Open):
            await lines(one)
        assert (len(server.requests), one.traffic.retries) == (8, 0)
        clock.now += 31
        with pytest.raises(Unreachable, match="answered 503"):
            await one.request("GET", "/x", repeat=False)
        with pytest.raises(Open):  # at once: it has not recovered
            await one.request("GET", "/x")
        clock.now += 31
        server.answers = [OK]
        await one.request("GET", "/x")
        server.answers = [Answer(503), OK]
        await one.request("GET", "/x")

    using(http(server, clock=clock), ask)


@pytest.mark.parametrize("status", [400, 401, 429])
def test_a_server_that_answers_is_not_left_alone(server, status):
    naps = Naps()

    async def ask(one: Http) -> None:
        for _ in range(3):
            server.answers = [Answer(503)] * 5 + [Answer(status)]
            for _ in range(5):
                with pytest.raises(Unreachable):
                    await one.request("GET", "/x", repeat=False)
            with pytest.raises(SourceError, match=f"answered {status}"):
                await one.request("GET", "/x", repeat=False)

    using(http(server, sleep=naps), ask)


def test_those_that_wait_for_their_turn_see_that_it_is_left_alone(server):
    server.answers = [Answer(503)]

    async def ask(one: Http) -> list[type]:
        tasks = [one.request("GET", "/x", repeat=False) for _ in range(20)]
        return [type(result) for result in await asyncio.gather(*tasks, return_exceptions=True)]

    assert using(http(server, {"at_once": 1}), ask).count(Open) == 12
    assert len(server.requests) == 8


@pytest.mark.parametrize("at_once", [1, 3])
def test_no_more_than_so_many_are_asked_at_once(server, at_once):
    now = most = 0

    async def handle(_request: httpx.Request) -> httpx.Response:
        nonlocal now, most
        now += 1
        most = max(most, now)
        for _ in range(20):
            await asyncio.sleep(0)
        now -= 1
        return httpx.Response(200)

    async def ask(one: Http) -> None:
        await asyncio.gather(*(one.request("GET", "/x") for _ in range(20)))

    using(http(server, {"at_once": at_once}, transport=httpx.MockTransport(handle)), ask)
    assert most == at_once


def test_one_that_is_cancelled_gives_its_place_back(server):
    server.answers = [Answer(never=True), OK]

    async def ask(one: Http) -> int:
        first = asyncio.create_task(one.request("GET", "/x"))
        while not server.requests:
            await asyncio.sleep(0.001)
        first.cancel()
        return (await one.request("GET", "/x")).status_code

    assert using(http(server, {"at_once": 1}), ask) == 200


def test_bytes_are_counted_as_they_were_sent(server):
    one = http(server)
    get(one)
    assert one.traffic.bytes == len(OK.body)
    server.answers = [Answer(200, b"one\ntwo\n\nthree", chunked=3), Answer(500, b"12345")]
    assert using(one, lines) == [b"one", b"two", b"", b"three"]
    assert one.traffic.bytes == len(OK.body) + 14
    with pytest.raises(SourceError):
        using(one, lines)
    assert (one.traffic.requests, one.traffic.bytes) == (3, len(OK.body) + 14 + 5)


@given(st.binary(max_size=200), st.integers(min_value=1, max_value=50))
def test_lines_are_those_of_the_body_however_it_comes(body, size):
    class Pieces(httpx.AsyncByteStream):
        async def __aiter__(self):
            for start in range(0, len(body), size):
                yield body[start : start + size]

    transport = httpx.MockTransport(lambda _request: httpx.Response(200, stream=Pieces()))
    one = Http("corp", Keyed(url="https://s.example"), transport=transport)
    expected = body.split(b"\n")
    assert using(one, lines) == (expected if expected[-1] else expected[:-1])


@pytest.mark.parametrize("chunked", [0, 5])
def test_a_stream_that_breaks_off_is_unreachable(server, chunked):
    server.answers = [Answer(200, b"one\ntwo\nthree\n", cut=9, chunked=chunked)]
    got: list[bytes] = []

    async def read(one: Http) -> None:
        nonlocal got
        async with one.stream("POST", "/x") as stream:
            async for line in stream:
                got += [line]

    one = http(server)
    with pytest.raises(Unreachable):
        using(one, read)
    assert got == [b"one", b"two"]
    assert len(server.requests) == 1


def test_a_stream_that_is_refused_says_why(server):
    server.answers = [Answer(403)]
    with pytest.raises(AuthError):
        using(http(server), lines)


def test_a_line_without_end_is_not_kept(server, monkeypatch):
    monkeypatch.setattr("exfilwatch.siem.http._LONGEST_LINE", 1 << 16)
    server.answers = [Answer(200, b"x" * (1 << 20), chunked=1 << 12)]
    with pytest.raises(SourceError, match="look at the server"):
        using(http(server), lines)


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


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("12", 12.0),
        (" 12 ", 12.0),
        ("-1", None),
        ("²", None),
        ("soon", None),
        ("Thu, 12 Mar 2026 09:14:32 GMT", 30.0),
        ("Thu, 12 Mar 2026 09:13:02 GMT", 0.0),
        ("Thu, 12 Mar 99999999999 09:13:02 GMT", None),
    ],
)
def test_a_time_to_wait_is_a_number_of_seconds_or_a_date(value, seconds):
    assert retry_after(value, datetime(2026, 3, 12, 9, 14, 2, tzinfo=UTC)) == seconds


@given(st.text())
def test_no_time_to_wait_is_too_odd(value):
    seconds = retry_after(value)
    assert seconds is None or seconds >= 0


class Row(msgspec.Struct):
    count: int
    inner: list["Row"] = []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["count", "inner", "x"]), inner),
)


@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_body_is_decoded_or_a_source_error(body):
    response = httpx.Response(200, content=body, request=httpx.Request("GET", "https://s.example/x?key=1"))
    try:
        found = decoded("corp", response, Row)
    except SourceError as error:
        said = str(error)
    else:
        said = f"corp: /x answered 200 {type(found)}"
    assert "corp: /x answered 200" in said


@pytest.mark.parametrize("date", [None, "", "soon", "Thu, 99 Mar 2026 09:14:02 GMT"])
def test_a_clock_that_is_not_told_is_an_error(date):
    response = httpx.Response(200, headers={"Date": date} if date is not None else {})
    with pytest.raises(SourceError, match="clock is not known"):
        server_time("corp", response)


def test_a_clock_is_told_by_the_date():
    response = httpx.Response(200, headers={"Date": "Thu, 12 Mar 2026 09:14:02 GMT"})
    assert server_time("corp", response) == 1_773_306_842_000_000
