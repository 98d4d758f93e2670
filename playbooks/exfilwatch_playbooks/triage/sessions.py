"""Who is logged in: a cookie stands for a token, which is looked at anew with each request.

Sessions are in the database, so that each of several services on it knows them. The cookie holds nothing but a random
name; the database has its digest, never the name or the token. What forms send along is made from the name, and kept
nowhere.
"""

import asyncio
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from sqlalchemy import delete, insert, select, update

from exfilwatch.findings.database import Database
from exfilwatch.findings.node import storable
from exfilwatch_playbooks.service.tables import sessions

COOKIE = "exfilwatch_session"
LASTS = timedelta(hours=10)
"""A shift."""
_MOST, _SAYINGS, _SAYING = 1000, 20, 4000


class Session:
    """`token`: its id. `csrf`: what the forms of this session send along. `told`: there is something to be heard."""

    def __init__(self, database: Database, cookie: str, token: str, *, told: bool = False) -> None:
        self.token = token
        self.csrf = hmac.digest(cookie.encode("utf-8", "replace"), b"exfilwatch form", "sha256").hex()
        self._database, self._name, self._told = database, _digest(cookie), told

    def say(self, kind: Literal["good", "bad"], text: str) -> None:
        """Tell something on the next page, whichever service makes it."""
        self._told = True
        with self._database.write() as connection:
            said = connection.scalar(select(sessions.c.said).where(sessions.c.name == self._name))
            if said is None:  # logged out meanwhile
                return
            more = [*json.loads(said)[1 - _SAYINGS :], (kind, storable(text)[:_SAYING])]
            connection.execute(update(sessions).where(sessions.c.name == self._name).values(said=json.dumps(more)))

    def heard(self) -> list[tuple[str, str]]:
        """What is to be told, once: kind and text."""
        if not self._told:
            return []
        with self._database.write() as connection:
            said = connection.scalar(select(sessions.c.said).where(sessions.c.name == self._name))
            connection.execute(update(sessions).where(sessions.c.name == self._name).values(said="[]"))
        return [(kind, text) for kind, text in json.loads(said or "[]")]

    def is_from_form(self, sent: str) -> bool:
        """Whether a form of this session sent it."""
        return hmac.compare_digest(self.csrf.encode(), sent.encode("utf-8", "replace"))


class Begun(NamedTuple):
    """A session that has begun, and the value of its cookie."""

    cookie: str
    session: Session


class Sessions:
    """Those in a database, which is opened when it is first asked for; times are UTC."""

    def __init__(self, database: Callable[[], Database]) -> None:
        self.tasks: set[asyncio.Task[None]] = set()
        """What this process does about incidents."""
        self._database = database

    def begin(self, token: str, now: datetime) -> Begun:
        """A session for the token with this id."""
        cookie, column = secrets.token_urlsafe(32), sessions.c
        with self._database().write() as connection:
            connection.execute(delete(sessions).where(column.until <= now))
            newest = select(column.name).order_by(column.until.desc()).limit(_MOST - 1)
            connection.execute(delete(sessions).where(column.name.not_in(newest)))
            row = {"name": _digest(cookie), "token": token, "until": now + LASTS, "said": "[]"}
            connection.execute(insert(sessions).values(row))
        return Begun(cookie, Session(self._database(), cookie, token))

    def of(self, cookie: str, now: datetime) -> Session | None:
        """The session that a cookie stands for; None where it has ended."""
        if not cookie:
            return None
        with self._database().read() as connection:
            row = connection.execute(select(sessions).where(sessions.c.name == _digest(cookie))).one_or_none()
        if row is None or row.until <= now:
            return None
        return Session(self._database(), cookie, row.token, told=row.said != "[]")

    def end(self, cookie: str) -> None:
        """Log out."""
        with self._database().write() as connection:
            connection.execute(delete(sessions).where(sessions.c.name == _digest(cookie)))


def _digest(cookie: str) -> str:
    return hashlib.sha256(cookie.encode("utf-8", "replace")).hexdigest()
