"""The case systems that the protocol's tests run against: the local one, real trackers on this machine, and those of
which there are only fakes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from exfilwatch.findings.store import Store
from exfilwatch_playbooks.cases.local import Local
from exfilwatch_playbooks.cases.registry import case_class
from exfilwatch_playbooks.cases.roundup import Roundup, RoundupSettings
from exfilwatch_playbooks.cases.system import CaseSystem

from ..servers.fixtures import had  # noqa: TID252 (tests are no package on the path)
from ..servers.server import Server  # noqa: TID252
from .fakes import jira, kinds

UNIQUE = {"local", "roundup", "TheHive alert"}
REAL = ["roundup", "roundup-without-key"]
KINDS = ["local", *REAL, *kinds.KINDS]


@dataclass(frozen=True)
class Place:
    """A kind of case system: `make` gives a client of it, as a worker of its own has one; options change settings."""

    kind: str
    make: Callable[..., CaseSystem]
    server: Server | None = None
    secret: str = "password"

    @property
    def unique(self) -> bool:
        return self.kind in UNIQUE


def roundup_settings(server: Server, **options: Any) -> dict[str, Any]:
    assert server.admin is not None
    user = {"user": server.admin.user, "password": server.admin.password}
    return {"kind": "roundup", "url": server.url, "origin": server.url, **user, **options}


def place(kind: str, config: pytest.Config, store: Store) -> Place:
    """The place of a kind. Skips where its server can't be had."""
    if kind == "local":
        return Place(kind, lambda **_options: Local(store))
    if kind in kinds.KINDS:
        fake = kinds.KINDS[kind].fake()
        if isinstance(fake, jira.Jira):
            fake.late = False  # how late its search is, test_adapters.py has
        return Place(kind, lambda **options: kinds.client(kinds.KINDS[kind], fake, **options))
    server = had(kind, config)

    def make(**options: Any) -> CaseSystem:
        return Roundup("tracker", RoundupSettings.model_validate(roundup_settings(server, **options)))

    return Place(kind, make, server)


__all__ = ["KINDS", "REAL", "Place", "case_class", "place", "roundup_settings"]
