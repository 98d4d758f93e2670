"""/v1/findings, incidents, cases, runs and rules: what is kept, in pages."""

from datetime import datetime
from typing import Annotated, TypeAlias

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel
from starlette.responses import Response

from exfilwatch.findings.finding import Finding
from exfilwatch.findings.incident import Incident
from exfilwatch.findings.listing import After, Brief, Wanted
from exfilwatch.findings.marks import Mark
from exfilwatch_playbooks.actions.inputs import Level, Moment, at
from exfilwatch_playbooks.cases.standing import Change, history
from exfilwatch_playbooks.service.access import needs, service
from exfilwatch_playbooks.service.openapi import Models, problems
from exfilwatch_playbooks.service.paging import Cursor, Limit, answer, cursor, page, place
from exfilwatch_playbooks.service.service import Service
from exfilwatch_playbooks.service.tokens import Token
from exfilwatch_playbooks.service.views import CaseView, cases_of

Reader: TypeAlias = Annotated[Token, Depends(needs("read"))]
Id: TypeAlias = Annotated[
    str, Path(description="The id, or the beginning of it.", min_length=1, max_length=64, pattern=r"^[0-9A-Za-z]+$")
]
Text: TypeAlias = Annotated[str, Query(max_length=1000)]
_SINCE = Query(description="From this time on: 2026-03-12, 2026-03-12T09:14Z, 24h (ago).", max_length=64)
_UNTIL = Query(description="Before this time.", max_length=64)
_SEEN = Query(
    description="Those of which something was first kept from this time on, whenever it happened.", max_length=64
)
_LEVEL = Query(description="This level and above: informational, low, medium, high, critical.", max_length=32)


async def _narrowed(
    request: Request,
    host: Annotated[Text, Query(description="Of this host.")] = "",
    user: Annotated[Text, Query(description="Of this user.")] = "",
    level: Annotated[Level, _LEVEL] = "",
    since: Annotated[Moment, _SINCE] = "",
    until: Annotated[Moment, _UNTIL] = "",
) -> Wanted:
    """What narrows lists of findings and of incidents alike. Async, for a thread would only cost time here."""
    now = service(request).clock()
    return Wanted(host=host or None, user=user or None, level=level or None, since=at(since, now), until=at(until, now))


Narrowed: TypeAlias = Annotated[Wanted, Depends(_narrowed)]


class FindingView(BaseModel):
    """A finding, the incident that it is in, and what somebody marked it as."""

    finding: Finding
    incident: str
    mark: Mark | None


class IncidentView(BaseModel):
    """An incident, its cases, and what became of these; its findings' ids are in it."""

    incident: Incident
    cases: list[CaseView]
    changes: list[Change]


def router(models: Models) -> APIRouter:
    """The operations."""
    made = APIRouter(prefix="/v1")
    _findings(made, models)
    _incidents(made, models)
    return made


def _findings(made: APIRouter, models: Models) -> None:
    @made.get(
        "/findings",
        operation_id="list_findings_page",
        tags=["findings"],
        summary="List findings, newest first.",
        description="Host and user compare as in incidents: ws1 is WS1.corp.local, anna is CORP\\\\anna.",
        responses={200: models.page(Brief, "A page of findings."), **problems("not-found")},
    )
    def findings(
        request: Request,
        _token: Reader,
        narrowed: Narrowed,
        rule: Annotated[Text, Query(description="A rule's id, title or branch.")] = "",
        incident: Annotated[str, Query(description="Of this incident: its id.", max_length=64)] = "",
        cursor: Cursor = "",
        limit: Limit = 50,
    ) -> Response:
        store = service(request).store
        wanted = narrowed._replace(rule=rule or None, incident=store.incident(incident).id if incident else None)
        found = store.page_of_findings(wanted, _after(cursor), limit + 1)
        return page(found[:limit], _next(found, limit))

    @made.get(
        "/findings/{id}",
        operation_id="read_finding",
        tags=["findings"],
        summary="Read a finding with all that is known of it.",
        responses={200: models.answer(FindingView, "The finding."), **problems("not-found")},
    )
    def finding(request: Request, _token: Reader, id: Id) -> Response:  # noqa: A002 the path's name
        store = service(request).store
        found = store.get(id)
        mark = store.marks([found.id]).get(found.id)
        view = FindingView(finding=found, incident=store.incident_of(found.id), mark=mark)
        return answer(view.model_dump(mode="json"))


def _incidents(made: APIRouter, models: Models) -> None:
    @made.get(
        "/incidents",
        operation_id="list_incidents",
        tags=["incidents"],
        summary="List incidents, newest first.",
        description="Those that went into others are not in it.",
        responses={200: models.page(Incident, "A page of incidents."), **problems()},
    )
    def incidents(
        request: Request,
        _token: Reader,
        narrowed: Narrowed,
        seen_since: Annotated[Moment, _SEEN] = "",
        cursor: Cursor = "",
        limit: Limit = 50,
    ) -> Response:
        shared = service(request)
        wanted = narrowed._replace(seen_since=at(seen_since, shared.clock()))
        found = shared.store.page_of_incidents(wanted, _after(cursor), limit + 1)
        return page([each.model_dump(mode="json") for each in found[:limit]], _next(found, limit))

    @made.get(
        "/incidents/{id}",
        operation_id="read_incident",
        tags=["incidents"],
        summary="Read an incident and its cases.",
        description="Of one that went into another, the other.",
        responses={200: models.answer(IncidentView, "The incident."), **problems("not-found")},
    )
    def incident(request: Request, _token: Reader, id: Id) -> Response:  # noqa: A002
        store = service(request).store
        found = store.incident(id)
        with store.database.read() as connection:
            changes = history(connection, [found.id]).get(found.id, [])
        view = IncidentView(incident=found, cases=cases_of(store, found.id), changes=changes)
        return answer(view.model_dump(mode="json"))

    @made.get(
        "/incidents/{id}/report",
        operation_id="read_report",
        tags=["incidents"],
        summary="Read the report of an incident: one HTML page that needs nothing else.",
        responses={
            200: {"description": "The page.", "content": {"text/html": {"schema": {"type": "string"}}}},
            **problems("not-found"),
        },
    )
    def report(request: Request, _token: Reader, id: Id) -> Response:  # noqa: A002
        return report_answer(service(request), id)


def report_answer(shared: Service, identity: str) -> Response:
    """The report of an incident as a page. Raises ConfigError."""
    from exfilwatch_playbooks.report.stored import report_of

    rules = {info.id: info for info in shared.rules().infos}
    _, html = report_of(shared.store, identity, rules, shared.clock())
    # The page has its own policy, which fits its style; this one is not looser in anything else.
    policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; sandbox"
    return Response(
        html.encode("utf-8", "backslashreplace"),
        media_type="text/html; charset=utf-8",
        headers={"Content-Security-Policy": f"{policy}; frame-ancestors 'none'"},
    )


def _after(text: str) -> After | None:
    found = place(text, datetime, str)
    return None if found is None else After(*found)


def _next(found: list[Brief] | list[Incident], limit: int) -> str | None:
    return cursor(found[limit - 1].time, found[limit - 1].id) if len(found) > limit else None
