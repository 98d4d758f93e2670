"""What Splunk's answers lack: results, messages, jobs, sense."""

from typing import Any

import pytest

from exfilwatch.errors import AuthError, PartialResult, RateLimited, SourceError, Unreachable
from exfilwatch.siem.siem import Ask, Clock

from .fake_splunk import TOKEN, FakeSplunk
from .fetching import Naps, fetched, run
from .loopback import Answer, Request, answer_json
from .splunk_samples import both, client, record


@pytest.fixture
def splunk():
    with FakeSplunk() as server:
        yield server


def test_a_search_that_takes_too_long_is_to_be_made_smaller(splunk):
    splunk.looks_until_done = 10**6
    with pytest.raises(PartialResult, match="more than 60 s"):
        fetched(client(splunk, patience="60s"))
    assert splunk.jobs == {}


def test_a_search_that_does_not_get_its_turn_is_to_be_asked_later(splunk):
    splunk.looks_until_done, splunk.state = 10**6, {"dispatchState": "QUEUED"}
    with pytest.raises(RateLimited, match="its turn"):
        fetched(client(splunk, patience="60s"))


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("WARN", "Search auto-finalized after time limit (30 seconds) reached."),
        ("INFO", "Search auto-finalized after disk usage limit (100MB) reached."),
        ("WARN", "Unable to distribute to peer named idx2 at uri=https://10.0.0.2:8089 because peer has status=Down."),
        ("WARN", "Search results might be incomplete: the search process on the peer idx2 ended prematurely."),
        ("WARN", "Search not executed: The maximum number of concurrent historical searches has been reached."),
        ("ERROR", "Timed out waiting for peer idx2. Search results might be incomplete!"),
        ("ERROR", "Events might be missing for some other reason"),
        ("FATAL", "Error in 'lookup' command"),
    ],
)
@pytest.mark.parametrize("where", ["messages", "page_messages"])
def test_a_message_of_missing_results_makes_them_partial(splunk, kind, text, where):
    splunk.records = [record()]
    setattr(splunk, where, [("INFO", "fine"), (kind, text)])
    with pytest.raises(PartialResult, match="may be missing") as error:
        fetched(client(splunk))
    assert text in str(error.value)
    assert len(fetched(client(splunk, ignore_messages=(text.upper(),)))) == 1


@both
def test_messages_that_speak_of_other_things_do_not_matter(splunk, stream):
    splunk.records = [record()]
    splunk.messages = [
        ("INFO", "Your timerange was substituted based on your search string"),
        ("WARN", "Events may not be returned in sub-second order due to search memory limits."),
        ("ERROR", "Could not load lookup=LOOKUP-eventcode"),
    ]
    assert len(fetched(client(splunk, stream=stream))) == 1


def test_an_export_says_so_too(splunk):
    splunk.messages = [("ERROR", "Unable to distribute to peer named idx2")]
    with pytest.raises(PartialResult, match="idx2"):
        fetched(client(splunk, stream=True))


@pytest.mark.parametrize(
    ("state", "expected", "said"),
    [
        ({"isFinalized": True}, PartialResult, "finalized"),
        ({"eventCount": 2}, PartialResult, "of which 1 are kept"),
        ({"resultCount": 2}, PartialResult, "from 1, got 0"),
        ({"isZombie": True}, Unreachable, "got lost 3 times"),
        ({"isFailed": True, "messages": [{"type": "FATAL", "text": "no such macro"}]}, SourceError, "no such macro"),
        ({"dispatchState": "FAILED", "messages": []}, SourceError, "no reason given"),
        ({"isFailed": True, "messages": [{"type": "FATAL", "text": "peer idx2 is down"}]}, PartialResult, "idx2"),
        ({"isFailed": True, "messages": [{"type": "FATAL", "text": "disk usage quota"}]}, RateLimited, "quota"),
    ],
)
def test_a_job_that_did_not_end_well_is_an_error(splunk, state, expected, said):
    splunk.records, splunk.state = [record()], state
    with pytest.raises(expected, match=said) as error:
        fetched(client(splunk))
    assert type(error.value) is expected
    assert splunk.jobs == {}


def test_more_results_than_are_kept_are_partial(splunk):
    splunk.records, splunk.max_count = [record(n=n) for n in range(10)], 5
    with pytest.raises(PartialResult, match="10 events, of which 5"):
        fetched(client(splunk))
    with pytest.raises(PartialResult, match="10 events, of which 3"):
        fetched(client(splunk, cap=3))
    assert len(fetched(client(splunk, stream=True))) == 10


