"""Servers as programs use them: started by the first that asks, shared by all that know the folder."""

import fcntl
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from .search_engine import ELASTICSEARCH, OPENSEARCH
from .server import Server
from .unavailable import Unavailable

_ROOT = Path(__file__).parents[2]
_PATIENCE = 60  # seconds until a server is gone


@contextmanager
def using() -> Iterator[Path]:
    """A folder in which servers are shared; they run on while anyone is in here, and are gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="exfilwatch-servers-"))
    try:
        with (folder / "users").open("w") as users:
            fcntl.flock(users, fcntl.LOCK_SH)
            yield folder
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until and list(folder.glob("*.running")):
            time.sleep(0.05)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def server(kind: str, folder: Path) -> Server:
    """The server of a kind (kinds.py) in a folder that someone is `using`, started if nobody did.

    Raises Unavailable.
    """
    ready, failed, kept = (folder / f"{kind}.{state}" for state in ("ready", "failed", "running"))
    with (folder / f"{kind}.start").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            kept.touch()
            with (folder / f"{kind}.output").open("wb") as output:
                keeper = subprocess.Popen(
                    [sys.executable, "-m", "tests.servers.keeper", kind, str(folder)],
                    cwd=_ROOT,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,  # Ctrl-C in a terminal is not for it: it ends with its users
                )
            while not ready.exists() and not failed.exists():
                if keeper.poll() is not None and not failed.exists():
                    failed.write_bytes((folder / f"{kind}.output").read_bytes()[-300:] or b"its keeper ended")
                time.sleep(0.05)
            keeper.returncode = keeper.returncode or 0  # it outlives this process: no warning that it still runs
    if failed.exists():
        raise Unavailable(f"{kind}: {failed.read_text()}")
    return msgspec.json.decode(ready.read_bytes(), type=Server)


@contextmanager
def running_opensearch() -> Iterator[Server]:
    """An OpenSearch of one's own: http, no accounts. Raises Unavailable."""
    with using() as folder:
        yield server(OPENSEARCH.kind, folder)


@contextmanager
def running_elasticsearch() -> Iterator[Server]:
    """An Elasticsearch of one's own: https, accounts as in search_engine.py. Raises Unavailable."""
    with using() as folder:
        yield server(ELASTICSEARCH.kind, folder)
