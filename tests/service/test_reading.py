"""What is asked of what is kept, over HTTP: narrowed, or wrong."""

import pytest

from .asked import Asked, problem


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("host=ws1", 0),
        ("level=critical", 0),
        ("level=informational", None),
        ("since=1h", 0),
        ("since=2000-01-01&until=2001-01-01", 0),
        ("since=2000-01-01", None),
        ("rule=no+such+rule", 0),
    ],
)
def test_findings_are_narrowed(asked: Asked, kept, query: str, count: int | None) -> None:
    assert len(asked.get(f"/v1/findings?{query}").json()["items"]) == (len(kept) if count is None else count)


def test_what_is_not_there_is_a_problem(asked: Asked) -> None:
    for path in ("/v1/findings/zzzz", "/v1/incidents/zzzz", "/v1/incidents/zzzz/report", "/v1/findings?incident=zz"):
        assert problem(asked.get(path)) == (404, "not-found"), path
    assert problem(asked.get("/v1/nothing")) == (404, "not-found")
    assert problem(asked("DELETE", "/v1/findings")) == (405, "method-not-allowed")


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=abc", "level=worst", "since=yesterday", "cursor=abc", "cursor=!", "cursor=bnVsbA"]
)
def test_wrong_parameters_are_named(asked: Asked, query: str) -> None:
    answer = asked.get(f"/v1/findings?{query}")
    assert problem(answer) == (422, "input-wrong")
    assert answer.json()["errors"][0]["field"] == f"query.{query.partition('=')[0]}"
