"""The database behind the store: one writer at a time, and errors that name the file and the way out."""

import sqlite3
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event, func, make_url, pool, select
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.pool import ConnectionPoolEntry

from exfilwatch.errors import ConfigError, ExfilwatchError
from exfilwatch.findings.migrate import Part, before_alembic, migrate, revision

# A number of our own for PostgreSQL's advisory lock.
_WRITER = 0x65786677


class Database:
    """A SQLite file (a path or `sqlite:///PATH`) or any URL of SQLAlchemy. `patience`: seconds to wait for a lock.
    `kept`: connections to a SQLite file stay open for the next transaction, for a process that goes on and never forks.
    """

    def __init__(self, url: str, *, patience: float = 30.0, kept: bool = False) -> None:
        self._patience = patience
        try:
            self._url = _with_driver(make_url(url if "://" in url else f"sqlite:///{url}"))
            self.sqlite = self._url.get_backend_name() == "sqlite"
            self._postgresql = self._url.get_backend_name() == "postgresql"
            in_file = self.sqlite and self._url.database not in (None, "", ":memory:")
            # A SQLite file is opened anew for each transaction: nothing is left open across a fork or at the end.
            self._anew = in_file and not kept
            self._held = 0
            self._plain = self._engine = self._opened(kept=kept and (in_file or not self.sqlite))
        except (ArgumentError, NoSuchModuleError) as error:
            message = f"not a database URL: use a file's path, sqlite:///PATH or postgresql://HOST/NAME ({error})"
            raise ConfigError(message) from None
        except ImportError as error:
            name = self._url.get_backend_name()
            how = "pip install 'psycopg[binary]'" if name == "postgresql" else "install it with pip"
            message = f"{name}: its driver is not installed ({error}): {how}"
            raise ConfigError(message) from None
        weakref.finalize(self, self._plain.dispose)

    def _opened(self, *, kept: bool) -> Engine:
        many = {"pool_size": 16, "max_overflow": 64} if kept else {}
        engine = create_engine(
            self._url,
            connect_args={"timeout": self._patience} if self.sqlite else {},
            poolclass=pool.NullPool if self._anew and not kept else None,
            **many,
            pool_pre_ping=not self.sqlite,  # the server may have been started anew since
        )
        if self.sqlite:
            event.listen(engine, "connect", _prepared(self._patience))
            event.listen(engine, "begin", _on_begin)
        elif self._postgresql:
            event.listen(engine, "connect", _in_utc)
        return engine

    @contextmanager
    def held(self) -> Iterator[None]:
        """Meanwhile connections to a SQLite file stay open for the next transaction, and all are closed at the end.
        For many transactions in a row, by a process that does not fork among them: opening the file costs more than
        most of them do.
        """
        if not self._anew:
            yield
            return
        if not self._held:
            self._engine = self._opened(kept=True)
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1
            if not self._held:
                self._engine.dispose()
                self._engine = self._plain

    @property
    def name(self) -> str:
        """The file, or the URL without its password."""
        return self._url.database or "memory" if self.sqlite else self._url.render_as_string(hide_password=True)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that reads one state of the database."""
        with self._explained(), self._engine.connect() as opened:
            connection = opened.execution_options(isolation_level="REPEATABLE READ") if self._postgresql else opened
            with connection.begin():
                yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that no other writer overlaps, in this process or another."""
        with self._explained(), self._engine.connect() as opened:
            connection = opened.execution_options(exfilwatch_write=True)
            with connection.begin():
                if self._postgresql:
                    milliseconds = max(1, round(self._patience * 1000))  # 0 would be for ever
                    connection.execute(select(func.set_config("lock_timeout", f"{milliseconds}ms", True)))
                    # Who holds the lock and hangs, or is gone without a word, keeps it no longer than that.
                    idle = f"{10 * milliseconds}ms"
                    connection.execute(select(func.set_config("idle_in_transaction_session_timeout", idle, True)))
                    connection.execute(select(func.pg_advisory_xact_lock(_WRITER)))
                yield connection

    def ensure(self, name: str, package: str) -> None:
        """Bring the tables of the part `name` to the newest revision in `package`, a dotted name: see migrate.py.

        `ensure("findings", "exfilwatch.findings")` runs what is missing of exfilwatch/findings/migrations/versions/.
        Processes that do so at once migrate once. Raises ConfigError when a newer exfilwatch made the tables.
        """
        part = Part.of(name, package)
        known = part.revisions()
        with self.read() as connection:
            if revision(connection, part) == known[-1]:
                return
        with self.write() as connection:
            found = revision(connection, part) or before_alembic(connection, part)
            if found is not None and found not in known:
                message = (
                    f"{self.name}: written by a newer exfilwatch ({name} of revision {found}, not {known[-1]}): use "
                    "that exfilwatch, or name another database"
                )
                raise ConfigError(message)
            migrate(connection, part)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise self._explain(str(error.orig)) from error
        except sqlite3.Error as error:
            raise self._explain(str(error)) from error

    def _explain(self, problem: str) -> ExfilwatchError:
        problem = problem.strip().splitlines()[0] if problem.strip() else "unknown problem"
        if "lock timeout" in problem:
            return ExfilwatchError(
                f"{self.name}: another process holds the findings database (waited {self._patience:g} s): let it end, "
                "run again"
            )
        if not self.sqlite:
            return ExfilwatchError(f"{self.name}: the database refused: {problem}. Check that it runs and its rights.")
        path = Path(self._url.database or "").absolute()
        if "unable to open" in problem:
            if path.is_dir():
                return ConfigError(f"{path} is a directory: name a file in it as the findings database")
            if not path.parent.is_dir():
                return ConfigError(f"{path}: its directory does not exist: create it, or name another database")
            return ConfigError(
                f"{path}: can't open the findings database: make its directory writable, or name another"
            )
        if "readonly" in problem:
            message = f"{path}: the findings database is read-only: make file and directory writable, or name another"
            return ConfigError(message)
        if "not a database" in problem or "malformed" in problem:
            return ConfigError(f"{path}: not a sound SQLite database ({problem}): restore it, or name another")
        if "full" in problem or "disk I/O" in problem:
            return ExfilwatchError(
                f"{path}: no room on the disk ({problem}): free some and run again; nothing was half saved"
            )
        if "locked" in problem or "busy" in problem:
            waited = f"waited {self._patience:g} s"
            return ExfilwatchError(
                f"{path}: another process holds the findings database ({waited}): let it end, run again"
            )
        return ExfilwatchError(f"{path}: the findings database failed: {problem}")


