"""Listening: by uvicorn, on this machine only unless somebody has decided otherwise, with TLS by files."""

import ipaddress
import os
import signal
import socket
import ssl
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import uvicorn
from fastapi import FastAPI

from exfilwatch.errors import ConfigError
from exfilwatch_playbooks.service.connection import Connection, room_for
from exfilwatch_playbooks.service.service import Service
from exfilwatch_playbooks.service.settings import ServeSettings


def serve(app: FastAPI, said: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT, then end what runs. `said` is called with where it listens. Raises ConfigError."""
    shared: Service = app.state.service
    chosen = shared.serve
    check_place(shared)
    listening = _listening(chosen)
    Connection.at_most = room_for(chosen.connections)
    config = uvicorn.Config(
        app,
        lifespan="on",
        http=Connection,
        ws="none",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=round(chosen.drain.total_seconds()) + 5,
        backlog=512,
        ssl_certfile=chosen.certificate,
        ssl_keyfile=chosen.key,
        ssl_ca_certs=None if chosen.client_ca is None else str(chosen.client_ca),
        ssl_cert_reqs=ssl.CERT_NONE if chosen.client_ca is None else ssl.CERT_REQUIRED,
    )
    for name, file in (("certificate", chosen.certificate), ("key", chosen.key), ("client_ca", chosen.client_ca)):
        if file is not None and not os.access(file, os.R_OK):
            why = "can't be read by this user" if Path(file).exists() else "there is no such file"
            raise ConfigError(f"serve: {name}: {file}: {why}")
    try:
        config.load()
    except (OSError, ssl.SSLError, ValueError) as error:
        why = getattr(error, "strerror", None) or getattr(error, "reason", None) or str(error)
        raise ConfigError(f"serve: certificate or key can't be used: {why}") from None
    name = f"[{chosen.host}]" if ":" in chosen.host else chosen.host
    url = f"{'https' if chosen.certificate else 'http'}://{name}:{listening.getsockname()[1]}"
    server = _Server(config, shared, lambda: said(url))
    before = [(each, signal.signal(each, signal.SIG_IGN)) for each in (signal.SIGTERM, signal.SIGINT)]
    try:
        server.run(sockets=[listening])
    finally:
        for each, handler in before:
            signal.signal(each, handler)
    if server.lifespan.should_exit and not server.started:
        raise ConfigError(f"serve: it could not start: {shared.failed or 'see the log'}")
    if shared.workers.waiting:  # a thread that nothing can interrupt
        sys.stderr.flush()
        os._exit(0)


def check_place(shared: Service) -> None:
    """Raises ConfigError where it would listen to others without a token or unencrypted, unless that is wanted."""
    chosen = shared.serve
    if (chosen.certificate is None) != (chosen.key is None):
        raise ConfigError("serve: certificate and key go together: give both, in PEM files")
    if chosen.client_ca is not None and chosen.certificate is None:
        raise ConfigError("serve: client_ca is for TLS: give certificate and key too")
    if is_loopback(chosen.host) or chosen.insecure:
        return
    if chosen.certificate is None:
        raise ConfigError(
            f"serve: {chosen.host} is open to other machines: give certificate and key, or --insecure where something "
            "in front of it has TLS"
        )
    if not shared.tokens.any_valid():
        raise ConfigError(
            f"serve: {chosen.host} is open to other machines, and nobody has a token: make one with `exfilwatch tokens "
            "add NAME --scope read,act`, or give --insecure"
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches it."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _listening(chosen: ServeSettings) -> socket.socket:
    made = socket.socket(socket.AF_INET6 if ":" in chosen.host else socket.AF_INET)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((chosen.host, chosen.port))
    except OSError as error:
        made.close()
        raise ConfigError(f"serve: can't listen on {chosen.host}:{chosen.port}: {error.strerror or error}") from None
    return made


class _Server(uvicorn.Server):
    """Says when it listens, and what is open when it is to end."""

    def __init__(self, config: uvicorn.Config, shared: Service, listens: Callable[[], None]) -> None:
        super().__init__(config)
        self._shared = shared
        self._listens = listens

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._listens()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._shared.closing.set()
        super().handle_exit(sig, frame)
