"""Sumo Logic: its Search Job API.

A search is a job: created, asked for its state until it has gathered everything, its messages read page by page, and
always deleted. A job that nobody asks for is cancelled after 20 to 30 s, so it is asked for while its pages are worked
on. Requests to another deployment's endpoint are sent on: the right one is remembered.

Sources: https://www.sumologic.com/help/docs/api/search-job/ (states, limits, errors, cookies),
https://www.sumologic.com/help/docs/search/get-started-with-search/build-search/use-searchable-time/ (intervalTimeType),
https://www.sumologic.com/help/docs/api/about-apis/getting-started/ (deployments, 4 requests a second, 10 at once).
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any, ClassVar, TypeAlias
from urllib.parse import urlsplit

import httpx
import msgspec

from exfilwatch.detection.rule import Rule
from exfilwatch.errors import PartialResult, SourceError, Unreachable
from exfilwatch.siem.complaints import Message, cut
from exfilwatch.siem.connection import Connection
from exfilwatch.siem.http import Http, Sleep, decoded, server_time
from exfilwatch.siem.queries import sumo as queries
from exfilwatch.siem.siem import SECOND, Ask, Capabilities, Clock, Place
from exfilwatch.siem.sumo_records import record
from exfilwatch.siem.sumo_search import bounds, search
from exfilwatch.siem.sumo_settings import SumoSettings
from exfilwatch.structs import ready

_JOBS = "/api/v1/search/jobs"
_MOVED = frozenset({301, 302, 307, 308})
_STARTS = 3  # of one search whose job gets lost
_PACE = 0.25  # seconds from request to request, of one account
_FIRST_LOOK, _LONGEST_LOOK, _ALIVE = 0.5, 5.0, 10.0  # seconds between looks at a job
_SETTLE = {"searchable": 30 * SECOND, "receipt": 300 * SECOND}
_DAY = 86_400_000  # ms
_Batches: TypeAlias = AsyncGenerator[Sequence[bytes], None]


class _Created(msgspec.Struct, frozen=True):
    id: str


class _State(msgspec.Struct, rename="camel", frozen=True):
    state: str
    message_count: int = 0
    record_count: int = 0
    pending_errors: list[Any] = []
    pending_warnings: list[Any] = []


class _Row(msgspec.Struct, frozen=True):
    map: dict[str, msgspec.Raw]


class _Messages(msgspec.Struct, frozen=True):
    messages: list[_Row]


class _Counts(msgspec.Struct, frozen=True):
    map: dict[str, int]


class _Records(msgspec.Struct, frozen=True):
    records: list[_Counts]


class _Refusal(msgspec.Struct, frozen=True):
    code: str = ""
    message: str = ""


class _Lost(Exception):
    """A job that Sumo Logic no longer knows, or that it cancelled."""


class Sumo:
    """An account of Sumo Logic."""

    kind: ClassVar[str] = "sumo"
    Settings: ClassVar[type[Connection]] = SumoSettings

    def __init__(
        self,
        name: str,
        settings: SumoSettings,
        *,
        sleep: Sleep = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.settings = settings
        self.capabilities = Capabilities(
            ingest_time=True,
            settle=_SETTLE[settings.ingest],
            step=1_000,
            cap=settings.cap,
            pages=False,
            partial="FORCE PAUSED, errors and warnings of the job, and counts of messages that differ",
            aggregation=True,
            cancel=True,
            most_near=50,
        )
        auth = httpx.BasicAuth(settings.access_id, settings.access_key.get_secret_value())
        self._http = Http(name, settings, auth=auth, explain=_explained, sleep=sleep, clock=clock)
        self.traffic = self._http.traffic
        self._clock = clock
        self._next = 0.0
        self._base = ""
        self._searching = asyncio.Semaphore(settings.at_once)
        self._running: set[str] = set()

    async def now(self) -> int:
        """By the answer to a question that every account may ask: for a job that there is not."""
        return server_time(self.name, await self._ask("GET", f"{_JOBS}/0", frozenset({404})))

    async def fetch(self, ask: Ask) -> _Batches:
        """Messages with `_raw` and Sumo Logic's own times; records of Cloud SIEM with their fields."""
        times = bounds(ask, self.settings.ingest, round(time.time() * 1000))
        for scope in self.settings.scopes:  # partitions of Cloud SIEM can't be searched together with others
            for selection in self._selections(ask.rules):
                wanted = {"query": search(scope, ask, selection), "requiresRawMessages": True, **times}
                async with aclosing(self._paged(wanted)) as batches:
                    async for batch in batches:
                        yield batch

    def query(self, rules: Sequence[Rule]) -> str:
        """The searches for what may fulfil `rules`, a line each; choose the time range beside it."""
        selections, ask = self._selections(tuple(rules)), Ask(clock=Clock.EVENT)
        return "\n".join(search(scope, ask, each) for scope in self.settings.scopes for each in selections)

    async def places(self) -> list[Place]:
        """The scopes, by what they took in during the last 24 hours."""
        now = round(time.time() * 1000)
        problem = "no message in the last 24 hours: try the scope in Sumo Logic, and look at the role's search filter"
        places = []
        for scope in self.settings.scopes:
            times = bounds(Ask(Clock.INGEST, (now - _DAY) * 1000, now * 1000), self.settings.ingest, now)
            wanted = {"query": f"({scope}) | count", "requiresRawMessages": False, **times}
            async with self._job(wanted) as (job, _state, _alive):
                path, page = f"{_JOBS}/{job}/records", {"offset": 0, "limit": 1}
                rows = decoded(self.name, await self._ask("GET", path, params=page), _Records).records
            count = next(iter(rows[0].map.values()), 0) if rows else 0
            places.append(Place(scope, count, problem="" if count else problem))
        return places

    async def close(self) -> None:
        """Delete what is still running."""
        for job in list(self._running):
            await self._delete(job)
        await self._http.close()

    def _selections(self, rules: tuple[Rule, ...] | None) -> list[str]:
        if rules is None or self.settings.pushdown == "off":
            return [""]
        if self.settings.pushdown == "score":
            return [f"{queries.condition([rule])} {queries.score(rule)}".strip() for rule in rules]
        return [queries.condition(rules)]

    async def _paged(self, wanted: Mapping[str, object]) -> _Batches:
        for _ in range(_STARTS):
            try:
                async with self._job(wanted) as (job, state, alive):
                    got, count, before = 0, state.message_count, list[bytes]()
                    if count >= self.settings.cap:
                        raise PartialResult(f"{self.name}: {count:,} messages reach the `cap` of a search")
                    while got < count:
                        page = await self._page(job, got)
                        if page == before:
                            raise PartialResult(f"{self.name}: {got:,} of {count:,} messages came")
                        got, before = got + len(page), page
                        yield page
                    if alive.done():
                        alive.result()  # it raises
                if got > count:
                    raise PartialResult(f"{self.name}: {got:,} messages came instead of {count:,}")
                return
            except _Lost:
                continue
        raise Unreachable(f"{self.name}: the search's job got lost {_STARTS} times: is somebody deleting jobs?")

    @asynccontextmanager
    async def _job(self, wanted: Mapping[str, object]) -> AsyncIterator[tuple[str, _State, asyncio.Task[None]]]:
        """A job that has gathered everything. A task keeps it alive until it is deleted; it ends if that goes wrong."""
        body = {**wanted, "autoParsingMode": "Manual"}
        async with self._searching:
            # A job whose creation was not answered ends by itself: nobody asks for it.
            job = decoded(self.name, await self._ask("POST", _JOBS, frozenset({200, 202}), json=body), _Created).id
            self._running.add(job)
            try:
                state = await self._gathered(job)
            except BaseException:
                await self._delete(job)
                raise
        alive = asyncio.create_task(self._kept_alive(job))
        try:
            yield job, state, alive
        finally:
            alive.cancel()
            await asyncio.gather(alive, return_exceptions=True)
            await self._delete(job)

    async def _gathered(self, job: str) -> _State:
        waited, pause, patience = 0.0, _FIRST_LOOK, self.settings.patience.total_seconds()
        while True:
            state = await self._look(job)
            if state.state == "DONE GATHERING RESULTS":
                return state
            if state.state == "FORCE PAUSED":
                raise PartialResult(f"{self.name}: paused at {state.message_count:,} messages, the most of a search")
            if waited >= patience:
                raise PartialResult(f"{self.name}: the search took more than {patience:g} s (`patience`)")
            await self._http.sleep(pause)
            waited, pause = waited + pause, min(pause * 1.5, _LONGEST_LOOK)

    async def _look(self, job: str) -> _State:
        """The job's state. Raises PartialResult when its errors and warnings, told once, tell of missing results."""
        state = decoded(self.name, await self._of_job("GET", job), _State)
        if state.state == "CANCELLED":
            raise _Lost
        said = [Message("ERROR", self._http.masked(str(error))) for error in state.pending_errors]
        said += [Message("WARN", self._http.masked(str(warning))) for warning in state.pending_warnings]
        if wrong := cut(said, self.settings.ignore_messages):
            raise PartialResult(f"{self.name}: results may be missing: {wrong[:500]}")
        return state

    async def _kept_alive(self, job: str) -> None:
        while True:
            await asyncio.sleep(_ALIVE)
            with suppress(Unreachable):
                await self._look(job)

    async def _page(self, job: str, offset: int) -> list[bytes]:
        response = await self._of_job("GET", f"{job}/messages", params={"offset": offset, "limit": self.settings.page})
        return [record(row.map) for row in decoded(self.name, response, _Messages).messages]

    async def _of_job(self, method: str, path: str, **options: Any) -> httpx.Response:
        response = await self._ask(method, f"{_JOBS}/{path}", frozenset({200, 400, 404}), **options)
        if response.status_code == 404 or (response.status_code == 400 and "jobid.invalid" in response.text):
            raise _Lost
        if response.status_code == 400:
            said = self._http.masked(_explained(response))[:500]
            raise SourceError(f"{self.name}: {said or 'a request was refused as wrong'}")
        return response

    async def _delete(self, job: str) -> None:
        with suppress(SourceError):  # it ends by itself
            await self._ask("DELETE", f"{_JOBS}/{job}", frozenset({200, 204, 404}), repeat=False)
        self._running.discard(job)

    async def _ask(
        self, method: str, path: str, accept: frozenset[int] = frozenset({200}), **options: Any
    ) -> httpx.Response:
        """One answer, from the account's own deployment."""
        for _ in range(3):
            await self._paced()
            response = await self._http.request(method, self._base + path, accept=accept | _MOVED, **options)
            if response.status_code not in _MOVED:
                return response
            self._base = _deployment(self.name, self.settings.url, response.headers.get("Location", ""))
        raise SourceError(f"{self.name}: is sent on from endpoint to endpoint: set url to the account's own")

    async def _paced(self) -> None:
        now = self._clock()
        self._next, pause = max(self._next, now) + _PACE, self._next - now
        if pause > 0:
            await self._http.sleep(pause)


def _deployment(name: str, url: str, location: str) -> str:
    """The endpoint that an answer points to. Raises SourceError when it is none that may see the access key."""
    here, there = urlsplit(url), urlsplit(location)
    host = there.hostname or ""
    ours = host == here.hostname and there.scheme == here.scheme
    if not ours and not (there.scheme == "https" and host.endswith(".sumologic.com")):
        raise SourceError(f"{name}: is sent on to {host or 'nowhere'}: if that is Sumo Logic, set url to it")
    return f"{there.scheme}://{there.netloc}"


def _explained(response: httpx.Response) -> str:
    try:
        said = msgspec.json.decode(response.content, type=ready(_Refusal))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    return ": ".join(part for part in (said.code, said.message) if part)
