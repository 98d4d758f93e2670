"""The application: what routes there are, and what stands around them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from exfilwatch import __version__
from exfilwatch_playbooks.service import asking, handing, health, job_routes, poll_routes, reading, records
from exfilwatch_playbooks.service.access import Gate
from exfilwatch_playbooks.service.edge import Edge
from exfilwatch_playbooks.service.figures import Figures
from exfilwatch_playbooks.service.looking import looking
from exfilwatch_playbooks.service.openapi import Models, document
from exfilwatch_playbooks.service.openapi_30 import as_30
from exfilwatch_playbooks.service.paging import MEDIA, encoded
from exfilwatch_playbooks.service.problems import handle
from exfilwatch_playbooks.service.schedule import polling
from exfilwatch_playbooks.service.service import Service
from exfilwatch_playbooks.service.settings import ServeSettings
from exfilwatch_playbooks.service.workers import Workers
from exfilwatch_playbooks.triage import router as triage
from exfilwatch_playbooks.triage.sessions import Sessions

if TYPE_CHECKING:
    from exfilwatch.config import Settings
    from exfilwatch.detection.rule import RuleSet
    from exfilwatch.findings.store import Store


class Documents:
    """The OpenAPI documents of an application, made when they are first asked for."""

    def __init__(self, app: FastAPI, routers: Sequence[APIRouter], models: Models) -> None:
        self._app, self._routers, self._models = app, routers, models

    @cached_property
    def current(self) -> dict[str, Any]:
        """3.1."""
        return document(self._app, self._routers, self._models)

    @cached_property
    def older(self) -> dict[str, Any]:
        """3.0."""
        return as_30(self.current)

    @cached_property
    def encoded(self) -> dict[str, bytes]:
        """Both as they are sent: whoever reaches the port may ask for them, so that they must cost nothing."""
        return {"3.1": encoded(self.current), "3.0": encoded(self.older)}


def background(shared: Service) -> Iterator[Coroutine[Any, Any, None]]:
    """What goes on beside the requests, until the service ends."""
    yield shared.jobs.watch()
    if shared.serve.poll_every:
        yield polling(shared, shared.serve.poll_every)
    yield looking(shared, shared.serve.look_every)
    for hook in shared.hooks:
        yield hook.go_on(Workers(1))


def create_app(
    settings: "Settings",
    serve: ServeSettings | None = None,
    *,
    store: "Callable[[], Store] | None" = None,
    rules: "Callable[[], RuleSet] | None" = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> FastAPI:
    """The service. Nothing is opened before its lifespan begins. `serve`: as the command line has it, else that of the
    settings. Raises ConfigError.
    """
    serve = serve or ServeSettings.of(settings.serve)
    shared = Service(settings, serve, store=store, rules=rules, clock=clock)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await run_in_threadpool(shared.open)
        running = [asyncio.create_task(each) for each in background(shared)]
        try:
            yield
        finally:
            shared.closing.set()
            await shared.jobs.drain(serve.drain.total_seconds())
            for each in running:
                each.cancel()
            await asyncio.wait(running, timeout=5)
            shared.workers.close()

    app = FastAPI(
        title="exfilwatch",
        version=__version__,
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.service = shared
    app.state.gate = Gate(serve.rate)
    app.state.sessions = Sessions(lambda: shared.store.database)
    app.state.figures = figures = Figures(shared)
    shared.ended, shared.polled = figures.job, figures.polled
    handle(app)
    models = Models()
    rooms = (asking, reading, records, handing, job_routes, poll_routes)
    routers = [*(room.router(models) for room in rooms), health.router()]
    for router in routers:
        app.include_router(router)
    app.include_router(triage.router())
    app.state.documents = documents = Documents(app, routers, models)

    @app.get("/openapi.json", include_in_schema=False)
    def openapi() -> Response:
        return Response(documents.encoded["3.1"], media_type=MEDIA)

    @app.get("/openapi-3.0.json", include_in_schema=False)
    def openapi_30() -> Response:
        return Response(documents.encoded["3.0"], media_type=MEDIA)

    app.add_middleware(Edge, limit=serve.body, figures=figures)
    return app
