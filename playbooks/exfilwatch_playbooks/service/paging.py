"""Pages: `limit` and `cursor` in, `items` and `next` out. A cursor is the place of the last one, not a number: what
comes in between moves nothing.
"""

import base64
import binascii
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, TypeAlias

import msgspec
from fastapi import Query
from starlette.responses import Response

from exfilwatch.findings.node import storable
from exfilwatch_playbooks.service.problems import Refused, Wrong

MEDIA = "application/json"
Cursor: TypeAlias = Annotated[
    str, Query(description="Where to go on: `next` of the page before.", max_length=400, pattern=r"^[\w-]*$")
]
Limit: TypeAlias = Annotated[int, Query(description="How many at most.", ge=1, le=1000)]


def cursor(*place: object) -> str:
    """A place as text."""
    texts = [each.isoformat() if isinstance(each, datetime) else each for each in place]
    return base64.urlsafe_b64encode(json.dumps(texts).encode()).decode().rstrip("=")


def place(text: str, *kinds: type) -> list[Any] | None:
    """What a cursor means, as values of these kinds (a datetime may be None); None: the first page. Raises Refused."""
    if not text:
        return None
    try:
        found = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        if not isinstance(found, list) or len(found) != len(kinds):
            raise ValueError
        return [_value(each, kind) for each, kind in zip(found, kinds, strict=True)]
    except (ValueError, binascii.Error, RecursionError):
        said = "is no cursor of this list: take `next` as it is"
        raise Refused("input-wrong", f"cursor: {said}", [Wrong(field="query.cursor", detail=said)]) from None


def _value(value: object, kind: type) -> object:
    if kind is datetime:
        return None if value is None else datetime.fromisoformat(str(value))
    if type(value) is not kind or (kind is int and abs(int(str(value))) > 1 << 62):
        raise ValueError
    if isinstance(value, str) and value != storable(value):  # no id or name that is kept
        raise ValueError
    return value


def page(items: Sequence[object], following: str | None) -> Response:
    """A page as an answer."""
    return answer({"items": items, "next": following})


def answer(value: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Something as JSON."""
    return Response(encoded(value), status, media_type=MEDIA, headers=headers)


def encoded(value: object) -> bytes:
    """JSON; lone surrogates of hostile text are spelled out."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        return json.dumps(msgspec.to_builtins(value)).encode()
