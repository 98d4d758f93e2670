"""What tests of polls have in common."""

from pathlib import Path

import pytest

from exfilwatch.findings.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store with nothing in it."""
    return Store(str(tmp_path / "findings.sqlite"))
