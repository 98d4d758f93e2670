"""Runs `exfilwatch` in children of a process that has everything imported, and kills them where it is told to.

One line of JSON in is one run (Run); out come its process id, and when it has ended its exit status (negative: the
signal that ended it) with what it counted, a line each. Only tests use it: python -m tests.faults.runner
"""

import asyncio
import gc
import itertools
import json
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import msgspec
from sqlalchemy import Engine, event

import exfilwatch.detection.load as loading
import exfilwatch_playbooks.cases.opening
import exfilwatch_playbooks.cli.poll
import exfilwatch_playbooks.cli.runs
import exfilwatch_playbooks.cli.settings
from exfilwatch.detection.load import load
from exfilwatch.findings.store import Store
from exfilwatch.polling.poller import Poller
from exfilwatch.polling.polls import Polls
from exfilwatch.rules.packs import FILTERS, pack
from exfilwatch.siem.registry import kinds, open_siem, siem_class
from exfilwatch.siem.siem import SECOND, Siem
from exfilwatch_playbooks.cases.local import Local
from exfilwatch_playbooks.cli import main
from exfilwatch_playbooks.cli.boundary import run as run_command

from ..packs_once import remembering  # noqa: TID252 (tests are no package on the path)

_WARM = (Polls, Local, exfilwatch_playbooks.cli.poll, exfilwatch_playbooks.cli.runs, exfilwatch_playbooks.cli.settings)


class Run(msgspec.Struct, forbid_unknown_fields=True):
    """`arguments` of `exfilwatch`; or `worker`: settings of a SIEM, of which a Poller with leases of `lease` seconds
    polls. Killed at the `statement`-th SQL statement, the `request`-th request, or `after` seconds, as given.
    `largest`: bytes that a file may have at most.
    """

    folder: str
    arguments: list[str] = []
    worker: dict[str, Any] | None = None
    database: str = ""
    rules: str = ""
    lease: float = 300.0
    statement: int = 0
    request: int = 0
    after: float = 0.0
    largest: int = 0


class Ended(msgspec.Struct):
    """How a run ended, and how many statements and requests it had made (none are known of one that was killed)."""

    status: int
    statements: int = 0
    requests: int = 0
    said: str = ""


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _counting(run: Run) -> tuple[Any, Any]:
    statements, requests = itertools.count(1), itertools.count(1)

    def stated(*_arguments: object) -> None:
        if next(statements) == run.statement:
            _die()

    for occasion in ("before_cursor_execute", "commit", "rollback"):
        event.listen(Engine, occasion, stated)
    send = httpx.AsyncClient.send

    async def sent(client: httpx.AsyncClient, *arguments: Any, **options: Any) -> httpx.Response:
        response = await send(client, *arguments, **options)
        if next(requests) == run.request:
            _die()
        return response

    httpx.AsyncClient.send = sent  # type: ignore[method-assign]
    return statements, requests


def _work(run: Run) -> None:
    """One poll, and its cases, by a Poller with a lease of its own length."""

    async def once() -> None:
        assert run.worker is not None
        siem = open_siem("site", run.worker)
        assert isinstance(siem, Siem)
        store = Store(run.database)
        poller = Poller(siem, load([Path(run.rules)]), store, since=6 * 3600 * SECOND, lease=round(run.lease * SECOND))
        try:
            done = await poller.once()
        finally:
            await siem.close()
        await exfilwatch_playbooks.cases.opening.open_cases(store, Local(store))
        sys.stdout.write(msgspec.json.encode(done).decode() + "\n")

    asyncio.run(once())


def _child(run: Run, said: Path) -> int:
    """What the child does; the exit status."""
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    output = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.environ["EXFILWATCH_CONFIG"] = f"{run.folder}/config.toml"
    if run.largest:
        resource.setrlimit(resource.RLIMIT_FSIZE, (run.largest, run.largest))
    statements, requests = _counting(run)
    status = 0
    try:
        if run.worker is not None:
            _work(run)
        else:
            sys.argv = ["exfilwatch", *run.arguments]
            main()
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else 1
    except BaseException:  # noqa: BLE001 it is told, and the child ends
        traceback.print_exc()
        status = 99
    sys.stdout.flush()
    with suppress(OSError):
        (said.with_suffix(".counts")).write_text(json.dumps([next(statements) - 1, next(requests) - 1]))
    return status


def _ended(pid: int, after: float) -> int:
    """The status of a child when it has ended, killed `after` seconds (0: never)."""
    until = time.monotonic() + after
    while after and time.monotonic() < until:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.001)
    if after:
        os.kill(pid, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


_UPLOAD = {"product": "windows", "category": "process_creation", "Computer": "ws1", "CommandLine": "upload", "time": 1}
_WARMING = """
database = "{folder}/warm.sqlite"
siem.log = {{kind = "files", paths = ["{folder}/events.json"]}}
"""


@contextmanager
def _quiet() -> Iterator[None]:
    """What is written meanwhile goes nowhere."""
    kept, nowhere = [os.dup(1), os.dup(2)], os.open(os.devnull, os.O_WRONLY)
    for number in (1, 2):
        os.dup2(nowhere, number)
    try:
        yield
    finally:
        sys.stdout.flush()
        for number, old in enumerate(kept, 1):
            os.dup2(old, number)
            os.close(old)
        os.close(nowhere)


def _warm() -> None:
    """One poll of a log and one request in here: what they import and parse, no child has to."""
    for kind in kinds():
        siem_class(kind)
    with TemporaryDirectory() as folder, _quiet():
        Path(folder, "events.json").write_text(json.dumps(_UPLOAD) + "\n")
        Path(folder, "config.toml").write_text(_WARMING.format(folder=folder))
        os.environ["EXFILWATCH_CONFIG"] = f"{folder}/config.toml"
        run_command(["poll", "--once", "--rules", str(Path(__file__).parents[1] / "polling" / "rules.yml")])
    with suppress(httpx.ConnectError):
        asyncio.run(_ask_nobody())
    gc.freeze()


async def _ask_nobody() -> None:
    async with httpx.AsyncClient() as client:
        await client.get("http://127.0.0.1:9")


def serve() -> None:
    """Until there is no more to run."""
    warm = False
    for line in sys.stdin:
        run = msgspec.json.decode(line, type=Run)
        # A child of a process that had talked to PostgreSQL died once of SIGSEGV, by libpq or by msgspec (structs.py).
        if not warm and not run.database.startswith("postgresql"):
            _warm()
            if run.worker is None and "--rules" not in run.arguments:
                loading._load = remembering()
                load([pack("exfil"), FILTERS])
                gc.freeze()
            warm = True
        said = Path(run.folder) / f"said.{os.getpid()}"
        counts = said.with_suffix(".counts")
        counts.unlink(missing_ok=True)
        pid = os.fork()
        if pid == 0:
            os._exit(_child(run, said))
        _tell(str(pid))
        ended = Ended(_ended(pid, run.after), said="")
        if counts.exists():
            ended.statements, ended.requests = json.loads(counts.read_text() or "[0, 0]")
        ended.said = said.read_text(errors="replace") if said.exists() else ""
        _tell(msgspec.json.encode(ended).decode())


if __name__ == "__main__":
    serve()
