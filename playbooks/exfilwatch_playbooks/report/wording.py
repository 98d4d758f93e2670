"""Words and numbers as people read them in a report."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from exfilwatch_playbooks.hostile import cut, defang

_UNITS = ("bytes", "kB", "MB", "GB", "TB")


def day(time: datetime | None) -> str:
    """2026-11-17, in UTC."""
    return f"{time.astimezone(UTC):%Y-%m-%d}" if time else ""


def clock(time: datetime | None) -> str:
    """09:14:22, in UTC; a dash for no time."""
    return f"{time.astimezone(UTC):%H:%M:%S}" if time else "–"


def moment(time: datetime | None) -> str:
    """2026-11-17 09:14:22 UTC."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if time else "at no known time"


def lasting(span: timedelta) -> str:
    """40 ms, 12 s, 3 min 20 s, 2 h 5 min, 3 d 4 h."""
    seconds = span.total_seconds()
    if seconds < 1:
        return f"{round(seconds * 1000)} ms"
    whole = round(seconds)
    for size, name, smaller, part in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            rest = whole % size // smaller
            return f"{whole // size} {name}" + (f" {rest} {part}" if rest else "")
    return f"{whole} s"


def minutes(count: int) -> str:
    """90 as 1 h 30 min."""
    return lasting(timedelta(minutes=count))


def amount(count: int) -> str:
    """1,082,089 bytes as 1.1 MB."""
    value, unit = float(count), 0
    while value >= 999.5 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{count:,} {_UNITS[0]}" if unit == 0 else f"{value:.3g} {_UNITS[unit]}"


def counted(count: int, noun: str, plural: str = "") -> str:
    """1 event, 2 events."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def listed(values: Iterable[str], shown: int = 3) -> str:
    """a, b and c; a, b, c and 4 more."""
    unique = [value for value in dict.fromkeys(values) if value]
    pieces = unique[:shown]
    if len(unique) > shown:
        pieces.append(f"{len(unique) - shown:,} more")
    return " and ".join(filter(None, (", ".join(pieces[:-1]), pieces[-1]))) if pieces else ""


def short(text: object, limit: int = 120) -> str:
    """On one line, with a remark of what was cut."""
    kept, remark = cut(str(text), limit)
    return kept + remark


def address(text: object, limit: int = 120) -> str:
    """The same with URLs and addresses that nothing makes a link of."""
    kept, remark = cut(str(text), limit)
    return defang(kept) + remark


def title(text: str) -> str:
    """A title in title case as a phrase of a sentence: Upload By PowerShell is upload by PowerShell."""
    words = text.split()
    return " ".join(word.lower() if word.istitle() and word.isalpha() else word for word in words)


def first(values: Sequence[str]) -> str:
    """The first, or nothing."""
    return values[0] if values else ""
