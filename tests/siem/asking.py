"""A server that answers as a test tells it to, and what asks it over real connections, without waiting in real time."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import httpx
from pydantic import SecretStr

from exfilwatch.siem.connection import Connection, Token
from exfilwatch.siem.http import Http

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
