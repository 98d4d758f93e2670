"""A service that is killed while it tells a webhook, on each kind of database: another on the same one goes on."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue

import pytest
from tests.cli.telemetry import BITSADMIN, process, write
from tests.running_meanwhile import answering

from exfilwatch.findings.store import Store

from .asked import found
from .program import serving
from .receiver import SECRET


class Listening:
    """A receiver that answers nothing before it is let."""

    def __init__(self) -> None:
        self.ids: Queue[str] = Queue()
        self.may_answer = threading.Event()
        listening = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                listening.ids.put(event["id"])
                listening.may_answer.wait(60)
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"


@pytest.fixture
def listening() -> Iterator[Listening]:
    made = Listening()
    with made.server, answering(made.server):
        yield made
        made.may_answer.set()


def test_the_event_is_told_again_with_its_id_and_then_no_more(
    tmp_path: Path, rules, database: str, listening: Listening
) -> None:
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    logs = write(tmp_path / "logs.jsonl", process(BITSADMIN, **{"@timestamp": now}))
    store = Store(database)
    store.save(found(logs, rules))
    hook = {"soar": {"url": listening.url, "secret": SECRET, "timeout": "60s"}}
    values = {"database": database, "serve": json.dumps({"webhook": hook})}
    with serving(tmp_path, values=values) as killed:
        first = listening.ids.get(timeout=60)
        killed.process.kill()
        killed.process.wait(10)
        with serving(tmp_path, values=values):
            assert listening.ids.get(timeout=60) == first
            listening.may_answer.set()
            store_has_it(store)
    assert listening.ids.empty()


def store_has_it(store: Store) -> None:
    """Until the service has noted that the receiver has it."""
    waited = threading.Event()
    for _ in range(600):
        if not store.pending("platform/webhook.soar"):
            return
        waited.wait(0.1)
    raise AssertionError(store.pending("platform/webhook.soar"))
