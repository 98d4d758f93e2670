"""Values as people write them: lengths of time (90s, 45m, 2h, 7d), times, and lists with commas between; and
what is wrong with what they wrote.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_AGO = re.compile(r"-?(\d{1,9})\s*(s|m|min|h|d|w)", re.ASCII)
_AGO_UNITS = {**_UNITS, "min": "minutes", "w": "weeks"}
_MICROSECOND = timedelta(microseconds=1)


def duration(value: object) -> timedelta:
    """A length of time. Raises ValueError, which says how to write one."""
    if isinstance(value, timedelta):
        return value
    found = re.fullmatch(r"\s*(\d{1,6})\s*([smhd])\s*", value, re.ASCII) if isinstance(value, str) else None
    if found is None:
        raise ValueError("use a number with s, m, h or d, such as 45m or 2h")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def moment(text: str, now: datetime) -> datetime:
    """The time in UTC: ISO 8601, one without a zone is UTC; a date; `now`; or how long ago (24h, -2d). Raises
    ValueError, which says how to write one.
    """
    given = text.strip()
    try:
        if given.lower() == "now":
            return now
        if ago := _AGO.fullmatch(given.lower()):
            return now - timedelta(**{_AGO_UNITS[ago[2]]: int(ago[1])})
        time = datetime.fromisoformat(given)
        return (time.replace(tzinfo=UTC) if time.tzinfo is None else time).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("use 2026-03-12, 2026-03-12T09:14:02Z, or how long ago: 45m, 24h, 2d") from None


def micros(length: timedelta) -> int:
    """A length of time in microseconds."""
    return length // _MICROSECOND


def listed(value: object) -> object:
    """A text as a list; what is none stays what it is."""
    return [item.strip() for item in value.split(",") if item.strip()] if isinstance(value, str) else value


def wrong(error: "ValidationError", known: Iterable[str]) -> str:
    """What is wrong with a table of the settings that knows these; without values, which may be secrets."""
    said = []
    for each in error.errors():
        match each["type"]:
            case "extra_forbidden":
                what = f"there is no such setting, use {', '.join(known)}"
            case "missing":
                what = "is missing"
            case _:
                what = each["msg"].removeprefix("Value error, ")
        said.append(f"{'.'.join(map(str, each['loc'])) or 'settings'}: {what}")
    return "; ".join(said)
