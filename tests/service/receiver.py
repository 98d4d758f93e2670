"""Who is told by webhooks."""

import json
from collections.abc import Awaitable, Callable

import httpx

from exfilwatch_playbooks.service.hooks import Hook, hooks

from .asked import Asked

SECRET = "a secret of at least 24 characters"
URL = "https://soar.example/hooks/exfilwatch"


async def _nothing() -> None:
    pass


class Receiver(httpx.AsyncBaseTransport):
    """Answers what it is told to; keeps what it gets. `before`: what it does before it answers."""

    def __init__(self, *answers: int, before: Callable[[], Awaitable[None]] = _nothing) -> None:
        self.answers = list(answers)
        self.got: list[httpx.Request] = []
        self._before = before

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        self.got.append(request)
        await self._before()
        answer = self.answers.pop(0) if self.answers else 204
        if not answer:
            raise httpx.ReadError("the answer was lost")
        return httpx.Response(answer)

    @property
    def events(self) -> list[dict]:
        return [json.loads(each.content) for each in self.got]


def hook(asked: Asked, receiver: Receiver, **given: str) -> Hook:
    """The webhook `soar` of a service, at the time of the first incident."""
    (settings,) = hooks({"soar": {"url": URL, "secret": SECRET, **given}}).values()
    asked.service.clock = lambda: asked.service.store.incidents()[0].end
    return Hook("soar", settings, asked.service, receiver)
