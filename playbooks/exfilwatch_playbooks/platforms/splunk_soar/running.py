"""What the app does when the platform runs it: its settings made ours, our answers made the platform's."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exfilwatch.errors import ConfigError
from exfilwatch_playbooks.platforms import site
from exfilwatch_playbooks.platforms.site import Misconfigured

if TYPE_CHECKING:
    from exfilwatch.config import Settings
    from exfilwatch_playbooks.platforms.splunk_soar.handing import Handing, Pace, Wanted


@dataclass(frozen=True)
class Answered:
    """An action's answer. `values` are as the app's class of it takes them, `problems` counts what was not done."""

    values: dict[str, Any]
    summary: str
    problems: int
    message: str


@dataclass(frozen=True)
class Tried:
    """What became of a test of the way to everything: a line for each step, and what failed."""

    steps: list[str]
    failed: str


class Site(site.Site):
    """What an asset's settings name. `folder`: where the platform keeps an app's data, for this asset."""

    def __init__(self, given: Mapping[str, object], folder: Path) -> None:
        self._given = given
        self._folder = folder

    @cached_property
    def settings(self) -> "Settings":
        """The settings. Raises Misconfigured."""
        from exfilwatch_playbooks.platforms.configuration import settings
        from exfilwatch_playbooks.platforms.splunk_soar.fields import FIELDS

        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            ours = {name: value for name, value in self._given.items() if name not in FIELDS}
            place = {"database": str(self._folder / "exfilwatch.sqlite"), "suppressions": str(self._folder / "filters")}
            return settings(ours, **place)
        except OSError as error:
            raise Misconfigured(f"{self._folder}: can't be made: {error.strerror}") from None
        except ConfigError as error:
            raise Misconfigured(str(error)) from None

    @cached_property
    def pace(self) -> "Pace":
        """What the platform's own fields say of polls. Raises Misconfigured."""
        from exfilwatch_playbooks.platforms.splunk_soar.fields import pace

        try:
            return pace(self._given)
        except ConfigError as error:
            raise Misconfigured(str(error)) from None

    @property
    def who(self) -> str:
        """The platform, and its asset."""
        return f"Splunk SOAR, {self._folder.name.replace('_', ' ')}"

    def perform(self, action: str, given: Mapping[str, object]) -> Answered:
        """Do an action. Raises Failed and Misconfigured."""
        from exfilwatch_playbooks.actions import registry
        from exfilwatch_playbooks.hostile import line
        from exfilwatch_playbooks.platforms.splunk_soar.shapes import fitted, record

        said = self.said(action, given)
        schema = registry.action(action).answers
        problems = [line(each, 500) for each in said.get("problems", ())]
        summary = line(said.get("summary", ""), 500)
        return Answered(
            values=fitted(record(schema, "Output"), said),
            summary=summary,
            problems=len(problems),
            message="; ".join([summary, *(f"problem: {each}" for each in problems)]),
        )

    def connectivity(self) -> Tried:
        """Try the way to everything. Raises Failed and Misconfigured."""
        said = self.perform("test_connectivity", {}).values
        steps = [f"{each['what']}: {each['step']}: {each['outcome']}: {each['said']}" for each in said["steps"]]
        return Tried(steps, "" if said["ok"] else "; ".join(said["problems"]))

    def poll(self, wanted: "Wanted") -> "Handing":
        """Poll the SIEMs, and hand over what the platform has not been told. Raises Failed and Misconfigured."""
        from exfilwatch_playbooks.platforms.splunk_soar.handing import polled

        with self.failing(ConfigError):
            return asyncio.run(polled(self.context(), wanted, self.pace))
