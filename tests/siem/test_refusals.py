"""What each SIEM's refusals come to: an error of the right kind, in the vendor's words, with what to change.

Of a whole vendor at once, and without a server: pytest-httpx stands between the client and the network. Bodies are as
the vendors' pages have them:
Splunk: help.splunk.com, REST API reference, "Access endpoint descriptions" (status codes) and search/jobs;
Sumo Logic: www.sumologic.com/help/docs/api/search-job (errors) and /about-apis/troubleshooting;
Log Analytics: learn.microsoft.com/azure/azure-monitor/logs/api/errors; Graph: learn.microsoft.com/graph/errors;
Elasticsearch: elastic.co/docs/reference/elasticsearch/rest-apis/common-options; OpenSearch: security plugin.
"""

import re
from typing import Any

import pytest
from pytest_httpx import HTTPXMock

from exfilwatch.errors import AuthError, PartialResult, RateLimited, SourceError, Unreachable
from exfilwatch.siem.http import WrongServer
from exfilwatch.siem.registry import open_siem

from .fetching import fetched
from .microsoft import NOON

SECRET = "s3cr3t"
_APP = {"tenant": "corp.example", "client_id": "66666666-7777-8888-9999-000000000000", "client_secret": SECRET}
SIEMS: dict[str, dict[str, object]] = {
    "splunk": {"url": "https://splunk.example:8089", "token": SECRET, "indexes": ["main"]},
    "sumo": {"url": "https://api.eu.sumologic.com", "access_id": "su1", "access_key": SECRET, "scopes": ["x"]},
    "sentinel": {**_APP, "workspace": "11111111-2222-3333-4444-555555555555", "tables": ["SecurityEvent"]},
    "defender": {**_APP, "tables": ["DeviceProcessEvents"]},
    "elasticsearch": {"url": "https://es.example:9200", "api_key": SECRET, "indices": ["logs-*"]},
    "opensearch": {"url": "https://os.example:9200", "user": "u", "password": SECRET, "indices": ["logs-*"]},
}
ALL = pytest.mark.parametrize("kind", SIEMS)
_TOKENS = re.compile(r"https://login\.microsoftonline\.com/.*")
_OTHERS = re.compile(r"https://(?!login\.microsoftonline\.com/).*")
PAGE = "<!DOCTYPE html><html><head><title>Sign in</title></head><body>Please sign in</body></html>"


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exfilwatch.siem.http.wait", lambda _state: 0.0)


def refused(mock: HTTPXMock, kind: str, **answer: Any) -> SourceError:
    """The error in which an interval ends when every request but that for a token is answered so."""
    mock.add_response(
        url=_TOKENS, json={"access_token": f"{SECRET}-token", "expires_in": 3600}, is_reusable=True, is_optional=True
    )
    mock.add_response(url=_OTHERS, is_reusable=True, **answer)
    siem = open_siem("soc", {"kind": kind, **SIEMS[kind]})
    with pytest.raises(SourceError) as caught:
        fetched(siem, NOON, NOON + 60_000_000)  # type: ignore[arg-type]
    assert SECRET not in f"{caught.value} {caught.value!r}"
    return caught.value


def asked(mock: HTTPXMock) -> int:
    return sum(not _TOKENS.match(str(request.url)) for request in mock.get_requests())


ANY = [
    ({"status_code": 401}, AuthError, "answered 401: check the credentials in siem.soc"),
    ({"status_code": 401, "html": PAGE}, AuthError, "answered 401 with a web page, as proxies"),
    ({"status_code": 403}, AuthError, "see the page of this SIEM in the docs|as the page of this SIEM says"),
    ({"status_code": 404}, SourceError, "answered 404: check `url`"),
    ({"status_code": 405}, SourceError, "answered 405: check `url`"),
    ({"status_code": 407}, SourceError, "the proxy wants credentials: give them in `proxy`"),
    ({"status_code": 429, "headers": {"Retry-After": "900"}}, RateLimited, "asked to wait 900 s"),
    ({"status_code": 500}, SourceError, "look at the server's own log; the next poll asks again"),
    (
        {"status_code": 502, "html": PAGE},
        Unreachable,
        "with a web page.*: look at the server, and at a proxy before it",
    ),
    ({"status_code": 503}, Unreachable, "answered 503: look at the server"),
    ({"status_code": 504}, Unreachable, "answered 504: look at the server"),
    ({"status_code": 302, "headers": {"Location": "https://sso.example/"}}, SourceError, "sen[dt]s? on to sso.example"),
    ({"html": PAGE}, WrongServer, "check (that )?`?url"),
    ({"text": ""}, WrongServer, "check (that )?`?url"),
    ({"json": {"error": "something"}}, WrongServer, "check (that )?`?url"),
]


