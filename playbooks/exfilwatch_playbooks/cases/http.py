"""Requests to a case system: how they are encrypted and repeated, and which error they end in.

Repeated within a call is only what changes nothing; whether a change was done that was not answered, the engine finds
out by looking. Each error says whether the request may have arrived (CaseUnreachable.sent).
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, TypeVar

import httpx
import msgspec
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt

from exfilwatch import __version__
from exfilwatch.errors import CaseBlocked, CaseError, CaseRefused, CaseUnreachable, ConfigError
from exfilwatch.siem.http import NO_JSON, TO_CONNECT, Sleep, client
from exfilwatch.siem.masking import Mask
from exfilwatch.siem.retries import retry_after, wait_for
from exfilwatch.siem.tls import context
from exfilwatch.siem.unreached import too_late, why
from exfilwatch.structs import ready
from exfilwatch_playbooks.cases.settings import Remote

ATTEMPTS = 3
_PATIENCE = 20.0  # seconds: a longer wait is the next run's
_PASSING = frozenset({408, 425, 502, 503, 504})
_UNDONE = frozenset({425, 429, 503})  # the request was not looked at
_FULL = frozenset({402, 507})
_SHOWN = 300  # characters of a system's own message
_LARGEST = 64 << 20  # bytes of an answer

T = TypeVar("T")
Transport: TypeAlias = httpx.AsyncBaseTransport | None
"""What requests go through instead of the network."""


class Http:
    """Requests to one case system. `explain` makes the system's own message of an answer ("" when there is none).
    `reading`: what an answer means, where its body says more than its status does: an error, or None for the usual.
    """

    def __init__(
        self,
        name: str,
        settings: Remote,
        *,
        auth: httpx.Auth | tuple[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        explain: Callable[[httpx.Response], str] = lambda _response: "",
        reading: Callable[[httpx.Response], CaseError | None] = lambda _response: None,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.name = name
        self.requests = 0
        self._settings = settings
        self._auth = auth
        self._headers = {"User-Agent": f"exfilwatch/{__version__}", "Accept": "application/json", **(headers or {})}
        self._explain = explain
        self._reading = reading
        self._transport = transport
        self._sleep = sleep
        self._mask = Mask.of(settings)
        self._client: httpx.AsyncClient | None = None
        self._at_once = asyncio.Semaphore(settings.at_once)

    async def get(self, path: str, *, accept: frozenset[int] = frozenset({200}), **options: Any) -> httpx.Response:
        """An answer to a question, which is asked again when none comes. Raises CaseErrors."""
        return await self.ask("GET", path, accept=accept, **options)

    async def ask(
        self, method: str, path: str, *, accept: frozenset[int] = frozenset({200}), **options: Any
    ) -> httpx.Response:
        """The same by another method, which changes nothing: searches are POSTed in some APIs."""
        attempts = AsyncRetrying(
            stop=stop_after_attempt(ATTEMPTS),
            retry=retry_if_exception(_passes),
            wait=_wait,
            sleep=self._sleep,
            reraise=True,
        )
        async for attempt in attempts:
            with attempt:
                return await self.change(method, path, accept=accept, **options)
        raise AssertionError  # tenacity returns or raises

    async def change(
        self, method: str, path: str, *, accept: frozenset[int] = frozenset({200, 201, 204}), **options: Any
    ) -> httpx.Response:
        """One request, sent once. `path` below the settings' url, or a whole URL. Raises CaseErrors."""
        async with self._at_once:
            client = self._opened()
            self.requests += 1
            try:
                async with asyncio.timeout(self._settings.timeout.total_seconds()):
                    response = await client.request(method, path, **options)
            except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, ConfigError) as error:
                raise self._unanswered(error) from None
        said = self._reading(response)
        if said is not None:
            said.args = (self._masked(str(said), response), *said.args[1:])
            raise said
        if response.status_code not in accept:
            raise self.refused(response)
        return response

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    def refused(self, response: httpx.Response) -> CaseError:
        """The error that an answer is by its status."""
        status, said = response.status_code, self._masked(self._explain(response), response)[:_SHOWN]
        what = f"{self.name}: {response.request.method} {response.request.url.path} answered {status}"
        what = f"{what}: {said}" if said else what
        if status == 401:
            return CaseBlocked(f"{what}: check the credentials in case.{self.name}")
        if status == 403:
            return CaseBlocked(f"{what}: the account lacks a right for this: see the page Cases")
        if status == 429 or status in _PASSING:
            wait = retry_after(response.headers.get("Retry-After"))
            return CaseUnreachable(f"{what}: it is busy or in maintenance", wait, sent=status not in _UNDONE)
        if status in _FULL or status == 405:
            return CaseBlocked(f"{what}: it takes nothing now: is it full, or read-only?")
        if 300 <= status < 400:
            return CaseBlocked(f"{what}: it sends on elsewhere: set `url` to the system's own address")
        if status >= 500:
            return CaseUnreachable(f"{what}: look at its log")
        return CaseRefused(what)

    def decoded(self, response: httpx.Response, kind: type[T]) -> T:
        """An answer's JSON as `kind`. A page instead of JSON is a proxy's or a sign-in's: CaseUnreachable."""
        try:
            return msgspec.json.decode(response.content, type=ready(kind), strict=False)
        except NO_JSON as error:
            where = f"{self.name}: {response.request.url.path} answered {response.status_code}"
            raise CaseUnreachable(
                f"{where} with what is not its API's JSON ({error}): check `url`, and what a proxy answers"
            ) from None

    def _opened(self) -> httpx.AsyncClient:
        if self._client is None:
            try:
                trusted = context(self._settings)
            except ConfigError as error:
                raise CaseBlocked(f"{self.name}: {error}") from None
            self._client = client(self._settings, trusted, self._auth, self._headers, self._transport)
        return self._client

    def _unanswered(self, error: Exception) -> CaseError:
        """httpx's errors as ours. They may hold a URL, but no header and no body."""
        where = f"{self.name} ({httpx.URL(self._settings.url).host})"
        unsent = isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout))
        if isinstance(error, ConfigError):  # of a fingerprint, by the handshake
            return CaseBlocked(f"{self.name}: {error}")
        if isinstance(error, (httpx.TimeoutException, TimeoutError)):
            late = too_late(error, self._settings.timeout.total_seconds(), TO_CONNECT)
            return CaseUnreachable(f"{where}: {late}", sent=not unsent)
        if isinstance(error, httpx.ProxyError):
            return CaseUnreachable(f"{where}: the proxy refused: {self._masked(str(error))}", sent=False)
        if isinstance(error, httpx.TransportError):
            return CaseUnreachable(f"{where}: {self._masked(why(error, self._settings))}", sent=not unsent)
        return CaseRefused(f"{where}: {self._masked(str(error))}")

    def _masked(self, said: str, response: httpx.Response | None = None) -> str:
        """Without secrets, also those that are sent back."""
        sent = response.request.headers.get("Authorization", "").rpartition(" ")[2] if response is not None else ""
        return self._mask(said, sent)


def _passes(error: BaseException) -> bool:
    return isinstance(error, CaseUnreachable) and (error.wait or 0) <= _PATIENCE


def _wait(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    return wait_for(error.wait if isinstance(error, CaseUnreachable) else None, state.attempt_number)
