"""Sites with a SIEM each, to which stories (story.py) happen: the vendors' fakes, and real search engines."""

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, ClassVar

from exfilwatch.siem.registry import open_siem
from exfilwatch.siem.siem import SECOND, Siem

from ..servers.server import Server  # noqa: TID252 (tests are no package on the path)
from ..siem.engines import Engine, engine  # noqa: TID252
from ..siem.fake_splunk import TOKEN, FakeSplunk  # noqa: TID252
from ..siem.fake_sumo import ID, KEY, FakeSumo  # noqa: TID252
from ..siem.fetching import Naps  # noqa: TID252
from ..siem.microsoft import hunted, security, stamp  # noqa: TID252
from ..siem.splunk_samples import record as splunk_record  # noqa: TID252
from ..siem.sumo_samples import COLLECTED, message  # noqa: TID252
from . import vendors
from .proxy import FaultyProxy, Schedule, Vendor
from .story import Record

START = 1_741_770_000
"""2025-03-12T09:00:00Z, the stories' start at fakes; a real server's is its own present."""
ADDRESS = "203.0.113.9"


class Site(ABC):
    """One SIEM. `start`: s since 1970."""

    kind: ClassVar[str]
    vendor: ClassVar[Vendor]
    start: int = START

    def __init__(self) -> None:
        self.put_in: list[tuple[Record, int]] = []
        """Each record with the time it was taken in, µs."""

    @property
    @abstractmethod
    def url(self) -> str: ...

    @abstractmethod
    def settings(self, url: str) -> dict[str, Any]:
        """Of the SIEM as it is found at this address."""

    @abstractmethod
    def put(self, record: Record) -> None:
        """A record is taken in."""

    def time(self) -> float:
        """The SIEM's clock, s."""
        return time.time()

    @abstractmethod
    def move(self, now: int) -> None:
        """It is now that many seconds after the start, where the clock is ours to set."""

    def siem(self, url: str, **settings: object) -> Siem:
        """A new client, whose waits take no time."""
        common = {"kind": self.kind, "at_once": 1, "late": "2d", "timeout": "1s"}
        siem = open_siem("site", {**common, **self.settings(url), **settings})
        assert isinstance(siem, Siem)
        siem._http.sleep = Naps()  # type: ignore[attr-defined]
        return siem

    def proxy(self, schedule: Schedule) -> FaultyProxy:
        return FaultyProxy(self.url, self.vendor, schedule, self.time)


class _Fake(Site):
    """`fake` has a clock of its own."""

    fake: Any

    @property
    def url(self) -> str:
        return str(self.fake.url)

    def time(self) -> float:
        return float(self.fake.now)

    def move(self, now: int) -> None:
        self.fake.now = float(self.start + now)

    def _at(self, record: Record) -> tuple[int, int]:
        """When it happened and was taken in, s since 1970."""
        self.put_in.append((record, (self.start + record.ingest) * SECOND))
        return self.start + record.time, self.start + record.ingest


class SplunkSite(_Fake):
    kind = "splunk"
    vendor = vendors.SPLUNK

    def __init__(self, fake: FakeSplunk) -> None:
        super().__init__()
        self.fake = fake

    def settings(self, url: str) -> dict[str, Any]:
        return {"url": url, "token": TOKEN, "indexes": ["windows"]}

    def put(self, record: Record) -> None:
        at, taken_in = self._at(record)
        what: dict[str, object] = {"EventCode": "1", "CommandLine": record.text}
        if record.text.startswith("connect"):
            what = {"EventCode": "3", "CommandLine": "", "DestinationIp": ADDRESS}
        made = splunk_record(at, taken_in, Computer=record.host, EventRecordID=str(record.number), **what)
        self.fake.records.append(made)


class SumoSite(_Fake):
    kind = "sumo"
    vendor = vendors.SUMO

    def __init__(self, fake: FakeSumo) -> None:
        super().__init__()
        self.fake = fake

    def settings(self, url: str) -> dict[str, Any]:
        return {"url": url, "access_id": ID, "access_key": KEY, "scopes": ["_sourceCategory=windows/*"]}

    def put(self, record: Record) -> None:
        at, taken_in = self._at(record)
        data = {"Image": "C:\\x.exe", "CommandLine": record.text}
        number = "1"
        if record.text.startswith("connect"):
            data, number = {"Image": "C:\\x.exe", "DestinationIp": ADDRESS}, "3"
        told = {"Computer": record.host, "EventRecordID": record.number, "EventID": number, "EventData": data}
        created = stamp(at * SECOND)
        raw = json.dumps(COLLECTED | told | {"TimeCreated": created})
        self.fake.records.append(message(at * 1000, taken_in * 1000, taken_in * 1000, _raw=raw))


