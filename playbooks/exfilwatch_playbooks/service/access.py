"""Who asks, and whether they may: a bearer token with the scope that an operation needs, and not too often."""

import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from exfilwatch_playbooks.service.problems import Refused
from exfilwatch_playbooks.service.rate import Rate
from exfilwatch_playbooks.service.tokens import Scope, Token

if TYPE_CHECKING:
    from exfilwatch_playbooks.service.service import Service

SCOPE = "exfilwatch_scope"
"""The attribute of a dependency that says which scope it asks for: the OpenAPI document has it."""


def service(request: Request) -> "Service":
    """What requests share."""
    found: Service = request.app.state.service
    return found


class Gate:
    """Counts who asks how often: requests of each token, and wrong tokens of each address; both a second."""

    def __init__(self, rate: float, wrong: float = 0.5) -> None:
        self._asked = Rate(rate, max(20.0, 2 * rate))
        self._failed = Rate(wrong, max(20.0, 2 * wrong))

    def passed(self, token: Token) -> None:
        """Raises Refused when this token asks too often."""
        self._check(self._asked, token.id)

    def failed(self, request: Request) -> None:
        """Raises Refused when this address sends too many wrong tokens. Right ones are always looked at."""
        self._check(self._failed, request.client.host if request.client else "")

    @staticmethod
    def _check(rate: Rate, who: str) -> None:
        wait = rate.take(who, time.monotonic())
        if wait:
            raise Refused("too-many", "ask again later", headers={"Retry-After": str(max(1, round(wait + 0.5)))})


def needs(scope: Scope) -> Callable[[Request], Awaitable[Token]]:
    """A dependency that gives the token of a request. Raises Refused where there is none with this scope."""

    async def allowed(request: Request) -> Token:
        gate: Gate = request.app.state.gate
        found = await _token(request, gate)
        gate.passed(found)
        request.scope["exfilwatch.who"] = found.name
        if not found.allows(scope):
            detail = f"the token {found.name} has {', '.join(found.scopes)}; this needs {scope}"
            raise Refused("scope-missing", detail, headers=_challenge("insufficient_scope", scope))
        return found

    setattr(allowed, SCOPE, scope)
    return allowed


async def _token(request: Request, gate: Gate) -> Token:
    kind, _, sent = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer" or not sent.strip():
        raise Refused("token-missing", "send `Authorization: Bearer TOKEN`", headers={"WWW-Authenticate": "Bearer"})
    shared = service(request)
    tokens, sent = shared.tokens, sent.strip()
    found = tokens.find(sent) if tokens.remembers(sent) else await run_in_threadpool(tokens.find, sent)
    state = found.state(shared.clock()) if found is not None else "wrong"
    if found is None or state != "valid":
        gate.failed(request)
        raise Refused(
            f"token-{state}", "make another with `exfilwatch tokens add`", headers=_challenge("invalid_token")
        )
    return found


def _challenge(error: str, scope: str = "") -> dict[str, str]:
    wanted = f', scope="{scope}"' if scope else ""
    return {"WWW-Authenticate": f'Bearer error="{error}"{wanted}'}
