"""Actions over HTTP."""

import json

import pytest

from exfilwatch_playbooks.actions.registry import every

from .asked import Asked, problem


def test_every_action_is_an_operation_with_its_own_models(asked: Asked) -> None:
    document = asked.get("/openapi.json").json()
    listed = {each["name"]: each for each in asked.get("/v1/actions").json()["items"]}
    assert list(listed) == [each.name for each in every()]
    for each in every():
        operation = document["paths"][f"/v1/actions/{each.name}"]["post"]
        assert operation["operationId"] == each.name
        assert operation["summary"] == each.description
        body = operation["requestBody"]["content"]["application/json"]
        assert [given["value"] for given in body.get("examples", {}).values()] == each.examples
        schema = document["components"]["schemas"][body["schema"]["$ref"].rpartition("/")[2]]
        assert set(schema["properties"]) == set(each.input.model_fields)
        assert schema["additionalProperties"] is False
        assert set(listed[each.name]["input"]["properties"]) == set(each.input.model_fields)


def test_an_action_answers_what_it_answers_anywhere(asked: Asked, kept) -> None:
    answer = asked.act("list_findings", {"limit": 1})
    assert answer.status_code == 200
    assert [each["id"] for each in answer.json()["findings"]] == [kept[-1].id]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"{", "bad-request"),
        (b"[]", "bad-request"),
        (b'"text"', "bad-request"),
        (b"\xff\xfe", "bad-request"),
        (b'{"finding": "\\ud800"}', "bad-request"),
        (b"[" * 100_000 + b"]" * 100_000, "bad-request"),
        (b'{"finding":' + b'{"a":' * 500 + b"1" + b"}" * 501, "bad-request"),
        (b'{"finding": [[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]}', "bad-request"),
        (b'{"finding": NaN}', "bad-request"),
        (b'{"finding": ["a"]}', "input-wrong"),
        (b'{"finding": 1}', "input-wrong"),
        (b'{"finding": null}', "input-wrong"),
        (b"{}", "input-wrong"),
        (b"", "input-wrong"),
        (b'{"finding": "abc", "no_such": 1}', "input-wrong"),
        (b'{"finding": "zzzz"}', "not-found"),
    ],
)
def test_bad_bodies_get_a_clear_answer(asked: Asked, body: bytes, kind: str) -> None:
    answer = asked(
        "POST", "/v1/actions/get_finding", content=body, headers={"Content-Type": "application/json; charset=utf-8"}
    )
    assert problem(answer)[1] == kind
    assert answer.json()["detail"]


def test_wrong_fields_are_named_without_their_values(asked: Asked) -> None:
    answer = asked.act("list_findings", {"limit": "many", "level": "s3cret", "other": 1})
    assert {each["field"] for each in answer.json()["errors"]} == {"limit", "level", "other"}
    assert "s3cret" not in answer.text
    (line,) = asked.get("/v1/audit?limit=1").json()["items"]
    assert (line["outcome"], line["who"]) == ("refused", "anna")
    assert "s3cret" not in json.dumps(line)


def test_an_unknown_action_names_those_there_are(asked: Asked) -> None:
    answer = asked.act("hnt")
    assert problem(answer) == (404, "action-unknown")
    assert "hunt" in answer.json()["detail"]


def test_what_is_no_json_is_not_taken(asked: Asked) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = asked("POST", "/v1/actions/get_finding", content=b"finding=abc", headers=headers)
    assert problem(answer) == (415, "media-type")


def test_a_body_beyond_the_limit_is_not_read(asked: Asked) -> None:
    read = 0

    async def body():
        nonlocal read
        for _ in range(100):
            read += 1 << 20
            yield b" " * (1 << 20)

    whole = asked("POST", "/v1/actions/hunt", content=b" " * (2 << 20), headers={"Content-Type": "application/json"})
    assert problem(whole) == (413, "body-too-large")
    # In this process a client sends as fast as it is read; over the network: test_server.py.
    streamed = asked("POST", "/v1/actions/hunt", content=body(), headers={"Content-Type": "application/json"})
    assert problem(streamed) == (413, "body-too-large")
    assert read < 6 << 20


def test_a_fault_of_ours_shows_nothing_but_a_number(asked: Asked, monkeypatch, capfd) -> None:
    def broken(*_given: object, **_more: object) -> None:
        raise RuntimeError("the secret is hunter2")

    monkeypatch.setattr(type(asked.service.store), "find", broken)
    answer = asked.act("list_findings")
    assert problem(answer) == (500, "internal")
    assert "hunter2" not in answer.text
    said = capfd.readouterr().err
    assert answer.json()["id"] in said
    assert "hunter2" not in said


def test_a_siem_that_is_not_there_is_told(asked: Asked) -> None:
    answer = asked.act("hunt", {"since": "1h"})
    assert problem(answer) == (422, "cannot-do")
    assert "[siem.NAME]" in answer.json()["detail"]
