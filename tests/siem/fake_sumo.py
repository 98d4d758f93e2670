"""Sumo Logic's Search Job API as its documentation has it: https://www.sumologic.com/help/docs/api/search-job/ (states,
limits, errors, cookies, paging), .../api/about-apis/getting-started/ (401, 301 to the account's deployment, 429),
.../search/get-started-with-search/build-search/use-searchable-time/ (intervalTimeType).

It does not run searches: it reads times from the job, and takes `selects` for the rest.
"""

import base64
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from .loopback import Answer, Loopback, Request, answer_json

Record: TypeAlias = Mapping[str, object]
ID, KEY = "suAccess", "sumo-secret-key"
_JOBS = "/api/v1/search/jobs"
_TIMES = {"messageTime": "_messagetime", "receiptTime": "_receipttime", "searchableTime": "_searchabletime"}


@dataclass
class Job:
    found: list[Record]
    aggregated: bool
    asked: float
    looks: int = 0
    body: dict[str, Any] = field(default_factory=dict)


class FakeSumo(Loopback):
    """`records` have `_messagetime`, `_receipttime` and `_searchabletime` (ms); more may be added while it runs.

    `looks_until_done`: how often a job has to be asked for. `lose`: jobs to forget at their second look. `cap`:
    messages at which a search is paused. `idle`: seconds without a request after which a job is gone. `throttled`:
    requests to refuse as too many. `moved`: another deployment's address, to which all is sent on. `errors`,
    `warnings`: told once by each job. `state`: members of jobs' states to set.
    """

    def __init__(self, records: Iterable[Record] = (), *, looks_until_done: int = 1) -> None:
        super().__init__()
        self.records = list(records)
        self.looks_until_done = looks_until_done
        self.lose = 0
        self.cap = 100_000
        self.largest_page = 10_000
        self.idle = 30.0
        self.throttled = 0
        self.moved = ""
        self.errors: list[str] = []
        self.warnings: list[str] = []
        self.state: dict[str, object] = {}
        self.selects: Callable[[str, Record], bool] = lambda _query, _record: True
        self.jobs: dict[str, Job] = {}
        self.created: list[dict[str, Any]] = []

    def answer(self, request: Request) -> Answer:
        if self.moved:
            return Answer(301, headers={"Location": self.moved + request.path})
        if request.headers.get("authorization") != "Basic " + base64.b64encode(f"{ID}:{KEY}".encode()).decode():
            return _refused(401, "unauthorized", "Credential could not be verified.")
        if self.throttled:
            self.throttled -= 1
            return _refused(429, "rate.limit.exceeded", "The API request rate is higher than 4 request per second.")
        if request.path == _JOBS and request.method == "POST":
            return self._create(json.loads(request.body))
        name, _, what = request.path.removeprefix(f"{_JOBS}/").partition("/")
        job = self.jobs.get(name)
        if job is not None and self.time() - job.asked > self.idle:
            del self.jobs[name]
            job = None
        if job is None or f"AWSALB={name}" not in request.headers.get("cookie", ""):
            return _refused(400 if what else 404, "searchjob.jobid.invalid", "Job ID is invalid.")
        job.asked = self.time()
        if request.method == "DELETE":
            del self.jobs[name]
            return answer_json({"id": name})
        return self._page(job, what, request.query) if what else self._look(name, job)

    def _create(self, body: dict[str, Any]) -> Answer:
        for name in ("query", "from", "to", "timeZone"):
            if not body.get(name):
                return _refused(400, f"searchjob.no.{name}", f"No '{name}' parameter was provided.")
        if int(body["to"]) < int(body["from"]):
            return _refused(
                400, "searchjob.to.smaller.than.from", "The 'from' time cannot be larger than the 'to' time"
            )
        self.created.append(body)
        named = body.get("intervalTimeType") or ("receiptTime" if body.get("byReceiptTime") else "messageTime")
        clock = _TIMES[named]
        found = [
            record
            for record in self.records
            if int(body["from"]) <= int(str(record[clock])) < int(body["to"]) and self.selects(body["query"], record)
        ]
        found.sort(key=lambda record: -int(str(record["_messagetime"])))
        name = f"{len(self.created):016X}"
        self.jobs[name] = Job(found, body["query"].endswith("| count"), self.time(), body=body)
        link = {"rel": "self", "href": f"{self.url}{_JOBS}/{name}"}
        cookie = f"AWSALB={name}; Path={_JOBS}/{name}"
        return answer_json({"id": name, "link": link}, 202, Set_Cookie=cookie)

    def _look(self, name: str, job: Job) -> Answer:
        job.looks += 1
        if job.looks > 1 and self.lose:
            self.lose -= 1
            del self.jobs[name]
            return _refused(404, "searchjob.jobid.invalid", "Job ID is invalid.")
        done = job.looks >= self.looks_until_done
        capped = len(job.found) > self.cap and not job.aggregated
        state = "GATHERING RESULTS" if job.looks > 1 else "NOT STARTED"
        state = ("FORCE PAUSED" if capped else "DONE GATHERING RESULTS") if done else state
        first = job.looks == 1
        return answer_json(
            {
                "state": state,
                "messageCount": min(len(job.found), self.cap) if done else 0,
                "histogramBuckets": [],
                "pendingErrors": self.errors if first else [],
                "pendingWarnings": self.warnings if first else [],
                "recordCount": int(job.aggregated),
                **self.state,
            }
        )

    def _page(self, job: Job, what: str, query: Mapping[str, str]) -> Answer:
        offset, limit = int(query["offset"]), int(query["limit"])
        if limit <= 0:
            return _refused(400, "searchjob.limit.zero", "Limit cannot be 0.")
        if what == "records":
            return answer_json({"fields": [], "records": [{"map": {"_count": str(len(job.found))}}]})
        page = job.found[: self.cap][offset : offset + min(limit, self.largest_page)]
        maps = [{name.lower(): str(value) for name, value in record.items()} for record in page]
        return answer_json({"fields": [], "messages": [{"map": each} for each in maps]})


def _refused(status: int, code: str, message: str) -> Answer:
    return answer_json({"status": status, "id": "IUUQI-DGH5I-TJ045", "code": code, "message": message}, status)
