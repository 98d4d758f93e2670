"""Around every request: no body is read beyond the limit, no fault shows where it happened, and each is counted."""

import asyncio
import time
from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from exfilwatch.polling.logs import log
from exfilwatch_playbooks.service.problems import Refused, answer, fault

if TYPE_CHECKING:
    from exfilwatch_playbooks.service.figures import Figures

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_CLOSING = frozenset({408, 413})  # the rest of the body is not waited for
_SLOWEST = 45.0  # seconds until a whole body must have come; a while later, the connection is ended (connection.py)
_DRAINED, _PATIENCE = 2 << 20, 2.0  # bytes and seconds of a refused body that are read, so that its sender sees why


class Edge:
    """`limit`: bytes of a body. A page may bring its own policy: headers that are there stay."""

    def __init__(self, app: ASGIApp, limit: int, figures: "Figures") -> None:
        self._app = app
        self._limit = limit
        self._figures = figures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, sent = time.perf_counter(), _Sent(send)
        body = _Body(receive, self._limit)
        try:
            if _announced(scope) > self._limit:
                body.over = True
                raise too_large(self._limit)
            await self._app(scope, body, sent)
        except Refused as refused:
            await self._end(refused, scope, sent)
        except Exception as error:
            await self._end(fault(error, _route(scope)), scope, sent)
            if sent.status == 0:
                raise
        if body.over:
            await body.drain()
        took = time.perf_counter() - began
        self._figures.request(_route(scope), scope["method"], sent.status, took)
        who = scope.get("exfilwatch.who", "")
        log.info(
            "request", route=_route(scope), method=scope["method"], status=sent.status, ms=round(took * 1e3, 1), who=who
        )

    @staticmethod
    async def _end(refused: Refused, scope: Scope, sent: "_Sent") -> None:
        if sent.status == 0:
            sent.close = refused.kind.status in _CLOSING
            await answer(refused)(scope, _nothing, sent)


def too_large(limit: int) -> Refused:
    """The problem of a body that is too large."""
    return Refused("body-too-large", f"at most {limit:,} bytes are taken")


class _Sent:
    """Passes the answer on, with the headers that all have."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 0
        self.close = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.close = self.close or self.status in _CLOSING
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
            if self.close:
                headers["Connection"] = "close"
        await self._send(message)


class _Body:
    """A request's body as far as the limit. Raises Refused beyond it, and when it comes too slowly."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive = receive
        self._limit = limit
        self._read = 0
        self._until: float | None = None
        self._whole = False
        self.over = False

    async def __call__(self) -> Message:
        message = await (self._receive() if self._whole else self._in_time())
        if message["type"] == "http.request":
            self._whole = not message.get("more_body")
            self._read += len(message.get("body", b""))
            if self._read > self._limit:
                self.over = True
                raise too_large(self._limit)
        return message

    async def _in_time(self) -> Message:
        if self._until is None:
            self._until = asyncio.get_running_loop().time() + _SLOWEST
        try:
            async with asyncio.timeout_at(self._until):
                return await self._receive()
        except TimeoutError:
            raise Refused("too-slow", f"a body must come within {_SLOWEST:g} s") from None

    async def drain(self) -> None:
        """Read some of what is left: a connection that is closed while its client sends loses the answer."""
        left = _DRAINED
        try:
            async with asyncio.timeout(_PATIENCE):
                while left > 0:
                    message = await self._receive()
                    if message["type"] != "http.request" or not message.get("more_body"):
                        return
                    left -= len(message.get("body", b""))
        except TimeoutError:
            return


async def _nothing() -> Message:
    return {"type": "http.disconnect"}


def _announced(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else 0
    return 0


def _route(scope: Scope) -> str:
    """The template of the path: of paths that are none there are endlessly many."""
    route = scope.get("route")
    return getattr(route, "path", "") or "unknown"
