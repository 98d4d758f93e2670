"""One slice, read whole from a SIEM: first what may fire by itself, then what matters near it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import aclosing
from typing import TypeAlias

import msgspec

from exfilwatch.detection.climb import Climb
from exfilwatch.detection.detection import Detection
from exfilwatch.detection.judge import Around, Judge, Judged, Waiting
from exfilwatch.detection.logsource import key_of
from exfilwatch.detection.rule import Rule
from exfilwatch.detection.starts import EVERY_START, Sought
from exfilwatch.detection.trees import Kin
from exfilwatch.errors import PartialResult
from exfilwatch.events.event import Event
from exfilwatch.events.lines import LineDecoder
from exfilwatch.events.report import Report
from exfilwatch.events.script_blocks import ScriptBlocks
from exfilwatch.polling import kinds
from exfilwatch.polling.joining import Parts
from exfilwatch.polling.linking import Links
from exfilwatch.polling.owners import ANYBODY, Owners
from exfilwatch.polling.slices import Interval, merged
from exfilwatch.siem.siem import SECOND, Ask, Clock, Near, Siem

_SHORT = 3600 * SECOND
"""An interval in which there is so little that one question for all costs less than one for each leader's followers."""

_MOST_GUIDS = 5_000
"""GUIDs in one question: each is asked for in four forms, and engines take 65,536 terms (index.max_terms_count)."""

Followers: TypeAlias = Callable[[Sequence[bytes], LineDecoder], Iterable[Waiting]]
"""What records give beside those that lead to them."""


class Read(msgspec.Struct):
    """What a slice gave. `events`: those that may fire, by id, with their ingest time and time (µs). `parts`: what it
    showed of script blocks. `kinds`: category, product and service of the events.
    `linked`: the starts of processes that were asked for.

    `halved`: questions near hosts that were asked again in two, for their answers were not whole.
    """

    records: int = 0
    halved: int = 0
    detections: list[Detection] = []
    hits: list[Waiting] = []
    events: dict[str, tuple[int | None, int | None]] = {}
    kinds: set[tuple[str, str, str]] = set()
    parts: Parts = msgspec.field(default_factory=Parts)
    linked: list[Sought] = []

    def take(self, judged: Judged) -> None:
        """Add what one event gave."""
        self.events[judged.event.id] = (judged.event.ingest_time, judged.event.time)
        kinds.more(self.kinds, key_of(judged.event))
        self.detections += judged.detections
        self.hits += judged.hits


