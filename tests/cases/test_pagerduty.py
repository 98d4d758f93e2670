"""Pages, against what PagerDuty's documentation says that it answers."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from exfilwatch.errors import CaseBlocked, CaseRefused, CaseUnreachable
from exfilwatch.findings.store import Store
from exfilwatch_playbooks.cases.opening import open_cases
from exfilwatch_playbooks.cases.pagerduty import PagerDuty
from exfilwatch_playbooks.cases.system import Ambiguous, Created

from ..findings.made import make  # noqa: TID252 (tests are no package on the path)
from ..hostile_corpus import CORPUS, LONG  # noqa: TID252
from .drafted import a_draft

KEY = "0123456789abcdef0123456789abcdef"


def run(what: Any) -> Any:
    return asyncio.run(what)


class Pager:
    """Events API v2, by developer.pagerduty.com: 202 with the key; 400 with what is wrong of an event."""

    def __init__(self, answer: httpx.Response | None = None) -> None:
        self.events: list[dict[str, Any]] = []
        self.answer = answer
        self.transport = httpx.MockTransport(self._answer)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if self.answer is not None:
            return self.answer
        event = json.loads(request.content)
        payload = event.get("payload", {})
        needed = ("summary", "source", "severity") if event["event_action"] == "trigger" else ()
        wrong = [name for name in needed if name not in payload]
        if wrong or len(payload.get("summary", "")) > 1024 or len(request.content) > 512_000:
            said = {"status": "invalid event", "message": "Event object is invalid", "errors": wrong}
            return httpx.Response(400, json=said)
        self.events.append(event)
        said = {"status": "success", "message": "Event processed", "dedup_key": event["dedup_key"]}
        return httpx.Response(202, json=said)


def pager(fake: Pager, key: str = KEY) -> PagerDuty:
    settings = PagerDuty.Settings.model_validate({"kind": "pagerduty", "routing_key": key})
    return PagerDuty("pager", settings, transport=fake.transport)


def test_a_case_is_an_alert_that_is_resolved_with_it():
    fake, wanted = Pager(), a_draft()
    system = pager(fake)
    assert run(system.create(wanted)) == Created(wanted.key)
    run(system.set_status(wanted.key, "closed"))
    trigger, resolve = fake.events
    assert (trigger["event_action"], trigger["dedup_key"]) == ("trigger", wanted.key)
    assert trigger["payload"]["severity"] == "warning"
    assert "curl -T a.zip" in trigger["payload"]["custom_details"]["text"]
    assert (resolve["event_action"], resolve["dedup_key"]) == ("resolve", wanted.key)


def test_pagerduty_takes_hostile_text_as_text():
    fake = Pager()
    texts = [*CORPUS[::60], *list(LONG.values())[::5]]
    wanted = [a_draft(text, f"h{number}", host=text[:300]) for number, text in enumerate(texts)]
    system = pager(fake)
    for each in wanted:
        run(system.create(each))
    assert [each["payload"]["summary"] for each in fake.events] == [each.title for each in wanted]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(429), CaseUnreachable),
        (httpx.Response(400, json={"status": "invalid event", "errors": ["'routing_key' is invalid"]}), CaseBlocked),
        (httpx.Response(400, json={"status": "invalid event", "errors": ["'payload.severity' is wrong"]}), CaseRefused),
        (httpx.Response(202, json={"status": "no", "message": "not processed"}), CaseRefused),
        (httpx.Response(202, json={"status": "success", "dedup_key": "another"}), CaseRefused),
    ],
)
def test_what_pagerduty_answers_is_told_apart(answer, error):
    with pytest.raises(error) as raised:
        run(pager(Pager(answer)).create(a_draft()))
    assert KEY not in str(raised.value)


def test_a_page_whose_answer_was_lost_is_sent_again_with_the_same_key(tmp_path):
    fake = Pager(httpx.Response(500))
    assert isinstance(run(pager(fake).create(a_draft())), Ambiguous)
    fake.answer = None
    for findings in ([make("a")], [], [make("b", 5)]):
        store = Store(str(tmp_path / "s.db"))
        store.save(findings)
        outcomes = run(open_cases(store, pager(fake)))
        assert [each.error for each in outcomes if each.error] == []
    triggers = [each["dedup_key"] for each in fake.events if each["event_action"] == "trigger"]
    assert len(triggers) == 2
    assert len(set(triggers)) == 1
