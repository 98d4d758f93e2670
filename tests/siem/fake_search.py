"""A search engine that answers what a test tells it to, for what real ones do too rarely to wait for.

Forms of answers: https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-search (_shards, timed_out),
https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-open-point-in-time ,
https://docs.opensearch.org/latest/search-plugins/searching-data/point-in-time-api/
"""

import json
from collections.abc import Callable
from typing import Any

from .loopback import Answer, Loopback, Request, answer_json


class FakeSearch(Loopback):
    """One index of three documents; `change` makes of a search's answer another."""

    def __init__(self, change: Callable[[dict[str, Any]], Any] = lambda answer: answer) -> None:
        super().__init__()
        self._change = change

    def answer(self, request: Request) -> Answer:
        """As either of the engines."""
        if request.method == "GET":
            return answer_json({"logs-a": {"mappings": {"properties": {"@timestamp": {"type": "date"}}}}})
        if request.method == "DELETE":
            return answer_json({"succeeded": True})
        if request.path.endswith(("/_pit", "/point_in_time")):
            return answer_json({"id": "p", "pit_id": "p"})
        changed = self._change(self._found(json.loads(request.body)))
        return changed if isinstance(changed, Answer) else answer_json(changed)

    @staticmethod
    def _found(body: dict[str, Any]) -> dict[str, Any]:
        hits = [{"_index": "logs-a", "_id": str(n), "sort": [n], "_source": {"n": n}} for n in range(3)]
        return {
            "pit_id": "p",
            "timed_out": False,
            "_shards": {"total": 2, "successful": 2, "skipped": 0, "failed": 0},
            "hits": {"total": {"value": 3, "relation": "eq"}, "hits": hits if "search_after" not in body else []},
        }
