"""A SIEM that takes connections and never answers: what is asked of it goes on until it is ended."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def silent_siem() -> Iterator[dict[str, Any]]:
    """Its settings."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        port = listening.getsockname()[1]
        yield {
            "kind": "opensearch",
            "url": f"http://127.0.0.1:{port}",
            "user": "anna",
            "password": "s3cret-password",
            "indices": "logs-*",
        }
