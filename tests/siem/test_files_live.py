"""From a real upload on this machine to an open case: auditd records it, `exfilwatch poll` follows the log."""

import asyncio
import os
import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from exfilwatch.findings.store import Store
from exfilwatch_playbooks.cases.case import Case
from exfilwatch_playbooks.cases.local import Local

from ..demo.audit import AuditError, recording, run_in_session  # noqa: TID252 (tests are no package on the path)
from ..demo.test_record_live import REQUIRED, upload_server  # noqa: TID252
from .following import installed

SOON = 5.0  # seconds from the command to the case


@contextmanager
def polling(folder: Path, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`exfilwatch poll --every 2s` on the log, from after its first poll on. Ended by its own process id."""
    settings = folder / "config.toml"
    settings.write_text(f'database = "{folder}/findings.sqlite"\n[siem.local]\nkind = "files"\npaths = ["{log}"]\n')
    command = [sys.executable, "-m", "exfilwatch_playbooks.cli", "poll", "--every", "2s", "--output", "jsonl"]
    with (folder / "said").open("w+b") as said:
        process = subprocess.Popen(
            command, env=os.environ | {"EXFILWATCH_CONFIG": str(settings)}, stdout=subprocess.PIPE, stderr=said
        )
        assert process.stdout is not None
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(process.stdout, selectors.EVENT_READ)
                begun = selector.select(timeout=60)
            said.seek(0)
            assert begun, said.read().decode()
            assert process.poll() is None, said.read().decode()
            yield process
        finally:
            process.terminate()
            process.wait(10)
            process.stdout.close()


def uploaded(folder: Path, port: int, auid: int) -> None:
    """A real upload by curl, in a login session of its own. Raises AuditError."""
    (folder / "customers.csv").write_text("name\nAnn\n")
    curl = ["curl", "-s", "-F", f"file=@{folder}/customers.csv", f"http://127.0.0.1:{port}/upload"]
    run_in_session(auid, curl)


def case_in(store: Store, seconds: float) -> Case | None:
    """The first case, once it is open; None when that takes longer."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for incident in store.incidents():
            if case := asyncio.run(Local(store).find(incident.id)):
                return case
        time.sleep(0.05)
    return None


@pytest.mark.live
@installed
def test_a_case_is_open_within_5_seconds_of_a_real_upload() -> None:
    # auditd wants no path that others may write to, which pytest's own folders can be
    with tempfile.TemporaryDirectory(prefix="exfilwatch-") as name:
        folder = Path(name)
        auid = 1_800_000_000 + os.getpid()
        try:
            with recording(folder, "live", [auid]) as log, polling(folder, log), upload_server() as port:
                store = Store(str(folder / "findings.sqlite"))
                begun = time.monotonic()
                uploaded(folder, port, auid)
                case = case_in(store, SOON + begun - time.monotonic())
                took = time.monotonic() - begun
        except AuditError as error:
            if REQUIRED and error.curable:
                pytest.fail(f"a live recording is required here: {error}")
            pytest.skip(str(error))
    assert case is not None
    assert took < SOON
    assert "customers.csv" in case.body
