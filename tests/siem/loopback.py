"""A vendor's API on this machine: real HTTP, in a thread, for tests and for scripts.

with FakeSplunk(records) as splunk:
    print(splunk.url)
"""

import json
import socket
import struct
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))


@dataclass(frozen=True)
class Answer:
    """`cut`: after how many bytes of the body the connection is closed. `reset`: it is reset then, or before any byte.
    `never`: nothing comes at all. `drip`: it comes byte by byte, until the client has enough. `chunked`: sent in pieces
    of this many bytes, its length not told.
    """

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    reset: bool = False
    never: bool = False
    drip: bool = False
    chunked: int = 0


def answer_json(value: object, status: int = 200, **headers: str) -> Answer:
    told = {name.replace("_", "-"): text for name, text in headers.items()}
    return Answer(status, json.dumps(value).encode(), {"Content-Type": "application/json; charset=UTF-8", **told})


class Loopback:
    """Serves what `answer` makes of each request, one request at a time. `now`: its clock, s (None: the machine's)."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.now: float | None = None
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None

    def answer(self, request: Request) -> Answer:
        raise NotImplementedError

    def time(self) -> float:
        return datetime.now(UTC).timestamp() if self.now is None else self.now

    @property
    def url(self) -> str:
        assert self._server is not None, "use it as a context manager"
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        loopback = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def handle_one_request(self) -> None:
                try:
                    super().handle_one_request()
                except ConnectionError:  # the client went away
                    self.close_connection = True

            def date_time_string(self, timestamp: Any = None) -> str:
                return format_datetime(datetime.fromtimestamp(loopback.time(), UTC), usegmt=True)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 the signature is http.server's
                """Tests need no log."""

            def do_GET(self) -> None:
                loopback._serve(self)

            do_POST = do_DELETE = do_PUT = do_GET  # noqa: N815

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ending.set()
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        length = int(handler.headers.get("Content-Length") or 0)
        body = handler.rfile.read(length)
        if len(body) < length:  # the client ended in the middle of its request
            handler.close_connection = True
            return
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        headers = {name.lower(): value for name, value in handler.headers.items()}
        request = Request(handler.command, parts.path, query, headers, body)
        with self._lock:
            self.requests.append(request)
            answer = self.answer(request)
        if answer.never:
            self._ending.wait()
        if answer.never or (answer.reset and answer.cut is None):
            _reset(handler.connection)
            handler.close_connection = True
            return
        if answer.drip:
            handler.send_response(answer.status)
            handler.send_header("Content-Length", "1000000")
            handler.end_headers()
            while not self._ending.wait(0.01):
                handler.wfile.write(b" ")
        else:
            _send(handler, answer)


def _reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def _send(handler: BaseHTTPRequestHandler, answer: Answer) -> None:
    handler.send_response(answer.status)
    for name, value in answer.headers.items():
        handler.send_header(name, value)
    body = answer.body if answer.cut is None else answer.body[: answer.cut]
    if answer.chunked:
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for start in range(0, len(body), answer.chunked):
            piece = body[start : start + answer.chunked]
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        handler.wfile.write(b"" if answer.cut is not None else b"0\r\n\r\n")
    else:
        if answer.status != 204:
            handler.send_header("Content-Length", str(len(answer.body)))
        handler.end_headers()
        handler.wfile.write(body)
    if answer.cut is not None:
        handler.close_connection = True
    if answer.reset:
        _reset(handler.connection)