class MicrosoftSite(_Fake):
    """Either of the two."""

    vendor = vendors.MICROSOFT

    def __init__(self, fake: Any, kind: str) -> None:
        super().__init__()
        self.fake = fake
        self.kind = kind  # type: ignore[misc]

    def settings(self, url: str) -> dict[str, Any]:
        given: dict[str, Any] = {**self.fake.settings(), "url": url, "login": url}
        if self.kind == "defender":
            del given["workspace"]
        # Its queries are translated and run by DuckDB, which takes time.
        tables = [self._processes, "DeviceNetworkEvents"]
        return {**given, "tables": tables, "timeout": "10s"}

    @property
    def _processes(self) -> str:
        return "SecurityEvent" if self.kind == "sentinel" else "DeviceProcessEvents"

    def put(self, record: Record) -> None:
        at, taken_in = self._at(record)
        time, number, host = at * SECOND, record.number, record.host
        if record.text.startswith("connect"):
            table = "DeviceNetworkEvents"
            made = hunted(time, number, host, ActionType="ConnectionSuccess", RemoteIP=ADDRESS, RemotePort=443)
            made |= {"TimeGenerated": stamp(time)} if self.kind == "sentinel" else {}
        elif self.kind == "sentinel":
            table, made = self._processes, security(time, number, host, CommandLine=record.text)
        else:
            table, made = self._processes, hunted(time, number, host, ProcessCommandLine=record.text)
        self.fake.kusto.add(table, made, taken_in * SECOND)


class EngineSite(Site):
    """A real search engine: its clock is its own, and what comes later comes now."""

    vendor = vendors.SEARCH_ENGINE

    def __init__(self, found: Engine) -> None:
        super().__init__()
        self.kind = found.kind  # type: ignore[misc]
        self._engine = found
        self.start = int(time.time()) - 60
        text = {"type": "keyword", "ignore_above": 256}
        properties = {"event": {"properties": {"ingested": {"type": "date"}}}}
        templates = [{"k": {"match_mapping_type": "string", "mapping": text}}]
        found.create(mappings={"properties": properties, "dynamic_templates": templates})

    @property
    def url(self) -> str:
        return self._engine.server.url

    def settings(self, url: str) -> dict[str, Any]:
        return self._engine.settings(url=url)

    def proxy(self, schedule: Schedule) -> FaultyProxy:
        return FaultyProxy(self.url, self.vendor, schedule, self.time, self._engine.server.ca)

    def move(self, now: int) -> None:
        """Its clock moves by itself."""

    def put(self, record: Record) -> None:
        taken_in = self.start + record.ingest if record.ingest < 0 else time.time()
        self.put_in.append((record, round(taken_in * SECOND)))
        at = {"@timestamp": stamp(round((taken_in - record.delay) * SECOND))}
        event = {"ingested": stamp(round(taken_in * SECOND)), "id": str(record.number)}
        made: dict[str, Any] = {**at, "event": event, "host": {"name": record.host, "os": {"type": "windows"}}}
        if record.text.startswith("connect"):
            event |= {"category": "network", "action": "connection_attempted"}
            made |= {"destination": {"ip": ADDRESS}, "process": {"executable": "C:\\x.exe"}}
        else:
            event |= {"category": "process", "type": "start"}
            made["process"] = {"executable": "C:\\x.exe", "command_line": record.text}
        self._engine.put([made])


@contextmanager
def site(kind: str, real: Server | None = None) -> Iterator[Site]:
    """A site with a SIEM of this kind; `real`: the server, of a search engine."""
    with ExitStack() as stack:
        made: Site
        if kind == "splunk":
            made = SplunkSite(stack.enter_context(FakeSplunk()))
        elif kind == "sumo":
            made = SumoSite(stack.enter_context(FakeSumo()))
        elif real is not None:
            made = EngineSite(stack.enter_context(engine(kind, real)))
        else:
            from ..siem.fake_microsoft import FakeMicrosoft  # noqa: TID252

            made = MicrosoftSite(stack.enter_context(FakeMicrosoft()), kind)
            for table in made.settings("")["tables"]:
                made.fake.kusto.create(table)
        yield made
