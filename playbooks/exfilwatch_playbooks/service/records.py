"""/v1/cases, runs, rules and audit: what was done, and by what."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from exfilwatch_playbooks.actions.audit import Audit, Entry
from exfilwatch_playbooks.actions.inputs import Moment, at
from exfilwatch_playbooks.service.access import needs, service
from exfilwatch_playbooks.service.openapi import Models, problems
from exfilwatch_playbooks.service.paging import Cursor, Limit, cursor, page, place
from exfilwatch_playbooks.service.tokens import Token
from exfilwatch_playbooks.service.views import CaseView, RuleView, RunView, page_of_cases, page_of_runs, rule_view
from exfilwatch_playbooks.triage.health import feeds

Reader = Annotated[Token, Depends(needs("read"))]


def router(models: Models) -> APIRouter:
    """The operations."""
    made = APIRouter(prefix="/v1")

    @made.get(
        "/cases",
        operation_id="list_cases",
        tags=["cases"],
        summary="List the cases that were opened, or could not be, in every case system; last changed first.",
        responses={200: models.page(CaseView, "A page of cases."), **problems()},
    )
    def cases(
        request: Request, _token: Reader, after: Annotated[Cursor, Query(alias="cursor")] = "", limit: Limit = 50
    ) -> Response:
        where = place(after, int, str, str)
        found = page_of_cases(
            service(request).store, None if where is None else (where[0], where[1], where[2]), limit + 1
        )
        following = None
        if len(found) > limit:
            last, changed = found[limit - 1]
            following = cursor(changed, last.system, last.incident)
        return page([each.model_dump(mode="json") for each, _ in found[:limit]], following)

    @made.get(
        "/runs",
        operation_id="list_runs",
        tags=["runs"],
        summary="List polls, newest first: what was read, how late it was, what went wrong.",
        responses={200: models.page(RunView, "A page of polls."), **problems()},
    )
    def runs(
        request: Request,
        _token: Reader,
        siem: Annotated[str, Query(description="Of this SIEM.", max_length=200)] = "",
        after: Annotated[Cursor, Query(alias="cursor")] = "",
        limit: Limit = 50,
    ) -> Response:
        where = place(after, int)
        found = page_of_runs(service(request).store, siem, where[0] if where else None, limit + 1)
        return page(found[:limit], cursor(found[limit - 1].id) if len(found) > limit else None)

    @made.get(
        "/rules",
        operation_id="list_rules",
        tags=["rules"],
        summary="List the rules that give findings, by id, and whether there are events for them.",
        responses={200: models.page(RuleView, "A page of rules."), **problems()},
    )
    def rules(
        request: Request, _token: Reader, after: Annotated[Cursor, Query(alias="cursor")] = "", limit: Limit = 50
    ) -> Response:
        where = place(after, str)
        shared = service(request)
        rules = shared.rules()
        fed = feeds(shared.store, rules, shared.clock())
        infos = sorted(rules.infos, key=lambda each: each.id)
        left = [rule_view(each, fed[each.id]) for each in infos if where is None or each.id > where[0]][: limit + 1]
        return page(left[:limit], cursor(left[limit - 1].id) if len(left) > limit else None)

    @made.get(
        "/audit",
        operation_id="list_audit",
        tags=["audit"],
        summary="List who ran which action, when, with what input, and what came of it; newest first.",
        responses={200: models.page(Entry, "The newest lines of the log."), **problems()},
    )
    def audit(
        request: Request,
        _token: Annotated[Token, Depends(needs("admin"))],
        action: Annotated[str, Query(description="Of this action.", max_length=64)] = "",
        who: Annotated[str, Query(description="Of this token or user.", max_length=200)] = "",
        since: Annotated[Moment, Query(description="From this time on.", max_length=64)] = "",
        until: Annotated[Moment, Query(description="Before this time.", max_length=64)] = "",
        after: Annotated[Cursor, Query(alias="cursor")] = "",
        limit: Limit = 50,
    ) -> Response:
        shared = service(request)
        now, where = shared.clock(), place(after, int)
        found = Audit(shared.store.database).entries(
            action=action or None,
            who=who or None,
            since=at(since, now),
            until=at(until, now),
            before=where[0] if where else None,
            limit=limit + 1,
        )
        following = cursor(found[limit - 1].id) if len(found) > limit else None
        return page([each.model_dump(mode="json") for each in found[:limit]], following)

    return made
