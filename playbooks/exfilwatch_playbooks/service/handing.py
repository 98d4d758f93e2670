"""/v1/platforms: incidents handed over to a SOAR platform that asks, each once, and later what is new about it."""

from datetime import timedelta
from typing import Annotated, TypeAlias

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from exfilwatch_playbooks.actions.audit import Audit
from exfilwatch_playbooks.actions.inputs import Level, Moment, at
from exfilwatch_playbooks.handover import Handed
from exfilwatch_playbooks.service.access import needs, service
from exfilwatch_playbooks.service.bodies import body_of, checked, object_in
from exfilwatch_playbooks.service.holds import Holds
from exfilwatch_playbooks.service.once import MAY, PARAMETER, once
from exfilwatch_playbooks.service.openapi import Models, problems
from exfilwatch_playbooks.service.paging import answer
from exfilwatch_playbooks.service.problems import Refused
from exfilwatch_playbooks.service.tokens import Token

Platform: TypeAlias = Annotated[
    str, Path(description="The platform's own name, such as xsoar.", max_length=50, pattern=r"^[A-Za-z0-9_.-]+$")
]
_WHOLE = 16
IncidentId: TypeAlias = Annotated[str, Field(pattern=rf"^[0-9a-f]{{{_WHOLE}}}$")]


class News(BaseModel):
    """What a platform has not taken yet, oldest incident first."""

    items: list[Handed]


class Taken(BaseModel):
    """What a platform has taken of an incident: its findings' ids, or that it went into another."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"incident": "4b77887a0c1d2e3f"}]})
    incident: Annotated[
        str, Field(pattern=rf"^[0-9a-f]{{4,{_WHOLE}}}$", description="The incident's id, or the beginning of it.")
    ]
    findings: Annotated[
        list[Annotated[str, Field(pattern=r"^[0-9A-Za-z]{1,64}$")]],
        Field(description="The whole ids of the findings that were taken.", max_length=20_000),
    ] = []
    merged_into: Annotated[
        IncidentId | None, Field(description="The incident that it went into, where that is the news.")
    ] = None


class Noted(BaseModel):
    """That it is noted."""

    incident: str
    findings: int


def router(models: Models) -> APIRouter:
    """The operations."""
    made = APIRouter(prefix="/v1/platforms/{platform}", tags=["platforms"])

    @made.get(
        "/news",
        operation_id="list_news",
        summary="List what the platform has not taken yet, oldest incident first.",
        description="What it does not report as taken comes again: it knows incidents and findings by their ids. "
        "With `hold` the scope act is needed.",
        responses={200: models.answer(News, "The news."), **problems()},
    )
    def news(
        request: Request,
        token: Annotated[Token, Depends(needs("read"))],
        platform: Platform,
        level: Annotated[Level, Query(description="Incidents of this level and above.", max_length=32)] = "",
        since: Annotated[
            Moment,
            Query(description="No incident whose last event is older, unless it was taken before.", max_length=64),
        ] = "",
        limit: Annotated[int, Query(description="How many incidents at most.", ge=1, le=200)] = 50,
        hold: Annotated[
            int,
            Query(description="Minutes for which these do not come again, unless it says what it has.", ge=0, le=1440),
        ] = 0,
    ) -> Response:
        from exfilwatch_playbooks import handover

        shared = service(request)
        back = at(since, shared.clock())
        now, lowest = shared.clock(), level or "informational"
        if not hold:
            found = handover.news(shared.store, platform, lowest=lowest, since=back, limit=limit)
            return answer(News(items=found).model_dump(mode="json"))
        if not token.allows("act"):
            raise Refused("scope-missing", f"the token {token.name} may {', '.join(token.scopes)}; hold needs act")
        holds = Holds(shared.store.database, platform)
        most = limit + holds.count(now)
        found = handover.news(shared.store, platform, lowest=lowest, since=back, limit=most)
        mine = holds.take([each.incident.id for each in found], limit, now, timedelta(minutes=hold))
        found = [each for each in found if each.incident.id in mine]
        return answer(News(items=found).model_dump(mode="json"))

    @made.post(
        "/taken",
        operation_id="take_news",
        summary="Note that the platform has these findings of an incident; noting it twice changes nothing.",
        responses={
            200: models.answer(Noted, "It is noted."),
            **problems("not-found", "body-too-large", "too-slow", "media-type", *MAY),
        },
        openapi_extra={
            "parameters": [PARAMETER],
            "requestBody": models.body(Taken, [{"incident": "4b77887a0c1d2e3f", "findings": ["3fa9c2d1e5b60718"]}]),
        },
    )
    async def taken(request: Request, token: Annotated[Token, Depends(needs("act"))], platform: Platform) -> Response:
        body = await body_of(request)
        shared = service(request)

        def note(given: Taken) -> Noted:
            from exfilwatch_playbooks import handover

            found = shared.store.incident(given.incident)  # of one that went into another, that one
            identity = given.incident if len(given.incident) == _WHOLE else found.id
            audit = Audit(shared.store.database)
            said = {"platform": platform, "incident": identity, "findings": len(given.findings)}
            number = audit.begin("take_news", token.name, shared.clock(), said, dry_run=False)
            Holds(shared.store.database, platform).release(identity)
            handover.told(shared.store, platform, identity, given.findings, given.merged_into)
            audit.end(number, shared.clock(), "done", f"{platform} has {identity}", changed=True)
            return Noted(incident=identity, findings=len(given.findings))

        async def noted() -> Response:
            done = await run_in_threadpool(note, checked(Taken, object_in(body)))
            return answer(done.model_dump(mode="json"))

        return await once(request, token, body, noted)

    return made
