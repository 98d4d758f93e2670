"""What the papers say holds without settings and colours of whoever runs the tests."""

import os
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _as_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("EXFILWATCH_", "XDG_", "NO_COLOR", "FORCE_COLOR"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