@ALL
@pytest.mark.parametrize(("answer", "kind_of_error", "said"), ANY, ids=lambda each: str(each)[:40])
def test_an_answer_that_is_none_says_what_to_change(httpx_mock, kind, answer, kind_of_error, said):
    error = refused(httpx_mock, kind, **answer)
    assert isinstance(error, kind_of_error)
    assert re.search(said, str(error)), error


@ALL
def test_a_page_that_repeats_the_credentials_shows_none(httpx_mock, kind):
    error = refused(httpx_mock, kind, status_code=403, json={"error": {"message": SECRET}, "message": SECRET})
    assert isinstance(error, AuthError)  # and refused() looked for the secret


@ALL
@pytest.mark.parametrize("status", [401, 403, 404, 500])
def test_what_will_not_pass_by_itself_is_not_asked_again(httpx_mock, kind, status):
    """But for a token that is no longer taken, the end of Splunk's job, and what tells a missing index from others."""
    refused(httpx_mock, kind, status_code=status)
    assert asked(httpx_mock) <= 2


@ALL
def test_too_many_requests_are_asked_again_some_times_and_those_to_wait_long_not(httpx_mock, kind):
    ends = 2 if kind == "splunk" else 1  # Splunk's job is cancelled in any case
    refused(httpx_mock, kind, status_code=429)
    assert asked(httpx_mock) == 5 * ends
    httpx_mock.reset()
    error = refused(httpx_mock, kind, status_code=429, headers={"Retry-After": "61"})
    assert (asked(httpx_mock), getattr(error, "wait", None)) == (ends, 61.0)


def splunk(text: str, kind: str = "FATAL") -> dict[str, Any]:
    return {"messages": [{"type": kind, "text": text}]}


def sumo(status: int, code: str, message: str) -> dict[str, Any]:
    return {"status": status, "id": "IUUQI-DGH5I-TJ045", "code": code, "message": message}


def microsoft(code: str, message: str, **more: object) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, **more}}


def elastic(kind: str, reason: str) -> dict[str, Any]:
    return {"error": {"root_cause": [{"type": kind, "reason": reason}], "type": kind, "reason": reason}, "status": 0}


