"""The name that the owner of an address gave it: a look-up by this machine's own resolver (PTR, RFC 1035 3.5).

Off by default: whoever serves the name of an address may see that it was asked for. Only public addresses are.
The name is what its owner says, and nothing checks that it points back.
"""

import asyncio
import socket
import threading
from datetime import timedelta

from exfilwatch.errors import SourceError
from exfilwatch_playbooks.enrichment.enricher import OfIndicator, Options
from exfilwatch_playbooks.enrichment.indicator import Indicator, Kind
from exfilwatch_playbooks.enrichment.model import Answer

_UNKNOWN = frozenset({socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)})


class ReverseDnsOptions(Options):
    """The usual ones."""

    deadline: timedelta = timedelta(seconds=3)


class ReverseDns(OfIndicator):
    """dns.reverse"""

    name = "reverse_dns"
    title = "Reverse DNS"
    kinds = frozenset({Kind.ADDRESS})
    outside = True
    Settings = ReverseDnsOptions

    async def look_up(self, given: Indicator) -> list[Answer]:
        found = await _resolved(given.value)
        return [Answer(key="dns.reverse", label="Reverse DNS", value=found or "no name")]


async def _resolved(address: str) -> str:
    """The name; "" for none. In a thread that nobody waits for at the end: a resolver can't be told to stop."""
    loop = asyncio.get_running_loop()
    told: asyncio.Future[str] = loop.create_future()

    def ask() -> None:
        try:
            name, problem = socket.getnameinfo((address, 0), socket.NI_NAMEREQD)[0].rstrip("."), None
        except socket.gaierror as error:
            name, problem = "", None if error.errno in _UNKNOWN else f"the resolver answered: {error.strerror}"
        except OSError as error:
            name, problem = "", f"the resolver failed: {error.strerror}"
        if not loop.is_closed():
            loop.call_soon_threadsafe(_tell, told, name, problem)

    threading.Thread(target=ask, daemon=True, name="reverse-dns").start()
    return await told


def _tell(told: "asyncio.Future[str]", name: str, problem: str | None) -> None:
    if told.done():
        return
    if problem:
        told.set_exception(SourceError(problem))
    else:
        told.set_result(name)
