"""Bearer tokens: who may ask, and for what. The database has only the digest of each, and the audit log who made and
who revoked it.

A token is `exfw_ID_SECRET`; the secret has 256 random bits, so that one round of SHA-256 keeps it. A scope has those
before it: `act` may read, `admin` may do everything.
"""

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple, TypeAlias, get_args

from sqlalchemy import Connection, Row, delete, insert, select, update

from exfilwatch.errors import ConfigError
from exfilwatch.findings.database import Database
from exfilwatch_playbooks.actions.audit import Audit
from exfilwatch_playbooks.actions.context import user
from exfilwatch_playbooks.service.tables import PACKAGE, PART, sessions, tokens

Scope: TypeAlias = Literal["read", "act", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
_NAME = re.compile(r"[\w.@-]{1,64}", re.ASCII)
_TOKEN = re.compile(r"exfw_([0-9a-f]{12})_([\w-]{43})", re.ASCII)
_REMEMBERED = 1.0  # seconds: so long a token that was revoked may still be taken


class Token(NamedTuple):
    """A token without its secret. Times are UTC."""

    id: str
    name: str
    scopes: tuple[Scope, ...]
    created: datetime
    expires: datetime | None = None
    revoked: datetime | None = None

    def state(self, now: datetime) -> Literal["valid", "expired", "revoked"]:
        """Whether it may be used."""
        if self.revoked is not None:
            return "revoked"
        return "expired" if self.expires is not None and self.expires <= now else "valid"

    def allows(self, scope: Scope) -> bool:
        """Whether one of its scopes is this one, or has it."""
        return any(SCOPES.index(each) >= SCOPES.index(scope) for each in self.scopes)


class Tokens:
    """The tokens in a database."""

    def __init__(
        self,
        database: Database,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        ticks: Callable[[], float] = time.monotonic,
        who: Callable[[], str] = user,
    ) -> None:
        """`who`: who makes and revokes them."""
        self._database = database
        self._who = who
        self._clock = clock
        self._ticks = ticks
        self._known: dict[str, tuple[float, Row[Any] | None]] = {}
        self._audit = Audit(database)
        database.ensure(PART, PACKAGE)

    def add(self, name: str, scopes: Iterable[str], expires: datetime | None = None) -> tuple[str, Token]:
        """Make a token; what its owner sends, which is shown this once, and the token. Raises ConfigError."""
        if not _NAME.fullmatch(name):
            raise ConfigError(f"token {name!r}: use up to 64 letters, digits and . @ _ - as a name")
        granted = _scopes(scopes)
        now = self._clock()
        if expires is not None and expires <= now:
            raise ConfigError(f"token {name}: its end is past")
        identity, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
        with self._database.write() as connection:
            there = [_token(row) for row in connection.execute(select(tokens).where(tokens.c.name == name))]
            if any(each.state(now) == "valid" for each in there):
                raise ConfigError(f"there is a token {name} already: revoke it, or choose another name")
            row = {
                "id": identity,
                "name": name,
                "digest": _digest(secret),
                "scopes": ",".join(granted),
                "created": now,
                "expires": expires,
            }
            connection.execute(insert(tokens).values(row))
            made = Token(identity, name, granted, now, expires)
            self._log(connection, "add_token", made, f"token {name} may {', '.join(granted)}")
        return f"exfw_{identity}_{secret}", made

    def all(self) -> list[Token]:
        """All that were made, oldest first."""
        with self._database.read() as connection:
            return [_token(row) for row in connection.execute(select(tokens).order_by(tokens.c.created, tokens.c.id))]

    def any_valid(self) -> bool:
        """Whether somebody can ask at all."""
        now = self._clock()
        return any(each.state(now) == "valid" for each in self.all())

    def revoke(self, name: str) -> Token:
        """Take no request with the token of this name, or id, any more, and end its sessions. Raises ConfigError when
        there is none.
        """
        now = self._clock()
        wanted = [each for each in self.all() if name in (each.name, each.id) and each.revoked is None]
        valid = [each for each in wanted if each.state(now) == "valid"] or wanted
        if not valid:
            raise ConfigError(f"there is no token {name!r} to revoke: `exfilwatch tokens list` shows those there are")
        with self._database.write() as connection:
            wanted_row = (tokens.c.id == valid[0].id, tokens.c.revoked.is_(None))
            if connection.execute(update(tokens).where(*wanted_row).values(revoked=now)).rowcount:
                connection.execute(delete(sessions).where(sessions.c.token == valid[0].id))
                self._log(connection, "revoke_token", valid[0], f"token {valid[0].name} is revoked")
        self._known.clear()
        return valid[0]._replace(revoked=now)

    def remembers(self, sent: str) -> bool:
        """Whether `find` asks no database for this one."""
        known = self._known.get(sent[5:17])
        return known is not None and self._ticks() - known[0] < _REMEMBERED

    def get(self, identity: str) -> Token | None:
        """The token with this id, in whatever state."""
        row = self._row(identity)
        return _token(row) if row is not None else None

    def find(self, sent: str) -> Token | None:
        """The token that was sent, in whatever state; None when nobody has it."""
        parts = _TOKEN.fullmatch(sent)
        row = self._row(parts[1]) if parts else None
        # Compared also where there is none, so that the time of an answer does not tell which ids there are.
        digest = row.digest if row is not None else "0" * 64
        same = hmac.compare_digest(_digest(parts[2] if parts else ""), digest)
        return _token(row) if same and row is not None else None

    def _log(self, connection: Connection, action: str, token: Token, said: str) -> None:
        given = {"name": token.name, "id": token.id, "scopes": ",".join(token.scopes)}
        if token.expires is not None:
            given["expires"] = token.expires.isoformat()
        self._audit.changed(connection, action, self._who(), self._clock(), given, said)

    def _row(self, identity: str) -> "Row[Any] | None":
        now = self._ticks()
        known = self._known.get(identity)
        if known is not None and now - known[0] < _REMEMBERED:
            return known[1]
        with self._database.read() as connection:
            row = connection.execute(select(tokens).where(tokens.c.id == identity)).one_or_none()
        if len(self._known) > 1000:
            self._known.clear()
        if row is not None:
            self._known[identity] = now, row
        return row


def _scopes(names: Iterable[str]) -> tuple[Scope, ...]:
    wanted = {name.strip().lower() for name in names} - {""}
    granted = tuple(scope for scope in SCOPES if scope in wanted)
    if not wanted or len(granted) < len(wanted):
        raise ConfigError(f"scope {', '.join(sorted(wanted)) or '(none)'}: use {', '.join(SCOPES)}")
    return granted


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _token(row: Row[Any]) -> Token:
    scopes = tuple(scope for scope in SCOPES if scope in row.scopes.split(","))
    return Token(row.id, row.name, scopes, row.created, row.expires, row.revoked)
