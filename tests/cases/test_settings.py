"""What the settings say of cases reaches the system, once, or is refused: never ignored."""

import asyncio
from typing import Any

import pytest
from pydantic import ValidationError

from exfilwatch.findings.store import Store
from exfilwatch_playbooks.cases.opening import Outcome, open_cases
from exfilwatch_playbooks.cases.pagerduty import PagerDuty
from exfilwatch_playbooks.cases.redmine import Redmine
from exfilwatch_playbooks.cases.rt import RequestTracker
from exfilwatch_playbooks.cases.webhook import Webhook

from ..findings.made import make  # noqa: TID252 (tests are no package on the path)
from .fakes import jira
from .fakes.fake import Fake
from .fakes.kinds import KINDS, client

LACK = {
    "labels": {"ServiceNow incident", "ServiceNow security incident"},
    "assignee": {"TheHive alert", "DFIR-IRIS"},
}


def opened(kind: str, store: Store, **options: Any) -> tuple[Outcome, Fake]:
    """What came of one incident, and the fake that it was told to."""
    store.save([make("a")])
    fake = KINDS[kind].fake()
    if isinstance(fake, jira.Jira):
        fake.late = False

    async def telling() -> Outcome:
        system = client(KINDS[kind], fake, **options)
        try:
            (outcome,) = await open_cases(store, system)
        finally:
            await system.close()
        return outcome

    return asyncio.run(telling()), fake


@pytest.fixture
def store(tmp_path):
    return Store(str(tmp_path / "store.sqlite"))


@pytest.mark.parametrize("kind", KINDS)
def test_a_template_is_filled_in_once(kind, store):
    body = {} if kind == "Jira Cloud" else {"body": "Asked for by the SOC. {{ body }}"}
    outcome, fake = opened(kind, store, title="[SOC] {{ title }}", **body)
    assert outcome.case is not None
    assert outcome.case.title.startswith("[SOC] Rule transfer_tool")
    assert [each.content.count(b"Asked for by the SOC") for each in fake.requests if b"[SOC]" in each.content] == (
        [1] if body else [0]
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("setting", "value"), [("labels", "east-wing"), ("assignee", "anna-of-the-soc")])
def test_a_label_and_an_assignee_reach_the_system_or_are_refused(kind, setting, value, store):
    if kind in LACK[setting]:
        with pytest.raises(ValidationError, match=r"labels|assign|owned"):
            opened(kind, store, **{setting: value})
        return
    _, fake = opened(kind, store, **{setting: value})
    sent = b'"assignee_ids":[42]' if kind == "GitLab" and setting == "assignee" else value.encode()
    assert any(sent in each.content for each in fake.requests if each.method != "GET")


def test_an_assignee_that_gitlab_does_not_know_is_said_before_the_first_case(store):
    outcome, fake = opened("GitLab", store, assignee="nobody-here")
    assert "GitLab shows no user nobody-here: check `assignee`" in str(outcome.error)
    assert {each.method for each in fake.requests} == {"GET"}


@pytest.mark.parametrize(
    ("settings_of", "setting", "value"),
    [
        (Redmine.Settings, {"api_key": "k", "project": "p"}, {"labels": "soc"}),
        (RequestTracker.Settings, {"user": "u", "password": "p", "queue": "q"}, {"labels": "soc"}),
        (PagerDuty.Settings, {"routing_key": "0" * 32}, {"labels": "soc"}),
        (PagerDuty.Settings, {"routing_key": "0" * 32}, {"assignee": "anna"}),
        (Webhook.Settings, {"secret": "s" * 24}, {"labels": "soc"}),
        (Webhook.Settings, {"secret": "s" * 24}, {"assignee": "anna"}),
        (Webhook.Settings, {"secret": "s" * 24}, {"severity": {"high": "red"}}),
    ],
    ids=lambda each: each.__name__ if isinstance(each, type) else next(iter(each)),
)
def test_what_a_system_has_nothing_for_is_refused(settings_of, setting, value):
    known = {"kind": "x", "url": "https://tracker.test", **setting}
    assert settings_of.model_validate(known)
    with pytest.raises(ValidationError, match=next(iter(value))):
        settings_of.model_validate({**known, **value})