def test_a_job_that_gets_lost_is_started_again(splunk):
    splunk.records, splunk.looks_until_done, splunk.lose = [record()], 3, 2
    assert len(fetched(client(splunk))) == 1
    assert len(splunk.searches) == 3


def test_a_job_that_keeps_getting_lost_is_given_up(splunk):
    splunk.looks_until_done, splunk.lose = 3, 10**6
    with pytest.raises(Unreachable, match="got lost 3 times"):
        fetched(client(splunk))


def test_a_full_quota_is_waited_for_and_then_said(splunk):
    splunk.quota, naps = 0, Naps()
    with pytest.raises(RateLimited, match="role quota"):
        fetched(client(splunk, naps))
    assert len(naps.naps) == 4


def test_wrong_credentials_are_told_without_them(splunk):
    with pytest.raises(AuthError, match=r"call not properly authenticated.*siem\.corp") as error:
        fetched(client(splunk, token="wrong-and-secret"))
    assert "secret" not in str(error.value)


def test_a_search_that_splunk_does_not_take_is_told_in_its_words(splunk):
    splunk._create = lambda _form: answer_json({"messages": [{"type": "FATAL", "text": "Unbalanced quotes."}]}, 400)
    with pytest.raises(SourceError, match="answered 400: Unbalanced quotes"):
        fetched(client(splunk))


PAGE = b'{"preview":false,"init_offset":0,"messages":[],"results":[{"_raw":"x"}]}'


BODIES = {
    "a proxy's page": Answer(200, b"<html><body>Sign in</body></html>", {"Content-Type": "text/html"}),
    "nothing": Answer(200, b""),
    "cut off": Answer(200, PAGE[:40]),
    "another type": Answer(200, b"[1, 2]"),
    "no text": Answer(200, b"\xff\xfe\x00"),
    "nested without end": Answer(200, b'{"entry":' + b"[" * 100_000),
    "other members": Answer(200, b'{"entry":[{"content":{"isDone":"maybe"}}],"results":7}'),
    "gzip that is none": Answer(200, b"hello", {"Content-Encoding": "gzip"}),
    "an error without a reason": Answer(500, b"<response/>"),
    "a redirect": Answer(302, b"", {"Location": "https://elsewhere.example/"}),
}


WHERE = {
    "create": ("POST", "/jobs"),
    "state": ("GET", ""),
    "results": ("GET", "/results"),
    "export": ("POST", "/export"),
}


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("where", WHERE)
def test_what_is_no_answer_of_splunk_is_an_error_and_no_crash(splunk, where, body):
    splunk.records = [record()]
    method, end = WHERE[where]
    usual = splunk.answer

    def answer(request: Request) -> Answer:
        hit = request.method == method and request.path.endswith(end)
        return BODIES[body] if hit and (where != "state" or "/v2/" not in request.path) else usual(request)

    splunk.answer = answer
    if where == "create" and BODIES[body].status == 200:
        return  # what is created is known by the id that we gave it
    with pytest.raises(SourceError) as error:
        fetched(client(splunk, stream=where == "export"))
    assert TOKEN not in str(error.value)
    assert "Sign in" not in str(error.value)


def broken(answer: Answer, **how: Any) -> Answer:
    return Answer(answer.status, answer.body, answer.headers, **how)


def test_an_export_that_breaks_off_is_unreachable(splunk):
    splunk.records = [record(n=n) for n in range(100)]
    usual = splunk._export
    splunk._export = lambda form: broken(usual(form), chunked=512, cut=20_000)
    siem, got = client(splunk, stream=True, page=5), []

    async def read() -> None:
        async for batch in siem.fetch(Ask(Clock.INGEST)):
            got.extend(batch)

    with pytest.raises(Unreachable):
        run(siem, read())
    assert 0 < len(got) < 100


def test_an_export_without_its_last_row_is_partial(splunk):
    splunk.records = [record(n=n) for n in range(3)]
    usual = splunk._export
    splunk._export = lambda form: Answer(200, b"\n".join(usual(form).body.splitlines()[:2]))
    with pytest.raises(PartialResult, match="last row"):
        fetched(client(splunk, stream=True))


def test_a_page_that_comes_twice_is_not_taken_for_the_next(splunk):
    splunk.records = [record(n=n) for n in range(4)]
    usual = splunk._results
    splunk._results = lambda job, query: usual(job, {**query, "offset": "0"})
    with pytest.raises(PartialResult, match="asked for results from 2"):
        fetched(client(splunk, page=2))
