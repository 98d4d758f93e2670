"""What the module does when the platform runs it: its settings made ours, our answers made the platform's."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, create_model

from exfilwatch.errors import ConfigError
from exfilwatch_playbooks.platforms import site
from exfilwatch_playbooks.platforms.site import Misconfigured

if TYPE_CHECKING:
    from exfilwatch.config import Settings
    from exfilwatch_playbooks.handover import Handed
    from exfilwatch_playbooks.platforms.schedule import Schedule

PLATFORM = "sekoia"
_AT_ONCE = 500  # incidents of one poll; the others come with the next


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


class Site(site.Site):
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

    who = "Sekoia"

    def perform(self, action: str, given: Mapping[str, object]) -> Answered:
        """Do an action. Raises Failed and Misconfigured."""
        from exfilwatch_playbooks.hostile import line

        said = self.said(action, given)
        return Answered(said, tuple(line(each, 500) for each in said.get("problems", ())))

    def poll(self, schedule: "Schedule") -> list[str]:
        """Poll the SIEM; what could not be read or done, each in a line. Raises Failed and Misconfigured."""
        from exfilwatch_playbooks.policy import check
        from exfilwatch_playbooks.polls import poll_once

        async def polled() -> list[str]:
            async with self.context() as context:
                check(context)
                done = await poll_once(context, since=schedule.since, deadline=schedule.longest)
                return [problem for each in done for problem in each.problems]

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
