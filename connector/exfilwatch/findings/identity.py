"""What names a finding and its times. Apart from the models, so that printing findings need not load pydantic."""

import hashlib
from datetime import UTC, datetime


def finding_id(rule_id: str, event_ids: list[str]) -> str:
    """A hash of the rule and its events' identities: the same events give the same id in any run and order."""
    text = "\n".join([rule_id, *sorted(event_ids)])
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def to_datetime(micros: int | None) -> datetime | None:
    """Microseconds since 1970 as an aware UTC datetime; None when unknown or outside what a date can say."""
    if micros is None:
        return None
    try:
        return datetime.fromtimestamp(micros // 1_000_000, UTC).replace(microsecond=micros % 1_000_000)
    except (ValueError, OverflowError, OSError):
        return None
