"""What the module does when the platform runs it: its settings made ours, our answers made the platform's."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, create_model

from exfilwatch.errors import ConfigError, ExfilwatchError

if TYPE_CHECKING:
    from exfilwatch.config import Settings
    from exfilwatch_playbooks.actions.context import Context
    from exfilwatch_playbooks.handover import Handed
    from exfilwatch_playbooks.platforms.schedule import Schedule

PLATFORM = "sekoia"
_AT_ONCE = 500  # incidents of one poll; the others come with the next


class Failed(Exception):
    """What was asked can't be done; the message is for people, and has no secret."""


class Misconfigured(Failed):
    """The module's settings are wrong."""


@dataclass(frozen=True)
class Answered:
    """An action's answer as JSON, and what of it could not be done."""

    values: dict[str, Any]
    problems: tuple[str, ...]


def configuration() -> type[BaseModel]:
    """The model of the module's settings, each as it was given; its JSON Schema is the manifest's."""
    from exfilwatch_playbooks.platforms.configuration import schema

    known = schema()

    def described(made: dict[str, Any]) -> None:
        made.clear()
        made.update(known)

    fields: dict[str, Any] = dict.fromkeys(known["properties"], (str | None, None))
    options = ConfigDict(extra="allow", hide_input_in_errors=True, json_schema_extra=described)
    return create_model("Configuration", __config__=options, **fields)


class Site:
    """What the module's settings name. `folder`: where the platform keeps the module's files; None: in no folder."""

    def __init__(self, given: Mapping[str, object], folder: Path | None) -> None:
        self._given = given
        self._folder = folder

    @cached_property
    def settings(self) -> "Settings":
        """The settings. Raises Misconfigured."""
        from exfilwatch_playbooks.platforms.configuration import settings

        own: dict[str, object] = {}
        if self._folder is not None:
            own = {"database": str(self._folder / "exfilwatch.sqlite"), "suppressions": str(self._folder / "filters")}
        elif not self._given.get("database"):
            raise Misconfigured("database: say where findings are kept, such as postgresql://HOST/NAME")
        try:
            return settings(self._given, **own)
        except ConfigError as error:
            raise Misconfigured(str(error)) from None

    def context(self) -> "Context":
        """What actions and polls work with."""
        from exfilwatch_playbooks.opened import context

        return context(self.settings, who="Sekoia")

    def perform(self, action: str, given: Mapping[str, object]) -> Answered:
        """Do an action. Raises Failed and Misconfigured."""
        from exfilwatch_playbooks.actions.perform import perform
        from exfilwatch_playbooks.hostile import line

        async def performed() -> dict[str, Any]:
            async with self.context() as context:
                return (await perform(action, given, context)).model_dump(mode="json")

        with self.failing():
            said = asyncio.run(performed())
        return Answered(said, tuple(line(each, 500) for each in said.get("problems", ())))

    def poll(self, schedule: "Schedule") -> list[str]:
        """Poll the SIEM; what could not be read or done, each in a line. Raises Failed and Misconfigured."""
        from exfilwatch_playbooks.policy import check
        from exfilwatch_playbooks.polls import poll_once

        async def polled() -> list[str]:
            async with self.context() as context:
                check(context)
                done = await poll_once(context, since=schedule.since, deadline=schedule.longest)
                return [error for each in done for error in (*each.errors, *each.handled.problems)]

        with self.failing():
            return list(dict.fromkeys(asyncio.run(polled())))

    def news(self, schedule: "Schedule") -> Iterator["Handed"]:
        """What the platform has not been sent, from the schedule's level on; it has one when the next is asked for.

        Nothing while another process hands over. Raises Failed and Misconfigured.
        """
        from exfilwatch_playbooks.handover import news, taken
        from exfilwatch_playbooks.opened import store
        from exfilwatch_playbooks.platforms.alone import alone

        with self.failing():
            kept = store(self.settings)
        with alone(kept.database, PLATFORM) as mine:
            if not mine:
                return
            with self.failing():
                found = news(kept, PLATFORM, lowest=schedule.level, limit=_AT_ONCE)
            for each in found:
                yield each
                with self.failing():
                    taken(kept, PLATFORM, [each])

    @contextmanager
    def failing(self) -> Iterator[None]:
        """Errors as the platform is to show them, without a secret of the settings."""
        from exfilwatch_playbooks.actions.secrets import Secrets

        masked = Secrets(self.settings)
        try:
            yield
        except ExfilwatchError as error:
            raise Failed(masked(str(error))) from None
        except Exception as error:
            raise Failed(masked(f"exfilwatch broke, please report it: {type(error).__name__}: {error}")) from error
