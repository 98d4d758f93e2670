"""By which time a source is polled, and how far each poll looks back. µs."""

from exfilwatch.siem.connection import Source
from exfilwatch.siem.siem import SECOND, Clock, Siem
from exfilwatch.written import micros

LOOKBACK = 900 * SECOND
"""By event time, when the settings say nothing."""


def clock_of(siem: Siem) -> Clock:
    """By which time it is polled."""
    if siem.settings.clock:
        return Clock(siem.settings.clock)
    return Clock.INGEST if siem.capabilities.ingest_time else Clock.EVENT


def default_of(siem: Siem, clock: Clock) -> int:
    """The look-back when the settings say nothing."""
    return siem.capabilities.settle if clock is Clock.INGEST else LOOKBACK


def lookback_of(settings: Source, default: int) -> int:
    """The look-back of the settings, else the default."""
    return default if settings.lookback is None else micros(settings.lookback)
