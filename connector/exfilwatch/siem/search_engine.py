"""What the clients of Elasticsearch and OpenSearch share: all but how one authenticates and opens a point in time.

What is read is a point in time, so that no document is missed or met twice while others are written. The mappings are
read after it was opened, so that they tell of every document in it.
"""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Annotated, ClassVar
from urllib.parse import quote

import httpx
import msgspec
from pydantic import AfterValidator, BeforeValidator, Field, field_validator

from exfilwatch.detection.rule import Rule
from exfilwatch.errors import AuthError, PartialResult, SourceError, Unreachable
from exfilwatch.siem.connection import Connection
from exfilwatch.siem.elastic_ask import queries
from exfilwatch.siem.elastic_errors import Expired, explain, refusal
from exfilwatch.siem.elastic_indices import WANTED, Index, indices
from exfilwatch.siem.elastic_looks import Looks, acting, lines_body, listed, looks
from exfilwatch.siem.elastic_near import MOST_NEAR
from exfilwatch.siem.elastic_once import FEW, Grouped, alike, by_category, how_many, total
from exfilwatch.siem.elastic_pages import DEAR, SOON, Body, Pages, forgotten, whole
from exfilwatch.siem.elastic_places import clock, clock_body, count_body, counted, place
from exfilwatch.siem.elastic_starts import told
from exfilwatch.siem.elastic_times import TimeFields
from exfilwatch.siem.http import NO_JSON, Http, WrongServer
from exfilwatch.siem.merged import merged
from exfilwatch.siem.queries import elastic
from exfilwatch.siem.queries.elastic_dsl import NEVER, Query, all_of, filled, gaps, negated
from exfilwatch.siem.queries.elastic_mapping import EcsMapping
from exfilwatch.siem.siem import SECOND, Ask, Capabilities, Clock, Place

KEEP_ALIVE = "5m"
_MARGIN = 2 * SECOND
"""Between a record's ingest time and its place in the index: a pipeline stamps it before."""
_FRESH = 10.0
"""Seconds for which mappings are taken for current in follow-up questions, which have no bounds of time."""
_RESTARTS = 2
_SLICE = 86_400 * SECOND
"""What a query costs is to look through the words of all documents of its indices, however short the interval."""
_MOST = 200_000
"""Records of an interval: of one with more, both halves are asked for, so that not too much is read again."""
_AT_ONCE = 200
"""Command lines that are looked at before others get their turn: some 5 ms."""
_NAMED = 10
"""Indices that one address names: it may have 4096 bytes, and a name 255."""


def _listed(value: object) -> object:
    return [item.strip() for item in value.split(",")] if isinstance(value, str) else value


def _name(index: str) -> str:
    if not index or index.startswith(("_", "/")) or any(each in index for each in ' ,"\\|#?'):
        raise ValueError(f"{index!r} is no name or pattern of indices")
    if ":" in index:
        raise ValueError(f"{index!r} is in another cluster: configure that one as a SIEM of its own")
    return index


class SearchSettings(Connection):
    """`indices`: names or patterns of indices or data streams. `time_field`: when it happened. `ingest_field`: when it
    was taken in; polling goes by it where every index has it. `slices`: parts of an answer that are read at once.
    """

    indices: Annotated[tuple[Annotated[str, AfterValidator(_name)], ...], BeforeValidator(_listed), Field(min_length=1)]
    time_field: Annotated[str, Field(min_length=1)] = "@timestamp"
    ingest_field: Annotated[str, Field(min_length=1)] = "event.ingested"
    slices: Annotated[int, Field(ge=1, le=64)] = 1

    @field_validator("pushdown")
    @classmethod
    def _no_score(cls, pushdown: str) -> str:
        if pushdown == "score":
            raise ValueError("the query DSL can't add up scores: use candidates or off")
        return pushdown


