"""The service: how long a list of findings takes when 100,000 are kept and 200 a second ask, how soon it is ready, and
how long the command line takes to say its help.
"""

import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import insert

from exfilwatch.detection.engine import Engine
from exfilwatch.detection.load import load
from exfilwatch.events.inputs import open_inputs
from exfilwatch.events.limits import Limits
from exfilwatch.events.report import Report
from exfilwatch.findings import schema
from exfilwatch.findings.finding import Finding, finding
from exfilwatch.findings.store import Store
from exfilwatch.rules.packs import pack
from exfilwatch_playbooks.demo.telemetry import telemetry
from exfilwatch_playbooks.service.tokens import Tokens

from .measure import cpu_of
from .row import Row, Run, at_most

KEPT, EACH_SECOND, SECONDS, CONNECTIONS = 100_000, 200, 10, 64
_PROGRAM = (sys.executable, "-m", "exfilwatch_playbooks.cli")
_END = datetime(2026, 11, 1, tzinfo=UTC)


def service(asked: Run) -> list[Row]:
    """The best of some rounds, as elsewhere."""
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "kept.sqlite"
        token = fill(database)
        rounds = max(1, asked.rounds)
        starts = [_help(folder) for _ in range(rounds + 1)]
        readies, rows = [], []
        for _ in range(rounds):
            with Serving(database) as server:
                readies.append(server.ready)
                if not rows:
                    rows = _asked(server, token)
    return [
        at_most("exfilwatch --help", min(starts), 0.3, "{:.3f} s"),
        at_most("serve: ready", min(readies), 2, "{:.2f} s"),
        *rows,
    ]


def fill(database: Path) -> str:
    """Keep the demo's findings again and again, at other times on other hosts; a token to ask with."""
    store = Store(str(database))
    report = Report()
    with telemetry() as files:
        inputs = open_inputs([str(each) for each in files], report, Limits(), True)
        made = [finding(each) for each in Engine(load([pack("exfil")]), report).run(inputs)]
    with store.database.write() as connection:
        for start in range(0, KEPT, 10_000):
            numbers = range(start, start + 10_000)
            incidents = [_incident(number) for number in numbers if number % 10 == 0]
            connection.execute(insert(schema.incidents), incidents)
            connection.execute(insert(schema.findings), [_row(number, made[number % len(made)]) for number in numbers])
    return Tokens(store.database).add("bench", ["read"])[0]


def _incident(number: int) -> dict[str, object]:
    time = _END - timedelta(minutes=number)
    return {
        "id": f"{number // 10:016x}",
        "host": f"WS-{number // 10}",
        "user_name": "anna",
        "host_key": f"ws-{number // 10}",
        "user_key": "anna",
        "level": "high",
        "highest": "high",
        "kinds": '["transfer_tool"]',
        "attack": '["T1020"]',
        "time": time,
        "end_time": time,
        "first_seen": time,
    }


def _row(number: int, like: Finding) -> dict[str, object]:
    time = _END - timedelta(minutes=number)
    return {
        "id": f"{number:032x}",
        "incident": f"{number // 10:016x}",
        "rule_id": like.rule.id,
        "rule_title": like.rule.title,
        "branch": like.rule.branch,
        "level": like.rule.level,
        "kind": like.rule.branch,
        "attack": json.dumps(like.rule.attack),
        "host": f"WS-{number // 10}",
        "user_name": like.user,
        "host_key": f"ws-{number // 10}",
        "user_key": "anna",
        "time": time,
        "end_time": time,
        "first_seen": time,
        "body": json.dumps(like.model_dump(mode="json")),
    }


def _help(folder: str) -> float:
    start = time.perf_counter()
    subprocess.run([*_PROGRAM, "--help"], stdout=subprocess.DEVNULL, env=_environment(folder), check=True)
    return time.perf_counter() - start


def _environment(folder: str) -> dict[str, str]:
    mine = {name: value for name, value in os.environ.items() if not name.startswith(("EXFILWATCH_", "XDG_"))}
    mine.pop("PYTHONDONTWRITEBYTECODE", None)
    return mine | {"HOME": folder, "EXFILWATCH_SERVE__RATE": "100000"}


class Serving:
    """The service on one core, where this machine has several."""

    def __init__(self, database: Path) -> None:
        self._database = database

    def __enter__(self) -> "Serving":
        start = time.perf_counter()
        words = [*_PROGRAM, "serve", "--port", "0", "--database", str(self._database)]
        environment = _environment(str(self._database.parent))
        self.process = subprocess.Popen(words, stderr=subprocess.PIPE, env=environment)
        cores = os.sched_getaffinity(0)
        if len(cores) > 1:
            os.sched_setaffinity(self.process.pid, {min(cores)})
        assert self.process.stderr is not None
        found = None
        while found is None:
            line = self.process.stderr.readline().decode()
            assert line, "it did not start"
            found = re.search(r":(\d+)$", line.strip()) if "listening" in line else None
        self.ready = time.perf_counter() - start
        self.port = int(found[1])
        return self

    def __exit__(self, *_args: object) -> None:
        self.process.terminate()
        self.process.communicate()

    def cpu(self) -> float:
        """Seconds of the process, so far."""
        return cpu_of(self.process.pid)


def _asked(server: Serving, token: str) -> list[Row]:
    asyncio.run(_load(server.port, "/v1/findings", token, 1))
    before = server.cpu()
    took = asyncio.run(_load(server.port, "/v1/findings", token, SECONDS))
    each = (server.cpu() - before) / len(took)
    ordered = sorted(took)
    p50, p99 = (ordered[len(ordered) * percent // 100] * 1e3 for percent in (50, 99))
    what = f"GET /v1/findings of {KEPT:,}, {EACH_SECOND}/s"
    return [
        at_most(f"{what}: p99", p99, 50, "{:.1f} ms"),
        Row(f"{what}: p50, CPU", f"{p50:.1f} ms, {each * 1e3:.2f} ms"),
    ]


async def _load(port: int, path: str, token: str, seconds: int) -> list[float]:
    """Ask so often whatever comes back, by kept connections; seconds from when an answer was due until it was read."""
    request = f"GET {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
    free: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    for _ in range(CONNECTIONS):
        free.put_nowait(await asyncio.open_connection("127.0.0.1", port))
    took: list[float] = []
    begun = time.perf_counter()

    async def ask(due: float) -> None:
        reader, writer = await free.get()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        assert length is not None
        body = await reader.readexactly(int(length[1]))
        took.append(time.perf_counter() - due)
        assert body.startswith(b'{"items":[{')
        free.put_nowait((reader, writer))

    async with asyncio.TaskGroup() as group:
        for number in range(EACH_SECOND * seconds):
            due = begun + number / EACH_SECOND
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            group.create_task(ask(due))
    while not free.empty():
        free.get_nowait()[1].close()
    return took
