"""What enrichers that ask services over HTTP share: settings, requests with retries, verdicts.

They are given one indicator at a time, and so can send no more than that and their key. What a service answers is text
of strangers: it is cut, and escaped where it goes.
"""

import asyncio
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Annotated, Any, ClassVar, TypeVar
from urllib.parse import quote

import httpx
from pydantic import Field

from exfilwatch.errors import RateLimited
from exfilwatch.siem.connection import Duration, Server, Token
from exfilwatch.siem.http import Http, decoded
from exfilwatch_playbooks.enrichment.enricher import Means, OfIndicator, Options, Quota
from exfilwatch_playbooks.enrichment.indicator import Indicator
from exfilwatch_playbooks.enrichment.model import Answer

T = TypeVar("T")
MALICIOUS, SUSPICIOUS, NOTHING = "malicious", "suspicious", "nothing bad known"
UNKNOWN = "not known there"
_LONGEST = 200
_SHOWN = 20


class ServiceOptions(Options, Server):
    """`key`: what the service gave you. `per_minute`, `per_day`: how often it may be asked (0: any number of times)."""

    timeout: Duration = timedelta(seconds=10)
    key: Token | None = None
    per_minute: Annotated[int, Field(ge=0)] = 0
    per_day: Annotated[int, Field(ge=0)] = 0

    def missing(self) -> str:
        return "" if self.key else "needs a key: key = ..."


class KeylessOptions(ServiceOptions):
    """Of a service that asks for no key."""

    def missing(self) -> str:
        return ""


class Service(OfIndicator):
    """`key_header`: where its key goes, after `key_prefix`. `also`: statuses that are answers beside 200."""

    outside = True
    key_header: ClassVar[str] = ""
    key_prefix: ClassVar[str] = ""
    also: ClassVar[frozenset[int]] = frozenset({404})
    Settings: ClassVar[type[ServiceOptions]] = ServiceOptions

    def __init__(self, name: str, settings: ServiceOptions, means: Means) -> None:
        super().__init__(name, settings, means)
        self.service = settings
        self._http = Http(
            name, settings, headers=self.headers(), explain=_message, sleep=self._sleep, table="enrichment"
        )

    def headers(self) -> Mapping[str, str]:
        """What is sent with every request."""
        key = self.service.key
        return {self.key_header: f"{self.key_prefix}{key.get_secret_value()}"} if key and self.key_header else {}

    @property
    def asks(self) -> str:
        return self.title

    @property
    def quota(self) -> Quota:
        return Quota(self.service.per_minute, self.service.per_day)

    async def ask(self, method: str, path: str, kind: type[T], **options: Any) -> T | None:
        """The answer; None for what the service does not know (404). Raises SourceErrors."""
        accepted = frozenset({200}) | self.also
        response = await self._http.request(method, path, accept=accepted, **options)
        return decoded(self.called, response, kind) if response.status_code == 200 else None

    async def close(self) -> None:
        await self._http.close()

    async def _sleep(self, seconds: float) -> None:
        if seconds >= self.options.deadline.total_seconds():
            raise RateLimited(f"{self.called}: asked to wait {seconds:.0f} s, which is beyond its deadline", seconds)
        await asyncio.sleep(seconds)

    def verdict(self, value: str, number: float | None = None, said: Iterable[str] = (), link: str = "") -> Answer:
        """`NAME.verdict`: malicious, suspicious, nothing bad known, or not known there."""
        return Answer(
            key=f"{self.name}.verdict", label=self.title, value=value, number=number, items=texts(said), link=link
        )

    def answer(self, key: str, label: str, value: object, items: Iterable[str] = ()) -> Answer:
        """`NAME.KEY`, as text of at most 200 characters."""
        number = float(value) if isinstance(value, int | float) else None
        return Answer(key=f"{self.name}.{key}", label=label, value=text(value), number=number, items=texts(items))

    @abstractmethod
    async def look_up(self, given: Indicator) -> list[Answer]: ...


def in_path(given: Indicator) -> str:
    """An indicator as a part of a path."""
    return quote(given.value, safe=":")


def text(value: object) -> str:
    """What a service says, as one line that is not too long."""
    said = " ".join(str(value).split())
    return said if len(said) <= _LONGEST else f"{said[: _LONGEST - 1]}…"


def texts(values: Iterable[object]) -> tuple[str, ...]:
    """Some of these, each once."""
    return tuple(dict.fromkeys(text(each) for each in values if each))[:_SHOWN]


def graded(number: float, malicious: float, suspicious: float) -> str:
    """The verdict that a count or a score is."""
    return MALICIOUS if number >= malicious else SUSPICIOUS if number >= suspicious else NOTHING


def _message(response: httpx.Response) -> str:
    """The service's own words for an error: of JSON what is called message, detail, error or the like."""
    try:
        found = response.json()
    except ValueError:
        return ""
    for _ in range(4):
        if isinstance(found, list):
            found = found[0] if found else ""
        elif isinstance(found, dict):
            known = (
                found[name]
                for name in ("errors", "error", "message", "detail", "reason", "query_status")
                if name in found
            )
            found = next(known, "")
        else:
            break
    return text(found) if isinstance(found, str) else ""
