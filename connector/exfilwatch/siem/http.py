"""Requests to a SIEM: how they are encrypted, repeated, slowed down and counted, and which error they end in.

Repeated is only what may be: requests that change nothing (or whose doubles the vendor tells apart), after no answer, a
429 or a 5xx that passes. An answer that is not there within the deadline, or a SIEM that failed several times running,
is Unreachable at once (the circuit is open).
"""

import asyncio
import re
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from email.utils import parsedate_to_datetime
from typing import Any, TypeAlias, TypeVar

import httpx
import msgspec
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt

from exfilwatch import __version__
from exfilwatch.errors import AuthError, ConfigError, RateLimited, SourceError, Unreachable
from exfilwatch.siem.connection import Server
from exfilwatch.siem.masking import Mask
from exfilwatch.siem.retries import Open, passes, retry_after, wait
from exfilwatch.siem.siem import SECOND, Traffic
from exfilwatch.siem.tls import context
from exfilwatch.siem.unreached import too_late, why
from exfilwatch.structs import ready

ATTEMPTS = 5
TO_CONNECT = 10.0  # seconds
_PASSING = frozenset({502, 503, 504})
_OPEN_AFTER, _OPEN_FOR = 8, 30.0  # failures running; seconds
_SHOWN = 300  # characters of a vendor's message
_LONGEST_LINE = 64 << 20  # bytes

_ADVICE = {
    404: "check `url`: what answers there has no such address",
    405: "check `url`: what answers there is not the API that it should be",
    407: "the proxy wants credentials: give them in `proxy`, as http://USER:PASSWORD@HOST:PORT",
}
_OF_THE_SERVER = "look at the server's own log; the next poll asks again"

NO_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises of an answer that is no JSON, or none of the kind that is expected."""

Sleep: TypeAlias = Callable[[float], Awaitable[None]]
T = TypeVar("T")


def client(
    settings: Server,
    trusted: ssl.SSLContext | bool,
    auth: httpx.Auth | tuple[str, str] | None,
    headers: Mapping[str, str],
    transport: httpx.AsyncBaseTransport | None,
) -> httpx.AsyncClient:
    """Connections to a server of the settings, which alone say by which proxy; no answer sends them on elsewhere.
    `trusted`: of tls.context.
    """
    seconds = settings.timeout.total_seconds()
    return httpx.AsyncClient(
        base_url=settings.url,
        auth=auth,
        headers=headers,
        timeout=httpx.Timeout(seconds, connect=min(seconds, TO_CONNECT)),
        verify=trusted,
        proxy=settings.proxy.get_secret_value() if settings.proxy else None,
        transport=transport,
        trust_env=False,
        follow_redirects=False,
    )


class WrongServer(SourceError):
    """What answers is not the SIEM's API: it sends on elsewhere, or says what the API never does."""


