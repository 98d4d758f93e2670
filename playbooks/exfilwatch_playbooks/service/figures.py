"""The service's figures for Prometheus. No label is of a request's making: routes are templates, actions ours."""

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

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
        self.jobs = Counter("exfilwatch_jobs", "Jobs that ended, by their state", ("state",), registry=self.registry)
        running = Gauge("exfilwatch_actions_running", "Actions that run or wait for a thread", registry=self.registry)
        running.set_function(lambda: service.workers.waiting)

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """A request was answered."""
        known = method if method in ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS") else "other"
        self._requests.labels(route, known, str(status)).inc()
        self._took.labels(route).observe(seconds)

    def text(self) -> bytes:
        """As Prometheus reads them."""
        return generate_latest(self.registry)
