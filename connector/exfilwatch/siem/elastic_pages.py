"""Answers of a search, page by page: decoded as far as needed to know that nothing is missing.

A hit's `_source` is passed on as the bytes that came. Which parts of an answer say that it is not whole:
https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-search (timed_out, _shards),
https://docs.opensearch.org/latest/api-reference/search-apis/search/
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import suppress

import msgspec

from exfilwatch.errors import PartialResult, SourceError
from exfilwatch.siem.http import NO_JSON
from exfilwatch.structs import ready

LARGEST = 10_000
"""Hits of one page: `index.max_result_window`, where it was not changed."""
_FIRST, _SMALLEST = 2_000, 100
"""Hits of the first page, and of the smallest."""
SOON, DEAR = 2_500_000, 8_000_000
"""Bytes that a page should have, of what is soon found and of what is not: each page is searched for anew. Two pages of
each interval are held at a time."""

_SENT = 10
"""Turns of the loop in which a request is sent (it takes 4), so that the server works while the last page is used."""

Body = dict[str, object]


class Hit(msgspec.Struct):
    """A document, where it is, and its place in the order."""

    index: str = msgspec.field(name="_index")
    id: str = msgspec.field(name="_id")
    sort: list[int]
    source: msgspec.Raw = msgspec.field(name="_source", default=msgspec.Raw(b""))


class _Total(msgspec.Struct):
    value: int


class _Hits(msgspec.Struct):
    hits: list[Hit] = []
    total: _Total | None = None


class _Shards(msgspec.Struct):
    total: int = 0
    failed: int = 0
    failures: list[msgspec.Raw] = []


class Answer(msgspec.Struct):
    """An answer to a search."""

    hits: _Hits = msgspec.field(default_factory=_Hits)
    shards: _Shards = msgspec.field(name="_shards", default_factory=_Shards)
    timed_out: bool = False
    is_partial: bool = False
    pit_id: str = ""


class _Reason(msgspec.Struct):
    type: str = ""
    reason: str | None = ""


class _Failure(msgspec.Struct):
    reason: _Reason = msgspec.field(default_factory=_Reason)
    index: str | None = ""


_REFUSED = frozenset(
    ("query_shard_exception", "parse_exception", "parsing_exception", "illegal_argument_exception", "too_many_clauses")
)
"""Failures that are the same whatever interval is asked for."""
_DECODER = msgspec.json.Decoder(Answer)


def whole(name: str, body: bytes) -> Answer:
    """An answer in which everything took part. Raises PartialResult, or SourceError for what is no answer."""
    try:
        answer = _DECODER.decode(body)
    except NO_JSON as error:
        try:
            answer = _tolerantly(body)
        except (ValueError, LookupError, TypeError, RecursionError):
            raise SourceError(
                f"{name}: not an answer of a search: {error}: check `url`, and what stands before it"
            ) from None
    if answer.timed_out or answer.is_partial:
        raise PartialResult(f"{name}: the search ended before it had seen everything (timed_out): ask for less at once")
    if answer.shards.failed:
        kind, why = _why(answer.shards.failures)
        if kind in _REFUSED or "too many nested clauses" in why:
            raise SourceError(
                f"{name}: the query is refused{why}: leave the index out of `indices`, or mend its mapping"
            )
        failed = f"{answer.shards.failed} of {answer.shards.total} shards failed"
        raise PartialResult(f"{name}: {failed}{why}: look at the cluster's health", smaller=False)
    return answer


def _tolerantly(body: bytes) -> Answer:
    """An answer with a document that these servers take and strict JSON does not: half a pair of surrogates."""
    read = json.loads(body.decode("utf-8", "replace"))
    hits = read["hits"].pop("hits")
    answer = msgspec.convert(read, ready(Answer))
    answer.hits.hits = [
        Hit(hit["_index"], hit["_id"], hit["sort"], msgspec.Raw(json.dumps(hit["_source"]).encode())) for hit in hits
    ]
    return answer


def _why(failures: Sequence[msgspec.Raw]) -> tuple[str, str]:
    """The type of the first failure, and its words in brackets."""
    for each in failures[:1]:
        with suppress(*NO_JSON):
            failure = msgspec.json.decode(each, type=ready(_Failure))
            return failure.reason.type, f" (index {failure.index}: {(failure.reason.reason or '')[:200]})"
    return "", ""


class Pages:
    """The pages of one query (of one slice of it) over one point in time.

    `tied`: hits may be alike in the order's key, though never more of them than there are shards. Then a page begins
    with the hits of the key with which the last one ended, and those seen already are left out. `most`: hits that are
    read, at most; of more, none is. `goal`: bytes of a page.
    """

    def __init__(
        self,
        name: str,
        search: Callable[[Body], Awaitable[bytes]],
        body: Body,
        *,
        tied: bool,
        most: int | None = None,
        goal: int = SOON,
    ) -> None:
        self._goal = goal
        self._most = most
        self._name = name
        self._search = search
        self._body = body
        self._tied = tied
        self._size = _FIRST
        self._last: set[tuple[str, str]] = set()
        self._total: int | None = None
        self._count = 0

    async def batches(self) -> AsyncGenerator[list[bytes]]:
        """Batches of documents. While one is used, the next is under way. Raises SourceErrors."""
        asked: asyncio.Task[bytes] | None = self._ask(None)
        try:
            while asked is not None:
                body, asked = await asked, None
                answer = whole(self._name, body)
                self._counted(answer)
                hits = answer.hits.hits
                if len(hits) >= self._size:
                    self._fit(len(body) // len(hits), answer.shards.total)
                    asked = self._ask(hits[-1].sort[0])
                    for _ in range(_SENT):
                        await asyncio.sleep(0)
                if records := self._records(answer):
                    yield records
            if self._count != self._total:
                raise PartialResult(f"{self._name}: {self._count} documents came of {self._total} that were counted")
        finally:
            if asked is not None:
                await forgotten(asked)

    def _ask(self, after: int | None) -> "asyncio.Task[bytes]":
        body: Body = {**self._body, "size": self._size, "track_total_hits": after is None}
        if after is not None:
            body["search_after"] = [after - 1 if self._tied else after]
        return asyncio.ensure_future(self._once(body))

    async def _once(self, body: Body) -> bytes:
        return await self._search(body)

    def _fit(self, each: int, shards: int) -> None:
        """The next page's size, by how large documents are."""
        self._size = max(_SMALLEST, 2 * shards, min(LARGEST, self._goal // max(1, each)))
        if self._size > LARGEST:
            raise SourceError(
                f"{self._name}: `indices` are {shards} shards, too many for one search: name fewer at once"
            )

    def _counted(self, answer: Answer) -> None:
        """Remember how many there are, which the first answer says."""
        if answer.hits.total is not None:
            self._total = answer.hits.total.value
            if self._most is not None and self._total > self._most:
                raise PartialResult(f"{self._name}: {self._total:,} documents, too many at once: ask for less")

    def _records(self, answer: Answer) -> list[bytes]:
        hits = answer.hits.hits
        if self._tied and hits:
            hits = [hit for hit in hits if (hit.index, hit.id) not in self._last] if self._last else hits
            end = answer.hits.hits[-1].sort[0]
            self._last = {(hit.index, hit.id) for hit in answer.hits.hits if hit.sort[0] == end}
        self._count += len(hits)
        records = [bytes(hit.source) for hit in hits]
        if not all(records):
            raise SourceError(f"{self._name}: documents come without _source: exfilwatch needs indices that keep it")
        return records


async def forgotten(asked: "asyncio.Task[bytes]") -> None:
    """End what was asked for and is no longer wanted."""
    asked.cancel()
    with suppress(asyncio.CancelledError, Exception):
        await asked
