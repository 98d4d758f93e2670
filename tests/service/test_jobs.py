"""What goes on after its request was answered: jobs."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, update

from exfilwatch.findings.store import Store
from exfilwatch_playbooks.service.tables import jobs, tokens

from .asked import Asked, problem, site
from .databases import url
from .silent import silent_siem

__all__ = ["url"]

ASYNC = {"Prefer": "respond-async"}


@pytest.fixture
def hunting(tmp_path, rules, kept, url):
    """A service whose SIEM does not answer."""
    with (
        silent_siem() as settings,
        site(tmp_path, rules, url=url, siem={"mute": settings}, serve={"drain": "1s"}) as made,
    ):
        yield made


def until(asked: Asked, identity: str, state: str | Callable[[dict], bool]) -> dict:
    """The job once it is so; jobs are in other threads, so that asking is all that there is to await."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        job = asked.get(f"/v1/jobs/{identity}").json()
        if job["state"] == state if isinstance(state, str) else state(job):
            return job
        time.sleep(0.02)
    raise AssertionError(job)


def test_an_action_becomes_a_job_and_has_the_same_answer(asked: Asked, kept) -> None:
    answer = asked.act("list_findings", {"limit": 1}, headers=ASYNC)
    assert answer.status_code == 202
    assert answer.headers["Preference-Applied"] == "respond-async"
    assert answer.headers["Location"] == f"/v1/jobs/{answer.json()['id']}"
    done = until(asked, answer.json()["id"], "done")
    assert done["answer"] == asked.act("list_findings", {"limit": 1}).json()
    assert (done["action"], done["who"], done["problem"]) == ("list_findings", "anna", None)
    assert datetime.fromisoformat(done["created"]) <= datetime.fromisoformat(done["ended"])
    assert asked.get("/v1/jobs?state=done").json()["items"] == [done]
    assert asked.get("/v1/jobs?state=failed").json()["items"] == []


def test_wrong_input_is_told_at_once(asked: Asked) -> None:
    assert problem(asked.act("list_findings", {"limit": "many"}, headers=ASYNC)) == (422, "input-wrong")
    assert asked.get("/v1/jobs").json()["items"] == []


def test_a_job_that_fails_says_why_as_the_request_would(asked: Asked) -> None:
    made = asked.act("get_finding", {"finding": "zzzz"}, headers=ASYNC).json()
    failed = until(asked, made["id"], "failed")
    assert failed["problem"] == asked.act("get_finding", {"finding": "zzzz"}).json() | {"errors": [], "id": ""}


def test_a_long_hunt_tells_how_far_it_is_and_can_be_cancelled(hunting: Asked) -> None:
    made = hunting.act("hunt", {"since": "1h"}, headers=ASYNC).json()
    running = until(hunting, made["id"], lambda job: bool(job["progress"]))
    assert running["state"] == "running"
    assert running["progress"] == "0 of 1 sources read"
    cancelled = hunting("POST", f"/v1/jobs/{made['id']}/cancel")
    assert cancelled.status_code == 200
    assert until(hunting, made["id"], "cancelled")["ended"]
    assert problem(hunting("POST", f"/v1/jobs/{made['id']}/cancel")) == (409, "job-ended")
    lines = hunting.get("/v1/audit").json()["items"]
    assert {(line["action"], line["outcome"]) for line in lines} == {
        ("add_token", "done"),
        ("hunt", "ended"),
        ("cancel_job", "done"),
    }


def test_who_may_only_read_cancels_nothing(hunting: Asked) -> None:
    reads = hunting.made("reads", "read")
    made = hunting.act("hunt", {}, headers=ASYNC).json()
    assert problem(hunting("POST", f"/v1/jobs/{made['id']}/cancel", token=reads)) == (403, "scope-missing")
    assert problem(hunting.act("hunt", {}, headers=ASYNC, token=reads)) == (403, "scope-missing")
    assert hunting.get(f"/v1/jobs/{made['id']}", token=reads).status_code == 200


def test_a_job_is_followed_by_events_until_its_end(asked: Asked) -> None:
    made = asked.act("list_findings", {}, headers=ASYNC).json()
    told = asked.get(f"/v1/jobs/{made['id']}/events")
    assert told.headers["Content-Type"].startswith("text/event-stream")
    events = [dict(line.split(": ", 1) for line in each.splitlines()) for each in told.text.strip().split("\n\n")]
    assert events[-1]["event"] == "done"
    assert json.loads(events[-1]["data"]) == asked.get(f"/v1/jobs/{made['id']}").json()
    assert [int(each["id"]) for each in events] == sorted({int(each["id"]) for each in events})


