"""An OpenSearch of the benchmark's own, with generated events in it as winlogbeat would have put them there."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import httpx
import msgspec

from ..servers.running import running_opensearch  # noqa: TID252 (tests are no package on the path)

INDEX = "winlogbeat-bench"
_BULK = 2_000  # documents, some 3.5 MB

# As the template of winlogbeat OSS has it: texts are keywords, cut at 1,024 characters; of processes words as well.
_WORDS = {"type": "keyword", "ignore_above": 1024, "fields": {"text": {"type": "text", "norms": False}}}
_PROCESS = dict.fromkeys(("command_line", "executable", "name", "working_directory"), _WORDS)
_MAPPINGS = {
    "dynamic_templates": [
        {"strings": {"match_mapping_type": "string", "mapping": {"type": "keyword", "ignore_above": 1024}}}
    ],
    "properties": {
        "@timestamp": {"type": "date"},
        "event": {"properties": {"created": {"type": "date"}}},
        "message": {"type": "text"},
        "source": {"properties": {"ip": {"type": "ip"}}},
        "destination": {"properties": {"ip": {"type": "ip"}}},
        "process": {"properties": {**_PROCESS, "parent": {"properties": _PROCESS}}},
        "user": {"properties": {"name": _WORDS}},
    },
}
# Queries are not remembered: those of a real poll are of another interval each time.
_SETTINGS = {"number_of_shards": 1, "number_of_replicas": 0, "queries.cache.enabled": False}


class Engine:
    """The server. `url`: where it answers."""

    def __init__(self, url: str, client: httpx.Client) -> None:
        self.url = url
        self._client = client

    def load(self, corpus: Path) -> None:
        """Put all events of a file into the index, and wait until the engine has nothing left to do."""
        self.create(INDEX, refresh_interval="-1")
        with corpus.open("rb") as file:
            while lines := list(islice(file, _BULK)):
                self._bulk(INDEX, lines)
        self._client.post(f"/{INDEX}/_refresh").raise_for_status()
        while self._stats("indices/merge")["indices"]["merges"]["current"]:
            time.sleep(0.5)

    def create(self, index: str, **settings: object) -> None:
        """A new index."""
        body = {"settings": _SETTINGS | settings, "mappings": _MAPPINGS}
        self._client.put(f"/{index}", json=body).raise_for_status()

    def put(self, document: bytes, index: str) -> None:
        """One more document, found from now on."""
        self._bulk(index, [document], refresh="true")

    def cpu(self) -> float:
        """Seconds of CPU that the engine has used so far, which it looks up once a second."""
        time.sleep(1.1)
        return float(self._stats("process")["process"]["cpu"]["total_in_millis"]) / 1000

    def _bulk(self, index: str, documents: Sequence[bytes], **parameters: str) -> None:
        lines = b"".join(b'{"create":{}}\n' + document for document in documents)
        headers = {"Content-Type": "application/x-ndjson"}
        answer = self._client.post(f"/{index}/_bulk", content=lines, headers=headers, params=parameters)
        if msgspec.json.decode(answer.raise_for_status().content, type=_Bulk).errors:
            raise RuntimeError(answer.text[:500])

    def _stats(self, what: str) -> dict:
        (node,) = self._client.get(f"/_nodes/_local/stats/{what}").raise_for_status().json()["nodes"].values()
        return node


class _Bulk(msgspec.Struct):
    errors: bool


@contextmanager
def engine() -> Iterator[Engine]:
    """Started, and gone afterwards. Raises Unavailable."""
    with running_opensearch() as server, server.client() as client:
        yield Engine(server.url, client)
