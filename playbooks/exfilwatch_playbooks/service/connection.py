"""Connections: nobody holds one by sending or reading too slowly, and there is an end to how many there are."""

import asyncio
import sys

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from exfilwatch.polling.logs import log

_FULL = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 5\r\nContent-Length: 0\r\n\r\n"
_OTHERS = 256  # files beside connections: the database, SIEMs, rules


class Connection(H11Protocol):
    """One. `HEAD`, `BODY`: seconds until a request's head, and its body, must have come; `READ`: how long its peer may
    leave what is written unread. `at_most`: connections at once; one more is told so.
    """

    HEAD, BODY, READ = 15.0, 60.0, 60.0
    at_most = 1000
    _awaited: type[h11.IDLE] | type[h11.SEND_BODY] | None = None
    _late: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """There is one more."""
        super().connection_made(transport)
        if len(self.connections) > self.at_most:
            log.warning("too many connections", at_most=self.at_most, address=self.client[0] if self.client else "")
            transport.write(_FULL)
            transport.close()
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Something of a request."""
        if not self.transport.is_closing():
            super().data_received(data)
            self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        for timer in (self._late, self._unread):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Its peer reads slower than is written."""
        super().pause_writing()
        self._unread = self.loop.call_later(self.READ, self._end)

    def resume_writing(self) -> None:
        """Its peer has read."""
        super().resume_writing()
        if self._unread is not None:
            self._unread.cancel()

    def timeout_keep_alive_handler(self) -> None:
        """No request came for long: closed, and ended where that takes long because its peer does not read."""
        super().timeout_keep_alive_handler()
        self.loop.call_later(self.READ, self.transport.abort)

    def _watch(self) -> None:
        """Wait for what is to come of a request; of one that has come whole, for nothing."""
        state = self.conn.their_state
        awaited = state if state in (h11.IDLE, h11.SEND_BODY) else None
        if awaited is self._awaited and self._late is not None:
            return
        if self._late is not None:
            self._late.cancel()
            self._late = None
        self._awaited = awaited
        if awaited is not None:
            self._late = self.loop.call_later(self.HEAD if awaited is h11.IDLE else self.BODY, self._end)

    def _end(self) -> None:
        log.warning("connection ended: too slow", address=self.client[0] if self.client else "")
        self.transport.abort()


def room_for(connections: int) -> int:
    """How many connections there may be: this process may open so many files, as far as the system lets it."""
    if sys.platform == "win32":
        return connections
    import resource

    wanted = connections + _OTHERS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        return max(16, min(connections, soft - _OTHERS))
    return connections
