"""Workers that open cases in children of a process that has everything imported, and die where they are told to.

One line of JSON in (Work) is one worker; `wait` ends a round, and the exit statuses come out, a line for each. Only
tests use it: python -m tests.cases.dying
"""

import asyncio
import itertools
import os
import signal
import sys
import traceback
from typing import Any

import httpx
import msgspec
from sqlalchemy import Engine, event

from exfilwatch.findings.store import Store
from exfilwatch_playbooks.cases import opening
from exfilwatch_playbooks.cases.registry import Local

from .trackers import CLASSES


class Work(msgspec.Struct):
    """`settings` of the case system "tracker". Killed before (`before`) or after (`after`) the request with this
    number, or before the SQL `statement` with it; 0 is never.
    """

    database: str
    settings: dict[str, Any]
    before: int = 0
    after: int = 0
    statement: int = 0


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _arm(work: Work) -> None:
    requests, statements = itertools.count(1), itertools.count(1)
    send = httpx.AsyncClient.send

    async def sent(client: httpx.AsyncClient, *arguments: Any, **options: Any) -> httpx.Response:
        number = next(requests)
        if number == work.before:
            _die()
        response = await send(client, *arguments, **options)
        if number == work.after:
            _die()
        return response

    httpx.AsyncClient.send = sent  # type: ignore[method-assign]

    def stated(*_arguments: object) -> None:
        if next(statements) == work.statement:
            _die()

    for occasion in ("before_cursor_execute", "commit"):
        event.listen(Engine, occasion, stated)


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


def serve() -> None:
    """Until there is no more to do."""
    assert Local
    running: list[int] = []
    for line in sys.stdin:
        if line.strip() == "wait":
            ended = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in running]
            running.clear()
            sys.stdout.write(f"{msgspec.json.encode(ended).decode()}\n")
            sys.stdout.flush()
            continue
        work = msgspec.json.decode(line, type=Work)
        pid = os.fork()
        if pid == 0:
            os._exit(_child(work))
        running.append(pid)


if __name__ == "__main__":
    serve()
