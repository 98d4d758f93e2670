"""Splunk: search jobs, or one streamed export, over the management port's REST API (9.0.1 or later, and Cloud).

A search is a job: created, asked for its state until it is done, its results read page by page, and always cancelled,
so that it frees its place in the account's quota. Splunk is asked to fail rather than to answer without a search peer.

Sources: https://help.splunk.com/en/splunk-enterprise/leverage-rest-apis/rest-api-reference (search endpoints:
search/jobs, search/jobs/{id}/control, search/v2/jobs/{id}/results, search/v2/jobs/export), the Python SDK
(splunklib/client.py: a state may be 204 at first), limits.conf (maxresultrows 50,000; max_count 500,000).
"""

import asyncio
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from fnmatch import fnmatchcase
from typing import ClassVar, TypeAlias

import httpx
import msgspec

from exfilwatch.detection.rule import Rule
from exfilwatch.errors import PartialResult, RateLimited, SourceError, Unreachable
from exfilwatch.events.timestamps import micros
from exfilwatch.siem import spl
from exfilwatch.siem.complaints import Message, cut
from exfilwatch.siem.connection import Connection
from exfilwatch.siem.http import Http, Sleep, decoded, parsed, server_time
from exfilwatch.siem.queries import splunk as queries
from exfilwatch.siem.siem import SECOND, Ask, Capabilities, Clock, Place
from exfilwatch.siem.splunk_job import QUOTA, Job, cut_off, failure, overdue
from exfilwatch.siem.splunk_settings import SplunkSettings
from exfilwatch.structs import ready

_JOBS = "/services/search/jobs"
_JOBS_V2 = "/services/search/v2/jobs"
_GONE = frozenset({404, 410})  # "Unknown sid."
_STARTS = 3  # of one search whose job gets lost
_FIRST_LOOK, _LONGEST_LOOK = 0.1, 2.0  # seconds between looks at a job
_INACTIVE = 300  # seconds after which Splunk ends a job that nobody asks for
_LOOKED_AT = 30 * 86_400  # seconds, by `places`
_JSON = {"output_mode": "json"}
_Batches: TypeAlias = AsyncGenerator[Sequence[bytes], None]


class _Entry(msgspec.Struct, frozen=True):
    content: Job


class _Context(msgspec.Struct):
    """That it is one is all that matters."""


class _State(msgspec.Struct, frozen=True):
    entry: list[_Entry]


class _Page(msgspec.Struct, frozen=True):
    results: list[msgspec.Raw]
    init_offset: int = 0
    messages: list[Message] = []


class _Line(msgspec.Struct, frozen=True):
    preview: bool = False
    lastrow: bool = False
    result: msgspec.Raw = msgspec.Raw(b"")
    messages: list[Message] = []


class _Said(msgspec.Struct, frozen=True):
    messages: list[Message]


class _Found(msgspec.Struct, frozen=True):
    index: str
    count: int
    newest: float | None = None


class _Lost(Exception):
    """A job that Splunk no longer knows, or whose process died."""


