"""Event times: every notation that log sources use, as microseconds since 1970-01-01 UTC."""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from exfilwatch.events.event import Value

MICROS = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# ISO 8601 as log sources write it: T or a space between, any number of fraction digits, Z, an offset or nothing (UTC).
# Sumo Logic's collector puts a plus before its nine fraction digits (2020-10-12T07:31:14+000039800Z).
_ISO = re.compile(
    r"\s*(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:(?:[.,]|\+(?=\d{9}Z))(\d{1,9}))?)?"
    r"\s*(Z|UTC|GMT|[+-]\d\d:?\d\d)?\s*\Z",
    re.ASCII,
)
_NUMBER = re.compile(r"\s*-?\d{9,19}(?:\.\d+)?\s*\Z", re.ASCII)
_MS_DATE = re.compile(r"/Date\((-?\d+)(?:[+-]\d{4})?\)/\Z", re.ASCII)
_LONGEST = 64
_FARTHEST = 15 * 3600  # no zone is farther from UTC
# Hours from UTC of the zones that log sources write by name. A time of another zone is no time rather than a wrong one.
_ZONES = {"EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7}
_ZONES |= {"UTC": 0, "GMT": 0, "Z": 0, "BST": 1, "WEST": 1, "CET": 1, "CEST": 2, "EET": 2, "EEST": 3, "JST": 9}


def _epoch(number: float) -> int | None:
    """A number of seconds, milliseconds, microseconds or nanoseconds, told apart by magnitude (years 1973 to 5138)."""
    size = abs(number)
    if size < 1e11:
        return round(number * MICROS)
    if size < 1e14:
        return round(number * 1000)
    if size < 1e17:
        return round(number)
    return int(number) // 1000 if size < 1e20 else None


def micros(value: Value) -> int | None:
    """Microseconds since 1970 UTC; None for what is no time. A time without a zone is taken as UTC."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return _epoch(value) if value == value and abs(value) < 1e20 else None
    if not isinstance(value, str) or not 8 <= len(value) <= _LONGEST:
        return None
    found = _ISO.match(value)
    if found:
        year, month, day, hour, minute, second, fraction, zone = found.groups()
        try:
            days = datetime(int(year), int(month), int(day), int(hour), int(minute), tzinfo=UTC) - _EPOCH
        except ValueError:
            return None
        total = (days.days * 86_400 + days.seconds + int(second or 0)) * MICROS
        if fraction:
            total += int(fraction[:6].ljust(6, "0"))
        if zone and zone[0] in "+-":
            offset = int(zone[1:3]) * 3600 + int(zone[-2:]) * 60
            if offset > _FARTHEST:
                return None
            total -= (offset if zone[0] == "+" else -offset) * MICROS
        return total
    if _NUMBER.match(value):
        return _epoch(float(value))
    found = _MS_DATE.match(value)
    if found:
        return int(found[1]) * 1000
    return _other(value)


def microseconds(time: datetime) -> int:
    """Since 1970 UTC; a time without a zone is taken as UTC."""
    return ((time if time.tzinfo else time.replace(tzinfo=UTC)) - _EPOCH) // _MICROSECOND


def to_datetime(micros: int | None) -> datetime | None:
    """Microseconds since 1970 as an aware UTC datetime; None when unknown or outside what a date can say."""
    if micros is None:
        return None
    try:
        return _EPOCH + micros * _MICROSECOND
    except OverflowError:
        return None


def _other(value: str) -> int | None:
    """The rest of the world's notations (`03/12/2026 09:14:02 AM`), by dateutil."""
    from dateutil import parser as dateutil_parser  # rarely needed, and slow to import

    try:
        parsed = dateutil_parser.parse(value, default=datetime(1, 1, 1, tzinfo=UTC), tzinfos=_zone)
    except (ValueError, OverflowError, TypeError, ArithmeticError):
        return None
    if parsed.year == 1:
        return None
    return microseconds(parsed)


def _zone(name: str | None, offset: int | None) -> tzinfo:
    if offset is not None:
        return timezone(timedelta(seconds=offset))
    if name is None:  # dateutil asks for times without a zone too
        return UTC
    if name.upper() not in _ZONES:
        raise ValueError(f"unknown time zone {name}")
    return timezone(timedelta(hours=_ZONES[name.upper()]))
