"""Poll the generated day once, at its end: `poll.py SETTINGS`, a JSON file; see Asked. Prints what it did: see Done.

The day is in the past, so the SIEM's clock is set back. `days` more than one: the one day is served for each of them,
with its dates changed, since a week would not fit into the disk of a laptop.
"""

import asyncio
import sys
import time
from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from exfilwatch.detection.load import load
from exfilwatch.errors import SourceError
from exfilwatch.findings.store import Store
from exfilwatch.polling.poller import Poller
from exfilwatch.rules.packs import pack
from exfilwatch.siem.opensearch import OpenSearch, OpenSearchSettings
from exfilwatch.siem.siem import SECOND, Ask
from exfilwatch_playbooks.cli.boundary import collect_seldom

DAY = 86_400 * SECOND


class Asked(msgspec.Struct):
    """`settings` of the SIEM; the day begins at `start` (µs); `rules`: a pack."""

    settings: dict[str, object]
    database: str
    start: int
    rules: str
    days: int = 1


class Done(msgspec.Struct):
    """Seconds from the beginning of the poll to its end, those of this program's CPU, and the run's own numbers."""

    seconds: float
    cpu: float
    bytes: int
    records: int
    requests: int
    findings: int
    ids: list[str]


class Past(OpenSearch):
    """The index as it was at the end of its day, which comes again and again."""

    def __init__(self, asked: Asked) -> None:
        super().__init__("bench", OpenSearchSettings.model_validate(asked.settings))
        self._start, self._end = asked.start, asked.start + asked.days * DAY

    async def now(self) -> int:
        await super().now()
        return self._end

    async def fetch(self, ask: Ask) -> AsyncGenerator[Sequence[bytes], None]:
        for day in range((self._end - self._start) // DAY):
            shifted = _shifted(ask, self._start, day * DAY)
            if shifted is not None:
                async for records in super().fetch(shifted):
                    yield _dated(records, self._start, day) if day else records


def _shifted(ask: Ask, start: int, by: int) -> Ask | None:
    """What is asked of one of the days, as a question about the only one there is."""
    low = max(ask.low - by, start) if ask.low is not None else None
    high = min(ask.high - by, start + DAY) if ask.high is not None else None
    near = tuple(
        msgspec.structs.replace(each, low=each.low - by, high=each.high - by)
        for each in ask.near
        if each.high - by >= start and each.low - by < start + DAY
    )
    if (low is not None and high is not None and low >= high) or (ask.near and not near):
        return None
    return msgspec.structs.replace(ask, low=low, high=high, near=near)


def _dated(records: Sequence[bytes], start: int, day: int) -> list[bytes]:
    first = datetime.fromtimestamp(start / SECOND, UTC)
    old, new = (b'"@timestamp":"%s' % f"{first + timedelta(days=by):%Y-%m-%d}".encode() for by in (0, day))
    return [record.replace(old, new) for record in records]


async def poll(asked: Asked) -> Done:
    """All of it, whole. Raises SourceError where it was not."""
    siem = Past(asked)
    store = Store(asked.database)
    end = asked.start + asked.days * DAY
    poller = Poller(siem, load([pack(asked.rules)]), store, since=end - asked.start, clock=lambda: end)
    begun, used = time.monotonic(), time.process_time()
    run = await poller.once()
    seconds, cpu = time.monotonic() - begun, time.process_time() - used
    await siem.close()
    if run.problem or run.left:
        raise SourceError(run.problem or f"{run.left} intervals are left")
    ids = sorted(each.id for each in store.find())
    return Done(seconds, cpu, run.bytes, run.records, run.requests, run.findings, ids)


if __name__ == "__main__":
    collect_seldom()  # as the command does
    done = asyncio.run(poll(msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Asked)))
    sys.stdout.buffer.write(msgspec.json.encode(done) + b"\n")
