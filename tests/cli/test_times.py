"""Times as people type them."""

from datetime import UTC, datetime

import pytest

from exfilwatch.errors import ConfigError
from exfilwatch_playbooks.cli.times import micros, parse

NOW = datetime(2026, 3, 12, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-12", "2026-03-12T00:00:00"),
        ("2026-03-12T09:14", "2026-03-12T09:14:00"),
        ("2026-03-12 09:14:02", "2026-03-12T09:14:02"),
        ("2026-03-12T09:14:02.5Z", "2026-03-12T09:14:02.500000"),
        ("2026-03-12T09:14:02+02:00", "2026-03-12T07:14:02"),
        ("now", "2026-03-12T12:00:00"),
        ("90s", "2026-03-12T11:58:30"),
        ("45m", "2026-03-12T11:15:00"),
        ("45 min", "2026-03-12T11:15:00"),
        ("-24h", "2026-03-11T12:00:00"),
        ("2D", "2026-03-10T12:00:00"),
        ("1w", "2026-03-05T12:00:00"),
    ],
)
def test_a_time_is_a_date_iso_8601_or_how_long_ago(text: str, expected: str) -> None:
    assert parse(text, "--since", NOW) == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["", "yesterday", "12.03.2026", "2026-02-30", "h", "5y", "999999999w", "0001-01-01T00:00+23:00"]
)
def test_anything_else_is_an_error_that_names_the_option(text: str) -> None:
    with pytest.raises(ConfigError, match="--until"):
        parse(text, "--until", NOW)


def test_events_count_microseconds() -> None:
    assert micros(datetime(1970, 1, 1, 0, 0, 1, 5, tzinfo=UTC)) == 1_000_005
    assert micros(datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)) == -1_000_000
    assert micros(None) is None
