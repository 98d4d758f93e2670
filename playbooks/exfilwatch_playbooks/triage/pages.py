"""A page as an answer: the template, and a policy that allows what this service itself serves, and nothing inline."""

import hashlib
import json
from collections.abc import Callable, Coroutine, Mapping
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, urlsplit

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from exfilwatch.errors import ExfilwatchError
from exfilwatch_playbooks.service import problems
from exfilwatch_playbooks.service.access import service
from exfilwatch_playbooks.service.problems import Refused
from exfilwatch_playbooks.triage.doing import Interrupted, Overtaken
from exfilwatch_playbooks.triage.glance import glance

if TYPE_CHECKING:
    from jinja2 import Environment

    from exfilwatch_playbooks.triage.visits import Visit

PACKAGE, _REPORT = "exfilwatch_playbooks.triage", "exfilwatch_playbooks.report"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
# With `no-referrer` browsers hide from us, too, that a form is ours.
HEADERS = {"Content-Security-Policy": POLICY, "Referrer-Policy": "same-origin"}
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


class Asset(NamedTuple):
    """A file that pages load."""

    content: bytes
    media: str
    digest: str


_MEDIA = {
    "report.css": "text/css",
    "triage.css": "text/css",
    "triage.js": "text/javascript",
    "htmx.min.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}


@cache
def asset(name: str) -> Asset | None:
    """The file of this name; None when there is none."""
    if name not in _MEDIA:
        return None
    package, folder = (_REPORT, "templates") if name == "report.css" else (PACKAGE, "assets")
    content = resources.files(package).joinpath(folder, name).read_bytes()
    return Asset(content, f"{_MEDIA[name]}; charset=utf-8", hashlib.sha256(content).hexdigest()[:12])


def page(
    request: Request, template: str, visit: "Visit | None" = None, status: int = 200, **values: object
) -> Response:
    """A page. `visit`: who sees it."""
    text = (
        _templates()
        .get_template(template)
        .render(
            visit=visit,
            here=request.url.path,
            now=service(request).clock(),
            said=visit.session.heard() if visit else (),
            glance=glance(service(request)) if visit else None,
            **values,
        )
    )
    return Response(
        text.encode("utf-8", "backslashreplace"), status, media_type="text/html; charset=utf-8", headers=HEADERS
    )


def back(request: Request, where: str) -> Response:
    """Go there: after a form was sent."""
    if request.headers.get("hx-request") and where.startswith("/login"):
        return Response(status_code=204, headers={"HX-Redirect": where})
    return RedirectResponse(where, 303, headers=HEADERS)


def part(request: Request, template: str, **values: object) -> Response:
    """A part of a page, which a page asks for."""
    text = _templates().get_template(template).render(now=service(request).clock(), **values)
    return Response(text.encode("utf-8", "backslashreplace"), media_type="text/html; charset=utf-8", headers=HEADERS)


def asked_to_log_in(request: Request, fields: Mapping[str, str], *, wrong: str = "", status: int = 401) -> Response:
    """The page to log in; what was sent and not done goes on with it (`form`: where to; `sent`: its fields)."""
    return page(
        request, "login.html.j2", status=status,
        next=fields.get("next", "/"), form=fields.get("form", ""), sent=fields.get("sent", ""), wrong=wrong,
    )  # fmt: skip


class HtmlRoute(APIRoute):
    """Errors are pages too. Who is not logged in is asked to."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """With what goes wrong."""
        inner = super().get_route_handler()

        async def answered(request: Request) -> Response:
            try:
                return await inner(request)
            except Refused as error:
                return await run_in_threadpool(_refused, request, error)
            except Interrupted as error:
                return await run_in_threadpool(_interrupted, request, error)
            except Overtaken as error:
                return await run_in_threadpool(_overtaken, request, error)
            except ExfilwatchError as error:
                return await run_in_threadpool(_refused, request, problems.of(error))
            except RequestValidationError:
                wrong = Refused("input-wrong", "the address has something that this page does not know")
                return await run_in_threadpool(_refused, request, wrong)

        return answered


def _refused(request: Request, error: Refused) -> Response:
    if error.name == "token-missing":
        if request.headers.get("sec-fetch-site") == "cross-site" and request.method == "GET":
            # A link of a mail or a case: the browser keeps the cookie back until a page of ours asks.
            return page(request, "again.html.j2")
        where = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return back(request, "/login" if request.method != "GET" else f"/login?next={quote(where)}")
    answer = page(request, "error.html.j2", status=error.kind.status, title=error.kind.title, detail=error.detail)
    answer.headers.update(error.headers)
    return answer


def _interrupted(request: Request, error: Interrupted) -> Response:
    """Log in, and then go on with what was sent. htmx shows no page whose status is an error's."""
    sent = json.dumps({name: value for name, value in error.fields.items() if name != "csrf"})
    came = urlsplit(request.headers.get("referer", ""))
    return asked_to_log_in(
        request,
        {"next": came.path or "/", "form": request.url.path, "sent": sent},
        wrong="Your session has ended. Log in to go on: what you wrote is kept.",
        status=200 if request.headers.get("hx-request") else 401,
    )


def _overtaken(request: Request, error: Overtaken) -> Response:
    """Somebody was faster: what they did, and whether to go on all the same."""
    fields = {name: value for name, value in error.fields.items() if name not in ("csrf", "seen")}
    seen = f"{error.seen} {service(request).clock().isoformat()}"
    return page(
        request, "resume.html.j2", error.who, status=200 if request.headers.get("hx-request") else 409,
        title="It has changed meanwhile", since=error.since, fields=fields | {"seen": seen},
        why="Since you loaded the page this incident was judged, its case has changed, or something new was found. "
        "Nothing of yours was done.",
        button="Do it all the same", action=request.url.path, leave=f"/incidents/{error.incident}",
    )  # fmt: skip


def ago(time: datetime | None, now: datetime) -> str:
    """How long since: 40 s, 12 min, 3 h, 5 d."""
    if time is None:
        return "–"
    seconds = max(0, int((now - time.astimezone(UTC)).total_seconds()))
    for size, unit in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if seconds >= (2 * size if size != _MINUTE else size):
            return f"{seconds // size:,} {unit}"
    return f"{seconds} s"


def spell(seconds: float) -> str:
    """Seconds as people say them; a clock that is ahead makes them negative."""
    from datetime import timedelta

    from exfilwatch_playbooks.report.wording import lasting

    return ("−" if seconds < 0 else "") + lasting(timedelta(seconds=abs(seconds)))


def linked(url: str) -> str:
    """An address that may be clicked; empty for any other kind."""
    return url if url.startswith(("https://", "http://")) else ""


@cache
def _templates() -> "Environment":
    from exfilwatch_playbooks.report.page import templates

    made = templates(PACKAGE, _REPORT)
    made.filters |= {"ago": ago, "spell": spell, "linked": linked}
    made.globals["asset"] = lambda name: f"/assets/{name}?{found.digest}" if (found := asset(name)) else ""
    return made