SCOPES = "Missing application scopes. API required scopes: ThreatHunting.Read.All, application scopes: none."
QUEUED = "Search not executed: The maximum number of concurrent historical searches on this instance has been reached."
CPU = "You have exceeded processing resources allocated to this tenant. You can run queries again in 00:12:30."
VENDORS = [
    (
        "splunk",
        401,
        splunk("call not properly authenticated", "WARN"),
        AuthError,
        "call not properly authenticated: check",
    ),
    (
        "splunk",
        403,
        splunk("insufficient permission to access this resource", "WARN"),
        AuthError,
        "insufficient perm.*docs",
    ),
    (
        "splunk",
        400,
        splunk("Error in 'search' command: Unable to parse the search."),
        SourceError,
        "Unable to parse the",
    ),
    (
        "splunk",
        503,
        splunk(QUEUED),
        RateLimited,
        "maximum number of concurrent historical searches",
    ),
    (
        "splunk",
        503,
        splunk("The maximum disk usage quota for this user has been reached."),
        RateLimited,
        "disk usage quota",
    ),
    (
        "splunk",
        503,
        splunk("Search not executed: The minimum free disk space (5000MB) reached for /opt/splunk/var/run/dispatch."),
        Unreachable,
        "minimum free disk space",
    ),
    (
        "sumo",
        401,
        sumo(401, "unauthorized", "Credential could not be verified."),
        AuthError,
        "could not be verified.*siem.soc",
    ),
    (
        "sumo",
        403,
        sumo(403, "forbidden", "This operation is not allowed for your account type."),
        AuthError,
        "account type",
    ),
    (
        "sumo",
        400,
        sumo(400, "parse.error", "Unable to parse query."),
        SourceError,
        "parse.error: Unable to parse query",
    ),
    ("sumo", 400, sumo(400, "unknown.time.type", "Time type is not correct."), SourceError, "unknown.time.type"),
    (
        "sumo",
        429,
        sumo(429, "rate.limit.exceeded", "The API request rate is higher than 4"),
        RateLimited,
        "rate.limit.exceed",
    ),
    (
        "sumo",
        503,
        sumo(503, "service.unavailable", "Service is currently unavailable."),
        Unreachable,
        "currently unavailable",
    ),
    (
        "sentinel",
        403,
        microsoft(
            "InsufficientAccessError", "The provided credentials have insufficient access to perform the operation"
        ),
        AuthError,
        "insufficient access.*Log Analytics Reader on the workspace",
    ),
    (
        "sentinel",
        404,
        microsoft("WorkspaceNotFoundError", "The workspace could not be found"),
        SourceError,
        "could not be found: check `workspace`",
    ),
    ("sentinel", 403, microsoft("InvalidAuthenticationTokenAudience", "x"), AuthError, "check cloud and url"),
    (
        "sentinel",
        200,
        {"tables": [], **microsoft("PartialError", "There were some errors")},
        PartialResult,
        "not whole",
    ),
    ("sentinel", 429, microsoft("ThrottledError", "Too many"), RateLimited, "ThrottledError"),
    ("defender", 403, microsoft("Forbidden", SCOPES), AuthError, "Missing application scopes.*grant the application"),
    ("defender", 429, microsoft("TooManyRequests", CPU), RateLimited, "exceeded processing resources"),
    (
        "defender",
        400,
        microsoft("BadRequest", "Query execution has exceeded the allowed result size. Optimize your query"),
        PartialResult,
        "more than the service does at once",
    ),
    ("defender", 400, microsoft("BadRequest", "Query exceeded the timeout period."), PartialResult, "at once"),
    (
        "elasticsearch",
        403,
        elastic(
            "security_exception", "action [indices:data/read/open_point_in_time] is unauthorized for API key id [x]"
        ),
        AuthError,
        "is unauthorized for API key id.*`read` and `view_index_metadata`",
    ),
    (
        "opensearch",
        403,
        elastic("security_exception", "no permissions for [indices:data/read/point_in_time/create] and User [name=u]"),
        AuthError,
        "no permissions for.*`indices:data/read/search`",
    ),
    ("opensearch", 401, None, AuthError, "answered 401: check the credentials in siem.soc"),
]


@pytest.mark.parametrize(("kind", "status", "body", "kind_of_error", "said"), VENDORS)
def test_a_refusal_is_told_in_the_vendors_words(httpx_mock, kind, status, body, kind_of_error, said):
    content = {"text": "Unauthorized"} if body is None else {"json": body}
    error = refused(httpx_mock, kind, status_code=status, **content)
    assert type(error) is kind_of_error
    assert re.search(said, str(error)), error


def test_microsoft_says_in_its_text_how_long_to_wait(httpx_mock):
    error = refused(httpx_mock, "defender", status_code=429, json=microsoft("TooManyRequests", CPU))
    assert getattr(error, "wait", None) == 12 * 60 + 30


@pytest.mark.parametrize(
    ("code", "description", "said"),
    [
        (7000215, "AADSTS7000215: Invalid client secret provided.", "client_secret is wrong: give the secret's value"),
        (7000222, "AADSTS7000222: The provided client secret keys are expired.", "client_secret has expired"),
        (700016, "AADSTS700016: Application was not found in the directory.", "client_id is no application of this"),
        (90002, "AADSTS90002: Tenant not found.", "tenant does not exist in this cloud"),
    ],
)
@pytest.mark.parametrize("kind", ["sentinel", "defender"])
def test_a_token_that_is_refused_says_which_setting_is_wrong(httpx_mock, kind, code, description, said):
    body = {"error": "invalid_client", "error_description": f"{description} Trace ID: 7", "error_codes": [code]}
    httpx_mock.add_response(url=_TOKENS, status_code=401, json=body)
    siem = open_siem("soc", {"kind": kind, **SIEMS[kind]})
    with pytest.raises(AuthError, match=said) as caught:
        fetched(siem, NOON, NOON + 60_000_000)  # type: ignore[arg-type]
    assert description.rstrip(".") in str(caught.value)
