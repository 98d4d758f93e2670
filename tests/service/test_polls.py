"""Polling by the service: by request, and by a schedule."""

import time

import pytest

from .asked import Asked, problem, site
from .databases import url

__all__ = ["url"]

ASYNC = {"Prefer": "respond-async"}


@pytest.fixture
def polling(tmp_path, rules, url):
    """A service whose SIEM is a folder of files, with two uploads in it."""
    from tests.cli.telemetry import BITSADMIN, harmless, process, write

    write(tmp_path / "logs.jsonl", harmless(1), process(BITSADMIN, second=2), harmless(20))
    siem = {"logs": {"kind": "files", "paths": [str(tmp_path / "logs.jsonl")]}}
    with site(tmp_path, rules, url=url, siem=siem, policy={"enrich": "never"}) as made:
        yield made


def test_a_poll_by_request_finds_opens_and_is_in_the_audit_log(polling: Asked) -> None:
    answer = polling("POST", "/v1/polls", json={}).json()
    assert (answer["problems"], answer["cases"]) == ([], 1)
    assert [each["findings"] for each in answer["polls"]] == [1]
    assert len(polling.get("/v1/findings").json()["items"]) == 1
    assert len(polling.get("/v1/runs?siem=logs").json()["items"]) == 1
    (line,) = polling.get("/v1/audit?action=poll").json()["items"]
    assert (line["who"], line["outcome"]) == ("anna", "done")
    assert 'exfilwatch_findings_total{siem="logs"} 1.0' in polling.get("/metrics").text


def test_polls_at_once_find_nothing_twice(polling: Asked) -> None:
    jobs = [polling("POST", "/v1/polls", json={}, headers=ASYNC).json()["id"] for _ in range(4)]
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and len(polling.get("/v1/jobs?state=done").json()["items"]) < 4:
        time.sleep(0.05)
    answers = [polling.get(f"/v1/jobs/{job}").json()["answer"] for job in jobs]
    assert sum(each["polls"][0]["findings"] for each in answers) == 1
    assert len(polling.get("/v1/cases").json()["items"]) == 1


def test_what_can_not_be_polled(polling: Asked) -> None:
    assert problem(polling("POST", "/v1/polls", json={"siem": "other"})) == (422, "cannot-do")
    assert problem(polling("POST", "/v1/polls", json={"deadline": "soon"})) == (422, "input-wrong")
    assert problem(polling("POST", "/v1/polls", json={"nonsense": 1})) == (422, "input-wrong")


def test_the_scheduler_polls_by_itself(tmp_path, rules, url) -> None:
    from tests.cli.telemetry import BITSADMIN, process, write

    siem = {"logs": {"kind": "files", "paths": [str(tmp_path / "logs*.jsonl")]}}
    write(tmp_path / "logs1.jsonl", process(BITSADMIN, second=2))
    serve = {"poll_every": "1s"}
    with site(tmp_path, rules, url=url, siem=siem, serve=serve, policy={"enrich": "never", "open": "never"}) as asked:
        _until(asked, 1)
        write(tmp_path / "logs2.jsonl", process(BITSADMIN.replace("a.zip", "b.zip"), second=30))
        _until(asked, 2)
        assert {each["who"] for each in asked.get("/v1/audit?action=poll").json()["items"]} == {"scheduler"}


def test_a_schedule_with_nothing_to_poll_is_refused_at_the_start(tmp_path, rules, url) -> None:
    with (
        pytest.raises(BaseException, match=r"nothing to poll"),
        site(tmp_path, rules, url=url, serve={"poll_every": "1m"}),
    ):
        pass


def _until(asked: Asked, findings: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        found = len(asked.get("/v1/findings").json()["items"])
        if found == findings:
            return
        time.sleep(0.1)
    raise AssertionError(found)
