"""The case systems that the protocol's tests run against: the local one, real trackers on this machine, and those of
which there are only fakes.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from exfilwatch.findings.store import Store
from exfilwatch_playbooks.cases.local import Local
from exfilwatch_playbooks.cases.redmine import Redmine
from exfilwatch_playbooks.cases.roundup import Roundup
from exfilwatch_playbooks.cases.rt import RequestTracker
from exfilwatch_playbooks.cases.system import CaseSystem

from ..servers.fixtures import had  # noqa: TID252 (tests are no package on the path)
from ..servers.server import Server  # noqa: TID252
from .fakes import jira, kinds

UNIQUE = {"local", "roundup", "TheHive alert"}
_CHAOS = "EXFILWATCH_CHAOS" in os.environ
REAL = [
    *("roundup", "roundup-without-key", "redmine", "rt-postgresql"),
    *(["redmine-without-field", "rt-sqlite"] if _CHAOS else []),  # another database below the same RT
]
KINDS = ["local", *REAL, *kinds.KINDS]
_SERVERS = {"redmine-without-field": "redmine"}  # the others have one of their own
CLASSES: dict[str, Any] = {"redmine": Redmine, "roundup": Roundup, "rt": RequestTracker}


@dataclass(frozen=True)
class Place:
    """A kind of case system: `make` gives a client of it, as a worker of its own has one; options change settings.
    `settings`: those of a real one, whose `secret` is the name of the one that has to be right.
    """

    kind: str
    store: Store
    make: Callable[..., CaseSystem]
    settings: dict[str, Any] = field(default_factory=dict)
    secret: str = "password"

    @property
    def slow(self) -> int:
        """How many times less is tried of it, unless there is time: each request costs it some 35 ms of CPU."""
        return 4 if self.kind.startswith("redmine") and not _CHAOS else 1

    @property
    def unique(self) -> bool:
        """Whether it refuses a second case by itself."""
        return self.kind in UNIQUE


def _roundup(server: Server) -> dict[str, Any]:
    assert server.admin is not None
    account = {"user": server.admin.user, "password": server.admin.password}
    return {"kind": "roundup", "url": server.url, "origin": server.url, **account}


def _rt(server: Server) -> dict[str, Any]:
    assert server.admin is not None
    account = {"user": server.admin.user, "password": server.admin.password}
    return {"kind": "rt", "url": server.url, "queue": "Incidents", "timeout": "60s", **account}


def asks(request: httpx.Request) -> bool:
    """Whether a request changes nothing: RT is asked for the parts of a ticket by POST."""
    return request.method == "GET" or (request.method == "POST" and request.url.path.endswith("/attachments"))


def _redmine(server: Server) -> dict[str, Any]:
    assert server.admin is not None
    return {"kind": "redmine", "url": server.url, "project": "incidents", "api_key": server.admin.password}


def _redmine_with_field(server: Server) -> dict[str, Any]:
    return {**_redmine(server), "key_field": "Incident key"}


_SETTINGS: dict[str, Callable[[Server], dict[str, Any]]] = {
    "redmine": _redmine_with_field,
    "redmine-without-field": _redmine,
    "roundup": _roundup,
    "roundup-without-key": _roundup,
    "rt-sqlite": _rt,
    "rt-postgresql": _rt,
}


def place(kind: str, config: pytest.Config, store: Store) -> Place:
    """The place of a kind. Skips where its server can't be had."""
    if kind == "local":
        return Place(kind, store, lambda **_options: Local(store))
    if kind in kinds.KINDS:
        fake = kinds.KINDS[kind].fake()
        if isinstance(fake, jira.Jira):
            fake.late = False  # how late its search is, test_adapters.py has
        return Place(kind, store, lambda **options: kinds.client(kinds.KINDS[kind], fake, **options))
    settings = _SETTINGS[kind](had(_SERVERS.get(kind, kind), config))
    made = CLASSES[settings["kind"]]

    def make(transport: Any = None, **options: Any) -> CaseSystem:
        configured = made.Settings.model_validate({**settings, **options})
        system: CaseSystem = made("tracker", configured, store, transport=transport)
        return system

    return Place(kind, store, make, settings, "api_key" if "api_key" in settings else "password")
