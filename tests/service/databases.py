"""The database of a test, on each kind that we support: who imports this fixture, runs on PostgreSQL too."""

import pytest


@pytest.fixture
def url(database: str) -> str:
    """An empty database."""
    return database
