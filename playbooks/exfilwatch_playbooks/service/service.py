"""What all requests share: the settings, the store, the rules, the tokens, and the threads that actions run in."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from exfilwatch.errors import ExfilwatchError
from exfilwatch.polling.worker import worker_name
from exfilwatch_playbooks import opened
from exfilwatch_playbooks.service.claims import Claims
from exfilwatch_playbooks.service.hooks import Hook, hooks
from exfilwatch_playbooks.service.jobs import Jobs
from exfilwatch_playbooks.service.rules import CurrentRules
from exfilwatch_playbooks.service.settings import ServeSettings
from exfilwatch_playbooks.service.workers import Workers

if TYPE_CHECKING:
    from pydantic import BaseModel

    from exfilwatch.config import Settings
    from exfilwatch.detection.rule import RuleSet
    from exfilwatch.findings.store import Store
    from exfilwatch.polling.runs import Run
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
        self.me = worker_name()
        """This service, as it signs what it is at."""
        self.jobs = Jobs(self)
        self.hooks = [Hook(name, each, self) for name, each in hooks(serve.webhook).items()]
        self.polled: Callable[[Run], None] = lambda _run: None
        """Called with the record of each poll that has ended."""
        self.ended: Callable[[str], None] = lambda _state: None
        """Called with the state of each job that has ended."""
        self.ready = False
        self.failed = ""
        """Why it could not be opened."""
        self._opened = store or (lambda: opened.store(settings, kept=True))
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

    @cached_property
    def claims(self) -> Claims:
        """What one of several services does. Raises ConfigError."""
        return Claims(self.store.database, self.me, lambda: self.clock())

    def context(self, who: str) -> "Context":
        """What actions of `who` work with: for one action, to be closed in the loop that it was used in."""
        from exfilwatch_playbooks.actions.context import Context

        return Context(self.settings, lambda: self.store, self.rules, who=who, clock=self.clock)

    async def do(
        self,
        name: str,
        given: Mapping[str, object],
        who: str,
        progress: Callable[[str], None] = lambda _said: None,
    ) -> "BaseModel":
        """What the action of this name answers, or a `poll`, run in a thread; the audit log has it. `progress` is
        called when it begins, and with how far it is. Raises what the action raises.
        """

        async def done() -> "BaseModel":
            progress("")
            async with self.context(who) as context:
                context.progress = progress
                if name == "poll":
                    from exfilwatch_playbooks.service.poll_routes import poll

                    return await poll(given, context, self.polled)
                from exfilwatch_playbooks.actions.perform import perform

                return await perform(name, given, context)

        return await self.workers.run(done)

    def open(self) -> None:
        """Open all that requests need. Raises ConfigError and RuleError."""
        try:
            assert self.tokens is not None
            for part, package in _TABLES:
                self.store.database.ensure(part, package)
            self.rules()
            if self.serve.poll_every:
                self._check_polls()
        except ExfilwatchError as error:
            self.failed = str(error)
            raise
        self.ready = True

    def _check_polls(self) -> None:
        """Raises ConfigError where nothing could be polled, or its policy could not be followed."""
        from exfilwatch.polling.polls import configured
        from exfilwatch_playbooks import policy

        configured(self.settings)

        async def check() -> None:
            async with self.context("scheduler") as context:
                policy.check(context)

        asyncio.run(check())
