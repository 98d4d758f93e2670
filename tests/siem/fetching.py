"""What the tests of the SIEMs share: fetching without waiting, and records as events."""

import asyncio
import json
from collections.abc import Coroutine
from typing import Any, TypeVar

from exfilwatch.events.event import Event
from exfilwatch.events.lines import LineDecoder
from exfilwatch.events.report import Report
from exfilwatch.siem.siem import Ask, Clock, Siem

T = TypeVar("T")
S = 1_000_000


class Naps:
    """A sleep that takes no time; `naps` has the seconds that were asked for."""

    def __init__(self) -> None:
        self.naps: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.naps.append(seconds)
        await asyncio.sleep(0)


def run(siem: Siem, what: Coroutine[Any, Any, T]) -> T:
    async def closing() -> T:
        try:
            return await what
        finally:
            await siem.close()

    return asyncio.run(closing())


async def all_of(siem: Siem, ask: Ask) -> list[dict[str, Any]]:
    return [json.loads(record) async for batch in siem.fetch(ask) for record in batch]


def fetched(siem: Siem, low: int | None = None, high: int | None = None, **more: Any) -> list[dict[str, Any]]:
    """The records of an interval by ingest time, µs."""
    return run(siem, all_of(siem, Ask(**{"clock": Clock.INGEST, "low": low, "high": high, **more})))


def events(records: list[dict[str, Any]]) -> list[Event]:
    decoder = LineDecoder("siem", Report())
    return [event for number, each in enumerate(records) for event in decoder.feed(json.dumps(each), number)]
