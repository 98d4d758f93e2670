"""A SIEM that is down is left alone for a while, and asked no more than so many things at once."""

import asyncio

import httpx
import pytest

from exfilwatch.errors import SourceError, Unreachable
from exfilwatch.siem.http import Http
from exfilwatch.siem.retries import Open

from .asking import OK, Clock, http, lines, using
from .fetching import Naps
from .loopback import Answer


def test_a_server_that_keeps_failing_is_left_alone_for_a_while(server):
    server.answers = [Answer(503)]
    clock = Clock()

    async def ask(one: Http) -> None:
        for _ in range(8):
            with pytest.raises(Unreachable):
                await one.request("GET", "/x", repeat=False)
        with pytest.raises(Open, match=r"failed 8 times running, left alone for 30 s: .* answered 503") as error:
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
