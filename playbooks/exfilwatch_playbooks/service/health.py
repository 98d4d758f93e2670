"""/healthz, /readyz and /metrics: for whoever runs the service. The first two need no token and tell nothing."""

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends, Request
from sqlalchemy import text
from starlette.responses import Response

from exfilwatch.errors import ExfilwatchError
from exfilwatch_playbooks.service.access import needs, service
from exfilwatch_playbooks.service.figures import MEDIA
from exfilwatch_playbooks.service.openapi import problems
from exfilwatch_playbooks.service.problems import Refused
from exfilwatch_playbooks.service.tokens import Token

if TYPE_CHECKING:
    from exfilwatch_playbooks.service.figures import Figures


def _plain(said: str) -> dict[str, object]:
    return {"description": said, "content": {"text/plain": {"schema": {"type": "string"}}}}


def router() -> APIRouter:
    """The operations."""
    made = APIRouter(tags=["service"])

    @made.get(
        "/healthz", operation_id="healthz", summary="Whether the process answers.", responses={200: _plain("It does.")}
    )
    async def healthz() -> Response:
        return Response("ok\n", media_type="text/plain")

    @made.get(
        "/readyz",
        operation_id="readyz",
        summary="Whether requests can be served: the database answers, the rules are loaded.",
        responses={200: _plain("They can."), 503: problems()[503]},
    )
    def readyz(request: Request) -> Response:
        shared = service(request)
        if shared.closing.is_set() or not shared.ready:
            raise Refused("unavailable", "it is ending" if shared.closing.is_set() else "it is starting")
        try:
            with shared.store.database.read() as connection:
                connection.execute(text("SELECT 1"))
        except ExfilwatchError:
            raise Refused("unavailable", "the database can't be read: see the log") from None
        return Response("ready\n", media_type="text/plain")

    @made.get(
        "/metrics",
        operation_id="metrics",
        summary="Figures for Prometheus.",
        responses={200: _plain("They."), **problems()},
    )
    def metrics(request: Request, _token: Annotated[Token, Depends(needs("read"))]) -> Response:
        figures: Figures = request.app.state.figures
        return Response(figures.text(), media_type=MEDIA)

    return made
