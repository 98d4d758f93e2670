"""How each vendor says that a search has expired, that parts did not take part, and answers with everything twice.

OpenSearch, and Elasticsearch in the same words:
https://docs.opensearch.org/latest/search-plugins/searching-data/point-in-time-api/ (an id that is gone: 404,
search_context_missing_exception), https://docs.opensearch.org/latest/api-reference/search-apis/search/ (_shards,
timed_out). Splunk: messages of a job, help.splunk.com (search endpoints). Sumo Logic: help/docs/api/search-job (errors,
pendingErrors). Microsoft: azure/azure-monitor/logs/api/response-format (PartialError); Graph has no partial answers.
"""

from typing import Any

from ..siem.loopback import Answer, Request, answer_json  # noqa: TID252
from .proxy import Vendor


def _expired_point(request: Request) -> Answer | None:
    if not request.path.endswith("/_search") or b'"pit"' not in request.body:
        return None
    cause = {"type": "search_context_missing_exception", "reason": "No search context found for id [42]"}
    return answer_json({"error": {"root_cause": [cause], **cause}, "status": 404}, 404)


def _failed_shards(request: Request, answer: Any) -> Any:
    if "_shards" not in answer or b'"pit"' not in request.body:
        return None
    if len(request.body) % 2:
        return answer | {"timed_out": True}
    cause = {"type": "node_disconnected_exception", "reason": "[node-2] disconnected"}
    failures = [{"shard": 0, "index": "logs", "node": "node-2", "reason": cause}]
    total = answer["_shards"]["total"]
    shards = {"total": total + 1, "successful": total, "skipped": 0, "failed": 1, "failures": failures}
    hits = answer["hits"] | {"hits": answer["hits"]["hits"][::2]}
    return answer | {"_shards": shards, "hits": hits}


def _hits_twice(_request: Request, answer: Any) -> Any:
    hits = answer.get("hits", {}).get("hits")
    return answer | {"hits": answer["hits"] | {"hits": hits + hits}} if hits else None


SEARCH_ENGINE = Vendor(_expired_point, _failed_shards, _hits_twice)


def _unknown_sid(request: Request) -> Answer | None:
    if "/jobs/" not in request.path or request.method != "GET":
        return None
    return answer_json({"messages": [{"type": "FATAL", "text": "Unknown sid."}]}, 404)


def _peer_down(_request: Request, answer: Any) -> Any:
    text = "Search results might be incomplete: the search process on peer idx2 ended prematurely."
    message = {"type": "ERROR", "text": text}
    if "results" in answer:
        return answer | {"results": answer["results"][::2], "messages": [message]}
    if "entry" not in answer or "dispatchState" not in answer["entry"][0]["content"]:
        return None
    content = answer["entry"][0]["content"]
    return {"entry": [{"name": "search", "content": content | {"messages": [message]}}]}


def _results_twice(_request: Request, answer: Any) -> Any:
    return answer | {"results": answer["results"] * 2} if answer.get("results") else None


SPLUNK = Vendor(_unknown_sid, _peer_down, _results_twice)


def _unknown_job(request: Request) -> Answer | None:
    if "/jobs/" not in request.path or request.path.endswith("/jobs/0") or request.method != "GET":
        return None
    body = {"status": 404, "id": "IUUQI-DGH5I", "code": "searchjob.jobid.invalid", "message": "Job ID is invalid."}
    return answer_json(body, 404)


def _pending_errors(_request: Request, answer: Any) -> Any:
    return answer | {"pendingErrors": ["Some results are missing."]} if "pendingErrors" in answer else None


def _messages_twice(_request: Request, answer: Any) -> Any:
    return answer | {"messages": answer["messages"] * 2} if answer.get("messages") else None


SUMO = Vendor(_unknown_job, _pending_errors, _messages_twice)


def _expired_token(request: Request) -> Answer | None:
    if "/oauth2/" in request.path:
        return None
    body = {"error": {"code": "InvalidAuthenticationToken", "message": "Access token has expired."}}
    return answer_json(body, 401)


def _partial_error(_request: Request, answer: Any) -> Any:
    if not answer.get("tables"):
        return None
    (table,) = answer["tables"]
    inner = {"code": "-2133196797", "message": "The results of this query exceed the set limit", "severity": 2}
    details = [{"code": "EngineError", "message": "Something went wrong.", "innererror": inner}]
    error = {"code": "PartialError", "message": "There were some errors when processing your query."}
    return {"tables": [table | {"rows": table["rows"][::2]}], "error": {**error, "details": details}}


def _rows_twice(_request: Request, answer: Any) -> Any:
    if answer.get("tables"):
        (table,) = answer["tables"]
        return answer | {"tables": [table | {"rows": table["rows"] * 2}]} if len(table["rows"]) > 1 else None
    return answer | {"results": answer["results"] * 2} if len(answer.get("results", ())) > 1 else None


MICROSOFT = Vendor(_expired_token, _partial_error, _rows_twice)
