"""Prometheus metrics of the polls of one process, served on this machine only. The one label that comes from outside
is `siem`, the name of a source in the settings: no host, user or file is in any.
"""

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from exfilwatch.errors import ConfigError
from exfilwatch.polling.runs import Run

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

_ADDRESS = "127.0.0.1"
_MICROS = 1_000_000
# What a run counts, as a counter each: the run's field, the metric, what it is.
_COUNTED = (
    ("records", "exfilwatch_records", "Records that the SIEM gave"),
    ("events", "exfilwatch_events", "Events that a rule looked at, each once"),
    ("bytes", "exfilwatch_received_bytes", "Bytes of answers, as sent"),
    ("requests", "exfilwatch_requests", "Requests to the SIEM"),
    ("retries", "exfilwatch_retries", "Requests that were sent again"),
    ("findings", "exfilwatch_findings", "New findings"),
)
_INTERVALS = (("slices", "read"), ("halved", "halved"), ("failed", "failed"))


class PollFigures:
    """The metrics of polls, in a registry. `waiting` tells how many hits wait for others: asked at each scrape."""

    def __init__(
        self,
        registry: "CollectorRegistry",
        sources: Iterable[str],
        waiting: Callable[[], int],
        clock: Callable[[], float] = time.time,
    ) -> None:
        from prometheus_client import Counter, Gauge

        def counter(name: str, said: str, *labels: str) -> Counter:
            return Counter(name, said, ("siem", *labels), registry=registry)

        def gauge(name: str, said: str, *labels: str) -> Gauge:
            return Gauge(name, said, ("siem", *labels), registry=registry)

        self._clock = clock
        self._counted = [(field, counter(name, said)) for field, name, said in _COUNTED]
        self._polls = counter("exfilwatch_polls", "Polls, by whether they ended early", "outcome")
        self._intervals = counter("exfilwatch_intervals", "Intervals, by what became of them", "outcome")
        self._left = gauge("exfilwatch_intervals_left", "Intervals that remain to be read")
        self._lag = gauge("exfilwatch_watermark_lag_seconds", "How far behind now everything was read")
        self._late = gauge("exfilwatch_lateness_seconds", "Ingest minus event time in the last poll", "quantile")
        self._took = gauge("exfilwatch_poll_duration_seconds", "How long the last poll took")
        self._success = gauge("exfilwatch_last_success_timestamp_seconds", "When a poll last read everything")
        waits = Gauge("exfilwatch_waiting_hits", "Hits that wait for others", registry=registry)
        waits.set_function(waiting)
        for source in sources:  # there from the start: a rate needs a first value
            self._start(source)

    def _start(self, source: str) -> None:
        for _, counted in self._counted:
            counted.labels(source)
        for outcome in ("whole", "early"):
            self._polls.labels(source, outcome)
        for _, outcome in _INTERVALS:
            self._intervals.labels(source, outcome)

    def record(self, run: Run) -> None:
        """Add what one poll did."""
        source = run.source
        for field, counted in self._counted:
            counted.labels(source).inc(getattr(run, field))
        for field, outcome in _INTERVALS:
            self._intervals.labels(source, outcome).inc(getattr(run, field))
        self._polls.labels(source, "early" if run.problem else "whole").inc()
        self._left.labels(source).set(run.left)
        self._took.labels(source).set((run.ended - run.started) / _MICROS)
        if run.watermark:
            self._lag.labels(source).set_function(lambda: max(0.0, self._clock() - run.watermark / _MICROS))
        if run.lateness:
            for quantile, value in (("0.5", run.lateness.p50), ("0.99", run.lateness.p99), ("1", run.lateness.max)):
                self._late.labels(source, quantile).set(value)
        if not run.problem:
            self._success.labels(source).set(run.ended / _MICROS)


class Metrics:
    """The same, served from the moment they are made. Raises ConfigError: the extra is missing, the port is taken.

    `waiting` is asked in a thread of its own.
    """

    def __init__(
        self,
        port: int,
        sources: Iterable[str],
        waiting: Callable[[], int],
        clock: Callable[[], float] = time.time,
    ) -> None:
        try:
            from prometheus_client import CollectorRegistry, start_http_server
        except ImportError:
            raise ConfigError(
                "--metrics-port needs more than is installed: pip install 'exfilwatch[metrics]'"
            ) from None
        registry = CollectorRegistry()
        self.record = PollFigures(registry, sources, waiting, clock).record
        try:
            self._server, self._thread = start_http_server(port, _ADDRESS, registry)
        except (OSError, OverflowError) as error:
            said = getattr(error, "strerror", None) or str(error)
            raise ConfigError(f"--metrics-port {port}: can't listen on {_ADDRESS}: {said}: choose another") from None

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_port)

    def close(self) -> None:
        """Serve no longer."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
