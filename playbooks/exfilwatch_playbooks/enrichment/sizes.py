"""Amounts of data as people write them: 1.2 GB (1 KB is 1,000 bytes)."""

import re

_UNITS = ("bytes", "KB", "MB", "GB", "TB", "PB")
_WRITTEN = re.compile(r"\s*(\d{1,15}(?:\.\d{1,6})?)\s*(bytes?|[KMGTP]B)?\s*", re.IGNORECASE)


def size(text: str) -> float:
    """Bytes; a bare number is one too. Raises ValueError."""
    found = _WRITTEN.fullmatch(text)
    if found is None:
        raise ValueError("give an amount such as 500, 100 MB or 1.5 GB")
    unit = (found[2] or "bytes").upper()
    power = 0 if unit.startswith("BYTE") else [each.upper() for each in _UNITS].index(unit)
    return float(found[1]) * 10.0 ** (3 * power)


def shown(count: float) -> str:
    """In the largest unit of which there is one: 999 bytes, 1.2 GB, 340 MB."""
    power, left = 0, float(count)
    while left >= 999.5 and power < len(_UNITS) - 1:
        left /= 1000
        power += 1
    if power == 0:
        return "1 byte" if count == 1 else f"{int(count):,} bytes"
    return f"{left:.1f} {_UNITS[power]}" if left < 99.95 else f"{left:.0f} {_UNITS[power]}"
