"""The pages and forms, and what they do."""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from exfilwatch.errors import ConfigError, ExfilwatchError
from exfilwatch_playbooks.actions.audit import Audit
from exfilwatch_playbooks.actions.inputs import Level
from exfilwatch_playbooks.service.access import Gate, service
from exfilwatch_playbooks.service.jobs import ENDED, Job
from exfilwatch_playbooks.service.problems import Refused
from exfilwatch_playbooks.service.service import Service
from exfilwatch_playbooks.service.views import page_of_runs
from exfilwatch_playbooks.triage import health
from exfilwatch_playbooks.triage.incident import shown
from exfilwatch_playbooks.triage.incidents import ORDERS, STATES, Asked
from exfilwatch_playbooks.triage.incidents import page as page_of_incidents
from exfilwatch_playbooks.triage.pages import HtmlRoute, asset, back, page
from exfilwatch_playbooks.triage.sessions import COOKIE, LASTS
from exfilwatch_playbooks.triage.visits import Visit, from_here, is_ours, sent, sessions, visit

_NEXT = re.compile(r"/(incidents/[0-9a-f]{1,64}|polls|rules|audit)?", re.ASCII)
_RUNS, _LINES = 25, 100
DISPOSITIONS = ("true-positive", "false-positive", "benign", "duplicate")
_STEPS = {
    "open-case": ("open_case", ("system",)),
    "note": ("add_case_note", ("system", "text")),
    "close-case": ("close_case", ("system", "why")),
}
"""What an incident's forms do: the action, and the fields that it takes."""


def router() -> APIRouter:
    """All of it. None of it is in the OpenAPI document: it is for people."""
    made = APIRouter(route_class=HtmlRoute, include_in_schema=False)
    _login(made)
    _reading(made)
    _health(made)
    _acting(made)
    return made


