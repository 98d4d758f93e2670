"""PostgreSQL: a private cluster in a temporary folder, on 127.0.0.1, of Debian's package.

It takes 2 s to start, so each worker has its own. Its clock is not in UTC and its locale is plain, so that what
depends on either shows.
"""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path

import psycopg
import pytest

from .debian import install
from .unavailable import Unavailable, leave_out

_PATIENCE = 60  # seconds
_USER, _PASSWORD = "exfilwatch", "a-password-of-postgresql"
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "timezone": "America/New_York",
    "log_timezone": "UTC",
    "shared_buffers": "16MB",
    "max_connections": "200",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
}


class Cluster:
    """A server that runs. Each database that it makes is empty."""

    password = _PASSWORD

    def __init__(self, port: int) -> None:
        self.port = port
        self._numbers = count(1)

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        """As its owner, each statement a transaction."""
        where = {"host": "127.0.0.1", "port": self.port, "user": _USER, "password": _PASSWORD, "dbname": database}
        return psycopg.connect(**where, autocommit=True, connect_timeout=10)

    def new_database(self) -> str:
        """The URL of a new database."""
        name = f"d{next(self._numbers)}"
        with closing(self.connect()) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return f"postgresql://{_USER}:{_PASSWORD}@127.0.0.1:{self.port}/{name}"


@contextmanager
def running_postgresql() -> Iterator[Cluster]:
    """A cluster of one's own, gone afterwards, also when this process is killed. Raises Unavailable."""
    programs = _programs()
    folder = Path(tempfile.mkdtemp(prefix="exfilwatch-postgresql-"))
    try:
        (folder / "password").write_text(_PASSWORD)
        if os.geteuid() == 0:
            subprocess.run(["chown", "-R", "nobody:nogroup", folder], check=True)
        data, log, port = folder / "data", folder / "output", _free_port()
        making = ["-D", data, "-U", _USER, "-A", "scram-sha-256", f"--pwfile={folder / 'password'}", "--no-sync"]
        with log.open("wb") as output:
            streams = {"cwd": folder, "stdin": subprocess.DEVNULL, "stdout": output, "stderr": subprocess.STDOUT}
            made = subprocess.run([*_as_nobody(), programs / "initdb", *making, "--locale=C.UTF-8"], **streams)
            if made.returncode:
                raise Unavailable(f"initdb: {log.read_text()[-300:]}")
            settings = _SETTINGS | {"port": str(port), "unix_socket_directories": str(folder)}
            options = [f"--{name}={value}" for name, value in settings.items()]
            server = subprocess.Popen([*_as_nobody(), programs / "postgres", "-D", data, *options], **streams)
        try:
            yield _ready(Cluster(port), server, log)
        finally:
            server.send_signal(2)  # "fast": it ends its sessions
            server.wait(_PATIENCE)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path:
    """The folder of the newest PostgreSQL; root installs it where servers are required."""
    installed = Path("/usr/lib/postgresql")
    if not list(installed.glob("*/bin/postgres")):
        install("postgresql")
    found = sorted(installed.glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise Unavailable("needs PostgreSQL: apt-get install postgresql")
    return found[-1].parent


def _as_nobody() -> list[str]:
    """The server refuses root. It is told to end (SIGINT) when the process that started it is gone."""
    user = ["--reuid=nobody", "--regid=nogroup", "--clear-groups"] if os.geteuid() == 0 else []
    return ["setpriv", "--pdeathsig=INT", *user]


def _free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        return listening.getsockname()[1]


def _ready(cluster: Cluster, server: subprocess.Popen[bytes], log: Path) -> Cluster:
    until = time.monotonic() + _PATIENCE
    while server.poll() is None and time.monotonic() < until:
        try:
            cluster.connect().close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return cluster
    raise Unavailable(f"postgres did not start: {log.read_text()[-300:]}")


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Cluster]:
    """A real PostgreSQL."""
    try:
        with running_postgresql() as cluster:
            yield cluster
    except Unavailable as error:
        leave_out(error)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database: the test runs on each kind that we support."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'findings.sqlite'}"
    cluster: Cluster = request.getfixturevalue("postgresql")
    return cluster.new_database()