def _with_driver(url: URL) -> URL:
    """`postgresql://` is psycopg2 to SQLAlchemy; ours is psycopg, which is its successor."""
    if url.drivername == "postgresql" and find_spec("psycopg2") is None:
        return url.set(drivername="postgresql+psycopg")
    return url


def _in_utc(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
    """Times of a session in another zone may fall before the year 1, which Python does not know."""
    cursor = connection.cursor()
    cursor.execute("SET TIME ZONE 'UTC'")
    cursor.close()
    connection.commit()


def _prepared(patience: float) -> Callable[[DBAPIConnection, ConnectionPoolEntry], None]:
    def prepare(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
        assert isinstance(connection, sqlite3.Connection)
        connection.isolation_level = None  # BEGIN is ours to say: see _on_begin
        connection.execute("PRAGMA foreign_keys=ON")
        until = time.monotonic() + patience
        while connection.execute("PRAGMA journal_mode").fetchone()[0] not in ("wal", "memory"):
            # SQLite does not always wait for its lock here, however long its busy timeout.
            try:
                connection.execute("PRAGMA journal_mode=WAL")
                break
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > until:
                    raise
                time.sleep(0.02)

    return prepare


def _on_begin(connection: Connection) -> None:
    """A writer takes SQLite's lock before it reads, so that what it read still holds when it writes."""
    write = connection.get_execution_options().get("exfilwatch_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
