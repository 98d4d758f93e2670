"""Fixtures for rooms whose tests must not meet what the machine that runs them has set; a conftest imports them."""

import os
from pathlib import Path

import pytest

from exfilwatch.detection.load import load
from exfilwatch.detection.rule import RuleSet
from exfilwatch.rules.packs import FILTERS, pack


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home of its own, and no settings; whether servers are required stays."""
    for name in list(os.environ):
        if name.startswith(("EXFILWATCH_", "XDG_")) and name != "EXFILWATCH_REQUIRE_SERVERS":
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.fixture(scope="session")
def rules() -> RuleSet:
    """The pack as it is used."""
    return load([pack("exfil"), FILTERS])
