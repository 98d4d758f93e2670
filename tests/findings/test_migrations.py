"""The database comes to the schema of the exfilwatch that opens it, from whatever was before, once, and whole."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import produce_migrations, render_python_code
from alembic.migration import MigrationContext
from sqlalchemy import MetaData, inspect, text

from exfilwatch.errors import ConfigError, ExfilwatchError
from exfilwatch.findings import schema
from exfilwatch.findings.database import Database
from exfilwatch.findings.store import Store
from exfilwatch.polling import tables
from exfilwatch_playbooks.cases import local
from exfilwatch_playbooks.cases import tables as case_tables
from exfilwatch_playbooks.service import tables as service_tables

# Each part of the database: its name, the package that has its migrations, and the tables as the program sees them.
PARTS = [
    ("findings", "exfilwatch.findings", schema.metadata),
    ("cases", "exfilwatch_playbooks.cases", case_tables.metadata),
    ("polling", "exfilwatch.polling", tables.metadata),
    ("service", "exfilwatch_playbooks.service", service_tables.metadata),
]


@pytest.fixture
def url(database: str) -> str:
    return database


def missing(url: str, metadata: MetaData) -> str:
    """The code of the revision that would bring the tables of a database to those of the program."""

    def is_ours(name: str | None, kind: str, _: object) -> bool:
        return kind != "table" or name in metadata.tables

    with Database(url).read() as connection:
        options = {"include_name": is_ours, "compare_server_default": True}
        made = produce_migrations(MigrationContext.configure(connection, opts=options), metadata)
    return "" if made.upgrade_ops.is_empty() else render_python_code(made.upgrade_ops)


@pytest.mark.parametrize(("part", "package", "metadata"), PARTS)
def test_the_migrations_make_the_tables_that_the_program_sees(url, part, package, metadata):
    Database(url).ensure(part, package)
    assert missing(url, metadata) == "", f"{package} needs a new revision in migrations/versions/"


@pytest.mark.parametrize(("part", "package", "metadata"), PARTS)
def test_a_part_keeps_its_revisions_in_a_row(part, package, metadata):
    (place,) = __import__(package, fromlist=["x"]).__path__
    files = sorted(path.name for path in Path(place, "migrations", "versions").glob("*.py"))
    assert [name[:5] for name in files] == [f"{number:04}_" for number in range(1, len(files) + 1)]


def old_database(url: str) -> None:
    """A database from before Alembic."""
    script = Path(__file__).with_name("before_alembic.sql").read_text()
    database = Database(url)
    if not database.sqlite:
        script = script.replace("DATETIME", "TIMESTAMP WITH TIME ZONE")
    with database.write() as connection:
        for statement in script.removesuffix(";\n").split(";\n"):
            connection.exec_driver_sql(statement)


def test_a_database_from_before_alembic_is_taken_over_with_all_that_is_in_it(url):
    old_database(url)
    store = Store(url)
    cases = local.Local(store)
    (incident,) = store.incidents()
    (finding,) = store.find(incident=incident.id)
    assert (finding.host, finding.events[0].fields["ProcessGuid"]) == ("WS1", "{1-2}")
    assert [case.findings for case in asyncio.run(cases.list())] == [(finding.id,)]
    assert store.pending("local") == []
    assert [missing(url, metadata) for _, _, metadata in PARTS[:2]] == ["", ""]
    assert Store(url).incidents() == [incident]


def test_what_was_before_alembic_is_told_of_revisions_that_it_does_not_know(url, revisions):
    old_database(url)
    with Database(url).write() as connection:
        connection.execute(text("INSERT INTO exfilwatch_schema VALUES ('things', 1)"))
        connection.execute(text("CREATE TABLE things (name TEXT)"))
    revisions(CREATE_THINGS, "op.create_table('more', sa.Column('name', sa.Text))")
    Database(url).ensure("things", "things")
    with Database(url).read() as connection:
        versions = dict(iter(connection.execute(text("SELECT * FROM exfilwatch_schema"))))
        assert inspect(connection).has_table("more")
    assert versions == {"findings": 1, "cases": 1, "things": 2}


def test_a_database_that_is_current_costs_no_alembic(url):
    local.Local(Store(url))
    program = (
        "import sys; from exfilwatch.findings.store import Store; from exfilwatch_playbooks.cases.local import Local\n"
        "Local(Store(sys.argv[1])); print('alembic' in sys.modules)"
    )
    assert subprocess.check_output([sys.executable, "-c", program, url], text=True) == "False\n"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE exfilwatch_findings_version SET version_num = '0099'",
        "UPDATE exfilwatch_schema SET version = 99",
    ],
)
def test_a_database_of_a_newer_exfilwatch_is_left_alone(url, statement):
    old_database(url)
    if "findings_version" in statement:
        Store(url)
    with Database(url).write() as connection:
        connection.execute(text(statement))
    with pytest.raises(ConfigError, match=r"written by a newer exfilwatch \(findings of revision 0099, not 0\d\d\d\)"):
        Store(url)


CREATE_THINGS = "op.create_table('things', sa.Column('name', sa.Text))"


@pytest.fixture
def revisions(tmp_path, monkeypatch):
    """Make the package `things` with revisions that do what is given; again: with others."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "things", raising=False)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def make(*upgrades: str) -> None:
        versions = tmp_path / "things" / "migrations" / "versions"
        versions.mkdir(parents=True, exist_ok=True)
        (tmp_path / "things" / "__init__.py").touch()
        for number, upgrade in enumerate(upgrades, 1):
            before = f"'{number - 1:04}'" if number > 1 else None
            lines = [
                "import os, signal",
                "import sqlalchemy as sa",
                "from alembic import op",
                f"revision, down_revision = '{number:04}', {before}",
                "def upgrade():",
                *(f"    {line}" for line in upgrade.splitlines()),
            ]
            (versions / f"{number:04}_step.py").write_text("\n".join(lines))

    return make


