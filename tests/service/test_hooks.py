"""Webhooks of the service: signed CloudEvents, told until they are taken."""

import asyncio

import pytest

from exfilwatch.errors import CaseError, ConfigError
from exfilwatch_playbooks.cases.webhook import signature
from exfilwatch_playbooks.service.hooks import hooks

from .asked import Asked
from .databases import url
from .receiver import SECRET, URL, Receiver, hook

__all__ = ["url"]


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
