"""HTTP and HTTPS: takes PUT, POST and what a query or a header carries; enough of WebDAV and S3 for their clients."""

import hashlib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from ...running_meanwhile import answering  # noqa: TID252 (tests are no package on the path)
from .place import Place

_MULTISTATUS = (
    '<?xml version="1.0"?><D:multistatus xmlns:D="DAV:"><D:response><D:href>{path}</D:href><D:propstat><D:prop>'
    "<D:resourcetype>{kind}</D:resourcetype><D:getcontentlength>{length}</D:getcontentlength>"
    "<D:getlastmodified>Thu, 01 Jan 2026 00:00:00 GMT</D:getlastmodified></D:prop>"
    "<D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response></D:multistatus>"
)
_LISTED = (
    '<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name>'
    "<Prefix></Prefix><KeyCount>0</KeyCount><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated></ListBucketResult>"
)
_LOCATION = (
    '<?xml version="1.0"?><LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
    "us-east-1</LocationConstraint>"
)


def _handler(place: Place) -> type[BaseHTTPRequestHandler]:
    class Web(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
            return body

        def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            if status != 204:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def _take(self) -> None:
            body = self._body()
            place.keep(body)
            self._answer(201 if self.command == "PUT" else 200, ETag=f'"{hashlib.md5(body).hexdigest()}"')

        do_PUT = do_POST = do_PATCH = _take  # noqa: N815 (names of http.server)

        def do_GET(self) -> None:
            place.keep(self.path.partition("?")[2].encode())
            place.keep("\n".join(value for name, value in self.headers.items() if name.startswith("X-D")).encode())
            data = place.given(self.path)
            if data is not None:
                self._answer(200, data, Last_Modified="Thu, 01 Jan 2026 00:00:00 GMT", ETag='"1"')
            elif "location" in self.path:
                self._answer(200, _LOCATION.encode(), Content_Type="application/xml")
            elif "?" in self.path:
                self._answer(200, _LISTED.encode(), Content_Type="application/xml")
            else:
                self._answer(200 if self.path == "/" else 404, b"none\n")

        do_HEAD = do_GET  # noqa: N815

        def do_OPTIONS(self) -> None:
            self._answer(200, DAV="1, 2", Allow="OPTIONS, GET, HEAD, PUT, POST, PROPFIND, MKCOL, LOCK, UNLOCK")

        def do_PROPFIND(self) -> None:
            self._body()
            data = place.given(self.path)
            if data is None and not self.path.endswith("/"):
                self._answer(404)
                return
            kind = "<D:collection/>" if data is None else ""
            text = _MULTISTATUS.format(path=self.path, kind=kind, length=len(data or b""))
            self._answer(207, text.encode(), Content_Type="application/xml; charset=utf-8")

        def do_MKCOL(self) -> None:
            self._body()
            self._answer(201)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    return Web


@contextmanager
def serving(place: Place, certificate: Path | None = None) -> Iterator[int]:
    """The port of a server that runs meanwhile; `certificate` is a PEM file with its key, for HTTPS."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(place)) as server:
        server.daemon_threads = True
        server.handle_error = lambda *_: None  # type: ignore[method-assign]  # clients that only look in
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        with answering(server):
            yield server.server_port
