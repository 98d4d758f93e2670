"""Certificates for tests, made by the openssl program, and servers on loopback that show them."""

import hashlib
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from ..running_meanwhile import answering  # noqa: TID252 (tests are no package on the path)


class Certificate(NamedTuple):
    """Both in PEM form."""

    certificate: Path
    key: Path

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(self.certificate.read_text())).hexdigest()


_SELF_SIGNED = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2")


def made(folder: Path, name: str, *, by: Certificate | None = None, names: str = "IP:127.0.0.1") -> Certificate:
    """A certificate for `names`, signed by an authority or by itself, good for two days."""
    made_as = Certificate(folder / f"{name}.pem", folder / f"{name}.key")
    signed = ["-CA", by.certificate, "-CAkey", by.key] if by else []
    kind = ["-addext", f"subjectAltName={names}", "-addext", "basicConstraints=CA:FALSE"] if by else []
    subprocess.run(
        [*_SELF_SIGNED, "-subj", f"/CN={name}", "-keyout", made_as.key, "-out", made_as.certificate, *signed, *kind],
        check=True,
        capture_output=True,
    )
    return made_as


def outdated(folder: Path, name: str, by: Certificate, *, begin: timedelta, end: timedelta) -> Certificate:
    """A certificate for loopback of an authority, good from and to so long after now: openssl's `req` has no past."""
    made_as = Certificate(folder / f"{name}.pem", folder / f"{name}.key")
    key = rsa.generate_private_key(65537, 2048)
    authority = x509.load_pem_x509_certificate(by.certificate.read_bytes())
    signer = load_pem_private_key(by.key.read_bytes(), None)
    assert isinstance(signer, rsa.RSAPrivateKey)
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]))
        .issuer_name(authority.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + begin)
        .not_valid_after(now + end)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(signer, hashes.SHA256())
    )
    made_as.certificate.write_bytes(signed.public_bytes(Encoding.PEM))
    made_as.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return made_as


class Web(ThreadingHTTPServer):
    """A server that remembers what it was asked, as (path, headers)."""

    daemon_threads = True

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.tls: ssl.SSLContext | None = None

    @property
    def address(self) -> str:
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self.server_port}"

    def show(self, certificate: Certificate) -> None:
        """From the next handshake on, this certificate."""
        if self.tls is None:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(certificate.certificate, certificate.key)

    def finish_request(self, request: socket.socket, client_address: object) -> None:  # type: ignore[override]
        if self.tls is None:
            super().finish_request(request, client_address)
            return
        try:
            with self.tls.wrap_socket(request, server_side=True) as secured:
                super().finish_request(secured, client_address)
        except OSError:
            pass  # a client that does not trust us


class Answer(BaseHTTPRequestHandler):
    """Says hello to every GET."""

    server: Web

    def do_GET(self) -> None:
        self.server.asked.append((self.path, dict(self.headers)))
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *_: object) -> None:
        pass


class Tunnel(Answer):
    """A proxy: passes on what a client and the server behind say to each other."""

    def do_CONNECT(self) -> None:
        self.server.asked.append((self.path, dict(self.headers)))
        host, _, port = self.path.partition(":")
        with socket.create_connection((host, int(port))) as behind:
            self.send_response(200)
            self.end_headers()
            back = threading.Thread(target=_pass_on, args=(behind, self.connection))
            back.start()
            _pass_on(self.connection, behind)
            back.join()
        self.close_connection = True


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    try:
        while some := source.recv(65536):
            target.sendall(some)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


@contextmanager
def web(certificate: Certificate | None = None, handler: type[BaseHTTPRequestHandler] = Answer) -> Iterator[Web]:
    """A server on a free port of loopback, encrypted when there is a certificate."""
    with Web(handler) as server:
        if certificate:
            server.show(certificate)
        with answering(server):
            yield server
