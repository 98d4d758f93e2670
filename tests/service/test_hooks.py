"""Webhooks of the service: signed CloudEvents, told until they are taken."""

import asyncio
import json

import httpx
import pytest

from exfilwatch.errors import CaseError, ConfigError
from exfilwatch_playbooks.cases.webhook import signature
from exfilwatch_playbooks.service.hooks import Hook, hooks

from .asked import Asked

SECRET = "a secret of at least 24 characters"
URL = "https://soar.example/hooks/exfilwatch"


class Receiver(httpx.AsyncBaseTransport):
    """Answers what it is told to; keeps what it gets."""

    def __init__(self, *answers: int) -> None:
        self.answers = list(answers)
        self.got: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        self.got.append(request)
        answer = self.answers.pop(0) if self.answers else 204
        if not answer:
            raise httpx.ReadError("the answer was lost")
        return httpx.Response(answer)

    @property
    def events(self) -> list[dict]:
        return [json.loads(each.content) for each in self.got]


def hook(asked: Asked, receiver: Receiver, **given: str) -> Hook:
    (settings,) = hooks({"soar": {"url": URL, "secret": SECRET, **given}}).values()
    asked.service.clock = lambda: asked.service.store.incidents()[0].end
    return Hook("soar", settings, asked.service, receiver)


def test_an_incident_is_told_once_signed(asked: Asked, kept) -> None:
    receiver = Receiver()
    made = hook(asked, receiver)
    assert asyncio.run(made.deliver()) == 1
    assert asyncio.run(made.deliver()) == 0
    (request,), (event,) = receiver.got, receiver.events
    assert str(request.url) == URL
    assert (event["specversion"], event["type"]) == ("1.0", "io.exfilwatch.incident.new")
    assert [each["id"] for each in event["data"]["findings"]] == [each.id for each in kept]
    assert event["data"]["incident"]["id"] == event["subject"]
    assert asked.get(event["data"]["path"]).status_code == 200
    stamp, name = request.headers["webhook-timestamp"], request.headers["webhook-id"]
    assert name == event["id"]
    assert request.headers["webhook-signature"] == signature(SECRET, name, stamp, request.content)


@pytest.mark.parametrize("answer", [500, 503, 400, 302, 0], ids=str)
def test_what_is_not_taken_is_told_again_with_the_same_id(asked: Asked, kept, answer: int) -> None:
    receiver = Receiver(answer)
    made = hook(asked, receiver)
    with pytest.raises(CaseError):
        asyncio.run(made.deliver())
    assert asyncio.run(made.deliver()) == 1
    first, again = receiver.events
    assert first["id"] == again["id"]
    assert first["data"] == again["data"]


def test_it_goes_on_by_itself_and_ever_more_slowly(asked: Asked, kept) -> None:
    receiver = Receiver(500, 500, 500)
    made, waits = hook(asked, receiver), []

    class Enough(Exception):
        pass

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 4:
            raise Enough

    async def run() -> None:
        await made.go_on(asked.service.workers, sleep)

    with pytest.raises(Enough):
        asyncio.run(run())
    assert waits == [10.0, 20.0, 40.0, 5.0]
    assert len(receiver.got) == 4


def test_what_is_too_low_is_not_told(asked: Asked, kept) -> None:
    receiver = Receiver()
    assert asyncio.run(hook(asked, receiver, level="critical").deliver()) == 0
    assert receiver.got == []


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"url": URL, "secret": "short"}, "too short"),
        ({"url": "http://soar.example/", "secret": SECRET}, "not encrypted"),
        ({"secret": SECRET}, "url: is missing"),
        ({"url": URL, "secret": SECRET, "levle": "high"}, "levle: there is no such setting"),
    ],
)
def test_settings_that_are_wrong_are_named_without_secrets(given: dict[str, str], why: str) -> None:
    with pytest.raises(ConfigError, match=why) as error:
        hooks({"soar": given})
    assert "short" not in str(error.value).replace("too short", "")