class Http:
    """Requests to one SIEM, or whatever [`table`.`name`] of the settings is.

    `explain` makes the vendor's own message of an error's body ("" when there is none). `refusal`: the error that an
    answer of no accepted status is, where its body says more than the status does. `sleep` and `clock` (s) are what
    waits are made of.
    """

    def __init__(
        self,
        name: str,
        settings: Server,
        *,
        auth: httpx.Auth | None = None,
        headers: Mapping[str, str] | None = None,
        explain: Callable[[httpx.Response], str] = lambda _response: "",
        refusal: Callable[[httpx.Response], SourceError | None] = lambda _response: None,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Sleep = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
        table: str = "siem",
    ) -> None:
        self.name = name
        self._table = table
        self.traffic = Traffic()
        self.sleep = sleep
        self._clock = clock
        self._settings = settings
        self._auth = auth
        self._headers = {"User-Agent": f"exfilwatch/{__version__}", "Accept": "application/json", **(headers or {})}
        self._explain = explain
        self._refusal = refusal
        self._mask = Mask.of(settings)
        self._transport = transport
        self._client: httpx.AsyncClient | None = None
        self._opening = asyncio.Lock()
        self._at_once = asyncio.Semaphore(settings.at_once)
        self._failed, self._last = 0, ""
        self._open_until = 0.0

    async def request(
        self,
        method: str,
        path: str,
        *,
        repeat: bool = True,
        accept: frozenset[int] = frozenset({200}),
        **options: Any,
    ) -> httpx.Response:
        """One answer of a status in `accept`; `path` below the settings' url, or a whole URL. Raises SourceErrors.

        `repeat`: the request may be sent again when it is not known whether it arrived. 429 is repeated anyway, unless
        the SIEM asks for a longer wait than a request is worth.
        `options` are httpx's (json, data, params, headers, content).
        """
        attempts = AsyncRetrying(
            stop=stop_after_attempt(ATTEMPTS),
            retry=retry_if_exception(lambda error: passes(error, repeat)),
            wait=wait,
            sleep=self.sleep,
            before_sleep=self._count_retry,
            reraise=True,
        )
        async for attempt in attempts:
            with attempt:
                return await self._once(method, path, accept, options)
        raise AssertionError  # tenacity returns or raises

    @asynccontextmanager
    async def stream(self, method: str, path: str, **options: Any) -> AsyncIterator[AsyncIterator[bytes]]:
        """The lines of an answer of status 200 as they come; never repeated. Raises SourceErrors."""
        async with self._guarded():
            client = await self._opened()
            self.traffic.requests += 1
            with self._translated():
                async with client.stream(method, path, **options) as response:
                    if response.status_code != 200:
                        await response.aread()
                        self.traffic.bytes += response.num_bytes_downloaded
                        raise self._refused(response)
                    yield self._lines(response)

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def _once(self, method: str, path: str, accept: frozenset[int], options: dict[str, Any]) -> httpx.Response:
        async with self._guarded():
            client = await self._opened()
            self.traffic.requests += 1
            with self._translated():
                async with asyncio.timeout(self._settings.timeout.total_seconds()):
                    response = await client.request(method, path, **options)
            # It was read. httpx's stream names its answer: such a circle holds megabytes until garbage is looked for.
            response.stream = httpx.ByteStream(b"")
            self.traffic.bytes += response.num_bytes_downloaded
            if response.status_code not in accept:
                raise self._refused(response)
            return response

    async def _lines(self, response: httpx.Response) -> AsyncIterator[bytes]:
        rest, seen = b"", 0
        async for chunk in response.aiter_bytes():
            self.traffic.bytes += response.num_bytes_downloaded - seen
            seen = response.num_bytes_downloaded
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                yield line
            if len(rest) > _LONGEST_LINE:
                raise SourceError(f"{self.name}: sent a line of more than {_LONGEST_LINE >> 20} MB: look at the server")
        if rest:
            yield rest

    async def _opened(self) -> httpx.AsyncClient:
        async with self._opening:
            if self._client is None:
                try:
                    trusted = await asyncio.to_thread(context, self._settings)
                except ConfigError as error:  # of a file, which may be there again when the next poll comes
                    raise SourceError(f"{self.name}: {error}") from None
                self._client = client(self._settings, trusted, self._auth, self._headers, self._transport)
            return self._client

    @asynccontextmanager
    async def _guarded(self) -> AsyncIterator[None]:
        """Not too many at once, and none while the circuit is open."""
        async with self._at_once:
            left = self._open_until - self._clock()
            if left > 0:
                times = f"failed {self._failed} times running, left alone for {left:.0f} s"
                raise Open(f"{self.name}: {times}: {self._last.removeprefix(f'{self.name}: ')}", left)
            try:
                yield
            except RateLimited:
                self._failed = 0
                raise
            except Unreachable as error:
                self._failed, self._last = self._failed + 1, str(error)
                if self._failed >= _OPEN_AFTER:
                    self._open_until = self._clock() + _OPEN_FOR
                raise
            except SourceError:  # it answered
                self._failed = 0
                raise
            self._failed = 0

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """httpx's errors as ours. They may hold a URL, but no header and no body."""
        try:
            yield
        except ConfigError as error:  # of a fingerprint, by the handshake
            raise WrongServer(f"{self.name}: {error}") from None
        except (httpx.TimeoutException, TimeoutError) as error:
            late = too_late(error, self._settings.timeout.total_seconds(), TO_CONNECT)
            raise Unreachable(f"{self._where(error)}: {late}") from None
        except httpx.ProxyError as error:
            raise Unreachable(f"{self._where(error)}: the proxy refused: {self.masked(str(error))}") from None
        except httpx.TransportError as error:
            raise Unreachable(f"{self._where(error)}: {self.masked(why(error, self._settings))}") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise SourceError(f"{self._where(error)}: {self.masked(str(error))}") from None

    def _where(self, error: Exception) -> str:
        """The server that was asked: not always the settings' one, when a token is fetched elsewhere."""
        try:
            url = error.request.url if isinstance(error, httpx.RequestError) else httpx.URL(self._settings.url)
        except RuntimeError:  # httpx's way to say that it does not know
            url = httpx.URL(self._settings.url)
        return f"{self.name} ({url.scheme}://{url.netloc.decode()})"

    def _refused(self, response: httpx.Response) -> SourceError:
        known = self._refusal(response)
        if known is not None:
            known.args = (self.masked(str(known), response), *known.args[1:])
            return known
        status, said = response.status_code, self.masked(self._explain(response), response)[:_SHOWN]
        what = f"{self.name}: {response.request.method} {response.request.url.path} answered {status}"
        what = f"{what}: {said}" if said else what
        page = response.headers.get("Content-Type", "").startswith("text/html")
        what = f"{what} with a web page, as proxies and sign-in pages do" if page else what
        if status == 401:
            return AuthError(f"{what}: check the credentials in {self._table}.{self.name}")
        if status == 403:
            return AuthError(f"{what}: the account lacks a right for this: see the page of this SIEM in the docs")
        if status == 429:
            seconds = retry_after(response.headers.get("Retry-After"))
            told = "asked to wait" if seconds is None else f"asked to wait {seconds:.0f} s"
            return RateLimited(f"{what}: {told}", seconds)
        if 300 <= status < 400:
            there = _host(response.headers.get("Location", ""))
            return WrongServer(f"{what}: it sends on to {there}: set `url` to the API itself, or look at the proxy")
        if status in _PASSING:
            wait = retry_after(response.headers.get("Retry-After"))
            return Unreachable(f"{what}: look at the server, and at a proxy before it; the next poll asks again", wait)
        advice = _ADVICE.get(status, _OF_THE_SERVER if status >= 500 else "")
        return SourceError(f"{what}: {advice}" if advice else what)

    def masked(self, said: str, response: httpx.Response | None = None) -> str:
        """Without secrets: servers and proxies may send back what they were sent, in an answer to it too. Before it is
        cut off anywhere: half a secret is not found.
        """
        sent = response.request.headers.get("Authorization", "").rpartition(" ")[2] if response is not None else ""
        return self._mask(said, sent)

    @contextmanager
    def masking(self) -> Iterator[None]:
        """Errors within come out without secrets."""
        try:
            yield
        except SourceError as error:
            error.args = (self.masked(str(error)), *error.args[1:])
            raise

    def _count_retry(self, _state: RetryCallState) -> None:
        self.traffic.retries += 1


