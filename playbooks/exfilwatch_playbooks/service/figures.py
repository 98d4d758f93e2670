"""The service's figures for Prometheus. No label is of a request's making: routes are templates, actions ours."""

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from exfilwatch.errors import ExfilwatchError
from exfilwatch.polling.metrics import PollFigures
from exfilwatch.polling.waiting import waiting_hits

if TYPE_CHECKING:
    from exfilwatch_playbooks.service.service import Service

MEDIA = "text/plain; version=0.0.4; charset=utf-8"


class Figures:
    """Counted since the start of the process."""

    def __init__(self, service: "Service") -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "exfilwatch_http_requests", "Requests", ("route", "method", "status"), registry=self.registry
        )
        self._took = Histogram(
            "exfilwatch_http_request_seconds", "How long they took", ("route",), registry=self.registry
        )
        self._jobs = Counter("exfilwatch_jobs", "Jobs that ended, by their state", ("state",), registry=self.registry)
        running = Gauge("exfilwatch_actions_running", "Actions that run or wait for a thread", registry=self.registry)
        running.set_function(lambda: service.workers.waiting)
        self.polled = PollFigures(self.registry, service.settings.siem, lambda: _waiting(service)).record

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """A request was answered."""
        known = method if method in ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS") else "other"
        self._requests.labels(route, known, str(status)).inc()
        self._took.labels(route).observe(seconds)

    def job(self, state: str) -> None:
        """A job has ended."""
        self._jobs.labels(state).inc()

    def text(self) -> bytes:
        """As Prometheus reads them."""
        return generate_latest(self.registry)


def _waiting(service: "Service") -> int:
    try:
        with service.store.database.read() as connection:
            return waiting_hits(connection)
    except ExfilwatchError:  # the database is away: the other figures are still worth something
        return 0