class SearchEngine(ABC):
    """A client. `capabilities` tell of the indices once `now` or `places` has been asked, and are careful before."""

    kind: ClassVar[str]
    rights: ClassVar[str]
    """What to give an account that lacks a right."""
    sort: ClassVar[str]
    """By what a point in time is paged, and whether that may be the same in documents of several shards."""
    tied: ClassVar[bool]

    def __init__(
        self,
        name: str,
        settings: SearchSettings,
        auth: httpx.Auth | None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.name = name
        self._asked = settings
        self._times = TimeFields(settings.time_field, settings.ingest_field)
        self._http = Http(
            name,
            settings,
            auth=auth,
            explain=explain,
            refusal=lambda got: refusal(name, got, self.rights),
            transport=transport,
        )
        self.traffic = self._http.traffic
        self.capabilities = self._capable([])
        self._indices: list[Index] = []
        self._read_at: tuple[float, int] | None = None
        """When the indices were read: s of our own clock, and µs of the server's as far as known."""
        self._points = set[str]()

    @abstractmethod
    async def _open(self) -> str:
        """The id of a new point in time of all the indices."""

    @abstractmethod
    async def _close(self, point: str) -> None:
        """Let the server forget it."""

    async def now(self) -> int:
        """The server's clock, exact to the ms."""
        found = await self._described(self._path())
        now = clock(await self._search(clock_body(self._times.event), self._path()))
        if now is None:
            raise SourceError(
                f"{self.name}: no index of {', '.join(self._asked.indices)} has a date field {self._times.event}: "
                "set `time_field` or `indices`"
            )
        self._learn(found, now)
        return now

    async def fetch(self, ask: Ask) -> AsyncGenerator[Sequence[bytes]]:
        """The records of `ask`: each `_source` as it is. Read again from the start, once, if the server forgets."""
        for _ in range(_RESTARTS):
            with suppress(Expired):
                async with self._point() as point, aclosing(self._records(ask, point)) as batches:
                    async for records in batches:
                        yield records
                return
        raise PartialResult(f"{self.name}: the server forgot the search while it was read: ask for less at once")

    def query(self, rules: Sequence[Rule]) -> str:
        """The query for indices that are mapped as ECS says."""
        return msgspec.json.format(msgspec.json.encode({"query": elastic.query(rules, EcsMapping())})).decode()

    async def places(self) -> list[Place]:
        """Each index, and each name or pattern that leads to none."""
        found = list[Place]()
        known, field = list[Index](), self._times.event
        for pattern in self._asked.indices:
            if pattern.startswith("-"):
                continue
            try:
                described = await self._described(self._path(pattern), all_of_it=False)
                counts = await self._counts(pattern, described)
            except WrongServer:
                raise  # no matter of this index
            except SourceError as error:
                found.append(Place(pattern, problem=str(error)))
                continue
            if not described:
                problem = f"no index has such a name, or the account may not see it: {self.rights}"
                found.append(Place(pattern, problem=problem))
            new = [index for index in described if index not in known]
            found += [place(index, counts.get(index.name, (0, None)), field) for index in new]
            known += new
        self.capabilities = self._capable(known)
        return found

    async def _counts(self, pattern: str, described: Sequence[Index]) -> dict[str, tuple[int, int | None]]:
        """By index: documents, and the newest time (µs). Of indices without dates, which refuse it for all that are
        asked with them, only the documents.
        """
        field = self._times.event
        dated = [index.name for index in described if index.date(field) or not index.mapping.ways(field)]
        if len(dated) == len(described):
            return counted(await self._search(count_body(field), self._path(pattern)))
        counts = counted(await self._search(count_body(None), self._path(pattern)))
        for start in range(0, len(dated), _NAMED):
            names = dated[start : start + _NAMED]
            counts |= counted(await self._search(count_body(field), self._path(*names)))
        return counts

    async def close(self) -> None:
        """Close what is open on the server, and the connections."""
        for point in list(self._points):
            await self._forget(point)
        await self._http.close()

    @asynccontextmanager
    async def _point(self) -> AsyncIterator[str]:
        try:
            point = await self._open()
        except (AuthError, Unreachable):
            raise
        except SourceError:
            await self._described(self._path())  # OpenSearch says "invalid id: [null]" where there is no index at all
            raise
        self._points.add(point)
        try:
            yield point
        finally:
            await self._forget(point)

    async def _forget(self, point: str) -> None:
        self._points.discard(point)
        with suppress(SourceError):  # it ends by itself, later
            await self._close(point)

    async def _records(self, ask: Ask, point: str) -> AsyncGenerator[list[bytes]]:
        if not self._current(ask):
            self._learn(await self._described(self._path()), None)
        asked = await self._queries(ask, point)
        if ask.once and await self._many(asked, point):
            reading = [self._once(each, point) for each in by_category(ask)]
        else:
            reading = [self._documents(query, enough, ask, point) for query, enough in self._parts(ask, asked)]
        for each in reading:
            async with aclosing(each) as batches:
                async for records in batches:
                    yield records

    async def _documents(
        self, query: Query, enough: Sequence[str], ask: Ask, point: str
    ) -> AsyncGenerator[list[bytes]]:
        """Those that a query finds, of each `enough`, or all of it."""
        body: Body = {
            "query": query,
            **({"_source": enough} if enough else {}),
            "pit": {"id": point, "keep_alive": KEEP_ALIVE},
            "sort": [{self.sort: "asc"}],
        }
        most = self._asked.slices
        bodies = [{**body, "slice": {"id": part, "max": most}} for part in range(most)] if most > 1 else [body]
        goal = SOON if ask.rules is None else DEAR
        pages = [
            Pages(self.name, self._search, each, tied=self.tied, most=_most(ask), goal=goal).batches()
            for each in bodies
        ]
        with self._http.masking():  # what shards say of a failure
            async with aclosing(merged(pages)) as batches:
                async for records in batches:
                    yield records

    async def _many(self, asked: Sequence[Query], point: str) -> bool:
        """Whether there are more than are soon read."""
        count = 0
        for query in asked:
            count += total(await self._aggregated(how_many(query), point))
            if count > FEW:
                return True
        return False

    async def _once(self, ask: Ask, point: str) -> AsyncGenerator[list[bytes]]:
        """Of those that are alike the first and the last: see elastic_once.py."""
        time = self._times.event
        kinds = alike(ask, [index.mapping for index in self._indices if not index.empty], time)
        for query in await self._queries(ask, point):
            left = [all_of([query, *(negated(each.which) for each in kinds)])]
            for kind in kinds:
                grouped = Grouped(lambda body: self._aggregated(body, point), query, kind, time)
                try:
                    async with aclosing(grouped.batches()) as batches:
                        async for records in batches:
                            yield records
                    left += grouped.left
                except SourceError as error:
                    if type(error) is not SourceError:  # no matter of what was asked
                        raise
                    left.append(all_of([query, kind.which]))
            for each in left:
                async with aclosing(self._documents(each, (), ask, point)) as batches:
                    async for records in batches:
                        yield records

    async def _aggregated(self, body: Body, point: str) -> bytes:
        """An answer in which everything took part."""
        with self._http.masking():
            answer = await self._search(body | {"pit": {"id": point, "keep_alive": KEEP_ALIVE}})
            whole(self.name, answer)
        return answer

    def _parts(self, ask: Ask, asked: Sequence[Query]) -> Iterator[tuple[Query, Sequence[str]]]:
        """Queries, and which part of the documents is enough; none: all of it."""
        part = told(index.mapping for index in self._indices if not index.empty) if ask.starts else None
        for query in asked:
            if part is None:
                yield query, ()
            elif part.names and ask.guids:
                yield all_of([query, part.which, part.names.named(ask.guids)]), part.enough
            elif part.names and ask.unnamed:
                yield all_of([query, part.which, part.names.unnamed()]), part.enough
                yield all_of([query, negated(part.which)]), ()
            else:
                yield all_of([query, part.which]), part.enough
                yield all_of([query, negated(part.which)]), ()

    async def _queries(self, ask: Ask, point: str) -> list[Query]:
        """The queries for what is asked for: by the command lines that do something, where the indices tell them."""
        found = None if ask.near else looks(index.mapping for index in self._indices if not index.empty)
        if ask.rules is not None and found is not None:
            asked = queries(ask, self._indices, self._times, looked=True)
            paths = set[str]().union(*map(gaps, asked))
            if paths <= found.lines:
                try:
                    values = {path: await self._lines(path, found, ask, point) for path in sorted(paths)}
                except SourceError as error:
                    if type(error) is not SourceError:  # no matter of what was asked
                        raise
                else:
                    return [each for query in asked if (each := filled(query, values)) != NEVER]
        return queries(ask, self._indices, self._times)

    async def _lines(self, path: str, found: Looks, ask: Ask, point: str) -> list[str]:
        """The command lines in the time of an ask that do something."""
        every = msgspec.structs.replace(ask, rules=None, hosts=(), users=())
        (within,) = queries(every, self._indices, self._times) or (NEVER,)
        lines: dict[str, None] = {}

        def page_after(after: Mapping[str, object] | None) -> asyncio.Task[bytes]:
            return asyncio.create_task(self._aggregated(lines_body(path, found, within, after), point))

        asked: asyncio.Task[bytes] | None = page_after(None)
        try:
            while asked is not None:
                page = listed(await asked)
                asked = page_after(after) if (after := page.next) else None
                while page.buckets:
                    await asyncio.sleep(0)  # meanwhile the next page is asked for, and comes
                    lines.update(dict.fromkeys(acting(page, found, _AT_ONCE)))
        finally:
            if asked is not None:
                await forgotten(asked)
        return list(lines)

    def _current(self, ask: Ask) -> bool:
        """Whether the mappings that were read last tell of every document that is asked for: those of an interval of
        ingest time that was over by then are all in them. Follow-up questions may miss a field that is seconds old.
        """
        if self._read_at is None:
            return False
        read_at, server_time = self._read_at
        if ask.clock is Clock.INGEST and ask.high is not None:
            return ask.high + self.capabilities.settle <= server_time
        return bool(ask.near) and ask.low is None and ask.high is None and time.monotonic() - read_at < _FRESH

    def _learn(self, found: list[Index], now: int | None) -> None:
        if now is None:
            now = self._read_at[1] if self._read_at else 0
        self._indices, self._read_at = found, (time.monotonic(), now)
        self.capabilities = self._capable(found)

    async def _described(self, path: str, *, all_of_it: bool = True) -> list[Index]:
        response = await self._http.request("GET", path, params={"filter_path": WANTED})
        try:
            found = indices(response.content)
        except NO_JSON as error:
            raise WrongServer(
                f"{self.name}: not a search engine's answer: {error}: check `url`, and what stands before it"
            ) from None
        if all_of_it and not found:
            raise SourceError(
                f"{self.name}: no index is called {', '.join(self._asked.indices)}, or the account may not see it: "
                f"check `indices`, or {self.rights}"
            )
        return found

    async def _search(self, body: Body, path: str = "") -> bytes:
        # What failed is told in the answer, which then has a reason (elastic_pages.whole).
        response = await self._http.request(
            "POST", f"{path}/_search", json=body, params={"allow_partial_search_results": "true"}
        )
        return response.content

    def _path(self, *patterns: str) -> str:
        return "/" + quote(",".join(patterns or self._asked.indices), safe="*,-.")

    def _capable(self, found: list[Index]) -> Capabilities:
        filled = [index for index in found if not index.empty]
        kinds = {index.date(field) for index in filled for field in (self._times.event, self._times.ingest)}
        starts = told(index.mapping for index in filled)
        refresh = max((index.refresh or 0.0 for index in found), default=1.0)
        return Capabilities(
            ingest_time=bool(filled) and all(index.date(self._times.ingest) for index in filled),
            settle=round(refresh * SECOND) + _MARGIN,
            step=1 if kinds - {None} == {"date_nanos"} else 1000,
            cap=None,
            pages=True,
            partial="_shards.failed, timed_out, and the number of documents against the number counted",
            aggregation=True,
            cancel=True,
            most_near=MOST_NEAR,
            slice=_SLICE,
            by_guid=starts is not None and starts.names is not None,
        )


def _most(ask: Ask) -> int | None:
    """How many records are read at once: of an interval that can well be halved not too many."""
    return None if ask.low is None or ask.high is None or ask.high - ask.low < SECOND else _MOST
