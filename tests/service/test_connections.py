"""What comes over the network: too slowly, too much, too often, or not as it should; none of it keeps others out."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
import uvicorn

from exfilwatch.config import Settings
from exfilwatch.findings.store import Store
from exfilwatch_playbooks.service import edge
from exfilwatch_playbooks.service.app import create_app
from exfilwatch_playbooks.service.connection import Connection, room_for

from .silent import silent_siem

JSON = "Content-Type: application/json\r\n"
FORM = "Content-Type: application/x-www-form-urlencoded\r\n"


class Impatient(Connection):
    """As it is in use, in less time and with less room."""

    HEAD, BODY, READ = 0.4, 2.5, 0.6  # a body later than the service gives up (0.5), on a busy machine too
    at_most = 16


class Listening:
    """A service that listens. `token`: of one who may do everything."""

    def __init__(self, server: uvicorn.Server, token: str) -> None:
        self._server, self.token = server, token
        (self.port,) = (listens.getsockname()[1] for each in server.servers for listens in each.sockets)
        self.url = f"http://127.0.0.1:{self.port}"
        self.auth = f"Authorization: Bearer {token}\r\n"

    def connect(self, room: int = 0) -> socket.socket:
        """A connection; `room`: bytes that its system takes unread."""
        made = socket.socket()
        if room:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        made.settimeout(10)
        made.connect(("127.0.0.1", self.port))
        return made

    def wait_until_somebody_is_connected(self) -> None:
        """As the server sees it."""
        self._wait(lambda: bool(self._server.server_state.connections))

    def wait_until_nobody_is_connected(self) -> None:
        """As the server sees it."""
        self._wait(lambda: not self._server.server_state.connections)

    def _wait(self, until: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 60
        while not until():
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def answers(self) -> bool:
        """Whether others are served."""
        headers = {"Authorization": f"Bearer {self.token}"}
        return httpx.get(f"{self.url}/v1/findings", headers=headers, trust_env=False, timeout=10).status_code == 200


@pytest.fixture
def listening(tmp_path, rules, kept, monkeypatch) -> Iterator[Listening]:
    monkeypatch.setattr(edge, "_SLOWEST", 0.5)
    with silent_siem() as siem:
        url = str(tmp_path / "kept.sqlite")
        chosen = Settings(database=url, siem={"mute": siem}, serve={"drain": "0s"})
        app = create_app(chosen, store=lambda: Store(url), rules=lambda: rules)
        server = uvicorn.Server(uvicorn.Config(app, http=Impatient, port=0, log_config=None, lifespan="on", ws="none"))
        thread = threading.Thread(target=server.run)
        thread.start()
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.02)
        try:
            yield Listening(server, app.state.service.tokens.add("anna", ["admin"])[0])
        finally:
            server.should_exit = True
            thread.join()


def dribbled(connection: socket.socket, start: str, seconds: float = 8) -> tuple[str, float]:
    """What is answered to who sends a start, and then a byte now and then, until the end; and how long that took."""
    began, got = time.monotonic(), b""
    connection.sendall(start.encode())
    connection.settimeout(0.05)
    while time.monotonic() - began < seconds:
        try:
            connection.send(b"x")
            more = connection.recv(65536)
        except TimeoutError:
            continue
        except OSError:
            break
        got += more
        if not more:
            break
    return got.decode(), time.monotonic() - began


@pytest.mark.parametrize(
    ("start", "answer"),
    [
        ("", ""),
        ("GET /healthz HTTP/1.1\r\nHost: a\r\nX-Slow: ", ""),
        (f"POST /v1/actions/hunt HTTP/1.1\r\nHost: a\r\n{JSON}Content-Length: 1000\r\n\r\n{{", "HTTP/1.1 401"),
        (f"POST /login HTTP/1.1\r\nHost: a\r\n{FORM}Content-Length: 1000\r\n\r\n", "HTTP/1.1 408"),
        ("GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n", "HTTP/1.1 200"),
    ],
    ids=["nothing", "head", "body, no token", "body of a form", "body that nobody reads"],
)
def test_who_sends_slowly_is_ended(listening: Listening, start: str, answer: str) -> None:
    with listening.connect() as connection:
        got, took = dribbled(connection, start)
    assert got.startswith(answer)
    assert bool(got) is bool(answer)
    assert took < 6
    assert listening.answers()


def test_a_body_that_comes_slowly_is_a_problem(listening: Listening) -> None:
    head = f"POST /v1/actions/hunt HTTP/1.1\r\nHost: a\r\n{listening.auth}{JSON}Content-Length: 1000\r\n\r\n"
    with listening.connect() as connection:
        got, _ = dribbled(connection, head)
    first, _, body = got.partition("\r\n\r\n")
    assert first.startswith("HTTP/1.1 408")
    assert "connection: close" in first.lower()
    assert json.loads(body)["type"] == "urn:exfilwatch:problem:too-slow"


def test_who_reads_nothing_is_ended(listening: Listening) -> None:
    with listening.connect(room=4096) as connection:
        asked = b"GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n" * 100
        connection.sendall(asked)
        listening.wait_until_somebody_is_connected()
        listening.wait_until_nobody_is_connected()
        got = 0
        try:
            while more := connection.recv(1 << 20):
                got += len(more)
        except ConnectionError:
            pass
    one = len(httpx.get(f"{listening.url}/openapi.json", trust_env=False).content)
    assert got < 100 * one
    assert listening.answers()


def test_what_is_followed_for_long_is_not_ended(listening: Listening) -> None:
    headers = {"Authorization": f"Bearer {listening.token}", "Prefer": "respond-async"}
    with httpx.Client(base_url=listening.url, headers=headers, trust_env=False, timeout=20) as client:
        job = client.post("/v1/actions/hunt", json={}).json()["id"]
        with client.stream("GET", f"/v1/jobs/{job}/events") as followed:
            lines = followed.iter_lines()
            next(lines)
            time.sleep(1.5)  # longer than a head, a body or an answer may take
            client.post(f"/v1/jobs/{job}/cancel")
            assert any(line == "event: cancelled" for line in lines)


def test_one_connection_too_many_is_told_and_the_others_go_on(listening: Listening, monkeypatch) -> None:
    monkeypatch.setattr(Impatient, "HEAD", 3.0)
    with ExitStack() as stack:
        held = [stack.enter_context(listening.connect()) for _ in range(Impatient.at_most)]
        time.sleep(0.2)
        late = stack.enter_context(listening.connect())
        assert late.recv(4096).startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
        held[0].sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        assert held[0].recv(4096).startswith(b"HTTP/1.1 200")
        for each in held[1:]:
            assert each.recv(4096) == b""
        assert listening.answers()


def test_there_is_room_for_as_many_as_are_wanted_or_as_the_system_lets_it() -> None:
    assert room_for(200) == 200
    assert 16 <= room_for(50_000_000) < 50_000_000


HEADS = {
    "long": "X-Long: " + "x" * 2_000_000 + "\r\n",
    "many": "".join(f"X-{number}: a\r\n" for number in range(200_000)),
    "name": "Bad Name: a\r\n",
    "nul": "X-Null: a\0b\r\n",
    "two lengths": "Content-Length: 5\r\nContent-Length: 6\r\n",
    "negative": "Content-Length: -1\r\n",
    "coding": "Transfer-Encoding: chunked, gzip\r\n",
}
PATHS = (
    "//v1/findings",
    "/v1//findings",
    "/v1/findings/",
    "/v1/findings/../audit",
    "/v1/findings/%2e%2e/audit",
    "/v1/findings/..%2faudit",
    "/v1/findings/%00",
    "/v1/findings/%ff%fe",
    "/v1/findings;token=a",
    "/assets/..%2f..%2fservice%2fapp.py",
    "/assets/../../service/app.py",
    "/assets/%2e%2e/%2e%2e/app.py",
    "/assets//etc/passwd",
    "/%2fetc/passwd",
    "/V1/FINDINGS",
    "/v1/actions/%2e%2e",
    "/v1/actions/get_finding%0d%0aX-Evil:%201",
    "http://evil.example/v1/nothing",
    "*",
    "/" + "a" * 60_000,
)


def test_heads_that_are_none_are_refused(listening: Listening, capfd: Any) -> None:
    for name, head in HEADS.items():
        with listening.connect() as connection:
            try:
                connection.sendall(f"GET /v1/findings HTTP/1.1\r\nHost: a\r\n{listening.auth}{head}\r\n".encode())
                got = connection.recv(65536)
            except ConnectionError:  # it did not read to the end
                got = b"HTTP/1.1 4"
        assert got.startswith(b"HTTP/1.1 4"), name
    assert listening.answers()
    assert "Traceback" not in capfd.readouterr().err


def test_paths_that_are_none_are_not_found(listening: Listening) -> None:
    for path in PATHS:
        with listening.connect() as connection:
            asked = f"GET {path} HTTP/1.1\r\nHost: a\r\n{listening.auth}Connection: close\r\n\r\n"
            connection.sendall(asked.encode())
            got = b""
            while more := connection.recv(65536):
                got += more
        head, _, body = got.partition(b"\r\n\r\n")
        assert head.split(b" ", 2)[1] in (b"400", b"404", b"405", b"422"), path[:80]
        assert b"X-Evil" not in head
        assert b"import " not in body
        assert b"root:" not in body


def test_nothing_that_is_sent_writes_lines_into_the_log(listening: Listening, capfd: Any) -> None:
    evil = "%0d%0aevil-line%0a%1b%5b31m"
    headers = {"Authorization": f"Bearer {listening.token}", "User-Agent": "a\x1b[31m", "Prefer": "evil-line"}
    for path in (f"/v1/{evil}", f"/v1/findings?host={evil}", f"/v1/findings/{evil}", f"/v1/jobs/{evil}", f"/{evil}"):
        assert httpx.get(f"{listening.url}{path}", headers=headers, trust_env=False).status_code < 500
    body = {"finding": "\r\nevil-line", "\r\nevil-line": 1}
    httpx.post(f"{listening.url}/v1/actions/get_finding", json=body, headers=headers, trust_env=False)
    said = capfd.readouterr().err
    assert "evil-line" not in said
    assert "\x1b[31m" not in said
