"""Servers for tests: each is started once for all workers, by the first test that needs it.

A test that needs one is skipped where it can't be had, and fails there when EXFILWATCH_REQUIRE_SERVERS is 1.
"""

import os
from contextlib import ExitStack
from pathlib import Path

import pytest

from .running import server, using
from .search_engine import ELASTICSEARCH, OPENSEARCH
from .server import Server
from .unavailable import Unavailable, leave_out

_FOLDER = pytest.StashKey[Path]()


def pytest_configure(config: pytest.Config) -> None:
    """The process that starts the workers holds the folder that they share, until the end, unless one is given."""
    given = getattr(config, "workerinput", {}).get("servers") or os.environ.get("EXFILWATCH_SERVERS")
    if given is None:
        stack = ExitStack()
        given = stack.enter_context(using())
        config.add_cleanup(stack.close)
    config.stash[_FOLDER] = Path(given)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node) -> None:
    """xdist's: tell a worker of the folder."""
    node.workerinput["servers"] = str(node.config.stash[_FOLDER])


def had(kind: str, config: pytest.Config) -> Server:
    """The server of a kind, for whatever fixture needs it."""
    try:
        return server(kind, config.stash[_FOLDER])
    except Unavailable as error:
        leave_out(error)


@pytest.fixture(scope="session")
def opensearch(request: pytest.FixtureRequest) -> Server:
    """A real OpenSearch: http, no accounts."""
    return had(OPENSEARCH.kind, request.config)


@pytest.fixture(scope="session")
def elasticsearch(request: pytest.FixtureRequest) -> Server:
    """A real Elasticsearch: https by its own authority, accounts as in search_engine.py."""
    return had(ELASTICSEARCH.kind, request.config)
