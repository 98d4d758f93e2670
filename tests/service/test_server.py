"""The service as a program: where it listens, how it is encrypted, and how it ends."""

import json
import signal
import socket
import ssl
import time
from pathlib import Path

import httpx
import pytest
from tests.siem.certificates import made

from exfilwatch.config import Settings
from exfilwatch.errors import ConfigError
from exfilwatch_playbooks.service.app import create_app
from exfilwatch_playbooks.service.server import check_place
from exfilwatch_playbooks.service.settings import ServeSettings

from .program import Program, said, serving
from .silent import silent_siem

ASYNC = {"Prefer": "respond-async"}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


def client(program: Program, token: str, **given: object) -> httpx.Client:
    return httpx.Client(
        base_url=program.url, headers={"Authorization": f"Bearer {token}"}, trust_env=False, timeout=30, **given
    )


def token(home: Path, *scopes: str) -> str:
    return said(home, "tokens", "add", f"t-{'-'.join(scopes)}", "--scope", ",".join(scopes))


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"host": "0.0.0.0"}, "give certificate and key"),
        ({"host": "::"}, "give certificate and key"),
        ({"host": "server.corp.example"}, "give certificate and key"),
        ({"host": "0.0.0.0", "certificate": "a.pem", "key": "a.key"}, "nobody has a token"),
        ({"certificate": "a.pem"}, "go together"),
        ({"key": "a.key"}, "go together"),
        ({"client_ca": "a.pem"}, "give certificate and key too"),
    ],
)
def test_others_are_kept_out_until_there_is_a_token_and_tls(home: Path, given: dict[str, str], why: str) -> None:
    app = create_app(Settings(database=str(home / "kept.sqlite")), ServeSettings.of(given))
    with pytest.raises(ConfigError, match=why):
        check_place(app.state.service)


@pytest.mark.parametrize("given", [{}, {"host": "::1"}, {"host": "localhost"}, {"host": "0.0.0.0", "insecure": True}])
def test_this_machine_is_let_in_and_whom_a_flag_lets_in(home: Path, given: dict[str, object]) -> None:
    app = create_app(Settings(database=str(home / "kept.sqlite")), ServeSettings.of(given))
    check_place(app.state.service)


def test_what_can_not_be_listened_with_is_told(home: Path) -> None:
    pair = made(home, "server")
    wrong = said(home, "serve", "--port", "0", "--certificate", str(pair.key), "--key", str(pair.certificate), code=2)
    assert "can't be used" in wrong
    lost = said(home, "serve", "--port", "0", "--certificate", str(pair.certificate), "--key", "/none.key", code=2)
    assert "key: /none.key: there is no such file" in lost
    assert "Traceback" not in wrong
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert "can't listen" in said(home, "serve", "--port", str(taken.getsockname()[1]), code=2)


def test_tls_with_certificates_of_clients(home: Path) -> None:
    authority = made(home, "authority")
    pair, known = made(home, "server", by=authority), made(home, "client", by=authority)
    sent = token(home, "read")
    words = ("--certificate", str(pair.certificate), "--key", str(pair.key), "--client-ca", str(authority.certificate))
    with serving(home, *words) as program:
        assert program.url.startswith("https://")
        trusted = ssl.create_default_context(cafile=str(authority.certificate))
        with pytest.raises(httpx.TransportError), client(program, sent, verify=trusted) as unknown:
            unknown.get("/healthz")
        trusted.load_cert_chain(known.certificate, known.key)
        with client(program, sent, verify=trusted) as mine:
            assert mine.get("/readyz").text == "ready\n"
            assert mine.get("/v1/findings").status_code == 200
            assert mine.get("/v1/findings", headers={"Authorization": ""}).status_code == 401


def test_a_body_of_100_mb_is_refused_and_the_sender_sees_why(home: Path) -> None:
    sent = token(home, "act")
    with serving(home) as program, client(program, sent) as asked:
        began = time.monotonic()
        whole = asked.post("/v1/actions/hunt", content=b" " * 100_000_000, headers={"Content-Type": "application/json"})
        assert (whole.status_code, whole.json()["type"]) == (413, "urn:exfilwatch:problem:body-too-large")
        pieces = (b" " * 1_000_000 for _ in range(100))
        streamed = asked.post("/v1/actions/hunt", content=pieces, headers={"Content-Type": "application/json"})
        assert streamed.status_code == 413
        nested = asked.post(
            "/v1/actions/hunt", content=b'{"a":' * 100_000, headers={"Content-Type": "application/json"}
        )
        assert nested.status_code == 400
        assert time.monotonic() - began < 20
        assert asked.get("/healthz").text == "ok\n"


def test_what_is_no_http_ends_nothing(home: Path) -> None:
    with serving(home) as program:
        port = int(program.url.rpartition(":")[2])
        for sent in (
            b"\x16\x03\x01\x02\x00\x01",
            b"GET / HTTP/9.9\r\n\r\n",
            b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        ):
            with socket.create_connection(("127.0.0.1", port), 10) as connection:
                connection.sendall(sent)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(4096):
                    pass
        assert httpx.get(f"{program.url}/healthz", trust_env=False).status_code == 200


def test_a_killed_service_loses_no_job_and_no_key(home: Path) -> None:
    sent = token(home, "act")
    with silent_siem() as siem:
        values = {"siem": json.dumps({"mute": siem})}
        with serving(home, values=values) as program, client(program, sent) as asked:
            job = asked.post("/v1/actions/hunt", json={}, headers=ASYNC | {"Idempotency-Key": "k"}).json()
            _until(asked, job["id"], "running")
            program.process.kill()
            program.process.wait(10)
        with serving(home, values=values) as program, client(program, sent) as asked:
            assert _until(asked, job["id"], "interrupted")["answer"] is None
            again = asked.post("/v1/actions/hunt", json={}, headers=ASYNC | {"Idempotency-Key": "k"})
            assert (again.status_code, again.json()["id"]) == (202, job["id"])
            program.process.send_signal(signal.SIGTERM)
            assert program.process.wait(20) == 0


def test_a_service_that_is_ended_parks_what_runs_and_closes_what_is_followed(home: Path) -> None:
    sent = token(home, "act")
    with silent_siem() as siem:
        values = {"siem": json.dumps({"mute": siem}), "serve": json.dumps({"drain": "1s"})}
        with serving(home, values=values) as program, client(program, sent) as asked:
            job = asked.post("/v1/actions/hunt", json={}, headers=ASYNC).json()
            _until(asked, job["id"], "running")
            with asked.stream("GET", f"/v1/jobs/{job['id']}/events") as followed:
                lines = followed.iter_lines()
                assert next(lines).startswith("id:")
                program.process.send_signal(signal.SIGTERM)
                assert list(lines)
            assert program.process.wait(20) == 0
        with serving(home, values=values) as program, client(program, sent) as asked:
            assert _until(asked, job["id"], "running")["started"]


def _until(asked: httpx.Client, identity: str, state: str) -> dict:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        job = asked.get(f"/v1/jobs/{identity}").json()
        if job["state"] == state:
            return job
        time.sleep(0.05)
    raise AssertionError(job)
