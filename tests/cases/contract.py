"""Requests against a vendor's own OpenAPI document, in process (openapi-core, which takes seconds to import: it is
imported where a test needs it, not where tests are collected).
"""

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx

from ..servers.artifact import cache  # noqa: TID252 (tests are no package on the path)
from ..servers.unavailable import Unavailable  # noqa: TID252


def kept(name: str, where: str) -> Path:
    """A vendor's document that somebody has put into EXFILWATCH_OPENAPI, or the cache. Raises Unavailable."""
    folder = Path(os.environ.get("EXFILWATCH_OPENAPI") or cache() / "openapi")
    if not (folder / name).is_file():
        raise Unavailable(f"{name}: put it into {folder}, from {where}")
    return folder / name


class Contract:
    """A document; of its paths those that are `used`, as all of them would take long to read. `server`: where requests
    go, as the document says.
    """

    def __init__(self, file: Path, server: str, *used: str) -> None:
        from openapi_core import Config, OpenAPI

        document = json.loads(file.read_text("utf-8"))
        missing = [path for path in used if path not in document["paths"]]
        assert missing == []
        document = {**document, "paths": {path: document["paths"][path] for path in used}, "servers": [{"url": server}]}
        for each in (document, *(operation for path in document["paths"].values() for operation in path.values())):
            if isinstance(each, dict):
                each.pop("security", None)  # credentials are the fakes' affair
        document.pop("webhooks", None)
        self._api = OpenAPI.from_dict(document, config=Config(spec_validator_cls=None))  # type: ignore[arg-type]

    def broken(self, request: httpx.Request) -> str:
        """What of a request the document does not allow; nothing when it does."""
        from openapi_core.exceptions import OpenAPIError

        try:
            self._api.validate_request(_Request(request))
        except OpenAPIError as error:
            cause = error.__cause__
            details = [each.message for each in getattr(cause, "schema_errors", ())]
            return f"{request.method} {request.url.path}: {error}: {cause or ''} {details}"[:600]
        return ""


class _Request:
    """A request of httpx as openapi-core wants it."""

    def __init__(self, request: httpx.Request) -> None:
        from openapi_core.datatypes import RequestParameters
        from werkzeug.datastructures import Headers, ImmutableMultiDict

        url = urlsplit(str(request.url))
        self.host_url = f"{url.scheme}://{url.netloc}"
        self.path = url.path
        self.method = request.method.lower()
        self.content_type = request.headers.get("Content-Type", "application/json")
        self.body: bytes | None = request.content or None
        self.parameters = RequestParameters(
            query=ImmutableMultiDict(parse_qsl(url.query)),
            header=Headers(list(request.headers.items())),
            cookie=ImmutableMultiDict(),
        )

    def get_body(self) -> Any:
        return self.body
