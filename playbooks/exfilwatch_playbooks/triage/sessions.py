"""Who is logged in: a cookie stands for a token, which is looked at anew with each request.

Sessions are kept in this process and end with it. The cookie holds nothing but a random name; here its digest is kept,
and never the token itself.
"""

import hashlib
import hmac
import secrets
import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from exfilwatch_playbooks.triage.doing import UnderWay

COOKIE = "exfilwatch_session"
LASTS = timedelta(hours=10)
"""A shift."""
_MOST, _SAYINGS = 1000, 20


@dataclass
class Session:
    """`token`: its id. `csrf`: what the forms of this session send with them. `until`: UTC."""

    token: str
    csrf: str
    until: datetime
    _said: list[tuple[str, str]] = field(default_factory=list)

    def say(self, kind: Literal["good", "bad"], text: str) -> None:
        """Tell something on the next page."""
        self._said = [*self._said[-_SAYINGS:], (kind, text)]

    def heard(self) -> list[tuple[str, str]]:
        """What is to be told, once: kind and text."""
        said, self._said = self._said, []
        return said

    def is_from_form(self, sent: str) -> bool:
        """Whether a form of this session sent it."""
        return hmac.compare_digest(self.csrf.encode(), sent.encode("utf-8", "replace"))


class Begun(NamedTuple):
    """A session that has begun, and the value of its cookie."""

    cookie: str
    session: Session


class Sessions:
    """Those of this process."""

    def __init__(self) -> None:
        self.under_way: dict[str, UnderWay] = {}
        """What is being done about incidents, by their ids."""
        self._lock = threading.Lock()
        self._known: dict[bytes, Session] = {}

    def begin(self, token: str, now: datetime) -> Begun:
        """A session for the token with this id."""
        cookie = secrets.token_urlsafe(32)
        with self._lock:
            self._known = {name: each for name, each in self._known.items() if each.until > now}
            while len(self._known) >= _MOST:
                del self._known[next(iter(self._known))]
            self._known[_digest(cookie)] = made = Session(token, secrets.token_urlsafe(32), now + LASTS)
        return Begun(cookie, made)

    def of(self, cookie: str, now: datetime) -> Session | None:
        """The session that a cookie stands for; None where it has ended."""
        found = self._known.get(_digest(cookie))
        return found if found is not None and found.until > now else None

    def end(self, cookie: str) -> None:
        """Log out."""
        with self._lock:
            self._known.pop(_digest(cookie), None)


def _digest(cookie: str) -> bytes:
    return hashlib.sha256(cookie.encode("utf-8", "replace")).digest()
