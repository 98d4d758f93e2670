"""The body of a request: a JSON object, not nested deeply, within the limit that edge.py holds to."""

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from fastapi import Request
from pydantic import BaseModel, ValidationError

from exfilwatch_playbooks.service.problems import Refused, Wrong

_DEEPEST = 20

T = TypeVar("T", bound=BaseModel)


async def body_of(request: Request) -> bytes:
    """The body as it was sent. Raises Refused."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await request.body()
    if body and kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        raise Refused("media-type", "send it as application/json")
    return body


def object_in(body: bytes) -> dict[str, Any]:
    """The object in a body; an empty one of none. Raises Refused."""
    if not body.strip():
        return {}
    try:
        found = msgspec.json.decode(body)
    except RecursionError:
        raise Refused("bad-request", "the JSON is nested too deep") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused("bad-request", f"the body is no JSON: {str(error)[:200]}") from None
    if not isinstance(found, dict):
        raise Refused("bad-request", 'the body must be a JSON object: {"finding": "3fa9c2d1"}')
    if _deeper(found, _DEEPEST):
        raise Refused("bad-request", "the JSON is nested too deep")
    return found


def checked(model: type[T], given: Mapping[str, object]) -> T:
    """An object as a model. Raises Refused, which names each field that is wrong."""
    try:
        return model.model_validate(given)
    except ValidationError as error:
        wrong = [
            Wrong(field=".".join(map(str, each["loc"])), detail=each["msg"].removeprefix("Value error, "))
            for each in error.errors(include_input=False, include_url=False)
        ]
        raise Refused("input-wrong", "; ".join(f"{each.field}: {each.detail}" for each in wrong), wrong) from None


def _deeper(value: object, levels: int) -> bool:
    """Whether it is nested deeper than so many levels."""
    if not isinstance(value, dict | list):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_deeper(each, levels - 1) for each in inner)
