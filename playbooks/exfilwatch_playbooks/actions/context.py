"""What an action works with: the settings, and by them the store, the rules, the SIEMs and the case systems."""

import getpass
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from exfilwatch.errors import ConfigError

if TYPE_CHECKING:
    from exfilwatch.config import Settings
    from exfilwatch.detection.rule import RuleSet
    from exfilwatch.findings.store import Store
    from exfilwatch.siem.siem import Siem
    from exfilwatch.siem.spool import Spool
    from exfilwatch_playbooks.cases.system import CaseSystem


class Context:
    """For one action or several. Everything is made when it is first asked for; `async with` ends what was opened.

    `who` runs the actions, as the audit log has it; `clock` gives the time in UTC.
    """

    def __init__(
        self,
        settings: "Settings",
        opened: "Callable[[], Store]",
        loaded: "Callable[[], RuleSet]",
        *,
        who: str = "",
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.settings = settings
        self.who = who or user()
        self.clock = clock
        self.progress: Callable[[str], None] = lambda _said: None
        """Called by what takes long with how far it is, for people."""
        self._opened = opened
        self._loaded = loaded
        self._siems: dict[str, Siem | Spool] = {}
        self._cases: dict[str, CaseSystem] = {}
        self._end = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End what was opened."""
        await self._end.aclose()

    @cached_property
    def store(self) -> "Store":
        """Findings and incidents. Raises ConfigError."""
        return self._opened()

    @cached_property
    def rules(self) -> "RuleSet":
        """The rules of the settings, with their filters. Raises ConfigError and RuleError."""
        return self._loaded()

    def forget_rules(self) -> None:
        """Load the rules again when they are asked for: their files have changed."""
        self.__dict__.pop("rules", None)

    def renew_rules(self) -> "RuleSet":
        """Load the rules again now. Raises ConfigError and RuleError, and those of before stay then."""
        self.__dict__["rules"] = renewed = self._loaded()
        return renewed

    @property
    def siems(self) -> list[str]:
        """The names of the SIEMs in the settings."""
        return list(self.settings.siem)

    def siem(self, name: str) -> "Siem | Spool":
        """The SIEM of this name in the settings, which the context closes. Raises ConfigError."""
        from exfilwatch.siem.registry import open_siem

        if name not in self._siems:
            self._siems[name] = found = open_siem(name, _table(self.settings.siem, "siem", name))
            if hasattr(found, "close"):
                self._end.push_async_callback(found.close)
        return self._siems[name]

    @property
    def case_systems(self) -> list[str]:
        """The names of the case systems: ours, and those in the settings."""
        return list(dict.fromkeys(["local", *self.settings.case]))

    def case_system(self, name: str = "") -> "CaseSystem":
        """The case system of this name, else the one that cases are opened in; the context closes it. Raises
        ConfigError.
        """
        from exfilwatch_playbooks.cases.registry import case_system, opened_in

        wanted = name or opened_in(self.settings.case, self.settings.policy.page_in)
        if wanted not in self._cases:
            self._cases[wanted] = found = case_system(self.settings.case, self.store, wanted)
            self._end.push_async_callback(found.close)
        return self._cases[wanted]

    @property
    def paging(self) -> list[str]:
        """The names of the case systems that page, in which no case is opened else. Raises ConfigError for one that is
        not configured.
        """
        from exfilwatch_playbooks.cases.registry import paging

        return paging(self.settings.case, self.settings.policy.page_in)

    @property
    def enrichers(self) -> dict[str, dict[str, Any]]:
        """The enrichers in the settings, by name."""
        return self._tables("enrichment")

    def _tables(self, name: str) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = getattr(self.settings, name, {})
        return found


def user() -> str:
    """Who runs this process, as the system knows it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return "unknown"


def _table(tables: dict[str, dict[str, Any]], what: str, name: str) -> dict[str, Any]:
    if name in tables:
        return tables[name]
    there = f"use {', '.join(tables)}" if tables else f"the settings have none: add a table [{what}.NAME]"
    raise ConfigError(f"there is no {what} {name!r}: {there}")
