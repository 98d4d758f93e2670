"""Idempotency keys: what is sent twice is done once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import update

from exfilwatch_playbooks.actions import set_disposition
from exfilwatch_playbooks.service.tables import keys

from .asked import Asked, problem
from .databases import url

__all__ = ["url"]


@pytest.fixture
def mark(asked: Asked, kept) -> dict[str, str]:
    """What marks a finding."""
    return {"finding": kept[0].id, "disposition": "benign", "why": "a test"}


def runs(asked: Asked) -> int:
    """How often something was done, by the audit log."""
    return len(asked.get("/v1/audit?action=set_disposition").json()["items"])


def test_the_same_again_gets_the_same_answer_and_is_not_done(asked: Asked, mark) -> None:
    first, again = (asked.act("set_disposition", mark, headers={"Idempotency-Key": "k1"}) for _ in range(2))
    assert first.status_code == again.status_code == 200
    assert first.json() == again.json()
    assert first.json()["changed"]
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    assert runs(asked) == 1


def test_two_at_once_are_done_once(asked: Asked, mark) -> None:
    def sent(_number: int) -> object:
        return asked.act("set_disposition", mark, headers={"Idempotency-Key": "k1"}).json()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(sent, range(8)))
    assert answers == [answers[0]] * 8
    assert runs(asked) == 1


def test_without_a_key_two_at_once_change_nothing_twice(asked: Asked, kept) -> None:
    incident = {"incident": asked.get("/v1/incidents").json()["items"][0]["id"]}
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _number: asked.act("open_case", incident), range(4)))
    assert len(asked.get("/v1/cases").json()["items"]) == 1
    assert not asked.act("open_case", incident).json()["changed"]


def test_a_key_belongs_to_one_request_of_one_token(asked: Asked, mark) -> None:
    key = {"Idempotency-Key": "k1"}
    assert asked.act("set_disposition", mark, headers=key).status_code == 200
    other = mark | {"disposition": "duplicate"}
    assert problem(asked.act("set_disposition", other, headers=key)) == (422, "key-used")
    assert problem(asked("POST", "/v1/polls", json=mark, headers=key)) == (422, "key-used")
    bert = asked.made("bert", "act")
    assert asked.act("set_disposition", other, headers=key, token=bert).json()["changed"]


def test_a_wrong_input_stays_wrong_under_its_key(asked: Asked, mark) -> None:
    key = {"Idempotency-Key": "k1"}
    first, again = (asked.act("set_disposition", mark | {"why": ""}, headers=key) for _ in range(2))
    assert problem(first) == problem(again) == (422, "input-wrong")
    assert first.json() == again.json()


def test_what_failed_by_a_fault_may_be_tried_again(asked: Asked, mark, monkeypatch) -> None:
    key = {"Idempotency-Key": "k1"}
    with monkeypatch.context() as broken:
        broken.setattr(set_disposition, "run", None)
        assert problem(asked.act("set_disposition", mark, headers=key)) == (500, "internal")
    assert asked.act("set_disposition", mark, headers=key).status_code == 200


def test_what_a_killed_process_was_at_may_be_done(asked: Asked, mark) -> None:
    key = {"Idempotency-Key": "k1"}
    asked.act("set_disposition", mark, headers=key)
    lost = asked.service.clock() - timedelta(hours=1)
    with asked.service.store.database.write() as connection:
        connection.execute(update(keys).values(status=0, owner="elsewhere/1/a", began=lost))
    assert asked.act("set_disposition", mark, headers=key).status_code == 200
    assert runs(asked) == 2


def test_a_day_later_the_key_is_free(asked: Asked, mark) -> None:
    key, now = {"Idempotency-Key": "k1"}, asked.service.clock()
    asked.act("set_disposition", mark, headers=key)
    asked.service.clock = lambda: now + timedelta(days=1, minutes=1)
    other = mark | {"disposition": "duplicate"}
    assert asked.act("set_disposition", other, headers=key).json()["changed"]


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "a\tb"])
def test_what_is_no_key(asked: Asked, mark, key: str) -> None:
    assert problem(asked.act("set_disposition", mark, headers={"Idempotency-Key": key})) == (422, "input-wrong")


def test_a_job_is_started_once(asked: Asked, mark) -> None:
    headers = {"Idempotency-Key": "k1", "Prefer": "respond-async"}
    first, again = (asked.act("set_disposition", mark, headers=headers) for _ in range(2))
    assert first.status_code == again.status_code == 202
    assert first.headers["Location"] == again.headers["Location"]
    assert len(asked.get("/v1/jobs").json()["items"]) == 1
