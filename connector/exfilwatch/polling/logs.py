"""Structured logs: one line an occurrence, on standard error, as text on a terminal and as JSON else.

At the level info nothing of what records say is logged: no command line, host, user or file; at no level a secret.
"""

import logging
import sys

import structlog

LEVELS = ("debug", "info", "warning", "error")


def configure(level: str = "warning", *, json: bool | None = None) -> None:
    """Log what is of `level` or above; `json`: as JSON lines (None: unless standard error is a terminal)."""
    as_json = not sys.stderr.isatty() if json is None else json
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        # Standard error as it is when something is said: whoever took its place for a while may have closed it.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )


if not structlog.is_configured():
    configure()

log: structlog.typing.FilteringBoundLogger = structlog.get_logger("exfilwatch.polling")
