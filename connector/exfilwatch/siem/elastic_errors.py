"""Errors as Elasticsearch and OpenSearch put them into the body of an answer, as ours with the next step.

https://www.elastic.co/docs/reference/elasticsearch/rest-apis/api-conventions (error, root_cause),
https://www.elastic.co/docs/deploy-manage/users-roles/cluster-or-deployment-auth/elasticsearch-privileges
"""

import re

import httpx
import msgspec

from exfilwatch.errors import AuthError, PartialResult, SourceError
from exfilwatch.siem.http import NO_JSON, WrongServer
from exfilwatch.structs import ready

_PARAMETERS = re.compile(r"\?[^\]\s]*(?=\])")
"""Of a request that a reason repeats: they are long, and what matters comes after them."""


_OTHER = 'set kind = "opensearch" for OpenSearch (2.4 or later), kind = "elasticsearch" for Elasticsearch'


class Expired(PartialResult):
    """The server no longer has the point in time: it was idle for too long, or a node is gone."""


class _Cause(msgspec.Struct):
    type: str = ""
    reason: str | None = ""
    index: str = ""
    header: dict[str, object] = {}


class _Error(_Cause):
    root_cause: list[_Cause] = []


class _Body(msgspec.Struct):
    error: _Error | str = ""


def _cause(response: httpx.Response) -> _Cause:
    """The first cause that an answer names; empty for a body of another kind."""
    try:
        error = msgspec.json.decode(response.content, type=ready(_Body)).error
    except (*NO_JSON, httpx.ResponseNotRead):
        return _Cause()
    if isinstance(error, str):
        return _Cause(reason=error)
    return error.root_cause[0] if error.root_cause else error


def explain(response: httpx.Response) -> str:
    """The vendor's reason."""
    cause = _cause(response)
    return ": ".join(part for part in (cause.type, _PARAMETERS.sub("", cause.reason or "")) if part)


def refusal(name: str, response: httpx.Response, rights: str) -> SourceError | None:
    """The error that a body stands for, where it says more than the status. `rights`: what to give an account."""
    cause = _cause(response)
    match cause.type, response.status_code:
        case "search_context_missing_exception", _:
            return Expired(f"{name}: the server no longer has the search that was being read")
        case "index_not_found_exception", _:
            return SourceError(f"{name}: there is no index {cause.index}: check `indices`, or what the account may see")
        case "index_closed_exception", _:
            return SourceError(f"{name}: index {cause.index} is closed: open it, or leave it out of `indices`")
        case _, 403:
            return AuthError(f"{name}: {(cause.reason or 'forbidden')[:400]}: {rights}")
        case _, 400 if (cause.reason or "").startswith("no handler found for uri"):
            return WrongServer(f"{name}: it has no points in time as this kind of server has: {_OTHER}")
        case _, 405:
            return SourceError(f"{name}: answered 405: check `url`: this is not the server that it should be")
    return None