def things(url: str) -> dict[str, list[str]]:
    """The tables of the part and what is in them."""
    with Database(url).read() as connection:
        tables = {name for name in inspect(connection).get_table_names() if not name.startswith("exfilwatch_")}
        return {name: list(connection.scalars(text(f"SELECT * FROM {name}"))) for name in sorted(tables)}


SPLIT = """op.create_table("more", sa.Column("name", sa.Text))
op.execute("INSERT INTO more SELECT name || '!' FROM things")
op.execute("DELETE FROM things")
"""
FULL = (
    SPLIT
    + """op.execute("PRAGMA max_page_count=1")
op.execute("CREATE TABLE large AS SELECT hex(zeroblob(100000)) AS body")
"""
)


@pytest.mark.parametrize("why", ["raise ValueError('no')", "op.execute('SELECT nonsense')"])
def test_a_migration_that_fails_leaves_what_was_and_is_run_again(url, revisions, why):
    revisions(CREATE_THINGS)
    Database(url).ensure("things", "things")
    with Database(url).write() as connection:
        connection.execute(text("INSERT INTO things VALUES ('a')"))
    revisions(CREATE_THINGS, SPLIT, why)
    with pytest.raises((ValueError, ExfilwatchError)):
        Database(url).ensure("things", "things")
    assert things(url) == {"things": ["a"]}
    revisions(CREATE_THINGS, SPLIT, "pass")
    Database(url).ensure("things", "things")
    assert things(url) == {"more": ["a!"], "things": []}


def test_a_migration_on_a_full_disk_leaves_what_was_and_says_so(tmp_path, revisions):
    url = str(tmp_path / "f.sqlite")
    revisions(CREATE_THINGS)
    Database(url).ensure("things", "things")
    revisions(CREATE_THINGS, FULL)
    with pytest.raises(ExfilwatchError, match="no room on the disk"):
        Database(url).ensure("things", "things")
    assert things(url) == {"things": []}


ENSURE = (
    "import sys; from exfilwatch.findings.database import Database; Database(sys.argv[1]).ensure('things', 'things')"
)


def ensuring(url: str, folder: Path) -> subprocess.Popen[bytes]:
    paths = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.Popen([sys.executable, "-c", ENSURE, url], env=os.environ | {"PYTHONPATH": paths})


def test_a_migration_that_is_killed_leaves_what_was(url, revisions, tmp_path):
    revisions(CREATE_THINGS)
    Database(url).ensure("things", "things")
    revisions(CREATE_THINGS, SPLIT + "os.kill(os.getpid(), signal.SIGKILL)")
    assert ensuring(url, tmp_path).wait(60) == -9
    assert things(url) == {"things": []}


def test_processes_that_start_together_migrate_once(url, revisions, tmp_path):
    revisions(CREATE_THINGS, "op.execute(\"INSERT INTO things VALUES ('a')\")")
    assert [process.wait(60) for process in [ensuring(url, tmp_path) for _ in range(4)]] == [0, 0, 0, 0]
    assert things(url) == {"things": ["a"]}
