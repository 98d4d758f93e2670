"""One at a time: of all processes that have a database, one hands incidents over to a platform."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from exfilwatch.findings.database import Database


@contextmanager
def alone(database: "Database", name: str) -> Iterator[bool]:
    """Whether this process is the one, until the block ends; it does not wait. The lock ends with the process.

    For a SQLite file it is a file beside it, for PostgreSQL an advisory lock.
    """
    if database.sqlite:
        with Path(f"{database.name}.{name}").open("w", encoding="utf-8") as opened:
            try:
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True
        return
    from sqlalchemy import func, select

    with database.read() as connection:
        locks = connection.dialect.name == "postgresql"
        key = func.hashtext(f"exfilwatch/{name}")
        yield not locks or bool(connection.scalar(select(func.pg_try_advisory_xact_lock(key))))
