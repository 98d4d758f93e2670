"""A proxy that breaks what goes through it, by a schedule that a seed repeats.

with FaultyProxy(server.url, vendors.SPLUNK, Schedule(7)) as proxy:
    poll(proxy.url)
"""

import http.client
import json
import random
import ssl
from collections import Counter
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

from ..siem.loopback import Answer, Loopback, Request, answer_json  # noqa: TID252 (tests are no package on the path)

_PATIENCE = 60  # seconds for the server behind the proxy
_DROPPED = frozenset({"host", "accept-encoding", "connection", "content-length"})
_KEPT = ("Content-Type", "Set-Cookie", "Location", "Retry-After")
_PAGE = b"<!DOCTYPE html><html><title>Sign in</title><p>Sign in to the network to go on.</p></html>"


class Fault(StrEnum):
    """What becomes of one request."""

    PASS = "passed"
    REFUSED = "reset before any byte"
    RESET = "reset in the middle of the body"
    CLOSED = "closed in the middle of the body"
    LOST = "served, its answer lost"
    SLOW = "answered byte by byte"
    RATE = "429"
    GATEWAY = "502"
    BUSY = "503"
    LATE = "504"
    TRUNCATED = "JSON that ends too early"
    HTML = "a page of HTML"
    EXPIRED = "what is read from has expired"
    PARTIAL = "not everything took part"
    DOUBLED = "records twice"


_STATUS = {Fault.RATE: 429, Fault.GATEWAY: 502, Fault.BUSY: 503, Fault.LATE: 504}


class Vendor(NamedTuple):
    """What a vendor says: of what has expired (None: nothing of this request can), and in an answer of which not all
    is there, or all twice. Both get the request and the answer's JSON, and give None where the fault does not apply.
    """

    expired: Callable[[Request], Answer | None]
    partial: Callable[[Request, Any], Any]
    doubled: Callable[[Request, Any], Any]


class Schedule:
    """Which fault each request meets: of `faults`, one in `often` requests, the same ones for the same seed."""

    def __init__(self, seed: int, faults: Sequence[Fault] = tuple(Fault), often: float = 0.2) -> None:
        self._random = random.Random(seed)
        self._faults = [fault for fault in faults if fault is not Fault.PASS]
        self._often = often

    def next(self) -> Fault:
        return self._random.choice(self._faults) if self._random.random() < self._often else Fault.PASS


class FaultyProxy(Loopback):
    """Passes requests on to the server at `target`. `healed`: whatever the schedule says is left out from now on.
    `met`: how often each fault was met. `time_of`: the server's clock, s, which answers carry.
    `ca`: the file of its authority, where it speaks TLS.
    """

    def __init__(
        self,
        target: str,
        vendor: Vendor,
        schedule: Schedule,
        time_of: Callable[[], float] | None = None,
        ca: str | None = None,
    ) -> None:
        super().__init__()
        self._tls = ssl.create_default_context(cafile=ca) if ca else None
        self._target = urlsplit(target)
        self._vendor = vendor
        self._schedule = schedule
        self._time_of = time_of
        self.healed = False
        self.met: Counter[Fault] = Counter()

    def time(self) -> float:
        return self._time_of() if self._time_of else super().time()

    def answer(self, request: Request) -> Answer:
        fault = Fault.PASS if self.healed else self._schedule.next()
        answer = self._broken(fault, request)
        if answer is None:
            fault, answer = Fault.PASS, self._passed(request)
        self.met[fault] += 1
        return answer

    def _broken(self, fault: Fault, request: Request) -> Answer | None:
        """The answer with a fault; None where it does not apply."""
        match fault:
            case Fault.PASS:
                return None
            case Fault.REFUSED:
                return Answer(reset=True)
            case Fault.SLOW:
                return Answer(drip=True)
            case Fault.RATE | Fault.GATEWAY | Fault.BUSY | Fault.LATE:
                return Answer(_STATUS[fault], _PAGE, {"Content-Type": "text/html", "Retry-After": "1"})
            case Fault.HTML:
                return Answer(200, _PAGE, {"Content-Type": "text/html"})
            case Fault.EXPIRED:
                return self._vendor.expired(request)
        answer = self._passed(request)
        middle = len(answer.body) // 2
        match fault:
            case Fault.LOST:
                return Answer(reset=True)
            case Fault.RESET | Fault.CLOSED:
                return Answer(answer.status, answer.body, answer.headers, cut=middle, reset=fault is Fault.RESET)
            case Fault.TRUNCATED:
                return Answer(answer.status, answer.body[:middle], answer.headers)
        if answer.status != 200 or not answer.headers.get("Content-Type", "").startswith("application/json"):
            return answer
        change = self._vendor.partial if fault is Fault.PARTIAL else self._vendor.doubled
        changed = change(request, json.loads(answer.body))
        return answer if changed is None else answer_json(changed)

    def _passed(self, request: Request) -> Answer:
        """The server's own answer."""
        host, port = self._target.hostname or "", self._target.port
        connection = (
            http.client.HTTPSConnection(host, port, timeout=_PATIENCE, context=self._tls)
            if self._tls
            else http.client.HTTPConnection(host, port, timeout=_PATIENCE)
        )
        path = f"{request.path}?{urlencode(request.query)}" if request.query else request.path
        headers = {name: value for name, value in request.headers.items() if name not in _DROPPED}
        try:
            connection.request(request.method, path, request.body or None, headers)
            response = connection.getresponse()
            told = {name: value for name in _KEPT if (value := response.headers.get(name)) is not None}
            return Answer(response.status, response.read(), told)
        finally:
            connection.close()