class Splunk:
    """A search head."""

    kind: ClassVar[str] = "splunk"
    Settings: ClassVar[type[Connection]] = SplunkSettings

    def __init__(self, name: str, settings: SplunkSettings, *, sleep: Sleep = asyncio.sleep) -> None:
        self.name = name
        self.settings = settings
        self.capabilities = Capabilities(
            ingest_time=True,
            settle=30 * SECOND,
            step=1_000 if settings.clock == "event" else SECOND,
            cap=None if settings.stream else settings.cap,
            pages=settings.stream,
            partial="messages of the job, isFinalized, and counts of events and results that differ",
            aggregation=True,
            cancel=True,
            most_near=50,
        )
        auth, headers = _credentials(settings)
        self._http = Http(
            name, settings, auth=auth, headers=headers, explain=_explained, refusal=self._refusal, sleep=sleep
        )
        self.traffic = self._http.traffic
        self._searching = asyncio.Semaphore(settings.at_once)
        self._running: set[str] = set()
        self._scope = spl.scope(settings.indexes, settings.sourcetypes, settings.search)

    async def now(self) -> int:
        """By what every account may ask: who it is."""
        path = "/services/authentication/current-context"
        response = await self._http.request("GET", path, params=_JSON)
        decoded(self.name, response, _Context)
        return server_time(self.name, response)

    async def fetch(self, ask: Ask) -> _Batches:
        """The results as Splunk gives them: fields as the add-ons extract them, and `_raw`."""
        reach = self.settings.reach
        earliest, latest = spl.bounds(ask, None if reach is None else round(reach.total_seconds()) * SECOND)
        read = self._streamed if self.settings.stream else self._paged
        for selection in self._selections(ask.rules):
            text = spl.search(self._scope, ask, selection, self.settings.fields)
            async with aclosing(read({"search": text, "earliest_time": earliest, "latest_time": latest})) as batches:
                async for batch in batches:
                    yield batch

    def query(self, rules: Sequence[Rule]) -> str:
        """The search for what may fulfil `rules`; choose the time range beside it."""
        ask = Ask(clock=Clock.EVENT)
        fields = self.settings.fields
        return "\n".join(spl.search(self._scope, ask, each, fields) for each in self._selections(tuple(rules)))

    async def places(self) -> list[Place]:
        """The indexes, by what they had in the last 30 days: Splunk tells nobody that an index is none of his."""
        wanted = self.settings.indexes
        where = spl.scope(wanted, self.settings.sourcetypes)
        text = f"| tstats count max(_time) as newest where {where} by index"
        times = {"search": text, "earliest_time": f"-{_LOOKED_AT}s", "latest_time": "now"}
        found: list[_Found] = []
        async with aclosing(self._paged(times, aggregated=True)) as batches:
            async for batch in batches:
                found += [parsed(f"{self.name}: a result", row, _Found) for row in batch]
        places = [Place(each.index, each.count, micros(each.newest)) for each in found]
        silent = [name for name in wanted if not any(fnmatchcase(each.index, name.lower()) for each in found)]
        problem = (
            "no event in the last 30 days: check the name, that the account's role may search it (srchIndexesAllowed),"
            " and that the source types are these"
        )
        return places + [Place(name, 0, problem=problem) for name in silent]

    async def close(self) -> None:
        """Cancel what is still running."""
        for sid in list(self._running):
            await self._cancel(sid)
        await self._http.close()

    def _selections(self, rules: tuple[Rule, ...] | None) -> list[str]:
        if rules is None or self.settings.pushdown == "off":
            return [""]
        if self.settings.pushdown == "score":
            return [f"| where {queries.condition([rule])} {queries.score(rule)}".rstrip() for rule in rules]
        return [f"| where {queries.condition(rules)}"]

    async def _paged(
        self, wanted: Mapping[str, str], aggregated: bool = False
    ) -> AsyncGenerator[Sequence[bytes], None]:
        for _ in range(_STARTS):
            try:
                async with self._job(wanted, aggregated) as (sid, count):
                    got = 0
                    while got < count:
                        page = await self._page(sid, got)
                        got += len(page)
                        yield page
                if got > count:
                    raise PartialResult(f"{self.name}: the search has {count:,} results, {got:,} came")
                return
            except _Lost:
                continue
        raise Unreachable(f"{self.name}: the search's job got lost {_STARTS} times: look at the search head's load")

    @asynccontextmanager
    async def _job(self, wanted: Mapping[str, str], aggregated: bool) -> AsyncIterator[tuple[str, int]]:
        """A job that is done and whole: its id and how many results it has. It is cancelled in the end."""
        # With an id of our own a job can be cancelled whose creation was never answered.
        sid = f"exfilwatch_{uuid.uuid4().hex}"
        self._running.add(sid)
        try:
            async with self._searching:
                await self._http.request(
                    "POST",
                    _JOBS,
                    repeat=False,
                    accept=frozenset({200, 201}),
                    data={**_JSON, **self._options(), **wanted, "id": sid, "max_count": str(self.settings.cap)},
                )
                job = await self._done(sid)
            self._heard(job.messages)
            if wrong := cut_off(self.name, job, self.settings.cap, aggregated):
                raise wrong
            yield sid, job.result_count
        finally:
            await self._cancel(sid)

    def _options(self) -> dict[str, str]:
        asked = {"allow_partial_results": "false", "auto_cancel": str(_INACTIVE)}
        return asked | ({"namespace": self.settings.app} if self.settings.app else {})

    async def _done(self, sid: str) -> Job:
        """The job when it has ended well. Raises _Lost, and SourceErrors for what became of it else."""
        waited, pause, patience = 0.0, _FIRST_LOOK, self.settings.patience.total_seconds()
        while True:
            response = await self._http.request("GET", f"{_JOBS}/{sid}", accept=_GONE | {200, 204}, params=_JSON)
            state = decoded(self.name, response, _State).entry if response.status_code == 200 else []
            job = self._told(state[0].content) if state else Job()
            if response.status_code in _GONE or job.is_zombie:
                raise _Lost
            if wrong := failure(self.name, job):
                raise wrong
            if job.is_done:
                return job
            if waited >= patience:
                raise overdue(self.name, job, patience)
            await self._http.sleep(pause)
            waited, pause = waited + pause, min(pause * 1.5, _LONGEST_LOOK)

    def _told(self, job: Job) -> Job:
        return msgspec.structs.replace(job, messages=self._hidden(job.messages))

    def _hidden(self, messages: Sequence[Message]) -> list[Message]:
        """Without secrets, which a search may have been told, and say."""
        return [Message(message.type, self._http.masked(message.text)) for message in messages]

    def _heard(self, messages: Sequence[Message]) -> None:
        said = cut(messages, self.settings.ignore_messages)
        if said:
            raise PartialResult(f"{self.name}: results may be missing: {said[:500]}")

    async def _page(self, sid: str, offset: int) -> Sequence[bytes]:
        response = await self._http.request(
            "GET",
            f"{_JOBS_V2}/{sid}/results",
            accept=_GONE | {200, 204},
            params={**_JSON, "count": str(self.settings.page), "offset": str(offset)},
        )
        if response.status_code in _GONE:
            raise _Lost
        if response.status_code == 204:
            raise PartialResult(f"{self.name}: the search's results are not there, though it is done")
        page = decoded(self.name, response, _Page)
        self._heard(self._hidden(page.messages))
        if page.init_offset != offset or not page.results:
            raise PartialResult(f"{self.name}: asked for results from {offset:,}, got {len(page.results):,} others")
        return [bytes(result) for result in page.results]

    async def _streamed(self, wanted: Mapping[str, str]) -> _Batches:
        batch: list[bytes] = []
        last = False
        asked = {**_JSON, **self._options(), **wanted, "preview": "false"}
        async with self._http.stream("POST", f"{_JOBS_V2}/export", data=asked) as lines:
            async for text in lines:
                if not text.strip():
                    continue
                line = parsed(f"{self.name}: the export answered", text, _Line)
                self._heard(self._hidden(line.messages))
                last = last or line.lastrow
                if not line.preview and (result := bytes(line.result)):
                    batch.append(result)
                if len(batch) >= self.settings.page:
                    yield batch
                    batch = []
        if batch:
            yield batch
        if not last:
            raise PartialResult(f"{self.name}: the export ended before its last row")

    def _refusal(self, response: httpx.Response) -> SourceError | None:
        """A search beyond the account's quota is refused with 503."""
        said = self._http.masked(_explained(response)) if response.status_code == 503 else ""
        return RateLimited(f"{self.name}: {said[:500]}") if any(word in said for word in QUOTA) else None

    async def _cancel(self, sid: str) -> None:
        with suppress(SourceError):  # auto_cancel ends it
            await self._http.request(
                "POST",
                f"{_JOBS}/{sid}/control",
                repeat=False,
                accept=_GONE | {200},
                data={**_JSON, "action": "cancel"},
            )
        self._running.discard(sid)


def _credentials(settings: SplunkSettings) -> tuple[httpx.Auth | None, dict[str, str]]:
    if settings.token is not None:
        return None, {"Authorization": f"Bearer {settings.token.get_secret_value()}"}
    secret = settings.password.get_secret_value() if settings.password else ""
    return httpx.BasicAuth(settings.user or "", secret), {}


def _explained(response: httpx.Response) -> str:
    try:
        said = msgspec.json.decode(response.content, type=ready(_Said))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    return "; ".join(message.text for message in said.messages)
