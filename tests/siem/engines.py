"""Real search engines as tests use them: indices with documents, and clients that ask for these."""

import asyncio
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import aclosing, contextmanager
from typing import Any
from uuid import uuid4

import httpx

from exfilwatch.siem.registry import open_siem
from exfilwatch.siem.siem import Ask

from ..servers.search_engine import READER  # noqa: TID252 (tests are no package on the path)
from ..servers.server import Account, Server  # noqa: TID252

KEYWORDS: dict[str, Any] = {
    "dynamic_templates": [{"k": {"match_mapping_type": "string", "mapping": {"type": "keyword"}}}]
}


class Engine:
    """A server of one kind, and indices in it that start with a name of the test's own."""

    def __init__(self, kind: str, server: Server, client: httpx.Client) -> None:
        self.kind = kind
        self.server = server
        self.client = client
        self.prefix = f"logs-{uuid4().hex[:12]}"

    def name(self, part: str = "a") -> str:
        """The name of one of its indices."""
        return f"{self.prefix}-{part}"

    def create(self, part: str = "a", mappings: Mapping[str, Any] | None = None, **settings: object) -> str:
        """A new index, with `@timestamp` as a date where nothing else is said."""
        mappings = mappings or {}
        properties = {"@timestamp": {"type": "date"}, **mappings.get("properties", {})}
        body = {
            "settings": {"number_of_shards": 1, "number_of_replicas": 0, **settings},
            "mappings": {**mappings, "properties": properties},
        }
        self.client.put(f"/{self.name(part)}", json=body).raise_for_status()
        return self.name(part)

    def put(self, documents: Iterable[Mapping[str, Any]], part: str = "a") -> None:
        """Documents, found at once."""
        lines = [line for each in documents for line in ('{"index":{}}', json.dumps(each))]
        answer = self.client.post(
            f"/{self.name(part)}/_bulk?refresh=true",
            content="\n".join(lines) + "\n",
            headers={"Content-Type": "application/x-ndjson"},
        )
        answer.raise_for_status()
        assert not answer.json()["errors"], answer.text[:1000]

    def settings(self, **settings: object) -> dict[str, object]:
        """Of a client that may read these indices."""
        found: dict[str, object] = {"kind": self.kind, "url": self.server.url, "indices": [f"{self.prefix}-*"]}
        if self.server.ca:
            found |= {"ca": self.server.ca, "user": READER.user, "password": READER.password}
        return found | settings

    def fetch(self, ask: Ask, **settings: object) -> list[bytes]:
        """All records of one question to a new client."""
        return asyncio.run(fetched(self.settings(**settings), ask))

    def ask(self, method: str, **settings: object) -> Any:
        """What a method of a new client gives."""

        async def asked() -> Any:
            siem = open_siem("test", self.settings(**settings))
            try:
                return await getattr(siem, method)()
            finally:
                await siem.close()

        return asyncio.run(asked())


async def fetched(settings: Mapping[str, object], ask: Ask) -> list[bytes]:
    """All records of one question."""
    siem = open_siem("test", settings)
    try:
        async with aclosing(siem.fetch(ask)) as batches:
            return [record async for batch in batches for record in batch]
    finally:
        await siem.close()


@contextmanager
def engine(kind: str, server: Server) -> Iterator[Engine]:
    """The engine, whose indices are removed afterwards."""
    with server.client() as client:
        found = Engine(kind, server, client)
        yield found
        names = client.get(f"/{found.prefix}*?expand_wildcards=all").json()
        if names:
            client.delete("/" + ",".join(names)).raise_for_status()


def someone_else(account: Account) -> dict[str, object]:
    """Settings that log in as another account."""
    return {"user": account.user, "password": account.password}