def test_the_job_of_a_process_that_is_gone_is_told_as_interrupted(hunting: Asked) -> None:
    made = hunting.act("hunt", {}, headers=ASYNC).json()
    until(hunting, made["id"], "running")
    past = datetime.now(UTC) - timedelta(minutes=5)
    lost = {"owner": "elsewhere/7/abcd", "beat": past}
    with hunting.service.store.database.write() as connection:
        connection.execute(update(jobs).where(jobs.c.id == made["id"]).values(lost))
    assert until(hunting, made["id"], "interrupted")["ended"]


@pytest.fixture
def parked(tmp_path, rules, kept, url) -> str:
    """The id of a hunt that was parked, asked for by `anna`."""
    with silent_siem() as siem, site(tmp_path, rules, url=url, siem={"mute": siem}, serve={"drain": "0s"}) as asked:
        made = asked.act("hunt", {"since": "1h"}, headers=ASYNC).json()
        until(asked, made["id"], "running")
    return made["id"]


def test_a_service_that_ends_parks_its_jobs_for_the_next(tmp_path, rules, url, parked: str) -> None:
    # The SIEM is gone, so that it fails at once.
    with site(tmp_path, rules, url=url, who="bert", serve={"drain": "0s"}) as asked:
        taken_up = until(asked, parked, "failed")
        assert "[siem.NAME]" in taken_up["problem"]["detail"]
        assert taken_up["who"] == "anna"


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"revoked": datetime(2026, 1, 1, tzinfo=UTC)}, "token-revoked"),
        ({"expires": datetime(2026, 1, 1, tzinfo=UTC)}, "token-expired"),
        ({"scopes": "read"}, "scope-missing"),
        ({"scopes": ""}, "scope-missing"),
        (None, "token-wrong"),
    ],
    ids=["revoked", "expired", "scope lost", "no scope", "deleted"],
)
def test_a_parked_job_whose_token_may_no_more_is_refused(tmp_path, rules, url, parked: str, changed, why) -> None:
    with Store(url).database.write() as connection:
        connection.execute(delete(tokens) if changed is None else update(tokens).values(changed))
    with site(tmp_path, rules, url=url, who="bert") as asked:
        refused = until(asked, parked, lambda job: job["state"] not in ("waiting", "running"))
        assert (refused["state"], refused["answer"], refused["started"]) == ("refused", None, None)
        assert refused["problem"]["type"] == f"urn:exfilwatch:problem:{why}"
        assert refused["problem"]["detail"]
        line, begun = asked.get("/v1/audit?action=hunt").json()["items"]
        assert (line["who"], line["outcome"], line["changed"]) == ("anna", "refused", False)
        assert line["input"] == {"since": "1h", "job": parked}
        assert refused["problem"]["title"] in line["detail"]
        assert begun["outcome"] == "ended"
        assert asked.get("/v1/jobs?state=refused").json()["items"] == [refused]
        assert 'exfilwatch_jobs_total{state="refused"} 1.0' in asked.get("/metrics").text


def test_a_job_that_waits_in_line_is_refused_when_its_token_is_revoked_meanwhile(tmp_path, rules, kept, url) -> None:
    with silent_siem() as siem, site(tmp_path, rules, url=url, siem={"mute": siem}, serve={"at_once": 1}) as asked:
        ahead = asked.act("hunt", {"since": "1h"}, headers=ASYNC).json()
        until(asked, ahead["id"], "running")
        sent = asked.made("leaver", "act")
        behind = asked.act("hunt", {"since": "2h"}, headers=ASYNC, token=sent).json()
        asked.service.tokens.revoke("leaver")
        assert asked("POST", f"/v1/jobs/{ahead['id']}/cancel").status_code == 200
        assert until(asked, behind["id"], "refused")["problem"]["title"] == "The token was revoked"


def test_unknown_jobs_are_not_found(asked: Asked) -> None:
    for path in ("", "/events"):
        assert problem(asked.get(f"/v1/jobs/{'0' * 32}{path}")) == (404, "not-found")
    assert problem(asked("POST", f"/v1/jobs/{'0' * 32}/cancel")) == (404, "not-found")
    assert problem(asked.get("/v1/jobs/abc")) == (422, "input-wrong")
