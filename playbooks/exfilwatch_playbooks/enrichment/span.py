"""The time that SIEMs are asked about, from that of a subject."""

from datetime import UTC, datetime, timedelta

from exfilwatch.errors import SourceError
from exfilwatch.siem.siem import SECOND
from exfilwatch_playbooks.enrichment.subject import Subject

_NONE = timedelta(0)


def window(subject: Subject, before: timedelta = _NONE, after: timedelta = _NONE) -> tuple[int, int]:
    """µs: from so much before its first event to so much after its last one. Raises SourceError without times."""
    if subject.start is None or subject.end is None:
        raise SourceError("its events have no times, so there is no telling which others are near them")
    return micros(subject.start - before), micros(subject.end + after) + 1


def micros(time: datetime) -> int:
    """µs since 1970 UTC."""
    return round(time.astimezone(UTC).timestamp() * SECOND)
