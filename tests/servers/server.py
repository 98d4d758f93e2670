"""What a program needs to know of a server that runs for it."""

import ssl

import httpx
import msgspec


class Account(msgspec.Struct, frozen=True):
    """Someone whom the server knows."""

    user: str
    password: str


class Server(msgspec.Struct, frozen=True):
    """A server on this machine. `ca`: the file of its authority, where it speaks TLS. `admin` may do anything."""

    url: str
    ca: str | None = None
    admin: Account | None = None

    def client(self, account: Account | None = None) -> httpx.Client:
        """A client of the server, as `admin` or another account."""
        who = account or self.admin
        return httpx.Client(
            base_url=self.url,
            auth=(who.user, who.password) if who else None,
            verify=ssl.create_default_context(cafile=self.ca) if self.ca else True,
            timeout=60,
            trust_env=False,
        )
