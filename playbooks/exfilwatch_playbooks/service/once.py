"""Idempotency-Key: a changing request that is sent twice is done once, also by two at once, and gets the same answer.

Source: the IETF draft "The Idempotency-Key HTTP Header Field". Answers are kept for a day. One that tells of a fault,
or of something that passes, is not kept: the same request may be tried again.
"""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from enum import Enum
from typing import Any

from fastapi import Request
from sqlalchemy import Row, delete, insert, select, update
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from exfilwatch.errors import ExfilwatchError
from exfilwatch.polling.worker import is_dead
from exfilwatch_playbooks.service import problems
from exfilwatch_playbooks.service.access import service
from exfilwatch_playbooks.service.problems import Refused, Wrong
from exfilwatch_playbooks.service.service import Service
from exfilwatch_playbooks.service.tables import keys
from exfilwatch_playbooks.service.tokens import Token

HEADER = "Idempotency-Key"
PARAMETER = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": "A text of yours, new for each thing that is to be done: for a day, the same request with the same "
    "key is not done twice, and gets the same answer.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}
MAY = ("key-used", "in-progress")
_KEPT = timedelta(days=1)
_TOO_LONG = timedelta(minutes=30)  # nobody is at it any more
_PATIENCE, _STEP = 30.0, 0.1  # seconds
_PASSING = frozenset({409, 429})


class _State(Enum):
    MINE = 1
    OTHER = 2
    RUNS = 3


async def once(request: Request, token: Token, body: bytes, do: Callable[[], Awaitable[Response]]) -> Response:
    """What `do` answers, or what it answered to the same request before. Raises Refused."""
    key = request.headers.get(HEADER)
    if key is None:
        return await do()
    if not 1 <= len(key) <= 255 or not key.isascii() or not key.isprintable() or " " in key:
        said = "must be 1 to 255 visible ASCII characters"
        raise Refused("input-wrong", f"{HEADER}: {said}", [Wrong(field=f"header.{HEADER}", detail=said)])
    kept = _Keys(service(request), token, key, _digest(request, body))
    found = await run_in_threadpool(kept.claim)
    waited = 0.0
    while found is _State.RUNS:
        if waited >= _PATIENCE or kept.service.closing.is_set():
            raise Refused("in-progress", "ask again later, with the same key", headers={"Retry-After": "5"})
        await asyncio.sleep(_STEP)
        waited += _STEP
        found = await run_in_threadpool(kept.claim)
    if found is _State.OTHER:
        raise Refused("key-used", f"this {HEADER} was sent with another request: take a new one")
    if isinstance(found, Response):
        return found
    return await _done(kept, do)


async def _done(kept: "_Keys", do: Callable[[], Awaitable[Response]]) -> Response:
    try:
        answer = await do()
    except (Refused, ExfilwatchError) as error:
        answer = problems.answer(error if isinstance(error, Refused) else problems.of(error))
    except BaseException:
        await asyncio.shield(run_in_threadpool(kept.release))
        raise
    if answer.status_code >= 500 or answer.status_code in _PASSING:
        await run_in_threadpool(kept.release)
    else:
        await run_in_threadpool(kept.finish, answer)
    return answer


def _digest(request: Request, body: bytes) -> str:
    asked = f"{request.method}\n{request.url.path}\n{request.url.query}\n".encode()
    return hashlib.sha256(asked + body).hexdigest()


class _Keys:
    """One key of one token."""

    def __init__(self, shared: Service, token: Token, key: str, digest: str) -> None:
        self.service = shared
        self._database = shared.store.database
        self._digest = digest
        self._new = {"token": token.id, "key": key, "request": digest, "status": 0, "headers": "{}", "body": ""}
        self._of = (keys.c.token == token.id, keys.c.key == key)
        self._mine = (*self._of, keys.c.owner == shared.me, keys.c.request == digest, keys.c.status == 0)

    def claim(self) -> "_State | Response":
        """The answer that is kept, or what else there is to know; MINE: it is ours to do."""
        now, me = self.service.clock(), self.service.me
        with self._database.write() as connection:
            row = connection.execute(select(keys).where(*self._of)).one_or_none()
            if row is not None and self._over(row):
                connection.execute(delete(keys).where(*self._of))
                row = None
            if row is None:
                connection.execute(delete(keys).where(keys.c.began < now - _KEPT))
                connection.execute(insert(keys).values(self._new | {"owner": me, "began": now}))
                return _State.MINE
        if row.request != self._digest:
            return _State.OTHER
        if row.status == 0:
            return _State.RUNS
        headers = json.loads(row.headers) | {"Idempotency-Replayed": "true"}
        return Response(row.body.encode("ascii"), row.status, headers)

    def finish(self, answer: Response) -> None:
        """Keep an answer."""
        told = {name: value for name, value in answer.headers.items() if name not in ("content-length", "date")}
        body = bytes(answer.body).decode("utf-8")
        kept = {"status": answer.status_code, "headers": json.dumps(told), "body": _ascii(body)}
        with self._database.write() as connection:
            connection.execute(update(keys).where(*self._mine).values(kept))

    def release(self) -> None:
        """It was not done, or may be tried again."""
        with self._database.write() as connection:
            connection.execute(delete(keys).where(*self._mine))

    def _over(self, row: "Row[Any]") -> bool:
        """Whether it is kept no longer, or whoever was at it has ended."""
        now = self.service.clock()
        if row.began < now - _KEPT:
            return True
        dead = row.owner != self.service.me and is_dead(row.owner, self.service.me)
        return row.status == 0 and (dead or row.began < now - _TOO_LONG)


def _ascii(text: str) -> str:
    """JSON in ASCII: what is spelled out in it fits any database."""
    return text if text.isascii() else json.dumps(json.loads(text))
