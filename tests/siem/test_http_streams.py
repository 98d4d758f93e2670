"""Answers that come line by line, and how many bytes came."""

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exfilwatch.errors import AuthError, SourceError, Unreachable
from exfilwatch.siem.http import Http

from .asking import OK, Keyed, get, http, lines, using
from .loopback import Answer


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
