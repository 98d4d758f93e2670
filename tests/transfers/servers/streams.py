"""Plain TCP and TLS: one port takes whatever comes until the end, one gives a file to whoever connects.

The port that gives sends the file that is named in the first line, or all there is, when nothing is said at once.
"""

import socketserver
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from socket import SHUT_WR, socket

from ...running_meanwhile import answering  # noqa: TID252 (tests are no package on the path)
from .place import Place

_PATIENCE = 20  # seconds that a client may be silent
_SOON = 0.15  # seconds in which a client that wants one file has named it


def taking(place: Place) -> Callable[[socket], None]:
    """Keeps all that is sent."""

    def take(connection: socket) -> None:
        data = b""
        with suppress(OSError):
            while part := connection.recv(65536):
                data += part
        place.keep(data)

    return take


def giving(place: Place) -> Callable[[socket], None]:
    """Sends what is asked for."""

    def give(connection: socket) -> None:
        connection.settimeout(_SOON)
        try:
            asked = connection.recv(1000).decode(errors="replace").strip()
        except TimeoutError:
            asked = ""
        named = place.given(asked) if asked else None
        with suppress(OSError):
            connection.sendall(named or b"".join(file.read_bytes() for file in sorted(place.stock.iterdir())))
            connection.shutdown(SHUT_WR)

    return give


@contextmanager
def serving(talk: Callable[[socket], None], certificate: Path | None = None) -> Iterator[int]:
    """The port of a server that talks to each client in a thread of its own; `certificate` for TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if certificate:
        context.load_cert_chain(certificate)

    class Talk(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.settimeout(_PATIENCE)
            with suppress(OSError):
                if certificate is None:
                    talk(self.request)
                    return
                with context.wrap_socket(self.request, server_side=True) as encrypted:
                    talk(encrypted)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True
        request_queue_size = 50

    with Server(("127.0.0.1", 0), Talk) as server, answering(server):
        yield server.server_address[1]
