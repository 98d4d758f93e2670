"""/v1/actions: each action of the registry as an operation of its own, made from its models."""

from collections.abc import Awaitable, Callable
from functools import cache
from types import new_class
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from exfilwatch_playbooks.actions.perform import validated
from exfilwatch_playbooks.actions.registry import Action, every
from exfilwatch_playbooks.service.access import needs, service
from exfilwatch_playbooks.service.bodies import body_of, object_in
from exfilwatch_playbooks.service.job_routes import PREFER, accepted, job_for, wants_job
from exfilwatch_playbooks.service.once import MAY, PARAMETER, once
from exfilwatch_playbooks.service.openapi import Models, problems
from exfilwatch_playbooks.service.paging import answer
from exfilwatch_playbooks.service.problems import Refused
from exfilwatch_playbooks.service.tokens import Token

_MAY = (
    "not-found",
    "case-refused",
    "busy",
    "body-too-large",
    "too-slow",
    "media-type",
    "siem-failed",
    "case-system-failed",
    "cannot-do",
)


class ActionView(msgspec.Struct):
    """An action. `scope`: what a token needs; `approval`: a person is to agree first; `references`: ids of ATT&CK,
    D3FEND or RE&CT; `input` and `output`: JSON schemas.
    """

    name: str
    title: str
    description: str
    details: str
    changes: bool
    approval: bool
    scope: str
    references: list[str]
    path: str
    input: dict[str, Any]
    output: dict[str, Any]
    examples: list[dict[str, Any]]


class Actions(msgspec.Struct):
    """All actions."""

    items: list[ActionView]


def router(models: Models) -> APIRouter:
    """The operations."""
    made = APIRouter(prefix="/v1/actions", tags=["actions"])
    actions = every()

    @made.get(
        "",
        operation_id="list_actions",
        summary="List the actions, with the schemas of their inputs and answers.",
        responses={200: models.answer(Actions, "The actions."), **problems()},
    )
    def listed(_token: Annotated[Token, Depends(needs("read"))]) -> Response:
        return answer(Actions([_view(each) for each in actions]))

    for each in actions:
        made.add_api_route(
            f"/{each.name}",
            _operation(each),
            methods=["POST"],
            operation_id=each.name,
            summary=each.description,
            description=each.details,
            responses={
                200: models.answer(_named(each.name, each.output, "Answer"), "What came of it."),
                202: accepted(models),
                **problems(*_MAY, *(MAY if each.changes else ())),
            },
            openapi_extra={
                "requestBody": models.body(_named(each.name, each.input, "Input"), each.examples),
                "parameters": [PREFER, *([PARAMETER] if each.changes else [])],
            },
        )

    @made.post("/{name}", include_in_schema=False)
    async def unknown(name: str, _token: Annotated[Token, Depends(needs("read"))]) -> Response:
        known = ", ".join(each.name for each in actions)
        raise Refused("action-unknown", f"there is no action {name[:64]!r}: use {known}")

    return made


def _operation(wanted: Action) -> Callable[..., Awaitable[Response]]:
    needed = needs(wanted.scope)

    async def run(request: Request, token: Annotated[Token, Depends(needed)]) -> Response:
        body = await body_of(request)

        async def done() -> Response:
            given = object_in(body)
            if wants_job(request):
                validated(wanted, given)
                return await job_for(request, token, wanted.name, given)
            return answer((await service(request).do(wanted.name, given, token.name)).model_dump(mode="json"))

        return await once(request, token, body, done) if wanted.changes else await done()

    return run


@cache
def _named(action: str, model: type[BaseModel], suffix: str) -> type[BaseModel]:
    """The same model by a name that tells the action: all are called Input and Output."""
    name = "".join(word.capitalize() for word in action.split("_")) + suffix
    extra = {"model_config": ConfigDict(extra="forbid")} if suffix == "Input" else {}
    return new_class(
        name, (model,), {}, lambda space: space.update(__module__=__name__, __doc__=model.__doc__, **extra)
    )


def _view(each: Action) -> ActionView:
    return ActionView(
        name=each.name,
        title=each.title,
        description=each.description,
        details=each.details,
        changes=each.changes,
        approval=each.approval,
        scope=each.scope,
        references=list(each.references),
        path=f"/v1/actions/{each.name}",
        input=each.accepts,
        output=each.answers,
        examples=each.examples,
    )
