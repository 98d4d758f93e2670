"""The poll: plan intervals, read each whole, and commit what it gave together with the fact that it was read.

Killed anywhere, the next poll goes on: what was not committed is read again, and finds the same under the same ids.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from sqlalchemy import Connection

from exfilwatch.detection.judge import Judge, Waiting
from exfilwatch.detection.rule import RuleSet
from exfilwatch.errors import PartialResult, SourceError, first_of
from exfilwatch.events.event import Event
from exfilwatch.events.report import Report
from exfilwatch.findings.store import Store
from exfilwatch.polling import joining, kinds, leases, linking, state, tables, waiting
from exfilwatch.polling.keeping import drained, keep, keep_settled
from exfilwatch.polling.logs import log
from exfilwatch.polling.lookback import LOOKBACK, clock_of, default_of, lookback_of
from exfilwatch.polling.reading import Read, Reading
from exfilwatch.polling.runs import Run, keep_run, lateness, most_late
from exfilwatch.polling.slices import Interval, halved, joined, planned, watermark
from exfilwatch.polling.worker import is_dead, our_clock, worker_name
from exfilwatch.siem.siem import SECOND, Clock, Siem
from exfilwatch.written import micros

_LEASE = 300 * SECOND
_AHEAD = 86_400 * SECOND  # of our clock: events of hosts whose clock is fast
_MOST_IN_A_ROW = 64
"""Answers that were not whole, with no other between: more than the halves of any interval down to one step can be, so
that it is no matter of size, and asking goes on with the next poll."""
_AT_ONCE = 2
"""Slices, where everything comes: one is looked at while the next answer is under way, and answers are large."""
_SAMPLE = 10_000  # events whose lateness a run remembers


class Times(NamedTuple):
    """Lengths of time in µs; `since`: how far back the first poll of a source goes."""

    since: int
    lookback: int
    late: int
    width: int


class Poller:
    """Polls one SIEM with one rule set into one store. `clock` gives µs; `worker` names who holds a slice, for
    `lease` µs each time.
    """

    def __init__(
        self,
        siem: Siem,
        rules: RuleSet,
        store: Store,
        *,
        since: int,
        report: Report | None = None,
        worker: str = "",
        lease: int = _LEASE,
        clock: Callable[[], int] = our_clock,
    ) -> None:
        self.lease = lease
        self.report = report or Report()
        self.siem = siem
        self.store = store
        self.worker = worker or worker_name()
        self.now = clock
        self.judge = Judge(rules, self.report)
        self.rules_key = state.rules_key(rules)
        self.since = since
        store.database.ensure(tables.PART, tables.PACKAGE)

    async def once(self, deadline: float | None = None, progress: Callable[[Run], None] = lambda _run: None) -> Run:
        """One poll, of at most `deadline` seconds; what is left is read by the next. Never raises SourceErrors.

        Why it ended early, if it did, is the run's `problem`.
        """
        run = Run(self.siem.name, self.worker, self.now())
        counted = self.siem.traffic.requests, self.siem.traffic.bytes, self.siem.traffic.retries
        polling = _Polling(self, run, progress)
        try:
            async with asyncio.timeout(deadline):
                await polling.all()
        except TimeoutError:
            run.problem = f"the deadline of {deadline:g} s is over; the next poll goes on"
        except SourceError as error:
            run.problem = str(error)
        traffic = self.siem.traffic
        run.requests, run.bytes, run.retries = (
            traffic.requests - counted[0],
            traffic.bytes - counted[1],
            traffic.retries - counted[2],
        )
        polling.end()
        return run


class _Polling:
    """One poll of a Poller."""

    def __init__(self, poller: Poller, run: Run, progress: Callable[[Run], None]) -> None:
        self._poller = poller
        self._run = run
        self._progress = progress
        self._siem = poller.siem
        self._source = poller.siem.name
        self._database = poller.store.database
        self._learn()
        self._failed: set[int] = set()
        self._late: list[float] = []
        self._kinds: set[kinds.Key] = set()
        self._in_a_row = 0
        self._trees = bool(linking.asking(poller.judge.evaluator))
        asked = self._siem.settings
        self._at_once = min(asked.at_once, _AT_ONCE) if asked.pushdown == "off" else asked.at_once

    async def all(self) -> None:
        """Plan, then read until nothing is left that can be read now."""
        now, ours = await self._siem.now(), self._poller.now()
        self._learn()
        if self._clock is Clock.EVENT:
            now = min(now, ours)  # whichever is wrong: what is ahead is looked at too, what was passed over is not
        ahead = now - ours
        with self._database.write() as connection:
            self._plan(connection, now, ahead)
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._at_once):
                    group.create_task(self._work())
        except BaseExceptionGroup as errors:
            raise first_of(errors) from None
        if self._clock is Clock.EVENT:
            await self._ahead(now)

    def _learn(self) -> None:
        """A SIEM that has answered knows what it can do."""
        self._clock = clock_of(self._siem)
        self._run.clock = self._clock.value
        self._times = _times(self._siem, self._clock, self._poller.since)
        self._reading = Reading(self._siem, self._poller.judge, self._poller.report, self._clock)

    def _plan(self, connection: Connection, now: int, ahead: int) -> None:
        times, poller = self._times, self._poller
        known = state.source_state(connection, self._source, lock=True)
        frontier = min(known.frontier, now) if known else now - times.since
        lookback = max(times.lookback, self._seen_late(connection)) if known else 0
        if known and known.clock != self._clock:
            lookback = times.late  # what is late by one clock is not by the other
        if known and ahead < known.ahead:  # its clock was set back: what came since may be from before the frontier
            lookback = max(lookback, min(lookback + known.ahead - ahead, times.late))
        if known and known.rules != poller.rules_key:
            joining.forget_whole(connection, self._source)
            state.forget_seen(connection, self._source, None)  # other rules may see more in the same events
        leases.free_the_dead(connection, self._source, lambda owner: is_dead(owner, poller.worker))
        step = self._siem.capabilities.step
        intervals = planned(frontier, now, lookback=lookback, width=times.width, step=step)
        waits = leases.take_waiting(connection, self._source, poller.now())
        waits.setdefault(0, leases.Waits([], "")).intervals.extend(intervals)
        for tries, (again, problem) in waits.items():
            leases.plan_slices(connection, self._source, joined(again, times.width, step), tries, problem)
        frontier = max([frontier, *(interval.high for interval in intervals)])
        stored = state.SourceState(self._clock.value, frontier, poller.rules_key, None, ahead)
        state.keep_source(connection, self._source, stored)
        state.forget_seen(connection, self._source, frontier - max(lookback, times.lookback))

    def _seen_late(self, connection: Connection) -> int:
        """How late events were seen to come, µs, up to `late`: by event time, so far back is to be looked at again
        where the settings don't say how far.
        """
        if self._clock is Clock.INGEST or self._siem.settings.lookback is not None:
            return 0
        return min(round(most_late(connection, self._source) * SECOND), self._times.late)

    async def _work(self) -> None:
        while (held := self._claim()) is not None:
            renewing = asyncio.create_task(self._renew(held))
            try:
                await self._read(held)
            except leases.LeaseLost:
                log.warning("lease lost", source=self._source, slice=held.id)
            finally:
                renewing.cancel()
                await asyncio.gather(renewing, return_exceptions=True)
            with self._database.read() as connection:
                self._run.left = leases.count(connection, self._source)
            self._progress(self._run)

    def _claim(self) -> leases.Slice | None:
        now = self._poller.now()
        with self._database.write() as connection:
            return leases.claim(connection, self._source, self._poller.worker, now, self._poller.lease, self._failed)

    async def _renew(self, held: leases.Slice) -> None:
        lease = self._poller.lease
        while True:
            await asyncio.sleep(lease / SECOND / 3)
            with self._database.write() as connection:
                leases.renew(connection, held, self._poller.now(), lease)

    async def _read(self, held: leases.Slice) -> None:
        try:
            await self._commit(await self._slice(held.interval), held)
        except PartialResult as error:
            self._partial(held, error)
        except (SourceError, asyncio.CancelledError) as error:
            # The next poll reads it: at once, for whoever ends does not hold it.
            self._give_back(held, str(error) or "ended before it was read")
            raise

    async def _slice(self, interval: Interval) -> Read:
        read = await self._reading.slice(interval, self._leading(interval), self._completed)
        if self._trees:
            since = self._since(interval)
            with self._database.read() as connection:
                known = linking.known(connection, self._poller.judge.evaluator, since)
            await self._reading.starts(known, read, interval)
        return read

    def _since(self, interval: Interval) -> int:
        """Hits before this can have nothing to do with an interval. A SIEM's clock that is ahead hides none of them."""
        return min(interval.low, self._poller.now()) - self._times.late - self._poller.judge.longest

    def _leading(self, interval: Interval) -> list[Waiting]:
        """The leaders near which something in the interval may be."""
        since = self._since(interval)
        with self._database.read() as connection:
            return list(waiting.leading(connection, self._poller.judge.leaders, since))

    def _completed(self, parts: joining.Parts) -> list[Event]:
        """The script blocks that are whole with parts of other slices."""
        if not parts.open:
            return []
        with self._database.read() as connection:
            return joining.completed(connection, self._source, parts)

    def _partial(self, held: leases.Slice, error: PartialResult) -> None:
        """Both halves instead; what can't be halved, or would not be whole either, stays, and holds the watermark."""
        self._in_a_row += 1
        if self._in_a_row > _MOST_IN_A_ROW:
            self._give_back(held, str(error))
            raise error
        halves = halved(held.interval, self._siem.capabilities.step) if error.smaller else None
        if halves is None:
            self._give_back(held, str(error))
            log.warning("partial result", source=self._source, interval=str(held.interval))
            return
        with self._database.write() as connection:
            leases.finish(connection, held)
            leases.plan_slices(connection, self._source, halves, held.tries - 1)
        self._run.halved += 1

    def _give_back(self, held: leases.Slice, problem: str) -> None:
        self._failed.add(held.id)
        self._run.failed += 1
        with suppress(leases.LeaseLost), self._database.write() as connection:
            leases.release(connection, held, 0, problem)

    async def _commit(self, read: Read, held: leases.Slice | None) -> None:
        """Store what was read; with the starts of processes that it makes worth asking for, seen from what is stored by
        then. Raises SourceErrors."""
        while True:
            try:
                self._store(read, held)
            except linking.Unlinked as missing:
                await self._reading.starts(missing.sought, read)
            else:
                return

    def _store(self, read: Read, held: leases.Slice | None) -> None:
        poller = self._poller
        with self._database.write() as connection:
            if held:
                leases.finish(connection, held)
            at = held.interval.high if held else poller.now()
            for event in joining.keep_parts(connection, self._source, read.parts, at):
                if event.id not in read.events:  # another worker has read the rest meanwhile
                    read.take(poller.judge.event(event))
            if self._trees:
                self._linked(connection, read)
            until = {name: held.interval.high if held else time or 0 for name, (_, time) in read.events.items()}
            new = state.unseen(connection, self._source, until)
            fresh = (each for each in drained(read.detections) if any(event.id in new for event in each.events))
            kept = keep(connection, poller.store, poller.judge.evaluator, fresh, drained(read.hits))
        self._in_a_row = 0
        self._kinds |= read.kinds
        run = self._run
        run.slices += held is not None
        run.halved += read.halved
        run.records += read.records
        run.events += len(new)
        run.findings += len(kept.new)
        run.superseded += kept.superseded
        self._late += [
            (ingest - time) / SECOND
            for name, (ingest, time) in read.events.items()
            if name in new and ingest is not None and time is not None
        ][: _SAMPLE - len(self._late)]
        log.info("slice", source=self._source, records=read.records, events=len(new), findings=len(kept.new))

    def _linked(self, connection: Connection, read: Read) -> None:
        """Raises Unlinked for starts that were not asked for."""
        by_guid = self._siem.capabilities.by_guid
        wanted = linking.newly(connection, self._poller.judge.evaluator, read.hits, by_guid=by_guid)
        missing = linking.without(wanted, read.linked, by_guid=by_guid)
        if missing:
            raise linking.Unlinked(missing)

    async def _ahead(self, now: int) -> None:
        """Events whose time is still to come: their hosts' clocks are fast. Looked at in every poll, until it has."""
        ahead = Interval(now, now + _AHEAD)
        try:
            await self._commit(await self._slice(ahead), None)
        except PartialResult:
            return  # their time comes, and with it slices that can be halved

    def end(self) -> None:
        """Store the run, and forget what is no longer needed."""
        run, times = self._run, self._times
        run.ended = self._poller.now()
        evaluator = self._poller.judge.evaluator
        with self._database.write() as connection:
            left = leases.left(connection, self._source)
            stored = state.source_state(connection, self._source)
            if stored:
                run.watermark = watermark(stored.frontier, [interval for interval, _ in left])
                # A SIEM whose clock is ahead must not make us settle what goes on, or forget what is to be joined.
                read = min(run.watermark, run.ended)
                settled = read - max(times.lookback, LOOKBACK)
                for event in joining.overdue(connection, self._source, settled):
                    judged = self._poller.judge.event(event)
                    found = keep(connection, self._poller.store, evaluator, judged.detections, judged.hits)
                    run.findings += len(found.new)
                joining.forget_blocks(connection, self._source, read - times.late)
                kept = keep_settled(connection, self._poller.store, evaluator, settled)
                run.findings += len(kept.new)
                waiting.forget_hits(connection, evaluator.rules.correlations, read - times.late)
            run.left = len(left)
            if left and not run.problem:
                run.problem = next((f"{problem} (not read: {span})" for span, problem in left if problem), "")
            run.lateness = lateness(self._late)
            kinds.saw(connection, self._source, evaluator.rules, self._kinds, run.ended)
            keep_run(connection, run)


def _times(siem: Siem, clock: Clock, since: int) -> Times:
    settings = siem.settings
    lookback = lookback_of(settings, default_of(siem, clock))
    width = siem.capabilities.slice if settings.slice is None else micros(settings.slice)
    return Times(since, lookback, max(micros(settings.late), lookback), width)
