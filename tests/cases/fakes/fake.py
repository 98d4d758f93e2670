"""What the fakes have in common: requests by method and path, and answers that get lost."""

import json
import re
from collections.abc import Callable
from typing import Any

import httpx

Route = Callable[..., httpx.Response]
SECRET = "s3cret-token-of-24-letters-and-more"


class Fake:
    """`lose`: how many of the next changes are done, but not answered. `busy`: the answer to everything, instead.
    `dropped`: fields that are accepted and ignored; of `content`, that of files is as long, and something else.
    """

    routes: tuple[tuple[str, str, str], ...] = ()
    """Method, path and the name of what answers."""

    def __init__(self) -> None:
        self.lose = 0
        self.busy: httpx.Response | None = None
        self.dropped: set[str] = set()
        self.requests: list[httpx.Request] = []
        self.transport = httpx.MockTransport(self._answer)

    def kept_as(self, content: bytes) -> bytes:
        """What becomes of a file's content."""
        return bytes(reversed(content)) if "content" in self.dropped else content

    def allowed(self, request: httpx.Request) -> bool:
        """Whether the credentials are right."""
        return SECRET in request.headers.get("Authorization", "")

    def unauthorized(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(401, json={"message": "Bad credentials"})

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        await request.aread()
        if self.busy is not None:
            return self.busy
        if not self.allowed(request):
            return self.unauthorized(request)
        path = request.url.raw_path.decode().partition("?")[0]
        for method, pattern, name in self.routes:
            if method == request.method and (found := re.fullmatch(pattern, path)):
                answer: httpx.Response = getattr(self, name)(request, *found.groups())
                if self.lose and request.method != "GET" and "search" not in path and "query" not in path:
                    self.lose -= 1
                    raise httpx.ReadTimeout("lost", request=request)
                return answer
        raise AssertionError(f"{request.method} {path} is not in the API")


def body(request: httpx.Request) -> Any:
    return json.loads(request.content) if request.content else {}


def form(request: httpx.Request) -> list[tuple[str, str, bytes]]:
    """The parts of a multipart form: field, file name, content."""
    boundary = re.findall("boundary=(.*)", request.headers["Content-Type"])[0].encode()
    parts = []
    for part in request.content.split(b"--" + boundary)[1:-1]:
        head, _, content = part.partition(b"\r\n\r\n")
        field = re.findall(rb' name="([^"]*)"', head)[0].decode()
        file = re.findall(rb'filename="([^"]*)"', head)
        parts.append((field, file[0].decode() if file else "", content.removesuffix(b"\r\n")))
    return parts
