"""Bringing a part of the database to the schema of this exfilwatch, by the Alembic revisions in the part's package.

A part's package has `migrations/versions/0001_WHAT.py`, `0002_WHAT.py` and so on; the revision's id is its number. Its
state is in a table of its own, `exfilwatch_PART_version`. A revision's operations are all within the writer's
transaction, which SQLite and PostgreSQL undo whole. What is older than Alembic has its version in `exfilwatch_schema`.
"""

from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Column, Connection, Integer, MetaData, String, Table, inspect, select, update

_REVISION = "[0-9][0-9][0-9][0-9]"
_versions = Table(
    "exfilwatch_schema",
    MetaData(),
    Column("part", String(32), primary_key=True),
    Column("version", Integer, nullable=False),
)


class Part(NamedTuple):
    """Tables that belong together, and the folder that has their migrations."""

    name: str
    folder: Path

    @classmethod
    def of(cls, name: str, package: str) -> "Part":
        """The part whose migrations are in `package`."""
        (place,) = import_module(package).__path__
        return cls(name, Path(place) / "migrations")

    @property
    def table(self) -> str:
        """The name of the table that has its revision."""
        return f"exfilwatch_{self.name}_version"

    def revisions(self) -> list[str]:
        """The revisions that this exfilwatch knows, oldest first; without Alembic, which takes long to import."""
        return sorted(path.name[:4] for path in self.folder.glob(f"versions/{_REVISION}_*.py"))


def revision(connection: Connection, part: Part) -> str | None:
    """The revision that Alembic brought the tables of `part` to; None when it has not been here."""
    if not inspect(connection).has_table(part.table):
        return None
    version: Column[str] = Column("version_num", String(32))
    return connection.scalar(select(Table(part.table, MetaData(), version).c.version_num))


def before_alembic(connection: Connection, part: Part) -> str | None:
    """The revision that is what an exfilwatch from before Alembic made; None when there was none."""
    if not inspect(connection).has_table(_versions.name):
        return None
    number = connection.scalar(select(_versions.c.version).where(_versions.c.part == part.name))
    return None if number is None else f"{number:04}"


def migrate(connection: Connection, part: Part) -> None:
    """Run the revisions that are missing, within the transaction of `connection`, which no other writer overlaps."""
    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext, MigrationStep, RevisionStep
    from alembic.script import ScriptDirectory

    script = ScriptDirectory(str(part.folder))

    def missing(current: str | tuple[str, ...], _: MigrationContext) -> Iterable[RevisionStep]:
        newest_first = list(script.iterate_revisions("heads", current or "base"))
        return [MigrationStep.upgrade_from_script(script.revision_map, each) for each in reversed(newest_first)]

    context = MigrationContext.configure(connection, opts={"version_table": part.table, "fn": missing})
    if revision(connection, part) is None and (found := before_alembic(connection, part)):
        context.stamp(script, found)
    with Operations.context(context):
        context.run_migrations()
    if before_alembic(connection, part):
        # An exfilwatch from before Alembic looks here, and refuses what is newer than it knows.
        newest = int(part.revisions()[-1])
        connection.execute(update(_versions).where(_versions.c.part == part.name).values(version=newest))
