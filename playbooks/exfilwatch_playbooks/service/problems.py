"""Errors as RFC 9457 has them: application/problem+json, each kind with a type that stays.

Nothing of a problem tells where in the program it came from; what is our own fault has a number that the log has too.
"""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from exfilwatch.errors import (
    AuthError,
    CaseBlocked,
    CaseError,
    CaseRefused,
    CaseUnreachable,
    ConfigError,
    ExfilwatchError,
    RateLimited,
    RuleError,
    SourceError,
    SpaceError,
    UnknownId,
)
from exfilwatch.polling.logs import log
from exfilwatch_playbooks.actions.perform import WrongInput

MEDIA = "application/problem+json"
_PREFIX = "urn:exfilwatch:problem:"


class Wrong(BaseModel):
    """What is wrong with one field."""

    field: Annotated[str, Field(description="Its name; of a parameter, `query.NAME`.")]
    detail: Annotated[str, Field(description="What is wrong with it, without its value.")]


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    type: Annotated[str, Field(description="Which kind of problem: `urn:exfilwatch:problem:NAME`. It stays.")]
    title: Annotated[str, Field(description="The kind in words.")]
    status: Annotated[int, Field(description="The HTTP status.", ge=400, le=599)]
    detail: Annotated[str, Field(description="What went wrong, and what to do about it.")] = ""
    errors: Annotated[list[Wrong], Field(description="What is wrong with each field.")] = []
    id: Annotated[str, Field(description="Of our own faults: the number that the service's log has too.")] = ""


@dataclass(frozen=True)
class Kind:
    """A kind of problem."""

    name: str
    status: int
    title: str


KINDS = {
    kind.name: kind
    for kind in (
        Kind("bad-request", 400, "The request can't be read"),
        Kind("token-missing", 401, "A token is needed"),
        Kind("token-wrong", 401, "The token is not known"),
        Kind("token-expired", 401, "The token has ended"),
        Kind("token-revoked", 401, "The token was revoked"),
        Kind("scope-missing", 403, "The token may not do this"),
        Kind("not-found", 404, "There is no such thing"),
        Kind("action-unknown", 404, "There is no such action"),
        Kind("method-not-allowed", 405, "Not with this method"),
        Kind("too-slow", 408, "The request came too slowly"),
        Kind("in-progress", 409, "The same request is being done"),
        Kind("case-refused", 409, "The case system refused"),
        Kind("job-ended", 409, "The job has ended"),
        Kind("body-too-large", 413, "The body is too large"),
        Kind("media-type", 415, "The body is no JSON"),
        Kind("input-wrong", 422, "The input is wrong"),
        Kind("cannot-do", 422, "It can't be done so"),
        Kind("key-used", 422, "The Idempotency-Key belongs to another request"),
        Kind("too-many", 429, "Too many requests"),
        Kind("internal", 500, "A fault of exfilwatch"),
        Kind("siem-failed", 502, "A SIEM can't be read"),
        Kind("case-system-failed", 502, "The case system can't be used"),
        Kind("busy", 503, "Not now"),
        Kind("unavailable", 503, "The service can't work"),
    )
}


@dataclass
class Refused(Exception):
    """Ends a request with a problem."""

    name: str
    detail: str = ""
    errors: list[Wrong] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    id: str = ""

    @property
    def kind(self) -> Kind:
        """Which."""
        return KINDS[self.name]


def said(refused: Refused) -> Problem:
    """What a client is told."""
    kind = refused.kind
    return Problem(
        type=f"{_PREFIX}{kind.name}",
        title=kind.title,
        status=kind.status,
        detail=refused.detail,
        errors=refused.errors,
        id=refused.id,
    )


def answer(refused: Refused) -> Response:
    """The answer to a request that ends so."""
    # ASCII: hostile text may have lone surrogates.
    body = json.dumps(said(refused).model_dump(exclude_defaults=True))
    return Response(body, refused.kind.status, media_type=MEDIA, headers=refused.headers)


def of(error: ExfilwatchError) -> Refused:
    """The problem that an error of an action, or of reading what is kept, is."""
    what = str(error)
    match error:
        case WrongInput():
            return Refused("input-wrong", what, [Wrong(field=name, detail=each) for name, each in error.wrong])
        case UnknownId():
            return Refused("not-found", what)
        case ConfigError() | RuleError():
            return Refused("cannot-do", what)
        case RateLimited():
            return Refused("busy", what, headers={"Retry-After": str(round(error.wait or 30))})
        case SpaceError():
            return Refused("unavailable", what)
        case AuthError() | SourceError():
            return Refused("siem-failed", what)
        case CaseRefused():
            return Refused("case-refused", what)
        case CaseBlocked() | CaseUnreachable() | CaseError():
            return Refused("case-system-failed", what)
    return Refused("unavailable", what)


def fault(error: BaseException, request: str) -> Refused:
    """The problem that a fault of ours is; the log has more of it, under the same number."""
    number = secrets.token_hex(6)
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f"{place.tb_frame.f_code.co_filename}:{place.tb_lineno}" if place is not None else ""
    log.error("request failed", id=number, request=request, error=type(error).__name__, where=where)
    return Refused("internal", f"please report it, with what the log has of {number}", id=number)


def handle(app: FastAPI) -> None:
    """Let the application answer errors so."""

    @app.exception_handler(Refused)
    async def refused(_request: Request, error: Refused) -> Response:
        return answer(error)

    @app.exception_handler(ExfilwatchError)
    async def ours(_request: Request, error: ExfilwatchError) -> Response:
        return answer(of(error))

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: RequestValidationError) -> Response:
        wrong = [
            Wrong(field=".".join(map(str, each["loc"])), detail=str(each["msg"]).removeprefix("Value error, "))
            for each in error.errors()
        ]
        return answer(Refused("input-wrong", "; ".join(f"{each.field}: {each.detail}" for each in wrong), wrong))

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        name = {404: "not-found", 405: "method-not-allowed", 413: "body-too-large"}.get(error.status_code)
        headers: Mapping[str, str] = error.headers or {}
        detail = {
            "not-found": f"there is no {request.url.path[:200]}",
            "method-not-allowed": f"{request.method} is not for {request.url.path[:200]}",
        }
        return answer(Refused(name or "bad-request", detail.get(name or "", ""), headers=dict(headers)))
