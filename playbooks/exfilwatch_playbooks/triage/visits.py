"""A request of somebody with a browser: who it is, what the token allows, and whether a form of ours sent it."""

from collections.abc import Mapping
from typing import NamedTuple

from fastapi import Request

from exfilwatch_playbooks.service.access import Gate, service
from exfilwatch_playbooks.service.problems import Refused
from exfilwatch_playbooks.service.tokens import Scope, Token
from exfilwatch_playbooks.triage.sessions import COOKIE, Session, Sessions

_FIELDS = 20


class Visit(NamedTuple):
    """Somebody who is logged in."""

    token: Token
    session: Session

    @property
    def acts(self) -> bool:
        """Whether the token may change things."""
        return self.token.allows("act")

    @property
    def audits(self) -> bool:
        """Whether the token may read the audit log."""
        return self.token.allows("admin")


def sessions(request: Request) -> Sessions:
    """Those of the application."""
    found: Sessions = request.app.state.sessions
    return found


def visit(request: Request, scope: Scope = "read") -> Visit:
    """Who asks. Raises Refused: `token-missing` where nobody is logged in, `scope-missing`, `too-many`."""
    shared, gate = service(request), request.app.state.gate
    assert isinstance(gate, Gate)
    now = shared.clock()
    session = sessions(request).of(request.cookies.get(COOKIE, ""), now)
    token = shared.tokens.get(session.token) if session else None
    if session is None or token is None or token.state(now) != "valid":
        raise Refused("token-missing", "log in")
    gate.passed(token)
    request.scope["exfilwatch.who"] = token.name
    if not token.allows(scope):
        raise Refused("scope-missing", f"the token {token.name} may {', '.join(token.scopes)}; this needs {scope}")
    return Visit(token, session)


def from_here(request: Request) -> None:
    """Raises Refused when the browser says that another site sent this request."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise Refused("scope-missing", "another site sent this: nothing was done")


async def sent(request: Request) -> Mapping[str, str]:
    """The fields of a form. Raises Refused."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/x-www-form-urlencoded":
        raise Refused("media-type", "send the form as the page has it")
    async with request.form(max_files=0, max_fields=_FIELDS) as form:
        return {name: value for name, value in form.items() if isinstance(value, str)}


def is_ours(found: Visit, fields: Mapping[str, str]) -> None:
    """Raises Refused for a form that is not of this session."""
    if not found.session.is_from_form(fields.get("csrf", "")):
        raise Refused("scope-missing", "the form is too old, or not of this session: load the page again")
