"""The pages and forms, and what they do."""

import json
import re
from collections.abc import Mapping
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from exfilwatch.errors import ConfigError
from exfilwatch_playbooks.actions.audit import Audit
from exfilwatch_playbooks.actions.inputs import Level
from exfilwatch_playbooks.service.access import Gate, service
from exfilwatch_playbooks.service.jobs import ENDED, Job
from exfilwatch_playbooks.service.problems import Refused
from exfilwatch_playbooks.service.service import Service
from exfilwatch_playbooks.service.views import page_of_runs
from exfilwatch_playbooks.triage import answering, health, suppressing
from exfilwatch_playbooks.triage.doing import asking, check, do, doings, judge, seen, soon
from exfilwatch_playbooks.triage.incident import shown
from exfilwatch_playbooks.triage.incidents import ORDERS, STATES, Asked
from exfilwatch_playbooks.triage.incidents import page as page_of_incidents
from exfilwatch_playbooks.triage.pages import HtmlRoute, asked_to_log_in, asset, back, page, part
from exfilwatch_playbooks.triage.sessions import COOKIE, LASTS
from exfilwatch_playbooks.triage.visits import Visit, from_here, is_ours, sent, sessions, visit

_NEXT = re.compile(
    r"/(incidents/[0-9a-f]{1,64}|findings/[0-9a-f]{1,64}/suppress|polls|rules|suppressions|audit)?(\?[\w=&%.+-]*)?",
    re.ASCII,
)
_FORM = re.compile(
    r"/(incidents/[0-9a-f]{1,64}/(disposition|open-case|note|close-case)|findings/[0-9a-f]{1,64}/(disposition|(un)?suppress)"
    r"|polls)",
    re.ASCII,
)
_RUNS, _LINES = 25, 100
DISPOSITIONS = ("true-positive", "false-positive", "benign", "duplicate")
_STEPS = {
    "open-case": ("open_case", ("system",), "The case is being opened, or told what is new,"),
    "note": ("add_case_note", ("system", "text"), "A note is being added"),
    "close-case": ("close_case", ("system", "why"), "The case is being closed"),
}
"""What an incident's forms do: the action, the fields that it takes, and what is said while it goes on."""


