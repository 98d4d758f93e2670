"""What all requests share: the settings, the store, the rules, the tokens, and the threads that actions run in."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from exfilwatch.errors import ExfilwatchError
from exfilwatch_playbooks import opened
from exfilwatch_playbooks.service.rules import CurrentRules
from exfilwatch_playbooks.service.settings import ServeSettings
from exfilwatch_playbooks.service.workers import Workers

if TYPE_CHECKING:
    from pydantic import BaseModel

    from exfilwatch.config import Settings
    from exfilwatch.detection.rule import RuleSet
    from exfilwatch.findings.store import Store
    from exfilwatch_playbooks.actions.context import Context
    from exfilwatch_playbooks.service.tokens import Tokens

_TABLES = (
    ("actions", "exfilwatch_playbooks.actions"),
    ("cases", "exfilwatch_playbooks.cases"),
    ("polling", "exfilwatch.polling"),
)


class Service:
    """At `request.app.state.service`. Store, rules and tokens are opened when they are first asked for, which the start
    of the application does.
    """

    def __init__(
        self,
        settings: "Settings",
        serve: ServeSettings,
        *,
        store: "Callable[[], Store] | None" = None,
        rules: "Callable[[], RuleSet] | None" = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.settings = settings
        self.serve = serve
        self.clock = clock
        self.workers = Workers(serve.at_once)
        self.closing = asyncio.Event()
        """Set when the service is to end: what would go on without end, ends."""
        self.ready = False
        self.failed = ""
        """Why it could not be opened."""
        self._opened = store or (lambda: opened.store(settings))
        self.rules = rules or CurrentRules(lambda: opened.rules_stamp(settings), lambda: opened.rules(settings), clock)

    @cached_property
    def store(self) -> "Store":
        """Findings and incidents. Raises ConfigError."""
        return self._opened()

    @cached_property
    def tokens(self) -> "Tokens":
        """Who may ask. Raises ConfigError."""
        from exfilwatch_playbooks.service.tokens import Tokens

        return Tokens(self.store.database, self.clock)

    def context(self, who: str) -> "Context":
        """What actions of `who` work with: for one action, to be closed in the loop that it was used in."""
        from exfilwatch_playbooks.actions.context import Context

        return Context(self.settings, lambda: self.store, self.rules, who=who, clock=self.clock)

    async def perform(self, name: str, given: Mapping[str, object], who: str) -> "BaseModel":
        """What the action of this name answers, run in a thread; the audit log has it. Raises what perform raises."""
        from exfilwatch_playbooks.actions.perform import perform

        async def performed() -> "BaseModel":
            async with self.context(who) as context:
                return await perform(name, given, context)

        return await self.workers.run(performed)

    def open(self) -> None:
        """Open all that requests need. Raises ConfigError and RuleError."""
        try:
            assert self.tokens is not None
            for part, package in _TABLES:
                self.store.database.ensure(part, package)
            self.rules()
        except ExfilwatchError as error:
            self.failed = str(error)
            raise
        self.ready = True
