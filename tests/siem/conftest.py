"""Search engines for the tests of their clients."""

from collections.abc import Iterator

import pytest

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
