"""The kinds of servers that a keeper can keep: how each is started in a folder of its own."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Protocol

from .redmine import Redmine
from .roundup import Roundup
from .rt import RequestTracker
from .search_engine import ENGINES, Running
from .server import Server


class Started(Protocol):
    """A server that was started."""

    def ready(self) -> Server:
        """As soon as it answers. Raises Unavailable."""

    def stop(self) -> None:
        """End it."""


KINDS: dict[str, Callable[[Path], Started]] = {
    **{kind: partial(Running, engine) for kind, engine in ENGINES.items()},
    "roundup": Roundup,
    "roundup-without-key": partial(Roundup, unique=False),
    "redmine": Redmine,
    "rt-sqlite": partial(RequestTracker, database="sqlite"),
    "rt-postgresql": partial(RequestTracker, database="postgresql"),
}
