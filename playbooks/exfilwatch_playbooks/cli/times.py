"""Times that people type: ISO 8601, a date, or how long ago (24h, -2d)."""

from datetime import UTC, datetime

from exfilwatch.errors import ConfigError
from exfilwatch.events.timestamps import microseconds
from exfilwatch.written import moment


def parse(text: str, option: str, now: datetime | None = None) -> datetime:
    """The time in UTC; one without a zone is taken as UTC. Raises ConfigError that names the option."""
    try:
        return moment(text, now or datetime.now(UTC))
    except ValueError as error:
        raise ConfigError(f"{option} {text!r} is no time: {error}") from None


def micros(time: datetime | None) -> int | None:
    """Microseconds since 1970 UTC, as events have them."""
    return None if time is None else microseconds(time)