def _host(location: str) -> str:
    try:
        return httpx.URL(location).host or "another path"
    except httpx.InvalidURL:
        return "another place"


def decoded(name: str, response: httpx.Response, kind: type[T]) -> T:
    """An answer's JSON as `kind`. Raises WrongServer, which shows nothing of it."""
    # No more of it than a media type: the rest may be anything.
    media = re.match(r"[a-z]{1,20}/[a-z0-9.+-]{1,60}", response.headers.get("Content-Type", ""), re.ASCII)
    shown = media[0] if media else "no content type"
    where = f"{name}: {response.request.url.path} answered {response.status_code} ({shown})"
    return parsed(where, response.content, kind)


def parsed(where: str, content: bytes | msgspec.Raw, kind: type[T]) -> T:
    """JSON as `kind`, numbers also from texts. Raises WrongServer, which shows nothing of it."""
    try:
        return msgspec.json.decode(content, type=ready(kind), strict=False)
    except NO_JSON as error:
        raise WrongServer(
            f"{where} with what is not its API's JSON: {error}: check that url is the API's, and what a proxy answers"
        ) from None


def server_time(name: str, response: httpx.Response) -> int:
    """µs, by the Date header, which has whole seconds (RFC 9110, 6.6.1). Raises SourceError when there is none."""
    try:
        return round(parsedate_to_datetime(response.headers["Date"]).timestamp()) * SECOND
    except (KeyError, ValueError, OverflowError):
        raise SourceError(
            f"{name}: answers without a Date header, so its clock is not known: look at the proxy"
        ) from None
