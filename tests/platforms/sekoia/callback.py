"""Sekoia as a module sees it: a server on loopback that takes events, results and logs, and gives secrets."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Event, Thread
from typing import Any


class Platform:
    """What it has taken: `events` of triggers with the token that sent each, `answers` of actions, `logs` by token.

    With `hold` it keeps the sender of that event (the first is 1) waiting until `release`; `held` is set then.
    """

    def __init__(self, secrets: dict[str, str], hold: int = 0) -> None:
        self.secrets = secrets
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.answers: list[dict[str, Any]] = []
        self.logs: list[tuple[str, str]] = []
        self.held, self.released = Event(), Event()
        self.url = ""
        self._hold = hold
        self._changed = Condition()

    def incidents(self) -> list[str]:
        """The incident of each event, in order."""
        return [each["event"]["incident"]["id"] for _, each in self.events]

    def findings(self) -> list[tuple[str, str]]:
        """The incident and the finding, of each finding of each event."""
        events = [each["event"] for _, each in self.events]
        return [(each["incident"]["id"], found["id"]) for each in events for found in each["findings"]]

    def wait(self, done: Callable[[], bool]) -> None:
        """Until something is so."""
        with self._changed:
            assert self._changed.wait_for(done, timeout=120), (len(self.events), self.answers, self.logs)

    def take(self, token: str, what: str, data: dict[str, Any]) -> None:
        """Take what was sent."""
        with self._changed:
            if what == "logs":
                self.logs += [(token, each["message"]) for each in data["logs"]]
            elif "event" in data:
                self.events.append((token, data))
            else:
                self.answers.append(data)
            self._changed.notify_all()
        if "event" in data and len(self.events) == self._hold:
            self.held.set()
            self.released.wait(60)


@contextmanager
def platform(secrets: dict[str, str], hold: int = 0) -> Iterator[Platform]:
    """It runs as long as anyone is in here."""
    ours = Platform(secrets, hold)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._say({"value": ours.secrets})

        def do_POST(self) -> None:
            data = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            ours.take(self.headers["Authorization"].removeprefix("Bearer "), self.path.strip("/"), data)
            self._say({"module_configuration": {"value": ours.secrets}})

        do_PATCH = do_POST  # noqa: N815

        def _say(self, value: dict[str, Any]) -> None:
            body = json.dumps(value).encode()
            try:
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except OSError:  # whoever asked was killed
                self.close_connection = True

        def log_message(self, *args: object) -> None:  # type: ignore[override]
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    ours.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield ours
    finally:
        ours.released.set()
        server.shutdown()
        thread.join()
        server.server_close()
