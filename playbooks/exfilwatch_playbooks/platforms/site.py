"""A site as a platform's package has it: settings that were given, in the process that the platform runs.

What differs from platform to platform, how its settings are given and how it shows errors, is in its own folder.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from exfilwatch.errors import ExfilwatchError

if TYPE_CHECKING:
    from exfilwatch.config import Settings
    from exfilwatch_playbooks.actions.context import Context


class Failed(Exception):
    """What was asked can't be done; the message is for people, and has no secret."""


class Misconfigured(Failed):
    """The settings are wrong."""


class Site(ABC):
    """What settings name."""

    @property
    @abstractmethod
    def settings(self) -> "Settings":
        """The settings. Raises Misconfigured."""

    @property
    @abstractmethod
    def who(self) -> str:
        """Who does what is done, as the audit log has it."""

    def context(self) -> "Context":
        """What actions and polls work with. Raises Misconfigured."""
        from exfilwatch_playbooks.opened import context

        return context(self.settings, who=self.who)

    def said(self, action: str, given: Mapping[str, object]) -> dict[str, Any]:
        """What an action answers, as JSON. Raises Failed and Misconfigured."""
        from exfilwatch_playbooks.actions.perform import perform

        async def performed() -> dict[str, Any]:
            async with self.context() as context:
                return (await perform(action, given, context)).model_dump(mode="json")

        with self.failing():
            return asyncio.run(performed())

    @contextmanager
    def failing(self, misconfigured: type[Exception] | tuple[()] = ()) -> Iterator[None]:
        """Errors as platforms are to show them, without a secret of the settings; `misconfigured` are those that only
        the settings can be the reason of. Raises Failed and Misconfigured.
        """
        from exfilwatch_playbooks.actions.secrets import Secrets

        masked = Secrets(self.settings)
        try:
            yield
        except misconfigured as error:
            raise Misconfigured(str(error)) from None  # a ConfigError has no secret by itself
        except ExfilwatchError as error:
            raise Failed(masked(str(error))) from None
        except Exception as error:
            raise Failed(masked(f"exfilwatch broke, please report it: {type(error).__name__}: {error}")) from error
