"""A SIEM in memory, for tests of polling alone: it keeps what the protocol promises, and breaks as it is told to.

The real ones, and the vendors' fakes over HTTP, are under tests/siem.
"""

import json
from collections.abc import AsyncGenerator, Iterable, Sequence
from typing import ClassVar, NamedTuple

from exfilwatch.detection.climb import is_told
from exfilwatch.detection.engine import Engine
from exfilwatch.detection.rule import Rule, RuleSet
from exfilwatch.detection.trees import TOLD, kin
from exfilwatch.errors import PartialResult
from exfilwatch.events.event import Origin
from exfilwatch.events.lines import LineDecoder
from exfilwatch.events.report import Report
from exfilwatch.findings.finding import finding
from exfilwatch.findings.node import host_key, user_key
from exfilwatch.siem.connection import Connection
from exfilwatch.siem.siem import SECOND, Ask, Capabilities, Clock, Place, Traffic

START = 1_767_225_600 * SECOND  # 2026-01-01


class Stored(NamedTuple):
    """A record: when it happened, was taken in, and can be found from (µs)."""

    time: int
    ingest: int
    searchable: int
    record: bytes

    @property
    def values(self) -> dict[str, str]:
        return json.loads(self.record)


def stored(time: int, ingest: int | None = None, searchable: int | None = None, **fields: str) -> Stored:
    """A record under Sigma's own names."""
    taken_in = time if ingest is None else ingest
    document = {"product": "windows", "time": time // 1 / SECOND, "ingest_time": taken_in / SECOND, **fields}
    return Stored(time, taken_in, taken_in if searchable is None else searchable, json.dumps(document).encode())


def process(time: int, host: str, command: str, **times: int) -> Stored:
    """A process creation."""
    return stored(time, category="process_creation", Computer=host, Image="C:\\x.exe", CommandLine=command, **times)


def connection(time: int, host: str, address: str, **times: int) -> Stored:
    """A connection."""
    return stored(time, category="network_connection", Computer=host, Image="C:\\x.exe", DestinationIp=address, **times)


def settings(**changes: object) -> Connection:
    return Connection.model_validate({"kind": "memory", "url": "https://memory.example", "at_once": 1} | changes)


class MemorySiem:
    """`faults` are consumed one for each fetch: an error to raise, after so many records; None: no fault."""

    kind: ClassVar[str] = "memory"
    Settings: ClassVar[type[Connection]] = Connection

    def __init__(
        self,
        records: Iterable[Stored] = (),
        *,
        ingest_time: bool = True,
        cap: int | None = None,
        settle: int = 60 * SECOND,
        step: int = SECOND,
        by_guid: bool = False,
        **changes: object,
    ) -> None:
        self.name = "memory"
        self.settings = settings(**changes)
        self.records = list(records)
        self.clock = START
        self.traffic = Traffic()
        self.asked: list[Ask] = []
        self.faults: list[tuple[int, BaseException] | None] = []
        self.doubled = False
        self.capabilities = Capabilities(
            ingest_time=ingest_time,
            settle=settle,
            step=step,
            cap=cap,
            pages=False,
            partial="",
            aggregation=False,
            cancel=False,
            most_near=3,
            by_guid=by_guid,
        )

    async def now(self) -> int:
        return self.clock

    async def fetch(self, ask: Ask) -> AsyncGenerator[Sequence[bytes], None]:
        self.asked.append(ask)
        self.traffic.requests += 1
        fault = self.faults.pop(0) if self.faults else None
        found = [stored.record for stored in self.records if self._fits(stored, ask)]
        cap = self.capabilities.cap
        cut = found if cap is None else found[:cap]
        for at in range(0, len(cut), 2):
            if fault and at >= fault[0]:
                raise fault[1]
            yield cut[at : at + 2] * (2 if self.doubled else 1)
        if fault:
            raise fault[1]
        if cap is not None and len(found) > cap:
            raise PartialResult(f"more than {cap} records")

    def _fits(self, stored: Stored, ask: Ask) -> bool:
        time = stored.ingest if ask.clock is Clock.INGEST else stored.time
        if stored.searchable > self.clock:
            return False
        if not (ask.low is None or ask.low <= time) or not (ask.high is None or time < ask.high):
            return False
        values = stored.values
        kind = (values.get("category", ""), "windows", values.get("service", ""))
        if ask.rules is not None and not any(rule.source.fits(*kind) for rule in ask.rules):
            return False
        if ask.hosts and host_key(values.get("Computer"), "") not in {host_key(host, "") for host in ask.hosts}:
            return False
        if ask.users and user_key(values.get("User")) not in set(map(user_key, ask.users)):
            return False
        if ask.guids or ask.unnamed:
            names = kin([values.get(name) for name in TOLD], starts=True)
            if not names or (names.guid not in ask.guids and names.parent_guid not in ask.guids):
                return ask.unnamed and not (names and is_told(names)) and self._near(stored, ask)
        return self._near(stored, ask)

    def _near(self, stored: Stored, ask: Ask) -> bool:
        values = stored.values
        return not ask.near or any(
            near.host == values["Computer"] and near.low <= stored.time <= near.high for near in ask.near
        )

    def query(self, rules: Sequence[Rule]) -> str:
        return "everything"

    async def places(self) -> list[Place]:
        return [Place("memory", len(self.records))]

    async def close(self) -> None:
        return


def events(records: Iterable[Stored]) -> list:
    """The records as events, for an oracle."""
    decoder = LineDecoder("memory", Report())
    return [event for stored in records for event in decoder.feed(stored.record, 0)] + decoder.finish()


def in_one_pass(rules: RuleSet, records: Iterable[Stored]) -> list[str]:
    """The ids of what one pass over all records finds."""
    return sorted(finding(each).id for each in Engine(rules, Report()).detect(events(records)))


__all__ = [
    "START",
    "MemorySiem",
    "Origin",
    "Stored",
    "connection",
    "events",
    "in_one_pass",
    "process",
    "settings",
    "stored",
]
