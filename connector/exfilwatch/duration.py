"""Lengths of time as people write them: 90s, 45m, 2h, 7d."""

import re
from datetime import timedelta

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def duration(value: object) -> timedelta:
    """A length of time. Raises ValueError, which says how to write one."""
    if isinstance(value, timedelta):
        return value
    found = re.fullmatch(r"\s*(\d{1,6})\s*([smhd])\s*", value, re.ASCII) if isinstance(value, str) else None
    if found is None:
        raise ValueError("use a number with s, m, h or d, such as 45m or 2h")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})
