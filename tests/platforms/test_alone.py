"""One process at a time hands over, by the database that they share."""

from pathlib import Path
from typing import Any

from exfilwatch.findings.database import Database
from exfilwatch_playbooks.platforms.alone import alone


def tried(url: str) -> None:
    one, two = Database(url), Database(url)
    with alone(one, "soar") as first, alone(two, "soar") as second, alone(two, "another") as third:
        assert (first, second, third) == (True, False, True)
    with alone(two, "soar") as later:
        assert later


def test_a_file(tmp_path: Path) -> None:
    tried(str(tmp_path / "findings.sqlite"))


def test_a_server(postgresql: Any) -> None:
    tried(postgresql.new_database())
