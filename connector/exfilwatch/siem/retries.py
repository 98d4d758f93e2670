"""When a request is sent again, and after how long.

The waits grow, are shaken, and follow Retry-After; one longer than a minute is the caller's to wait.
"""

import random
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from tenacity import RetryCallState

from exfilwatch.errors import RateLimited, Unreachable

_FIRST_WAIT, _LONGEST_WAIT = 0.5, 60.0  # seconds


class Open(Unreachable):
    """The circuit is open: asking again at once makes no sense."""


def retry_after(value: str | None, now: datetime | None = None) -> float | None:
    """Seconds to wait by a Retry-After header (RFC 9110, 10.2.3: seconds or a date); None when there is none."""
    if value is None:
        return None
    if value.strip().isascii() and value.strip().isdigit():
        return float(value)
    try:
        until = parsedate_to_datetime(value)
        until = until if until.tzinfo else until.replace(tzinfo=UTC)
        return max(0.0, (until - (now or datetime.now(UTC))).total_seconds())
    except (ValueError, OverflowError):
        return None


def passes(error: BaseException, repeat: bool) -> bool:
    """Whether to ask again after this error."""
    if not isinstance(error, Unreachable) or isinstance(error, Open):
        return False
    return (repeat or isinstance(error, RateLimited)) and (error.wait or 0) <= _LONGEST_WAIT


def wait(state: RetryCallState) -> float:
    """Seconds before the next attempt: as told, else twice as long each time, shaken so that clients spread."""
    error = state.outcome.exception() if state.outcome else None
    return wait_for(error.wait if isinstance(error, Unreachable) else None, state.attempt_number)


def wait_for(told: float | None, attempt: int) -> float:
    """`wait` after the attempt with this number, from 1; `told`: seconds that the other side asks for."""
    if told is not None:
        return told
    longest = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** (attempt - 1))
    return random.uniform(longest / 2, longest)  # noqa: S311 no secret
