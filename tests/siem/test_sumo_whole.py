"""What Sumo Logic's answers lack: messages, jobs, sense."""

import asyncio
from typing import Any

import pytest

from exfilwatch.errors import AuthError, PartialResult, RateLimited, SourceError, Unreachable
from exfilwatch.siem import sumo as module
from exfilwatch.siem.siem import Ask, Clock

from .fake_sumo import KEY, FakeSumo
from .fetching import Naps, fetched, run
from .loopback import Answer, Request, answer_json
from .sumo_samples import T0, client, message


@pytest.fixture
def sumo():
    with FakeSumo() as server:
        yield server


def test_a_search_that_is_paused_is_partial(sumo):
    sumo.records, sumo.cap = [message(T0 + n) for n in range(10)], 5
    with pytest.raises(PartialResult, match="paused at 5 messages"):
        fetched(client(sumo))
    assert sumo.jobs == {}


def test_a_search_that_reaches_the_cap_is_partial(sumo):
    sumo.records = [message(T0 + n) for n in range(10)]
    with pytest.raises(PartialResult, match="10 messages reach the `cap`"):
        fetched(client(sumo, cap=10))


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ({"messageCount": 3}, "2 of 3 messages came"),
        ({"messageCount": 1}, "2 messages came instead of 1"),
    ],
)
def test_counts_that_differ_are_partial(sumo, state, said):
    sumo.records, sumo.state = [message(T0 + n) for n in range(2)], state
    with pytest.raises(PartialResult, match=said):
        fetched(client(sumo))


def test_a_page_that_comes_twice_is_not_taken_for_the_next(sumo):
    sumo.records = [message(T0 + n) for n in range(6)]
    usual = sumo._page
    sumo._page = lambda job, what, query: usual(job, what, {**query, "offset": "0"})
    with pytest.raises(PartialResult, match="2 of 6 messages came"):
        fetched(client(sumo, page=2))


@pytest.mark.parametrize(
    ("told", "text"),
    [
        ("errors", "The query failed on a node"),
        ("warnings", "Query timed out: results are incomplete"),
        ("warnings", "Partial results: the scan limit was reached"),
    ],
)
def test_errors_and_warnings_of_missing_results_make_them_partial(sumo, told, text):
    sumo.records = [message()]
    setattr(sumo, told, [text])
    with pytest.raises(PartialResult, match=text):
        fetched(client(sumo))
    assert len(fetched(client(sumo, ignore_messages=(text,)))) == 1


def test_other_warnings_do_not_matter(sumo):
    sumo.records, sumo.warnings = [message()], ["Field eventid is of mixed type"]
    assert len(fetched(client(sumo))) == 1


def test_a_search_that_takes_too_long_is_to_be_made_smaller(sumo):
    sumo.looks_until_done, naps = 10**6, Naps()
    with pytest.raises(PartialResult, match="more than 60 s"):
        fetched(client(sumo, naps, patience="60s"))
    assert max(naps.naps) <= 5.0  # a job that nobody asks for is gone after 20 s
    assert sumo.jobs == {}


@pytest.mark.parametrize("state", [None, "CANCELLED"])
def test_a_job_that_gets_lost_is_started_again(sumo, state):
    sumo.records, sumo.looks_until_done = [message()], 3
    sumo.lose, usual = (0, sumo._look) if state else (2, sumo._look)
    if state:
        sumo._look = lambda name, job: answer_json({"state": state}) if len(sumo.created) < 3 else usual(name, job)
    assert len(fetched(client(sumo))) == 1
    assert len(sumo.created) == 3


def test_a_job_that_gets_lost_while_it_is_read_is_started_again(sumo):
    sumo.records = [message(T0 + n, _n=n) for n in range(4)]
    usual = sumo._page

    def page(job: Any, what: str, query: Any) -> Answer:
        if query["offset"] == "2" and len(sumo.created) == 1:
            return answer_json({"status": 400, "code": "searchjob.jobid.invalid", "message": "Job ID is invalid."}, 400)
        return usual(job, what, query)

    sumo._page = page
    assert {each["_n"] for each in fetched(client(sumo, page=2))} == {"0", "1", "2", "3"}
    assert len(sumo.created) == 2


def test_a_job_that_keeps_getting_lost_is_given_up(sumo):
    sumo.looks_until_done, sumo.lose = 3, 10**6
    with pytest.raises(Unreachable, match="got lost 3 times"):
        fetched(client(sumo))


def test_what_is_told_while_it_is_kept_alive_counts(sumo, monkeypatch):
    monkeypatch.setattr(module, "_ALIVE", 0.001)
    sumo.records = [message()]
    siem = client(sumo)

    async def slowly() -> None:
        async for _batch in siem.fetch(Ask(Clock.INGEST)):
            (job,) = sumo.jobs.values()
            sumo.state = {"pendingErrors": ["a node failed"]}
            looks = job.looks
            while job.looks < looks + 2 and len(asyncio.all_tasks()) > 1:
                await asyncio.sleep(0.001)

    with pytest.raises(PartialResult, match="a node failed"):
        run(siem, slowly())


def test_too_many_requests_are_waited_for_and_then_said(sumo):
    sumo.records, sumo.throttled = [message()], 3
    assert len(fetched(client(sumo))) == 1
    sumo.throttled = 10**6
    with pytest.raises(RateLimited, match=r"rate\.limit\.exceeded"):
        fetched(client(sumo))


def test_wrong_credentials_are_told_without_them(sumo):
    with pytest.raises(AuthError, match=r"Credential could not be verified.*siem\.sl") as error:
        fetched(client(sumo, access_key="wrong-and-secret"))
    assert "secret" not in str(error.value)


def test_a_search_that_is_not_taken_is_told_in_its_words(sumo):
    sumo._create = lambda _body: answer_json(
        {"code": "searchjob.parse.error", "message": "Unable to parse query."}, 400
    )
    with pytest.raises(SourceError, match=r"parse\.error: Unable to parse query"):
        fetched(client(sumo))


BODIES = {
    "a proxy's page": Answer(200, b"<html><body>Sign in</body></html>", {"Content-Type": "text/html"}),
    "nothing": Answer(200, b""),
    "cut off": Answer(200, b'{"state":"DONE GATHERING RESULTS","messageCount":1,"pendi'),
    "another type": Answer(200, b"[1, 2]"),
    "no text": Answer(200, b"\xff\xfe\x00"),
    "nested without end": Answer(200, b'{"messages":' + b"[" * 100_000),
    "other members": Answer(200, b'{"id":[],"state":7,"messages":{"map":1}}'),
    "messages without a map": Answer(200, b'{"id":{},"state":null,"messages":[{"map":null}]}'),
    "gzip that is none": Answer(200, b"hello", {"Content-Encoding": "gzip"}),
    "an error without a reason": Answer(500, b"<html/>"),
}


WHERE = {"create": ("POST", "/jobs"), "state": ("GET", "1"), "messages": ("GET", "/messages")}


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("where", WHERE)
def test_what_is_no_answer_of_sumo_logic_is_an_error_and_no_crash(sumo, where, body):
    sumo.records = [message()]
    method, end = WHERE[where]
    usual = sumo.answer

    def answer(request: Request) -> Answer:
        return BODIES[body] if request.method == method and request.path.endswith(end) else usual(request)

    sumo.answer = answer
    with pytest.raises(SourceError) as error:
        fetched(client(sumo))
    assert KEY not in str(error.value)
    assert "Sign in" not in str(error.value)
