"""Rules, a home of its own, and a Chromium."""

import os
from pathlib import Path

import pytest

from exfilwatch.detection.load import load
from exfilwatch.detection.rule import RuleSet
from exfilwatch.rules.packs import FILTERS, pack


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("EXFILWATCH_", "XDG_")) and "REQUIRE" not in name]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.fixture(scope="session")
def rules() -> RuleSet:
    """The pack as it is used."""
    return load([pack("exfil"), FILTERS])