def router() -> APIRouter:
    """All of it. None of it is in the OpenAPI document: it is for people."""
    made = APIRouter(route_class=HtmlRoute, include_in_schema=False)
    _login(made)
    _reading(made)
    _health(made)
    suppressing.router(made)
    answering.router(made)
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
        return asked_to_log_in(request, {"next": _next(next)}, status=200)

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
            return asked_to_log_in(request, {**fields, "next": _next(fields.get("next", ""))}, wrong=said)
        where = _next(fields.get("next", ""))
        begun = await run_in_threadpool(sessions(request).begin, found.id, shared.clock())
        answer = back(request, where)
        if _FORM.fullmatch(fields.get("form", "")):
            answer = await run_in_threadpool(_resumed, request, Visit(found, begun.session), fields, where)
        answer.set_cookie(
            COOKIE,
            begun.cookie,
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
        await run_in_threadpool(sessions(request).end, request.cookies.get(COOKIE, ""))
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
        return page(
            request, "incident.html.j2", who,
            shown=found, report=found.report, systems=_systems(shared) if who.acts else None,
            dispositions=DISPOSITIONS, held=suppressing.held(shared, [each.finding.id for each in found.findings]),
            seen=f"{seen(shared.store, found.incident)} {shared.clock().isoformat()}",
            busy=doings(request).of(found.incident.id), over=False, identity=found.incident.id,
        )  # fmt: skip

    @made.get("/incidents/{identity}/doing")
    def doing(request: Request, identity: str) -> Response:
        visit(request)
        return part(request, "doing.html.j2", busy=doings(request).of(identity), over=True, identity=identity)

    @made.get("/incidents/{identity}/report")
    def report(request: Request, identity: str) -> Response:
        from exfilwatch_playbooks.service.reading import report_answer

        visit(request)
        return report_answer(service(request), identity)


def _health(made: APIRouter) -> None:
    @made.get("/polls")
    def polls(request: Request) -> Response:
        who, shared = visit(request), service(request)
        runs = page_of_runs(shared.store, "", None, _RUNS)
        return page(
            request, "polls.html.j2", who,
            runs=runs, job=_poll(shared), every=shared.serve.poll_every,
        )  # fmt: skip

    @made.get("/rules")
    def rules(request: Request) -> Response:
        who, shared = visit(request), service(request)
        return page(request, "rules.html.j2", who, rules=health.rules(shared.store, shared.rules(), shared.clock()))

    @made.get("/audit")
    def audit(request: Request, before: Annotated[int | None, Query(ge=1, le=1 << 62)] = None) -> Response:
        who = visit(request, "admin")
        lines = Audit(service(request).store.database).entries(before=before, limit=_LINES + 1)
        return page(request, "audit.html.j2", who, lines=lines[:_LINES], more=len(lines) > _LINES)


def _acting(made: APIRouter) -> None:
    @made.post("/polls")
    async def poll(request: Request) -> Response:
        who, _ = await asking(request)
        shared = service(request)
        job = await run_in_threadpool(_poll, shared)
        if job is None or job.state in ENDED:
            await shared.jobs.start("poll", {}, who.token)
        return back(request, "/polls")

    @made.post("/incidents/{identity}/disposition")
    async def all_of_it(request: Request, identity: str) -> Response:
        who, fields = await asking(request)
        found = await run_in_threadpool(service(request).store.incident, identity)
        await run_in_threadpool(check, request, who, found, fields)
        await judge(request, who, found.findings, fields)
        return back(request, f"/incidents/{found.id}")

    @made.post("/findings/{identity}/disposition")
    async def one(request: Request, identity: str) -> Response:
        who, fields = await asking(request)
        store = service(request).store
        found = await run_in_threadpool(store.get, identity)
        incident = await run_in_threadpool(lambda: store.incident(store.incident_of(found.id)))
        await run_in_threadpool(check, request, who, incident, fields)
        judged = {name: fields.get(name, "") for name in ("disposition", "why")}
        await do(request, who, "set_disposition", {"finding": found.id, **judged})
        return back(request, f"/incidents/{incident.id}")

    @made.post("/incidents/{identity}/{step}")
    async def act(request: Request, identity: str, step: str) -> Response:
        who, fields = await asking(request)
        if step not in _STEPS:
            raise Refused("not-found", "there is no such form")
        name, takes, said = _STEPS[step]
        store = service(request).store
        found = await run_in_threadpool(store.incident, identity)
        if step == "close-case":
            await run_in_threadpool(check, request, who, found, fields)
        given = {field: fields[field] for field in takes if field in fields}

        async def work() -> None:
            done = await do(request, who, name, {"incident": found.id, **given})
            if done is not None and step == "close-case" and fields.get("disposition"):
                known = await run_in_threadpool(store.marks, found.findings)
                await judge(request, who, [each for each in found.findings if each not in known], fields)

        await soon(request, who, found.id, f"{said} in {given.get('system') or 'the case system'}", work)
        return back(request, f"/incidents/{found.id}")


class Systems(NamedTuple):
    """The case systems that a case may be opened in, by name with their kinds, the usual one first. `remark`: why none
    is the usual one; `own`: somebody has configured one.
    """

    kinds: dict[str, str]
    remark: str
    own: bool


def _systems(shared: Service) -> Systems:
    """Without those that page."""
    from exfilwatch_playbooks.cases.registry import LOCAL, opened_in, paging

    configured, remark, usual, pages = shared.settings.case, "", "", list[str]()
    try:
        pages = paging(configured, shared.settings.policy.page_in)
        usual = opened_in(configured, shared.settings.policy.page_in)
    except ConfigError as error:  # several, and none is the usual one: a person chooses
        remark = str(error)
    kinds = {name: str(table.get("kind", "")) for name, table in configured.items() if name not in pages}
    names = dict.fromkeys([*([usual] if usual else []), *kinds, LOCAL])
    return Systems({name: kinds.get(name, LOCAL) for name in names}, remark, bool(kinds))


def _resumed(request: Request, who: Visit, fields: Mapping[str, str], where: str) -> Response:
    """What was sent when a session had ended, to be sent anew."""
    try:
        found = json.loads(fields.get("sent", ""))
    except ValueError:
        found = {}
    told = {str(name): str(value) for name, value in found.items() if name != "csrf"} if isinstance(found, dict) else {}
    return page(
        request, "resume.html.j2", who,
        title="Go on where you were",
        why="Your session had ended before this was done. Nothing of it is lost: do it now?",
        action=fields["form"], fields=told, leave=where, since=(), button="Do it",
    )  # fmt: skip


def _poll(shared: Service) -> Job | None:
    """The newest poll that was asked for by hand."""
    return next((each for each in shared.jobs.page(None, 20) if each.action == "poll"), None)


def _next(where: str) -> str:
    """Where to go after logging in: a page of ours."""
    return where if _NEXT.fullmatch(where) else "/"
