"""Requests to a SIEM: how they are encrypted, repeated, slowed down and counted, and which error they end in.

Repeated is only what may be: requests that change nothing (or whose doubles the vendor tells apart), after no answer, a
429 or a 5xx that passes. The waits grow, are shaken, and follow Retry-After. An answer that does not come within the
deadline, or a SIEM that failed several times running, is Unreachable at once (the circuit is open).
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt

from exfilwatch import __version__
from exfilwatch.errors import AuthError, RateLimited, SourceError, Unreachable
from exfilwatch.siem.connection import Connection
from exfilwatch.siem.siem import Traffic
from exfilwatch.siem.tls import context

ATTEMPTS = 5
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 60.0  # seconds
_PASSING = frozenset({502, 503, 504})
_OPEN_AFTER, _OPEN_FOR = 8, 30.0  # failures running; seconds
_SHOWN = 300  # characters of a vendor's message


class Http:
    """Requests to one SIEM. `explain` makes the vendor's own message of an error's body ("" when there is none).
    `refusal`: the error that an answer of no accepted status is, where its body says more than the status does.
    """

    def __init__(
        self,
        name: str,
        settings: Connection,
        *,
        auth: httpx.Auth | None = None,
        headers: Mapping[str, str] | None = None,
        explain: Callable[[httpx.Response], str] = lambda _response: "",
        refusal: Callable[[httpx.Response], SourceError | None] = lambda _response: None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.name = name
        self.traffic = Traffic()
        self._settings = settings
        self._auth = auth
        self._headers = {"User-Agent": f"exfilwatch/{__version__}", "Accept": "application/json", **(headers or {})}
        self._explain = explain
        self._refusal = refusal
        self._transport = transport
        self._client: httpx.AsyncClient | None = None
        self._opening = asyncio.Lock()
        self._at_once = asyncio.Semaphore(settings.at_once)
        self._failed = 0
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
            retry=retry_if_exception(lambda error: _passes(error, repeat)),
            wait=_wait,
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
                response = await client.request(method, path, **options)
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
        if rest:
            yield rest

    async def _opened(self) -> httpx.AsyncClient:
        async with self._opening:
            if self._client is None:
                settings = self._settings
                seconds = settings.timeout.total_seconds()
                self._client = httpx.AsyncClient(
                    base_url=settings.url,
                    auth=self._auth,
                    headers=self._headers,
                    timeout=httpx.Timeout(seconds, connect=min(seconds, 10.0)),
                    verify=await asyncio.to_thread(context, settings),
                    proxy=settings.proxy.get_secret_value() if settings.proxy else None,
                    transport=self._transport,
                    trust_env=False,
                    follow_redirects=False,
                )
            return self._client

    @asynccontextmanager
    async def _guarded(self) -> AsyncIterator[None]:
        """Not too many at once, and none while the circuit is open."""
        if time.monotonic() < self._open_until:
            raise Unreachable(f"{self.name}: failed {self._failed} times running and is left alone for {_OPEN_FOR:g} s")
        async with self._at_once:
            try:
                yield
            except RateLimited:
                raise
            except Unreachable:
                self._failed += 1
                if self._failed >= _OPEN_AFTER:
                    self._open_until = time.monotonic() + _OPEN_FOR
                raise
            self._failed = 0

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """httpx's errors as ours. They may hold a URL, but no header and no body."""
        try:
            yield
        except httpx.TimeoutException as error:
            seconds = f"{self._settings.timeout.total_seconds():g} s"
            raise Unreachable(
                f"{self._where(error)}: no answer within {seconds}: raise `timeout`, or look at the server"
            ) from error
        except httpx.ProxyError as error:
            raise Unreachable(f"{self._where(error)}: the proxy refused: {error}") from error
        except httpx.TransportError as error:
            said = str(error) or type(error).__name__
            raise Unreachable(
                f"{self._where(error)}: {said}: check url, network, and certificates (`ca`, `fingerprint`)"
            ) from error
        except httpx.HTTPError as error:
            raise SourceError(f"{self._where(error)}: {error}") from error

    def _where(self, error: httpx.HTTPError) -> str:
        """The server that was asked: not always the settings' one, when a token is fetched elsewhere."""
        try:
            asked = f"{error.request.url.scheme}://{error.request.url.netloc.decode()}"
        except RuntimeError:  # httpx's way to say that it does not know
            asked = self._settings.url
        return f"{self.name} ({asked})"

    def _refused(self, response: httpx.Response) -> SourceError:
        known = self._refusal(response)
        if known is not None:
            return known
        status, said = response.status_code, self._explain(response)[:_SHOWN]
        what = f"{self.name}: {response.request.method} {response.request.url.path} answered {status}"
        what = f"{what}: {said}" if said else what
        if status == 401:
            return AuthError(f"{what}: check the credentials in siem.{self.name}")
        if status == 403:
            return AuthError(f"{what}: the account lacks a right for this: see the page of this SIEM in the docs")
        if status == 429:
            return RateLimited(f"{what}: asked to wait", retry_after(response.headers.get("Retry-After")))
        if status in _PASSING:
            return Unreachable(what, retry_after(response.headers.get("Retry-After")))
        return SourceError(what)

    def _count_retry(self, _state: RetryCallState) -> None:
        self.traffic.retries += 1


def retry_after(value: str | None, now: datetime | None = None) -> float | None:
    """Seconds to wait by a Retry-After header (RFC 9110, 10.2.3: seconds or a date); None when there is none."""
    if value is None:
        return None
    if value.strip().isdigit():
        return float(value)
    try:
        until = parsedate_to_datetime(value)
    except ValueError:
        return None
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(0.0, (until - (now or datetime.now(UTC))).total_seconds())


def _passes(error: BaseException, repeat: bool) -> bool:
    """Whether the same request, sent again soon, may be answered."""
    return (
        isinstance(error, Unreachable)
        and (repeat or isinstance(error, RateLimited))
        and (error.wait is None or error.wait <= _LONGEST_WAIT)
    )


def _wait(state: RetryCallState) -> float:
    """Seconds before the next attempt: as told, else twice as long each time, shaken so that clients spread."""
    error = state.outcome.exception() if state.outcome else None
    told = error.wait if isinstance(error, Unreachable) else None
    if told is not None:
        return told
    longest = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** (state.attempt_number - 1))
    return random.uniform(longest / 2, longest)  # noqa: S311 no secret
