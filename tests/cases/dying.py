"""Workers that open cases in children of a process that has everything imported, and die where they are told to.

One line of JSON in (Work) is one worker; `wait` ends a round, and the exit statuses come out, a line for each. Only
tests use it: python -m tests.cases.dying
"""

import asyncio
import gc
import itertools
import os
import signal
import sys
import traceback
from contextlib import suppress
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import httpx._transports.default as transport
import msgspec
from sqlalchemy import Connection, Engine, event

from exfilwatch.findings.store import Store
from exfilwatch_playbooks.cases import opening
from exfilwatch_playbooks.cases.registry import Local

from ..findings.made import make  # noqa: TID252 (tests are no package on the path)
from .drafted import a_draft
from .trackers import CLASSES, asks

_IN_FLIGHT = "http11.receive_response_headers.started"


class Work(msgspec.Struct):
    """`settings` of the case system "tracker". Killed at the point with this number (`dies`), from 1; 0 is never.

    Between two points nothing changes but by one request or one commit: they are before each request that changes
    something, when it is sent and its answer is awaited, and before each commit.
    """

    database: str
    settings: dict[str, Any]
    dies: int = 0


def _arm(work: Work) -> None:
    points = itertools.count(1)

    def point() -> None:
        if next(points) == work.dies:
            os.kill(os.getpid(), signal.SIGKILL)

    async def traced(name: str, _told: object) -> None:
        if name == _IN_FLIGHT:
            point()

    send = httpx.AsyncClient.send

    async def sent(client: httpx.AsyncClient, request: httpx.Request, **options: Any) -> httpx.Response:
        if not asks(request):
            point()
            request.extensions["trace"] = traced
        return await send(client, request, **options)

    def committing(connection: Connection) -> None:
        if connection.get_execution_options().get("exfilwatch_write"):
            point()

    httpx.AsyncClient.send = sent  # type: ignore[method-assign]
    event.listen(Engine, "commit", committing)


async def _opened(work: Work) -> None:
    store = Store(work.database)
    made = CLASSES[work.settings["kind"]]
    system = made("tracker", made.Settings.model_validate(work.settings), store)
    _arm(work)
    try:
        for outcome in await opening.open_cases(store, system):
            if outcome.error is not None:
                sys.stderr.write(f"{outcome.incident}: {outcome.error}\n")
    finally:
        await system.close()


def _child(work: Work) -> int:
    try:
        asyncio.run(_opened(work))
    except BaseException:  # noqa: BLE001 it is told, and the child ends
        traceback.print_exc()
        return 99
    return 0


async def _warm() -> None:
    """A case and a request in here: what they import, read and compile, no child has to."""
    with TemporaryDirectory() as folder:
        store = Store(f"{folder}/warm.sqlite")
        for name in ("a", "b"):
            store.save([make(name)])
            await opening.open_cases(store, Local(store))
    context = httpx.create_ssl_context()
    transport.create_ssl_context = lambda *_, **__: context  # reading authorities takes longer than a request
    with suppress(httpx.ConnectError):
        async with httpx.AsyncClient() as client:
            await client.get("http://127.0.0.1:9")


def serve() -> None:
    """Until there is no more to do."""
    a_draft()  # what is read for a case, without a database
    warm = False
    running: list[int] = []
    for line in sys.stdin:
        if line.strip() == "wait":
            ended = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in running]
            running.clear()
            sys.stdout.write(f"{msgspec.json.encode(ended).decode()}\n")
            sys.stdout.flush()
            continue
        work = msgspec.json.decode(line, type=Work)
        # A child of a process that had talked to PostgreSQL died once of SIGSEGV, by libpq or by msgspec (structs.py).
        if not warm and not work.database.startswith("postgresql"):
            asyncio.run(_warm())
            warm = True
        gc.freeze()
        pid = os.fork()
        if pid == 0:
            os._exit(_child(work))
        running.append(pid)


if __name__ == "__main__":
    serve()