class Reading:
    """Reads slices of one SIEM for one rule set; of some hosts or users where `owners` says so (owners.py)."""

    def __init__(self, siem: Siem, judge: Judge, report: Report, clock: Clock, owners: Owners = ANYBODY) -> None:
        self._siem = siem
        self._judge = judge
        self._report = report
        self._clock = clock
        self._everything = siem.settings.pushdown == "off"
        self._owners = owners

    async def slice(
        self, interval: Interval, leading: Iterable[Waiting], completed: Callable[[Parts], Iterable[Event]]
    ) -> Read:
        """All of an interval. `leading`: hits of before, near which lazy rules matter; `completed`: the script blocks
        that are whole with parts of before. Raises SourceErrors.
        """
        read = Read()
        whole = Ask(self._clock, interval.low, interval.high, self._judge.eager)
        blocks = ScriptBlocks()
        decoder = LineDecoder(self._siem.name, self._report, blocks=blocks)
        for ask in self._owners.asks(whole, everything=self._everything, most=self._siem.capabilities.most_near):
            async for records in self._batches(ask):
                read.records += len(records)
                for judged in self._judge.judge(records, decoder):
                    read.take(judged)
        read.parts = Parts(blocks.take(), blocks.take_whole())
        for event in [*decoder.finish(), *completed(read.parts)]:
            read.take(self._judge.event(event))
        if self._judge.lazy:
            await self._near(interval, leading, read)
        return read

    async def _near(self, interval: Interval, leading: Iterable[Waiting], read: Read) -> None:
        """Hits of lazy rules: near the leaders of this slice at any time, near those of before in this slice."""
        for rules, fresh in self._around(read.hits).items():
            for near in _batched(fresh, self._siem.capabilities.most_near):
                await self._followers(Ask(Clock.EVENT, None, None, rules, near), read, self._judge.near)
        waiting = self._around(leading)
        if waiting and interval.high - interval.low <= _SHORT:
            waiting = {self._judge.lazy: [around for each in waiting.values() for around in each]}
        for rules, known in waiting.items():
            if self._clock is Clock.EVENT:
                known = [around for around in known if around.low < interval.high and around.high >= interval.low]
            for near in _batched(known, self._siem.capabilities.most_near):
                ask = Ask(self._clock, interval.low, interval.high, rules, near)
                await self._followers(ask, read, self._judge.near)

    def _around(self, hits: Iterable[Waiting]) -> dict[tuple[Rule, ...], list[Around]]:
        """Where to look for hits of lazy rules, by these rules."""
        found: dict[tuple[Rule, ...], list[Around]] = {}
        for waiting in hits:
            if around := self._judge.around(waiting):
                found.setdefault(self._judge.following(waiting), []).append(around)
        return found

    async def starts(self, wanted: Sequence[Sought], read: Read, interval: Interval | None = None) -> None:
        """The starts of processes that are sought: those of an interval; without one, all. Raises SourceErrors."""
        clock, low, high = (self._clock, interval.low, interval.high) if interval else (Clock.EVENT, None, None)
        around = [Around(each.host, each.low, each.high) for each in wanted]
        if interval and clock is Clock.EVENT:
            around = [each for each in around if each.low < interval.high and each.high >= interval.low]
        for near in _batched(around, self._siem.capabilities.most_near):
            ask = Ask(clock, low, high, (EVERY_START,), near, starts=True)
            if self._siem.capabilities.by_guid:
                await self._climbing(ask, wanted, read)
            else:
                await self._followers(ask, read, Links(wanted))
        if interval is None:
            read.linked += wanted

    async def _climbing(self, ask: Ask, wanted: Sequence[Sought], read: Read) -> None:
        """Of the starts near hosts those that tell how processes are related (climb.py), and what is above those of an
        interval, whenever it started; all of hosts where GUIDs don't tell.
        """
        hosts = {near.host for near in ask.near}
        kins: dict[str, list[Kin]] = {host: [] for host in hosts}
        for each in wanted:
            if each.host in hosts:
                kins[each.host] += each.kins
        climbs = {host: Climb(of_host) for host, of_host in kins.items()}
        told = tuple(near for near in ask.near if not climbs[near.host].whole)
        if plain := tuple(near for near in ask.near if climbs[near.host].whole):
            await self._followers(msgspec.structs.replace(ask, near=plain), read, Links(wanted))
        links = Links([each for each in wanted if each.host in hosts], climbs)
        if told:
            await self._followers(msgspec.structs.replace(ask, near=told, unnamed=True), read, links)
        low, high = min(near.low for near in ask.near), max(near.high for near in ask.near) + 1
        asked = msgspec.structs.replace(ask, near=())
        while guids := {guid for near in told if not (of := climbs[near.host]).whole for guid in of.take()}:
            listed = sorted(guids)
            for start in range(0, len(listed), _MOST_GUIDS):
                some = tuple(listed[start : start + _MOST_GUIDS])
                await self._followers(msgspec.structs.replace(asked, guids=some), read, links)
            asked = Ask(Clock.EVENT, low, high, asked.rules, starts=True)
        if whole := tuple(near for near in told if climbs[near.host].whole):
            ask = Ask(Clock.EVENT, None, None, ask.rules, whole, starts=True)
            await self._followers(ask, read, Links(wanted))

    async def _followers(self, ask: Ask, read: Read, found: Followers) -> None:
        """What follows near hosts. In two questions when the answer to one is not whole: a shorter interval would not
        make it so, for what is near the leaders of one moment may be too much already.
        """
        decoder = LineDecoder(self._siem.name, Report())
        records, hits = 0, list[Waiting]()
        try:
            async for batch in self._batches(ask):
                records += len(batch)
                hits += found(batch, decoder)
        except PartialResult as error:
            halves = halved_near(ask.near, self._siem.capabilities.step) if error.smaller and ask.near else None
            if halves is None:
                raise
            read.halved += 1
            for half in halves:
                await self._followers(msgspec.structs.replace(ask, near=half), read, found)
        else:
            read.records += records
            read.hits += hits

    async def _batches(self, ask: Ask) -> AsyncIterator[Sequence[bytes]]:
        """The batches, with a breath after each, so that other slices and the deadline get their turn."""
        async with aclosing(self._siem.fetch(ask)) as batches:
            async for records in batches:
                yield records
                await asyncio.sleep(0)


def halved_near(near: tuple[Near, ...], step: int) -> tuple[tuple[Near, ...], tuple[Near, ...]] | None:
    """Half of the hosts each; of one host, half of its time each. None for one host in one step of time."""
    if len(near) > 1:
        return near[: len(near) // 2], near[len(near) // 2 :]
    (one,) = near
    if one.high - one.low < step:
        return None
    middle = (one.low + one.high) // 2
    return (Near(one.host, one.low, middle),), (Near(one.host, middle + 1, one.high),)


def _batched(spans: Iterable[Around], most: int) -> Iterator[tuple[Near, ...]]:
    """Hosts and times for one query each."""
    near = [Near(*span) for span in merged(spans)]
    for start in range(0, len(near), most):
        yield tuple(near[start : start + most])
