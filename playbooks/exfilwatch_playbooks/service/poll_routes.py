"""/v1/polls: poll the SIEMs of the settings now, as the scheduler does."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from starlette.responses import Response

from exfilwatch.written import duration
from exfilwatch_playbooks.actions.audit import Audit
from exfilwatch_playbooks.actions.inputs import names
from exfilwatch_playbooks.service.access import needs, service
from exfilwatch_playbooks.service.bodies import body_of, checked, object_in
from exfilwatch_playbooks.service.job_routes import PREFER, accepted, job_for, wants_job
from exfilwatch_playbooks.service.once import MAY, PARAMETER, once
from exfilwatch_playbooks.service.openapi import Models, problems
from exfilwatch_playbooks.service.paging import answer
from exfilwatch_playbooks.service.tokens import Token

if TYPE_CHECKING:
    from exfilwatch.polling.runs import Run
    from exfilwatch_playbooks.actions.context import Context


def _length(text: str) -> str:
    if text.strip():
        duration(text)
    return text.strip()


Length = Annotated[str, AfterValidator(_length), Field(max_length=16)]


class PollInput(BaseModel):
    """Which SIEMs, and how long."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{}, {"siem": "main", "deadline": "4m"}]})
    siem: str = Field(default="", max_length=1000, description="Names of SIEMs, with commas between. Default: all.")
    since: Length = Field(default="24h", description="How far back the first poll of a SIEM goes.")
    deadline: Length = Field(default="", description="End each poll after this time; the next one goes on.")


class Poll(BaseModel):
    """The poll of one SIEM. `left`: intervals that remain to be read; `problem`: why it ended early."""

    siem: str
    records: int
    findings: int
    left: int
    problem: str


class PollAnswer(BaseModel):
    """What came of a poll, and of what follows from it by the policy. `problems`: what failed; the next poll tries it
    again.
    """

    summary: str
    problems: list[str]
    enriched: int
    cases: int = Field(description="Cases that were opened, told or closed.")
    polls: list[Poll]


async def poll(
    given: Mapping[str, object], context: "Context", record: "Callable[[Run], None]" = lambda _run: None
) -> PollAnswer:
    """Poll once. The audit log has it. Raises ConfigError and RuleError, and what the store refuses."""
    from exfilwatch_playbooks.polls import poll_once

    asked = checked(PollInput, given)
    audit = Audit(context.store.database)
    number = audit.begin("poll", context.who, context.clock(), asked.model_dump(exclude_defaults=True), dry_run=False)
    try:
        deadline = duration(asked.deadline).total_seconds() if asked.deadline else None
        since = duration(asked.since or "24h")
        found = await poll_once(context, names(asked.siem), since=since, deadline=deadline, looks=False)
    except BaseException as error:
        audit.end(number, context.clock(), "ended" if not isinstance(error, Exception) else "failed", str(error))
        raise
    for each in found:
        record(each.run)
    runs = [each.run for each in found]
    made = PollAnswer(
        summary=f"{sum(run.findings for run in runs):,} new findings in {sum(run.records for run in runs):,} records",
        problems=[said for each in found for said in each.problems],
        enriched=sum(each.handled.enriched for each in found),
        cases=sum(outcome.error is None for each in found for outcome in each.handled.outcomes),
        polls=[
            Poll(siem=run.source, records=run.records, findings=run.findings, left=run.left, problem=run.problem)
            for run in runs
        ],
    )
    audit.end(number, context.clock(), "partial" if made.problems else "done", made.summary, changed=True)
    return made


def router(models: Models) -> APIRouter:
    """The operation."""
    made = APIRouter(prefix="/v1/polls", tags=["polls"])

    @made.post(
        "",
        operation_id="poll",
        summary="Poll the SIEMs now, keep what is found, and do what the policy says.",
        description="Nothing is read twice or left out, however many poll at once.",
        responses={
            200: models.answer(PollAnswer, "What came of it."),
            202: accepted(models),
            **problems("cannot-do", "body-too-large", "too-slow", "media-type", "busy", *MAY),
        },
        openapi_extra={
            "requestBody": models.body(PollInput, [{}, {"deadline": "4m"}]),
            "parameters": [PREFER, PARAMETER],
        },
    )
    async def polled(request: Request, token: Annotated[Token, Depends(needs("act"))]) -> Response:
        body = await body_of(request)

        async def done() -> Response:
            given = object_in(body)
            checked(PollInput, given)
            if wants_job(request):
                return await job_for(request, token, "poll", given)
            return answer((await service(request).do("poll", given, token.name)).model_dump(mode="json"))

        return await once(request, token, body, done)

    return made
