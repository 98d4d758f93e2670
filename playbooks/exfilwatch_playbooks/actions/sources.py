"""Where the events around a finding are: in the SIEM that it came from, in the files it was read from, else anywhere
that the settings name. What can't be read is a problem, and costs only itself."""

import asyncio
from collections.abc import Awaitable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from exfilwatch.errors import ConfigError, SourceError
from exfilwatch.events.event import Event
from exfilwatch.events.timestamps import microseconds
from exfilwatch.findings.finding import Finding
from exfilwatch.polling import around
from exfilwatch.polling.slices import Interval
from exfilwatch.siem.siem import Ask, Siem
from exfilwatch_playbooks.actions.context import Context
from exfilwatch_playbooks.actions.inputs import names

if TYPE_CHECKING:
    from exfilwatch.siem.spool import Spool

MOST = 20_000
"""Events that are looked at, for one answer."""
Files: TypeAlias = tuple[str, ...]


class Asked(NamedTuple):
    """The events that were found, oldest first, where they were sought, and what could not be read."""

    events: list[Event]
    places: list[str]
    problems: list[str]


class Places:
    """The places where the events around a finding may be; `chosen`: names of SIEMs with commas between."""

    def __init__(self, context: Context, finding: Finding, chosen: str = "") -> None:
        self._context = context
        asked = names(chosen)
        own = dict.fromkeys(event.source for event in finding.events)
        self._siems = asked or [name for name in own if name in context.siems]
        self._files: Files = ()
        if not self._siems:
            # Within an archive: archive.zip!member
            whole = (source if Path(source).is_file() else source.split("!", 1)[0] for source in own)
            self._files = tuple(dict.fromkeys(path for path in whole if Path(path).is_file()))
        if not self._siems and not self._files:
            self._siems = context.siems
        if not self._siems and not self._files:
            raise ConfigError("there is nothing to ask: the settings have no SIEM, and the files are no longer there")

    async def events(self, ask: Ask, wanted: around.Wanted) -> Asked:
        """The events of an Ask, from every place."""
        jobs: list[tuple[str, Awaitable[around.Around]]] = []
        for name in self._siems:
            source = self._context.siem(name)
            if isinstance(source, Siem):
                jobs.append((name, around.from_siem(source, ask, wanted, MOST)))
            else:
                jobs.append((name, _in_thread(paths_of(source), wanted)))
        if self._files:
            jobs.append((", ".join(self._files), _in_thread(self._files, wanted)))
        return await _gathered(jobs)


def paths_of(spool: "Spool") -> Files:
    """The paths, folders and patterns that the settings of a source of files name."""
    return tuple(getattr(spool.settings, "paths", ()))


def _in_thread(paths: Iterable[str], wanted: around.Wanted) -> Awaitable[around.Around]:
    return asyncio.to_thread(around.from_files, tuple(paths), wanted, MOST)


async def _gathered(jobs: Iterable[tuple[str, Awaitable[around.Around]]]) -> Asked:
    asked = Asked([], [], [])
    named = list(jobs)
    found = await asyncio.gather(*(job for _, job in named), return_exceptions=True)
    for (place, _), each in zip(named, found, strict=True):
        if isinstance(each, SourceError):
            asked.problems.append(str(each))
        elif isinstance(each, BaseException):
            raise each
        else:
            asked.places.append(place)
            asked.events.extend(each.events)
            asked.problems.extend(each.problems)
    unique = {event.id: event for event in asked.events}
    return asked._replace(events=sorted(unique.values(), key=lambda event: (event.time or 0, event.id)))


def span_around(finding: Finding, before: timedelta, after: timedelta) -> Interval:
    """From so long before a finding to so long after it (µs). Raises ConfigError when it has no time."""
    if finding.time is None or finding.end is None:
        raise ConfigError(f"{finding.id[:8]} has no time: nobody knows around what to look")
    return Interval(microseconds(finding.time - before), microseconds(finding.end + after) + 1)
