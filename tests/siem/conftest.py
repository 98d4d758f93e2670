"""Servers for the tests of clients."""

from collections.abc import Iterator

import pytest

from .asking import Server
from .engines import Engine, engine


@pytest.fixture(params=["opensearch", "elasticsearch"])
def searching(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """Either of the two."""
    with engine(request.param, request.getfixturevalue(request.param)) as found:
        yield found


@pytest.fixture
def secured(elasticsearch) -> Iterator[Engine]:
    """The one that has accounts."""
    with engine("elasticsearch", elasticsearch) as found:
        yield found


@pytest.fixture
def server() -> Iterator[Server]:
    """One that answers OK until it is told otherwise."""
    with Server() as one:
        yield one
