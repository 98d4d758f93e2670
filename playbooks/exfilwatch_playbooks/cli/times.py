"""Times that people type: ISO 8601, a date, or how long ago (24h, -2d)."""

import re
from datetime import UTC, datetime, timedelta

from exfilwatch.errors import ConfigError
from exfilwatch.events.timestamps import microseconds

_AGO = re.compile(r"-?(\d{1,9})\s*(s|m|min|h|d|w)", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "min": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse(text: str, option: str, now: datetime | None = None) -> datetime:
    """The time in UTC; one without a zone is taken as UTC. Raises ConfigError that names the option."""
    given = text.strip()
    try:
        if given.lower() == "now":
            return now or datetime.now(UTC)
        if ago := _AGO.fullmatch(given.lower()):
            return (now or datetime.now(UTC)) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        time = datetime.fromisoformat(given)
        return (time.replace(tzinfo=UTC) if time.tzinfo is None else time).astimezone(UTC)
    except (ValueError, OverflowError):
        message = f"{option} {text!r} is no time: use 2026-03-12, 2026-03-12T09:14:02Z, or how long ago: 45m, 24h, 2d"
        raise ConfigError(message) from None


def micros(time: datetime | None) -> int | None:
    """Microseconds since 1970 UTC, as events have them."""
    return None if time is None else microseconds(time)
