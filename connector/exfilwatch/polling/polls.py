"""Polling as the settings say it: what a scheduler calls, ours or a SOAR's.

polls = Polls(configured(settings()), rules, store); runs = await polls.once(); await polls.close()
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any

from exfilwatch.config import Settings
from exfilwatch.detection.rule import RuleSet
from exfilwatch.errors import ConfigError
from exfilwatch.events.report import Report
from exfilwatch.findings.store import Store
from exfilwatch.places import config_file
from exfilwatch.polling import kinds
from exfilwatch.polling.following import Follower
from exfilwatch.polling.poller import Poller
from exfilwatch.polling.runs import Run
from exfilwatch.siem.registry import open_siem
from exfilwatch.siem.siem import Siem
from exfilwatch.siem.spool import Spool
from exfilwatch.written import micros

Polled = Poller | Follower


def configured(settings: Settings, names: Iterable[str] = ()) -> Mapping[str, Mapping[str, Any]]:
    """The sources of these names, else all. Raises ConfigError, which lists those that there are."""
    if not settings.siem:
        raise ConfigError(f"nothing to poll: {config_file()} has no [siem.NAME] yet; the page Polling shows one")
    known = ", ".join(settings.siem)
    for name in names:
        if name not in settings.siem:
            raise ConfigError(f"{name}: there is no [siem.{name}] in the settings, only {known}")
    return {name: settings.siem[name] for name in names or settings.siem}


async def _nothing(_run: Run) -> None:
    """Nobody wants to know."""


class Polls:
    """Sources that are polled together, so that one that is slow holds up no other."""

    def __init__(
        self,
        sources: Mapping[str, Mapping[str, Any]],
        rules: RuleSet,
        store: Store,
        *,
        since: timedelta = timedelta(days=1),
        report: Report | None = None,
        looks: bool = False,
    ) -> None:
        """`looks`: after a poll, look for log sources of rules that were not seen for a day (kinds.py)."""
        self.report = report or Report()
        self._sources = [open_siem(name, values) for name, values in sources.items()]
        self._rules, self._database, self._looks = rules, store.database, looks
        back = micros(since)
        self._polled: list[Polled] = [
            Poller(source, rules, store, since=back, report=self.report)
            if isinstance(source, Siem)
            else Follower(source, rules, store, report=self.report)
            for source in self._sources
        ]

    async def once(
        self,
        deadline: float | None = None,
        progress: Callable[[Run], None] = lambda _run: None,
        done: Callable[[Run], Awaitable[None]] = _nothing,
    ) -> list[Run]:
        """Poll each source once, for at most `deadline` seconds; `done` is awaited after each.

        Raises what the store refuses, when no poll is under way any more.
        """

        async def one(source: Siem | Spool, polled: Polled) -> Run:
            run = await polled.once(deadline, progress)
            await done(run)
            if self._looks and not run.problem:
                await kinds.look(source, self._rules, self._database, run.ended)
            return run

        runs: list[Run] = []
        for each in await asyncio.gather(*map(one, self._sources, self._polled), return_exceptions=True):
            if isinstance(each, BaseException):
                raise each
            runs.append(each)
        return runs

    async def close(self) -> None:
        """Close the connections."""
        for source in self._sources:
            if isinstance(source, Siem):
                await source.close()