def _login(made: APIRouter) -> None:
    @made.get("/assets/{name}")
    def file(name: str) -> Response:
        found = asset(name)
        if found is None:
            raise Refused("not-found", "there is no such file")
        headers = {"Cache-Control": "public, max-age=31536000, immutable"}
        return Response(found.content, media_type=found.media, headers=headers)

    @made.get("/login")
    def login(request: Request, next: str = "/") -> Response:  # noqa: A002 the name in the address
        return page(request, "login.html.j2", next=_next(next), wrong="")

    @made.post("/login")
    async def log_in(request: Request) -> Response:
        from_here(request)
        fields = await sent(request)
        shared, gate = service(request), request.app.state.gate
        assert isinstance(gate, Gate)
        found = await run_in_threadpool(shared.tokens.find, fields.get("token", "").strip())
        state = found.state(shared.clock()) if found else "not known"
        if found is None or state != "valid":
            gate.failed(request)
            said = f"This token is {state}."
            return page(request, "login.html.j2", status=401, next=_next(fields.get("next", "")), wrong=said)
        answer = back(request, _next(fields.get("next", "")))
        answer.set_cookie(
            COOKIE,
            sessions(request).begin(found.id, shared.clock()),
            max_age=int(LASTS.total_seconds()),
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return answer

    @made.post("/logout")
    async def log_out(request: Request) -> Response:
        found = await run_in_threadpool(visit, request)
        is_ours(found, await sent(request))
        sessions(request).end(request.cookies.get(COOKIE, ""))
        answer = back(request, "/login")
        answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return answer


def _reading(made: APIRouter) -> None:
    @made.get("/")
    def incidents(
        request: Request,
        state: Annotated[str, Query(max_length=10)] = "open",
        level: Level = "",
        text: Annotated[str, Query(max_length=200)] = "",
        order: Annotated[str, Query(max_length=10)] = "severity",
        number: Annotated[int, Query(alias="page", ge=1, le=1_000_000)] = 1,
    ) -> Response:
        who = visit(request)
        asked = Asked(
            state if state in STATES else "", level, text.strip(), order if order in ORDERS else "severity", number
        )
        found = page_of_incidents(service(request).store, asked)
        return page(request, "incidents.html.j2", who, list=found, states=STATES, orders=ORDERS)

    @made.get("/incidents/{identity}")
    def incident(request: Request, identity: str) -> Response:
        who, shared = visit(request), service(request)
        rules = {info.id: info for info in shared.rules().infos}
        found = shown(shared.store, identity, rules, shared.clock())
        systems = _systems(shared, who) if who.acts else []
        return page(
            request, "incident.html.j2", who,
            shown=found, report=found.report, systems=systems, dispositions=DISPOSITIONS,
        )  # fmt: skip

    @made.get("/incidents/{identity}/report")
    def report(request: Request, identity: str) -> Response:
        from exfilwatch_playbooks.service.reading import report_answer

        visit(request)
        return report_answer(service(request), identity)


def _health(made: APIRouter) -> None:
    @made.get("/polls")
    def polls(request: Request) -> Response:
        who, shared = visit(request), service(request)
        found = health.siems(shared.store, list(shared.settings.siem), shared.serve.poll_every, shared.clock())
        runs = page_of_runs(shared.store, "", None, _RUNS)
        return page(
            request, "polls.html.j2", who,
            siems=found, runs=runs, job=_poll(shared), every=shared.serve.poll_every,
        )  # fmt: skip

    @made.get("/rules")
    def rules(request: Request) -> Response:
        who, shared = visit(request), service(request)
        return page(request, "rules.html.j2", who, rules=health.rules(shared.store, shared.rules().infos))

    @made.get("/audit")
    def audit(request: Request, before: Annotated[int | None, Query(ge=1, le=1 << 62)] = None) -> Response:
        who = visit(request, "admin")
        lines = Audit(service(request).store.database).entries(before=before, limit=_LINES + 1)
        return page(request, "audit.html.j2", who, lines=lines[:_LINES], more=len(lines) > _LINES)


def _acting(made: APIRouter) -> None:
    @made.post("/polls")
    async def poll(request: Request) -> Response:
        who, _ = await _who(request)
        shared = service(request)
        job = await run_in_threadpool(_poll, shared)
        if job is None or job.state in ENDED:
            await shared.jobs.start("poll", {}, who.token)
        return back(request, "/polls")

    @made.post("/incidents/{identity}/disposition")
    async def all_of_it(request: Request, identity: str) -> Response:
        who, fields = await _who(request)
        found = await run_in_threadpool(service(request).store.incident, identity)
        await _judge(request, who, found.findings, fields)
        return back(request, f"/incidents/{found.id}")

    @made.post("/findings/{identity}/disposition")
    async def one(request: Request, identity: str) -> Response:
        who, fields = await _who(request)
        store = service(request).store
        found = await run_in_threadpool(store.get, identity)
        judged = {name: fields.get(name, "") for name in ("disposition", "why")}
        await _do(request, who, "set_disposition", {"finding": found.id, **judged})
        return back(request, f"/incidents/{await run_in_threadpool(store.incident_of, found.id)}")

    @made.post("/incidents/{identity}/{step}")
    async def act(request: Request, identity: str, step: str) -> Response:
        who, fields = await _who(request)
        if step not in _STEPS:
            raise Refused("not-found", "there is no such form")
        name, takes = _STEPS[step]
        store = service(request).store
        found = await run_in_threadpool(store.incident, identity)
        given = {field: fields[field] for field in takes if field in fields}
        done = await _do(request, who, name, {"incident": found.id, **given})
        if done and step == "close-case" and fields.get("disposition"):
            known = await run_in_threadpool(store.marks, found.findings)
            await _judge(request, who, [each for each in found.findings if each not in known], fields)
        return back(request, f"/incidents/{found.id}")


async def _who(request: Request) -> tuple[Visit, Mapping[str, str]]:
    """Who sent a form that changes something, and its fields. Raises Refused."""
    from_here(request)
    found = await run_in_threadpool(visit, request, "act")
    fields = await sent(request)
    is_ours(found, fields)
    return found, fields


async def _do(request: Request, who: Visit, name: str, given: Mapping[str, str], *, quiet: bool = False) -> bool:
    """Run an action, and tell what came of it on the next page; whether it was done. `quiet`: only what failed."""
    try:
        answer = await service(request).do(name, given, who.token.name)
    except ExfilwatchError as error:
        who.session.say("bad", str(error))
        return False
    if not quiet:
        who.session.say("good", str(getattr(answer, "summary", "done")))
    for problem in getattr(answer, "problems", ()):
        who.session.say("bad", str(problem))
    return True


async def _judge(request: Request, who: Visit, findings: Sequence[str], fields: Mapping[str, str]) -> None:
    """Give these findings the disposition of a form."""
    judged = {name: fields.get(name, "") for name in ("disposition", "why")}
    done = 0
    for finding in findings:
        if not await _do(request, who, "set_disposition", {"finding": finding, **judged}, quiet=True):
            break
        done += 1
    if done:
        said = "1 finding is" if done == 1 else f"{done:,} findings are"
        who.session.say("good", f"{said} marked: {judged['disposition']}")


def _systems(shared: Service, who: Visit) -> list[str]:
    """The case systems that a case may be opened in, the usual one first."""
    from exfilwatch_playbooks.cases.registry import opened_in

    usual: list[str] = []
    with suppress(ConfigError):  # several, and the policy names none: a person chooses
        usual = [opened_in(shared.settings.case, shared.settings.policy.page_in)]
    return list(dict.fromkeys([*usual, *shared.context(who.token.name).case_systems]))


def _poll(shared: Service) -> Job | None:
    """The newest poll that was asked for by hand."""
    return next((each for each in shared.jobs.page(None, 20) if each.action == "poll"), None)


def _next(where: str) -> str:
    """Where to go after logging in: a page of ours."""
    return where if _NEXT.fullmatch(where) else "/"
