"""What Log Analytics and Microsoft Graph answer to a query: rows, whole or not, or an error in words of our own.

Sources: learn.microsoft.com/azure/azure-monitor/logs/api/response-format and /timeouts,
/azure/azure-monitor/service-limits, /graph/errors, /graph/api/resources/security-api-overview (quotas),
/defender-xdr/advanced-hunting-errors. Codes tell little (BadArgumentError, BadRequest): messages have to be read too.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import httpx
import msgspec

from exfilwatch.errors import AuthError, PartialResult, RateLimited, SourceError
from exfilwatch.events.rows import rows
from exfilwatch.siem.http import NO_JSON, decoded
from exfilwatch.structs import ready

_TOO_MUCH = re.compile(
    r"E_QUERY_RESULT_SET_TOO_LARGE|E_RUNAWAY_QUERY|E_LOW_MEMORY_CONDITION|ResponsePayloadTooLarge"
    r"|exceed(?:ed)? the (?:set limit|allowed (?:result size|limits))|Result size limit exceeded"
    r"|excessive resource consumption|timeout period",
    re.IGNORECASE,
)
_UNRESOLVED = re.compile(r"Failed to resolve [a-z ]*named '([^']+)'")
_AGAIN_IN = re.compile(r"again in (?:(\d+):(\d\d):(\d\d)|(\d+) ?(second|minute|hour))", re.IGNORECASE)
_SHOWN = 600  # characters of what they say
_SECONDS = {"second": 1, "minute": 60, "hour": 3600}
_WRONG_TOKEN = frozenset({"InvalidAuthenticationToken", "InvalidAuthenticationTokenAudience"})


class Unresolved(SourceError):
    """A query names a table or a column that is not there (or that this account may not see)."""

    def __init__(self, message: str, name: str) -> None:
        super().__init__(message)
        self.named = name


class _Error(msgspec.Struct):
    code: str = ""
    message: str = ""
    innererror: Any = None
    inner_error: Any = msgspec.field(name="innerError", default=None)
    details: list[Any] = []


class _Answer(msgspec.Struct):
    error: _Error | None = None


Masked: TypeAlias = Callable[[str, httpx.Response], str]
"""Takes secrets out of what an answer says."""


def whole(name: str, response: httpx.Response, masked: Masked) -> list[bytes]:
    """The rows of an answer, one JSON object each. Raises PartialResult when the answer says that it is not whole, and
    SourceError for what is no answer of a query at all.
    """
    if response.status_code == 204:  # a workspace without any data
        return []
    error = decoded(name, response, _Answer).error
    if error is not None:
        raise PartialResult(f"{name}: the answer is not whole: {masked(_said(error), response)[:_SHOWN]}")
    found = rows(response.content)
    if found is None:
        raise SourceError(f"{name}: the answer has no rows: check that url is the API's, and what a proxy answers")
    return found


def explanation(response: httpx.Response) -> str:
    """The vendor's own words in an error's body."""
    error = _error(response)
    return _said(error) if error else ""


def refusal(name: str, response: httpx.Response, right: str, masked: Masked) -> SourceError | None:
    """What an error is, where its body says more than its status. `right`: what an account needs, for a 403."""
    error = _error(response)
    if error is None:
        return None
    said = masked(_said(error), response)[:_SHOWN]
    if response.status_code == 504 or (response.status_code == 400 and _TOO_MUCH.search(said)):
        return PartialResult(f"{name}: more than the service does at once: {said}")
    if response.status_code == 400 and (found := _UNRESOLVED.search(said)):
        return Unresolved(f"{name}: {said}: is the table's connector on, and may this account read it?", found[1])
    if response.status_code == 403:
        wrong = _WRONG_TOKEN & {one.code for one in _each(error)}
        return AuthError(f"{name}: {said}: {'check cloud and url' if wrong else right}")
    if response.status_code == 404 and "Workspace" in said:
        return SourceError(f"{name}: {said}: check `workspace`, which is its id and not its name, and `cloud`")
    if response.status_code == 429 and (wait := _duration(said)) is not None:
        return RateLimited(f"{name}: {said}", wait)
    return None


def _error(response: httpx.Response) -> _Error | None:
    try:
        return msgspec.json.decode(response.content, type=ready(_Answer)).error
    except NO_JSON:
        return None


def _each(error: _Error) -> Iterator[_Error]:
    """An error, then what is within it."""
    yield error
    for inner in (error.innererror, error.inner_error, *error.details):
        try:
            yield from _each(msgspec.convert(inner, ready(_Error)))
        except (msgspec.ValidationError, RecursionError):
            continue


def _said(error: _Error) -> str:
    texts = [text for one in _each(error) for text in (one.code, one.message) if text]
    return ": ".join(dict.fromkeys(texts))


def _duration(said: str) -> float | None:
    found = _AGAIN_IN.search(said)
    if found is None:
        return None
    hours, minutes, seconds, number, unit = found.groups()
    if number:
        return float(number) * _SECONDS[unit.lower()]
    return int(hours) * 3600.0 + int(minutes) * 60 + int(seconds)
