"""Events, as a real HTTP server takes them."""

import asyncio
import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from pydantic import ValidationError

from exfilwatch.errors import CaseBlocked, CaseError, CaseRefused, CaseUnreachable
from exfilwatch.findings.store import Store
from exfilwatch_playbooks.cases.case import Attachment, Draft
from exfilwatch_playbooks.cases.opening import open_cases
from exfilwatch_playbooks.cases.system import Ambiguous
from exfilwatch_playbooks.cases.webhook import Webhook, signature

from ..findings.made import make  # noqa: TID252 (tests are no package on the path)
from ..hostile_corpus import CORPUS  # noqa: TID252
from .drafted import a_draft

SECRET = "a-secret-that-is-long-enough"


def run(what: Any) -> Any:
    return asyncio.run(what)


@contextmanager
def receiver(status: int = 204) -> Iterator[tuple[str, list[tuple[dict[str, str], bytes]]]]:
    got: list[tuple[dict[str, str], bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(status)
            self.send_header("Retry-After", "77")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/hook", got
        finally:
            server.shutdown()
            thread.join()


def hook(url: str, secret: str = SECRET) -> Webhook:
    return Webhook("hook", Webhook.Settings.model_validate({"kind": "webhook", "url": url, "secret": secret}))


async def _told(system: Webhook, *drafts: Draft) -> list[Any]:
    try:
        return [await system.create(each) for each in drafts]
    finally:
        await system.close()


def test_an_event_is_a_cloudevent_whose_signature_a_receiver_can_check():
    wanted = a_draft()
    with receiver() as (url, got):
        run(_told(hook(url), wanted))
        run(_told(hook(url), wanted))
    (headers, body), (again, _) = got
    event = json.loads(body)
    assert {name: event[name] for name in ("specversion", "type", "subject", "source")} == {
        "specversion": "1.0",
        "type": "io.exfilwatch.case.opened",
        "subject": wanted.key,
        "source": "urn:exfilwatch",
    }
    assert headers["Content-Type"] == "application/cloudevents+json"
    assert event["data"]["title"] == wanted.title
    name, stamp = headers["webhook-id"], headers["webhook-timestamp"]
    assert headers["webhook-signature"] == signature(SECRET, name, stamp, body)
    assert signature("another-secret-of-enough-letters", name, stamp, body) != headers["webhook-signature"]
    assert signature(SECRET, name, stamp, body + b" ") != headers["webhook-signature"]
    assert again["webhook-id"] == name == event["id"]


def test_a_signature_is_that_of_the_published_example():
    """The example of Standard Webhooks' specification and its reference libraries."""
    body = b'{"test": 2432232314}'
    signed = signature("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", body)
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(
    ("status", "error"), [(500, CaseUnreachable), (429, CaseUnreachable), (401, CaseBlocked), (400, CaseRefused)]
)
def test_a_receiver_that_does_not_take_an_event_is_told_apart(status, error):
    with receiver(status) as (url, _):
        raised = run(_error(hook(url)))
    assert isinstance(raised, error)
    assert SECRET not in str(raised)
    assert status != 429 or raised.wait == 77


async def _error(system: Webhook) -> CaseError:
    try:
        (answer,) = await _told(system, a_draft())
    except CaseError as error:
        return error
    assert isinstance(answer, Ambiguous)
    return answer.why


def test_hostile_text_arrives_as_it_is():
    texts = [*CORPUS[::60], "\ud800"]
    wanted = [a_draft(text, f"h{number}", host=text) for number, text in enumerate(texts)]
    with receiver() as (url, got):
        run(_told(hook(url), *wanted))
    assert [json.loads(body)["data"]["body"] for _, body in got] == [each.body for each in wanted]


def test_a_file_comes_in_base64_with_its_checksum():
    file = Attachment(stem="evidence", suffix=".jsonl", media="application/x-ndjson", content=b"\xff\x00")

    async def sent(system: Webhook) -> None:
        await system.attach("k", file)
        await system.close()

    with receiver() as (url, got):
        run(sent(hook(url)))
    said = json.loads(got[0][1])["data"]
    assert (base64.b64decode(said["content"]), said["sha256"]) == (file.content, file.checksum)


def test_a_short_secret_is_refused():
    with pytest.raises(ValidationError, match="too short"):
        hook("http://127.0.0.1:1/", "short")


def test_an_incident_is_told_once_and_its_news_once(tmp_path):
    with receiver() as (url, got):
        for findings in ([make("a")], [], [make("b", 5)], []):
            store = Store(str(tmp_path / "s.db"))
            store.save(findings)
            run(_opened(store, hook(url)))
    kinds = [json.loads(body)["type"].rpartition(".")[2] for _, body in got]
    assert [each for each in kinds if each not in ("test", "file")] == ["opened", "noted"]


async def _opened(store: Store, system: Webhook) -> None:
    outcomes = await open_cases(store, system)
    assert [each.error for each in outcomes if each.error] == []
    await system.close()
