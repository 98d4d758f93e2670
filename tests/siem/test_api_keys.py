"""API keys of a real Elasticsearch: made as the page says, with too little, no longer good, and pasted wrongly."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from exfilwatch.errors import AuthError
from exfilwatch.siem.siem import Ask, Clock

from ..docs.papers import blocks, read  # noqa: TID252 (tests are no package on the path)
from ..polling.checked import checked, outcomes  # noqa: TID252
from .engines import Engine

EVERYTHING = Ask(Clock.EVENT)


@pytest.fixture
def made(secured: Engine) -> Callable[..., dict[str, Any]]:
    """Makes a key as the page of Elasticsearch says, but for what is changed; an index with one document is there."""
    secured.create()
    secured.put([{"@timestamp": "2026-03-12T09:14:02Z", "process": {"command_line": "curl -T a"}}])
    _request, _, body = blocks(read("siem-elasticsearch.md"), "json")[0].partition("\n")

    def make(**changes: object) -> dict[str, Any]:
        answer = secured.client.post("/_security/api_key", json={**json.loads(body), **changes})
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    return make


def asked_with(secured: Engine, key: str) -> list[bytes]:
    return secured.fetch(EVERYTHING, user=None, password=None, api_key=key)


def refusal(secured: Engine, key: str) -> str:
    """The error of a key that is taken no more, as soon as the server's cache has forgotten it."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            asked_with(secured, key)
        except AuthError as error:
            return str(error)
    pytest.fail("it is still taken")


@pytest.mark.parametrize("written", ["encoded", "id and key"])
def test_the_key_of_the_page_suffices(secured, made, written):
    key = made()
    text = key["encoded"] if written == "encoded" else f"{key['id']}:{key['api_key']}"
    assert len(asked_with(secured, text)) == 1
    steps = checked(secured.settings(user=None, password=None, api_key=text))
    assert outcomes(steps)["account"] == "ok"
    assert key["api_key"] not in str(steps)


def test_one_that_sees_no_mapping_is_told_what_it_lacks(secured, made):
    few = {"exfilwatch": {"indices": [{"names": ["logs-*"], "privileges": ["read"]}]}}
    with pytest.raises(AuthError, match=r"unauthorized for API key id .*`view_index_metadata`") as caught:
        asked_with(secured, made(role_descriptors=few)["encoded"])
    assert "the account" in str(caught.value)


def test_one_for_other_indices_sees_none(secured, made):
    others = {"exfilwatch": {"indices": [{"names": ["other-*"], "privileges": ["read", "view_index_metadata"]}]}}
    steps = checked(secured.settings(user=None, password=None, api_key=made(role_descriptors=others)["encoded"]))
    assert steps[-1].outcome == "failure"
    assert "the account may not see it" in steps[-1].said or "is unauthorized" in steps[-1].said


def test_one_that_has_expired_one_that_was_withdrawn_and_half_a_one(secured, made):
    expired = made(expiration="1ms")
    withdrawn = made()
    secured.client.request("DELETE", "/_security/api_key", json={"ids": [withdrawn["id"]]}).raise_for_status()
    for key in (expired["encoded"], withdrawn["encoded"], made()["api_key"]):
        said = refusal(secured, key)
        assert "check the credentials in siem.test" in said
        assert key not in said
