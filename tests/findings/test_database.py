"""A database that can't be used is refused with its name and the way out."""

import os
import re
import sqlite3
import tempfile
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from exfilwatch.errors import ConfigError, ExfilwatchError
from exfilwatch.findings import schema
from exfilwatch.findings.database import Database
from exfilwatch.findings.store import Store

from .made import make


def write(store: Store, *statements: str) -> None:
    with store.database.write() as connection:
        for statement in statements:
            connection.execute(text(statement))


def no_directory(folder: Path) -> str:
    return str(folder / "missing" / "f.sqlite")


def a_directory(folder: Path) -> str:
    return str(folder)


def no_database(folder: Path) -> str:
    (folder / "f.sqlite").write_text("this is a letter, not a database " * 100)
    return str(folder / "f.sqlite")


def damaged(folder: Path) -> str:
    path = folder / "f.sqlite"
    Store(str(path)).save([make(str(number), number * 100) for number in range(50)])
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    data = path.read_bytes()
    path.write_bytes(data[:4096] + b"\xff" * (len(data) - 4096))
    return str(path)


@pytest.mark.parametrize(
    ("place", "message"),
    [
        (no_directory, "its directory does not exist: create it"),
        (a_directory, "is a directory: name a file in it"),
        (no_database, "not a sound SQLite database"),
        (damaged, "not a sound SQLite database"),
    ],
)
def test_a_bad_file_is_named_with_the_next_step(tmp_path, place, message):
    path = place(tmp_path)
    with pytest.raises(ConfigError, match=message) as caught:
        Store(path).find()
    assert str(tmp_path) in str(caught.value)


@contextmanager
def as_nobody():
    """Root may write anywhere: step down to a user who may not."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def locked_folder():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        Store(str(folder / "there.sqlite")).save([make("a")])
        folder.chmod(0o555)
        yield folder
        folder.chmod(0o755)


@pytest.mark.parametrize("name", ["there.sqlite", "new.sqlite"])
def test_a_read_only_directory_is_said_to_be_one(locked_folder, name):
    with as_nobody(), pytest.raises(ConfigError, match=r"writable, or name another") as caught:
        Store(str(locked_folder / name)).save([make("b")])
    assert str(locked_folder / name) in str(caught.value)


def test_a_read_only_file_is_said_to_be_one(tmp_path):
    path = tmp_path / "f.sqlite"
    store = Store(str(path))
    with pytest.raises(ConfigError, match="read-only: make file and directory writable"):
        write(store, "PRAGMA query_only=1", "DELETE FROM findings")


def test_a_full_disk_loses_nothing_that_was_saved(tmp_path):
    store = Store(str(tmp_path / "f.sqlite"))
    store.save([make("a")])
    with store.database.read() as connection:
        pages = connection.scalar(text("PRAGMA page_count"))
    much = "CREATE TABLE more AS SELECT hex(zeroblob(1000000)) AS body FROM findings"
    with pytest.raises(ExfilwatchError, match="no room on the disk"):
        write(store, f"PRAGMA max_page_count={pages}", much)
    assert store.find() == [make("a")]


def test_a_lock_that_lasts_is_reported_after_the_patience(database):
    store = Store(database, patience=0.1)
    message = r"another process holds the findings database \(waited 0.1 s\): let it end"
    with Database(database).write(), pytest.raises(ExfilwatchError, match=message):
        store.save([make("a")])
    assert store.find() == []
    assert len(store.save([make("a")])) == 1


def test_a_reader_sees_one_state_while_others_write(database):
    store = Store(database)
    counted = select(func.count()).select_from(schema.findings)
    with store.database.read() as connection:
        before = connection.scalar(counted)
        store.save([make("a")])
        assert connection.scalar(counted) == before == 0
    assert len(store.find()) == 1


def test_a_file_that_is_held_stays_open_until_the_last_holder_lets_it_go(tmp_path):
    store, log = Store(str(tmp_path / "f.sqlite")), tmp_path / "f.sqlite-wal"
    assert not log.exists()
    with store.database.held():
        store.save([make("a")])
        with store.database.held():
            assert len(store.find()) == 1
        store.save([make("b", 100)])
        assert log.exists()  # SQLite removes it with the last connection
        assert len(Store(str(tmp_path / "f.sqlite")).find()) == 2
    assert not log.exists()
    assert len(store.find()) == 2


def test_a_connection_that_the_server_closed_is_opened_again(postgresql):
    url = postgresql.new_database()
    store = Store(url)
    store.save([make("a")])
    with closing(postgresql.connect()) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [url.rpartition("/")[2]]
        )
    assert len(store.find()) == 1


def test_postgresql_is_reached_without_naming_its_driver(postgresql):
    url = postgresql.new_database()
    assert url.startswith("postgresql://")
    assert Store(url).database.name == url.replace("postgresql:", "postgresql+psycopg:").replace(
        postgresql.password, "***"
    )


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda url: url.replace("/d", "/nothing"), 'database ".*" does not exist'),
        (lambda url: url.replace("a-password", "the-wrong-password"), "password authentication failed"),
        (lambda url: re.sub(r":\d+/", ":1/", url), "[Cc]onnection refused"),
    ],
)
def test_a_postgresql_that_refuses_is_named_without_its_password(postgresql, wrong, message):
    url = wrong(postgresql.new_database())
    with pytest.raises(ExfilwatchError, match=message) as caught:
        Store(url)
    assert str(caught.value).startswith("postgresql+psycopg://exfilwatch:***@127.0.0.1:")
    assert "password-of" not in str(caught.value)


@pytest.mark.parametrize("url", ["nosuch://x", "sqlite+nosuch:///x", "://"])
def test_a_url_that_is_none_is_refused(url):
    with pytest.raises(ConfigError, match="not a database URL"):
        Store(url)


def test_a_password_is_never_in_a_message():
    with pytest.raises(ExfilwatchError) as caught:
        Store("postgresql+psycopg://anna:secret@127.0.0.1:1/none")
    assert "secret" not in str(caught.value)
