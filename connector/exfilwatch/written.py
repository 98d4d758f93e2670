"""Values as people write them: lengths of time (90s, 45m, 2h, 7d), and lists with commas between."""

import re
from datetime import timedelta

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_MICROSECOND = timedelta(microseconds=1)


def duration(value: object) -> timedelta:
    """A length of time. Raises ValueError, which says how to write one."""
    if isinstance(value, timedelta):
        return value
    found = re.fullmatch(r"\s*(\d{1,6})\s*([smhd])\s*", value, re.ASCII) if isinstance(value, str) else None
    if found is None:
        raise ValueError("use a number with s, m, h or d, such as 45m or 2h")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def micros(length: timedelta) -> int:
    """A length of time in microseconds."""
    return length // _MICROSECOND


def listed(value: object) -> object:
    """A text as a list; what is none stays what it is."""
    return [item.strip() for item in value.split(",") if item.strip()] if isinstance(value, str) else value
