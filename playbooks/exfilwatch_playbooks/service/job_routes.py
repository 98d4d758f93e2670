"""/v1/jobs: what goes on after its request was answered, how far it is, and its end."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Annotated, Literal, TypeAlias

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from exfilwatch_playbooks.actions.audit import Audit
from exfilwatch_playbooks.service.access import needs, service
from exfilwatch_playbooks.service.jobs import ENDED, Job
from exfilwatch_playbooks.service.once import MAY, PARAMETER, once
from exfilwatch_playbooks.service.openapi import Models, problems
from exfilwatch_playbooks.service.paging import Cursor, Limit, answer, cursor, page, place
from exfilwatch_playbooks.service.service import Service
from exfilwatch_playbooks.service.tokens import Token

Id: TypeAlias = Annotated[str, Path(description="The job's id.", pattern=r"^[0-9a-f]{32}$")]
Reader: TypeAlias = Annotated[Token, Depends(needs("read"))]
StateName: TypeAlias = Literal["", "waiting", "running", "done", "failed", "refused", "cancelled", "interrupted"]
PREFER = {
    "name": "Prefer",
    "in": "header",
    "required": False,
    "description": "`respond-async`: answer 202 at once with a job, which goes on (RFC 7240).",
    "schema": {"type": "string"},
}
_STEP, _ALIVE = 0.3, 15.0  # seconds


def wants_job(request: Request) -> bool:
    """Whether the request prefers to be answered before it is done."""
    preferred = ",".join(request.headers.getlist("prefer")).lower()
    return "respond-async" in (each.partition(";")[0].strip() for each in preferred.split(","))


async def job_for(request: Request, token: Token, action: str, given: Mapping[str, object]) -> Response:
    """Start a job, and say where it is."""
    made = await service(request).jobs.start(action, given, token)
    headers = {"Location": f"/v1/jobs/{made.id}", "Preference-Applied": "respond-async", "Retry-After": "1"}
    return answer(made.model_dump(mode="json"), 202, headers)


def accepted(models: Models) -> dict[str, object]:
    """The response of what has become a job."""
    return models.answer(Job, "It goes on as a job, which `Location` names (`Prefer: respond-async`).")


def router(models: Models) -> APIRouter:
    """The operations."""
    made = APIRouter(prefix="/v1/jobs", tags=["jobs"])

    @made.get(
        "",
        operation_id="list_jobs",
        summary="List jobs, newest first.",
        responses={200: models.page(Job, "A page of jobs."), **problems()},
    )
    def listed(
        request: Request,
        _token: Reader,
        state: Annotated[StateName, Query(description="Only those that are so.")] = "",
        after: Annotated[Cursor, Query(alias="cursor")] = "",
        limit: Limit = 50,
    ) -> Response:
        where = place(after, datetime, str)
        found = service(request).jobs.page((where[0], where[1]) if where and where[0] else None, limit + 1, state)
        following = cursor(found[limit - 1].created, found[limit - 1].id) if len(found) > limit else None
        return page([each.model_dump(mode="json") for each in found[:limit]], following)

    @made.get(
        "/{id}",
        operation_id="read_job",
        summary="Read a job: how far it is, and what came of it.",
        responses={200: models.answer(Job, "The job."), **problems("not-found")},
    )
    def job(request: Request, _token: Reader, id: Id) -> Response:  # noqa: A002 the path's name
        return answer(service(request).jobs.get(id).model_dump(mode="json"))

    @made.get(
        "/{id}/events",
        response_class=StreamingResponse,
        operation_id="follow_job",
        summary="Follow a job by server-sent events, each with the job as it is, until it has ended.",
        responses={
            # No schema: OpenAPI before 3.2 has none for the events of a stream.
            200: {"description": "The events.", "content": {"text/event-stream": {}}},
            **problems("not-found"),
        },
    )
    async def events(request: Request, _token: Reader, id: Id) -> Response:  # noqa: A002
        shared = service(request)
        first = await run_in_threadpool(shared.jobs.get, id)
        return StreamingResponse(_events(shared, first), media_type="text/event-stream")

    @made.post(
        "/{id}/cancel",
        operation_id="cancel_job",
        summary="Ask a job to end.",
        responses={
            200: models.answer(Job, "The job; `cancelling` where it has not ended yet."),
            **problems("not-found", "job-ended", *MAY),
        },
        openapi_extra={"parameters": [PARAMETER]},
    )
    async def cancel(request: Request, token: Annotated[Token, Depends(needs("act"))], id: Id) -> Response:  # noqa: A002
        shared = service(request)

        async def cancelled() -> Response:
            found = await shared.jobs.cancel(id)
            await run_in_threadpool(_log, shared, token.name, found)
            return answer(found.model_dump(mode="json"))

        return await once(request, token, b"", cancelled)

    return made


def _log(shared: Service, who: str, job: Job) -> None:
    audit = Audit(shared.store.database)
    number = audit.begin("cancel_job", who, shared.clock(), {"job": job.id, "action": job.action}, dry_run=False)
    audit.end(number, shared.clock(), "done", f"{job.action} is {job.state}", changed=True)


async def _events(shared: Service, job: Job) -> AsyncIterator[str]:
    """An event for each change; a comment now and then, so that nobody on the way takes it for dead."""
    silent = 0.0
    yield _event(job)
    while job.state not in ENDED and not shared.closing.is_set():
        try:
            await asyncio.wait_for(shared.closing.wait(), _STEP)
        except TimeoutError:
            silent += _STEP
        known, job = job, await run_in_threadpool(shared.jobs.get, job.id)
        if job.step != known.step or job.state != known.state:
            silent = 0.0
            yield _event(job)
        elif silent >= _ALIVE:
            silent = 0.0
            yield ": still there\n\n"


def _event(job: Job) -> str:
    return f"id: {job.step}\nevent: {job.state}\ndata: {json.dumps(job.model_dump(mode='json'))}\n\n"
