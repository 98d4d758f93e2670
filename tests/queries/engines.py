"""Documents in a real search engine, under one of several mappings, and what a query finds there."""

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import httpx

from exfilwatch.siem.elastic_looks import acting, lines_body, listed, looks
from exfilwatch.siem.queries.elastic_mapping import ElasticMapping, Indexed

Properties = dict[str, Any]
BY_WORDS = {"type": "text", "fields": {"keyword": {"type": "keyword", "ignore_above": 256}}}
"""What both engines make of a text that no mapping names."""


def mapping(properties: Mapping[str, Any], before: str = "") -> ElasticMapping:
    """What a mapping says, as the Elasticsearch client reads it."""
    fields: dict[str, tuple[Indexed, ...]] = {}
    for name, each in properties.items():
        path = before + name
        if "properties" in each:
            fields |= mapping(each["properties"], path + ".").fields
        else:
            ways = {path: each} | {f"{path}.{sub}": way for sub, way in each.get("fields", {}).items()}
            fields[path] = tuple(Indexed(where, way["type"], way.get("ignore_above")) for where, way in ways.items())
    return ElasticMapping(fields)


class Index:
    """One index. `refused`: how many documents the engine did not take."""

    def __init__(self, client: httpx.Client, name: str) -> None:
        self._client = client
        self.name = name
        self.refused: set[int] = set()

    def put(self, documents: Iterable[Mapping[str, Any]]) -> None:
        every = list(documents)
        for first in range(0, len(every), 500):
            lines = [
                line
                for number, document in enumerate(every[first : first + 500], first)
                for line in (json.dumps({"index": {"_id": str(number)}}), json.dumps(document))
            ]
            answer = self._client.post(
                f"/{self.name}/_bulk",
                content="\n".join([*lines, ""]).encode("utf-8", "replace"),
                headers={"content-type": "application/x-ndjson"},
            )
            answer.raise_for_status()
            self.refused |= {int(each["index"]["_id"]) for each in answer.json()["items"] if "error" in each["index"]}
        self._client.post(f"/{self.name}/_refresh").raise_for_status()

    def properties(self) -> Properties:
        answer = self._client.get(f"/{self.name}/_mapping").raise_for_status()
        found: Properties = answer.json()[self.name]["mappings"].get("properties", {})
        return found

    def described(self) -> bytes:
        """The index as the engine describes it."""
        return self._client.get(f"/{self.name}").raise_for_status().content

    def found(self, query: Mapping[str, Any]) -> set[int]:
        """The numbers of the documents that a query finds."""
        (numbers,) = self.found_by([query])
        return numbers

    def acting(self, mapping: ElasticMapping) -> dict[str, list[str]] | None:
        """The command lines of the index that do something, by field; None where it can't tell them."""
        fields = looks([mapping])
        if fields is None:
            return None
        found: dict[str, list[str]] = {path: [] for path in fields.lines}
        for path, lines in found.items():
            after: Mapping[str, object] | None = None
            while True:
                body = lines_body(path, fields, {"match_all": {}}, after)
                answer = self._client.post(f"/{self.name}/_search", json=body).raise_for_status()
                page = listed(answer.content)
                after = page.next
                lines += acting(page, fields, len(page.buckets))
                if after is None:
                    break
        return found

    def found_by(self, queries: Iterable[Mapping[str, Any]], at_once: int = 50) -> Iterator[set[int]]:
        """What each of many queries finds."""
        left = iter(queries)
        while some := list(itertools.islice(left, at_once)):
            bodies = [{"query": {"bool": {"filter": [each]}}, "size": 10_000, "_source": False} for each in some]
            lines = [line for body in bodies for line in ("{}", json.dumps(body))]
            answer = self._client.post(
                f"/{self.name}/_msearch?filter_path=responses.status,responses.error,responses._shards,responses.hits.hits._id",
                content="\n".join([*lines, ""]),
                headers={"content-type": "application/x-ndjson"},
            )
            assert answer.status_code == 200, answer.text[:2_000]
            for found in answer.json()["responses"]:
                assert found["status"] == 200, json.dumps(found)[:2_000]
                assert found["_shards"]["failed"] == 0, json.dumps(found)[:2_000]
                yield {int(hit["_id"]) for hit in found.get("hits", {}).get("hits", ())}


@contextmanager
def index(client: httpx.Client, mappings: Mapping[str, Any]) -> Iterator[Index]:
    """An index with these mappings, gone afterwards."""
    name = f"q-{uuid4().hex}"
    settings = {"number_of_shards": 1, "number_of_replicas": 0, "mapping.total_fields.limit": 5_000}
    client.put(f"/{name}", json={"settings": settings, "mappings": mappings}).raise_for_status()
    try:
        yield Index(client, name)
    finally:
        client.delete(f"/{name}")
