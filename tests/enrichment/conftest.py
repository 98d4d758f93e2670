"""What tests of enrichers share."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from exfilwatch.findings.store import Store
from exfilwatch_playbooks.enrichment import enrich, registry
from exfilwatch_playbooks.enrichment.enricher import Enricher

from .made import Echo


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store.sqlite"))


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Let there be these enrichers and no others."""
    Echo.asked.clear()

    def there_are(*classes: type[Enricher]) -> None:
        found = {each.name: each for each in classes}
        monkeypatch.setattr(registry, "kinds", lambda: found)
        monkeypatch.setattr(enrich, "kinds", lambda: found)

    yield there_are
    Echo.asked.clear()
