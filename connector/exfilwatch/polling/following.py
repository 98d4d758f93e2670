"""Polling of what only grows (siem/spool.py): lines are read on from the stored position, each portion once in effect.

What a portion gave, the position after it, and what the decoders remember are committed together. Two that follow the
same spool into the same database can't both commit: the position must still be the one that was read from.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence

from sqlalchemy import Connection

from exfilwatch.detection.detection import Detection
from exfilwatch.detection.judge import Judge, Waiting
from exfilwatch.detection.rule import RuleSet
from exfilwatch.errors import SourceError
from exfilwatch.events.lines import LineDecoder
from exfilwatch.events.report import Report
from exfilwatch.events.script_blocks import ScriptBlocks
from exfilwatch.findings.store import Store
from exfilwatch.polling import joining, kinds, leases, starting, state, tables, waiting
from exfilwatch.polling.keeping import Kept, keep, keep_settled
from exfilwatch.polling.logs import log
from exfilwatch.polling.lookback import LOOKBACK, lookback_of
from exfilwatch.polling.reading import Read
from exfilwatch.polling.runs import Run, keep_run
from exfilwatch.polling.worker import our_clock, worker_name
from exfilwatch.siem.spool import Portion, Spool

_MOST_DECODERS = 100
_REMEMBERED = 86_400_000_000  # µs that script blocks in parts are remembered


class Follower:
    """Follows one spool with one rule set into one store."""

    def __init__(
        self,
        spool: Spool,
        rules: RuleSet,
        store: Store,
        *,
        report: Report | None = None,
        worker: str = "",
        clock: Callable[[], int] = our_clock,
    ) -> None:
        self.report = report or Report()
        self._spool = spool
        self._store = store
        self._worker = worker or worker_name()
        self._now = clock
        self._judge = Judge(rules, self.report, everything=True)
        self._rules = state.rules_key(rules)
        self._kinds: set[kinds.Key] = set()
        self._late = lookback_of(spool.settings, LOOKBACK)
        store.database.ensure(tables.PART, tables.PACKAGE)

    async def once(self, deadline: float | None = None, progress: Callable[[Run], None] = lambda _run: None) -> Run:
        """Read what is new, for at most `deadline` seconds. Never raises SourceErrors: see the run's `problem`."""
        run = Run(self._spool.name, self._worker, self._now(), clock="position")
        ends = None if deadline is None else time.monotonic() + deadline
        try:
            for _ in self._portions(run):
                progress(run)
                if ends is not None and time.monotonic() > ends:
                    run.problem = f"the deadline of {deadline:g} s is over; the next poll goes on"
                    break
        except (SourceError, leases.LeaseLost) as error:
            run.problem = str(error)
        self._end(run)
        return run

    def _portions(self, run: Run) -> Iterator[Portion]:
        with self._store.database.read() as connection:
            known = state.source_state(connection, self._spool.name)
        position = known.position if known else None
        newest = known.frontier if known else 0
        decoders: dict[str, LineDecoder] = {}
        blocks = ScriptBlocks()
        for portion in self._spool.portions(position, self.report):
            read = self._read(portion, decoders, blocks)
            newest = max([newest, *(seen for _, seen in read.events.values() if seen and seen <= self._now())])
            with self._store.database.write() as connection:
                self._move(connection, position, portion, newest)
                self._remember(connection, portion, decoders)
                for event in joining.keep_parts(connection, self._spool.name, read.parts, self._now()):
                    read.take(self._judge.event(event))
                kept = self._keep(connection, read.detections, read.hits)
            position = portion.position
            self._count(run, read, kept)
            yield portion

    def _read(self, portion: Portion, decoders: dict[str, LineDecoder], blocks: ScriptBlocks) -> Read:
        decoder = self._decoder(portion, decoders, blocks)
        read = Read(records=len(portion.lines))
        for judged in self._judge.judge(portion.lines, decoder, portion.first):
            read.take(judged)
        waiting = decoder.finish() if portion.last else decoder.waiting() if portion.quiet else []
        for event in waiting:
            read.take(self._judge.event(event))
        read.parts = joining.Parts(blocks.take(), blocks.take_whole())
        return read

    def _decoder(self, portion: Portion, decoders: dict[str, LineDecoder], blocks: ScriptBlocks) -> LineDecoder:
        decoder = decoders.get(portion.decoder_key)
        if decoder is None:
            with self._store.database.read() as connection:
                remembered = state.decoder_state(connection, self._spool.name, portion.decoder_key)
            decoder = decoders[portion.decoder_key] = LineDecoder(portion.source, self.report, remembered, blocks)
        decoder.source = portion.source
        decoders[portion.decoder_key] = decoders.pop(portion.decoder_key)
        while len(decoders) > _MOST_DECODERS:  # what they remember is stored, so the one used longest ago can go
            del decoders[next(iter(decoders))]
        return decoder

    def _move(self, connection: Connection, position: bytes | None, portion: Portion, newest: int) -> None:
        name = self._spool.name
        known = state.source_state(connection, name, lock=True)
        if (known.position if known else None) != position:
            raise leases.LeaseLost(f"{name}: another process follows it into the same database: run only one of them")
        state.keep_source(connection, name, state.SourceState("position", newest, self._rules, portion.position))

    def _remember(self, connection: Connection, portion: Portion, decoders: dict[str, LineDecoder]) -> None:
        remembered = b"" if portion.last else decoders[portion.decoder_key].state()
        state.keep_decoder(connection, self._spool.name, portion.decoder_key, remembered)
        if portion.last:
            del decoders[portion.decoder_key]

    def _keep(self, connection: Connection, detections: Iterable[Detection], hits: Sequence[Waiting]) -> Kept:
        """Store what was found, with the starts of processes that link it."""
        evaluator, name = self._judge.evaluator, self._spool.name
        started = starting.keep_starts(connection, name, self._judge.take_starts())
        linking = starting.links(connection, name, evaluator, hits, started)
        return keep(connection, self._store, evaluator, detections, [*hits, *linking])

    def _count(self, run: Run, read: Read, kept: Kept) -> None:
        run.slices += 1
        run.records += read.records
        run.events += len(read.events)
        run.findings += len(kept.new)
        run.superseded += kept.superseded
        self._kinds |= read.kinds
        log.info("portion", source=run.source, records=read.records, findings=len(kept.new))

    def _end(self, run: Run) -> None:
        with self._store.database.write() as connection:
            known = state.source_state(connection, self._spool.name)
            if known:
                run.watermark = known.frontier
                # A poll that came to the end of the spool has read everything there is.
                settled = (known.frontier if run.problem else self._now()) - self._late
                for event in joining.overdue(connection, self._spool.name, self._now() - self._late):
                    judged = self._judge.event(event)
                    run.findings += len(self._keep(connection, judged.detections, judged.hits).new)
                joining.forget_blocks(connection, self._spool.name, self._now() - _REMEMBERED)
                run.findings += len(keep_settled(connection, self._store, self._judge.evaluator, settled).new)
                starting.forget_starts(connection, self._spool.name, self._judge.evaluator, known.frontier - self._late)
                waiting.forget_hits(connection, self._judge.evaluator.rules.correlations, known.frontier - self._late)
            run.ended = self._now()
            kinds.saw(connection, self._spool.name, self._judge.evaluator.rules, self._kinds, run.ended)
            self._kinds.clear()
            keep_run(connection, run)
