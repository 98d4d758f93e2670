"""No test reads or writes the settings and the database of whoever runs it."""

import os
from pathlib import Path

import pytest

from .telemetry import BITSADMIN, harmless, nearly, process, write


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("EXFILWATCH_", "XDG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """A file with an upload, a download and something harmless."""
    return write(tmp_path / "sysmon.jsonl", harmless(1), process(BITSADMIN, second=2), nearly(3))
