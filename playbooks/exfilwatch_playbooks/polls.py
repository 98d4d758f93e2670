"""A poll with all that follows from it: findings are kept, and the policy enriches, opens cases and pages.

What a scheduler calls, ours or a SOAR's: `await poll_once(context)`, or a `Polling` that goes on. It reads, matches and
writes in between its awaits: a service runs it in a thread with a loop of its own.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from exfilwatch_playbooks.policy import Handled, handle

if TYPE_CHECKING:
    from exfilwatch.detection.rule import RuleSet
    from exfilwatch.polling.polls import Polls
    from exfilwatch.polling.runs import Run
    from exfilwatch_playbooks.actions.context import Context
    from exfilwatch_playbooks.cases.looking import Look

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Polled:
    """What came of the poll of one source: its record, and what was done about what it found."""

    run: "Run"
    handled: Handled

    @property
    def problems(self) -> list[str]:
        """All that went wrong, each in a line: the errors, and what keeps no case from being opened."""
        return [*self.errors, *self.handled.problems]

    @property
    def errors(self) -> list[str]:
        """Why it ended early and what could not be opened or paged, each in a line."""
        run = self.run
        named = run.problem.startswith((f"{run.source}: ", f"{run.source} ("))
        ended = [run.problem if named else f"{run.source}: {run.problem}"] if run.problem else []
        return self.handled.errors + ended


async def _nothing(_polled: Polled) -> None:
    """Nobody wants to know."""


async def poll_once(
    context: "Context",
    names: Iterable[str] = (),
    *,
    since: timedelta = DAY,
    deadline: float | None = None,
    looks: bool = True,
) -> list[Polled]:
    """Poll the SIEMs of these names, else all of the settings, once, for at most `deadline` seconds each.

    The first poll of a SIEM goes `since` back. `looks`: see Polling. Raises ConfigError and RuleError; that a SIEM or
    a case system fails is in what is returned.
    """
    polling = Polling(context, names, since=since, looks=looks)
    try:
        return await polling.once(deadline)
    finally:
        await polling.close()


class Polling:
    """Polls again and again, with the rules as they are: a suppression that is new, or ends, needs no new start.

    `stamp` gives something that is another when the rules are. `looks`: after a poll, look how cases stand in their
    systems, too, at a few and not for long (cases/looking.py); `looked` has what came of the last look.
    """

    def __init__(
        self,
        context: "Context",
        names: Iterable[str] = (),
        *,
        since: timedelta = DAY,
        stamp: Callable[[], object] = lambda: None,
        looks: bool = True,
    ) -> None:
        from exfilwatch.polling.polls import configured

        self.context = context
        self.sources = configured(context.settings, list(names))
        self.looked: list[Look] = []
        self._since, self._stamp, self._looks = since, stamp, looks
        self._known = stamp()
        self._handling = asyncio.Lock()
        self._rules: RuleSet = context.rules
        self.polls = self._made()

    def _made(self) -> "Polls":
        from exfilwatch.polling.polls import Polls

        return Polls(self.sources, self._rules, self.context.store, since=self._since, looks=True)

    async def once(
        self,
        deadline: float | None = None,
        progress: Callable[["Run"], None] = lambda _run: None,
        done: Callable[[Polled], Awaitable[None]] = _nothing,
    ) -> list[Polled]:
        """Poll each source once, for at most `deadline` seconds; `done` is awaited after each.

        Raises what the store refuses, when no poll is under way any more.
        """
        found: list[Polled] = []

        async def ended(run: "Run") -> None:
            async with self._handling:  # what one poll found is handled once, though others end meanwhile
                found.append(Polled(run, await handle(self.context)))
            await done(found[-1])

        await self.polls.once(deadline, progress, ended)
        if self._looks:
            from exfilwatch_playbooks.cases.looking import look

            self.looked = await look(self.context)
        return found

    async def renew(self) -> None:
        """Begin anew when a file of rules has changed or a filter has ended. Raises ConfigError and RuleError, and
        goes on with the rules of before then.
        """
        stamp = self._stamp()
        if stamp == self._known and not self._rules.has_outlived_a_filter(datetime.now(UTC)):
            return
        self._known = stamp  # what is wrong with them is said once
        self._rules = self.context.renew_rules()
        await self.polls.close()
        self.polls = self._made()

    async def close(self) -> None:
        """Close the connections to the SIEMs; the context is its owner's to close."""
        await self.polls.close()
