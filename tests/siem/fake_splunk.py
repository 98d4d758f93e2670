"""Splunk's search API as its documentation has it: https://help.splunk.com/en/splunk-enterprise/leverage-rest-apis/
rest-api-reference (search endpoints), .../rest-api-user-manual (messages, status codes), limits.conf (max_count,
maxresultrows), and the Python SDK for what the pages leave out (204 for a job that is not ready, `lastrow` of exports).

It does not run SPL: it reads indexes and times from the search, and takes `selects` for the rest.
"""

import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeAlias

from .loopback import Answer, Loopback, Request, answer_json

Record: TypeAlias = Mapping[str, object]
TOKEN = "eyJ.splunk.secret"
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_QUOTA = (
    "Search not executed: The maximum number of concurrent historical searches for this user based on their role quota"
    " has been reached."
)
_JOB = re.compile(r"/services/search/(?:v2/)?jobs/([^/]+)(?:/(results|control))?")


@dataclass
class Job:
    found: list[Record]
    kept: int
    looks: int = 0
    aggregated: bool = False
    messages: list[dict[str, str]] = field(default_factory=list)


class FakeSplunk(Loopback):
    """`records` have `_time` (s), `_indextime` (whole s) and `index`; more may be added while it runs.

    `looks_until_done`: how often a job has to be asked for. `quota`: jobs that may run at once. `lose`: jobs to forget
    at their second look. `messages`: [(type, text)] that each job has. `state`: members of jobs' states to set.
    """

    def __init__(self, records: Iterable[Record] = (), *, token: str = TOKEN, looks_until_done: int = 1) -> None:
        super().__init__()
        self.records = list(records)
        self.token = token
        self.looks_until_done = looks_until_done
        self.quota = 3
        self.lose = 0
        self.max_count = 500_000
        self.maxresultrows = 50_000
        self.messages: list[tuple[str, str]] = []
        self.page_messages: list[tuple[str, str]] = []
        self.state: dict[str, object] = {}
        self.selects: Callable[[str, Record], bool] = lambda _search, _record: True
        self.jobs: dict[str, Job] = {}
        self.searches: list[str] = []

    @property
    def running(self) -> int:
        return sum(job.looks < self.looks_until_done for job in self.jobs.values())

    def answer(self, request: Request) -> Answer:
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return _refused(401, "WARN", "call not properly authenticated")
        if request.path == "/services/authentication/current-context":
            return answer_json({"entry": [{"name": "context", "content": {"username": "exfilwatch"}}]})
        if request.path in ("/services/search/jobs", "/services/search/v2/jobs") and request.method == "POST":
            return self._create(request.form)
        if request.path == "/services/search/v2/jobs/export":
            return self._export(request.form)
        found = _JOB.fullmatch(request.path)
        job = self.jobs.get(found[1]) if found else None
        if found is None or job is None:
            return _refused(404, "FATAL", "Unknown sid.")
        if found[2] == "control":
            del self.jobs[found[1]]
            return answer_json({"messages": [{"type": "INFO", "text": "Search job cancelled."}]})
        return self._results(job, request.query) if found[2] else self._look(found[1], job)

    def _create(self, form: Mapping[str, str]) -> Answer:
        if wrong := _wrong(form["search"]):
            return _refused(400, "FATAL", wrong)
        if self.running >= self.quota:
            return _refused(503, "FATAL", _QUOTA)
        job = self._search(form)
        sid = form.get("id") or f"{time.time():.3f}_{len(self.searches)}"
        self.jobs[sid] = job
        return answer_json({"sid": sid}, 201)

    def _search(self, form: Mapping[str, str]) -> Job:
        search = form["search"]
        self.searches.append(search)
        found = [record for record in self.records if self._in(search, form, record)]
        found.sort(key=lambda record: -_number(record["_time"]))
        messages = [{"type": kind, "text": text} for kind, text in self.messages]
        if search.startswith("| tstats"):
            rows: dict[str, list[float]] = {}
            for record in found:
                rows.setdefault(str(record["index"]), []).append(_number(record["_time"]))
            table: list[Record] = [
                {"index": name, "count": len(times), "newest": max(times)} for name, times in rows.items()
            ]
            return Job(table, len(table), aggregated=True, messages=messages)
        return Job(found, min(len(found), self.max_count, int(form.get("max_count", 10_000))), messages=messages)

    def _in(self, search: str, form: Mapping[str, str], record: Record) -> bool:
        indexes = re.findall(r'index="([^"]*)"', search)
        own = _number(record["_time"])
        if indexes and record["index"] not in indexes:
            return False
        if not self._time(form["earliest_time"]) <= own < self._time(form["latest_time"]):
            return False
        indexed = _number(record["_indextime"])
        low, high = (re.search(rf"_index_{name}=(\d+)", search) for name in ("earliest", "latest"))
        if (low and indexed < int(low[1])) or (high and indexed >= int(high[1])):
            return False
        return self.selects(search, record)

    def _time(self, text: str) -> float:
        if text == "now":
            return self.time()
        return self.time() + float(text[:-1]) if text.startswith("-") else float(text)

    def _look(self, sid: str, job: Job) -> Answer:
        job.looks += 1
        if job.looks > 1 and self.lose:
            self.lose -= 1
            del self.jobs[sid]
            return _refused(404, "FATAL", "Unknown sid.")
        done = job.looks >= self.looks_until_done
        state = ("DONE" if done else "RUNNING") if job.looks > 1 or done else "QUEUED"
        content = {
            "sid": sid,
            "dispatchState": state,
            "isDone": done,
            "isFailed": False,
            "isFinalized": False,
            "isZombie": False,
            "doneProgress": min(1.0, job.looks / self.looks_until_done),
            "eventCount": sum(int(_number(row["count"])) for row in job.found) if job.aggregated else len(job.found),
            "resultCount": job.kept if done else 0,
            "messages": job.messages,
            **self.state,
        }
        return answer_json({"entry": [{"name": "search", "content": content}]})

    def _results(self, job: Job, query: Mapping[str, str]) -> Answer:
        if job.looks < self.looks_until_done:
            return Answer(204)
        offset, count = int(query.get("offset", 0)), int(query.get("count", 100)) or self.maxresultrows
        page = job.found[: job.kept][offset : offset + min(count, self.maxresultrows)]
        said = [{"type": kind, "text": text} for kind, text in self.page_messages]
        body = {"preview": False, "init_offset": offset, "messages": said, "fields": []}
        return answer_json({**body, "results": [_shown(record) for record in page]})

    def _export(self, form: Mapping[str, str]) -> Answer:
        if wrong := _wrong(form["search"]):
            return _refused(400, "FATAL", wrong)
        job = self._search(form)
        lines = [answer_json({"messages": [message]}).body for message in job.messages]
        for offset, record in enumerate(job.found):
            last = {"lastrow": True} if offset == len(job.found) - 1 else {}
            lines.append(answer_json({"preview": False, "offset": offset, **last, "result": _shown(record)}).body)
        if not job.found:
            lines.append(b'{"preview":false,"lastrow":true}')
        return Answer(200, b"\n".join(lines) + b"\n", {"Content-Type": "application/json"}, chunked=4096)


def strings(search: str) -> list[str] | None:
    """The texts in double quotes, as SPL reads them; None when a quote is not closed."""
    texts, rest = _STRING.findall(search), _STRING.sub("", search)
    return None if '"' in rest else [re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL) for text in texts]


def _wrong(search: str) -> str:
    if strings(search) is None:
        return "Unbalanced quotes."
    command = search.removeprefix("|").split()[0]
    return "" if command in ("search", "tstats") else f"Unknown search command '{command}'."


def _number(value: object) -> float:
    return float(str(value))


def _shown(record: Record) -> dict[str, object]:
    """All values are texts, or lists of these; `_time` is ISO 8601 with ms."""
    own = datetime.fromtimestamp(_number(record["_time"]), UTC) if "_time" in record else None
    times = {"_time": own.isoformat(timespec="milliseconds")} if own else {}
    shown = {name: value if isinstance(value, list) else str(value) for name, value in record.items()}
    return {**shown, **times}


def _refused(status: int, kind: str, text: str) -> Answer:
    return answer_json({"messages": [{"type": kind, "text": text}]}, status)
