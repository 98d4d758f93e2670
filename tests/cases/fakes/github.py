"""GitHub, by docs.github.com/en/rest/issues (2022-11-28). It takes doubles; who may not push has labels dropped
without a word; lists are up to date, closed issues show with state=all only.
"""

from typing import Any

import httpx

from .fake import Fake, body

_TIME = "2024-05-01T09:00:00Z"


class GitHub(Fake):
    routes = (
        ("GET", "/repos/corp/cases", "repo"),
        ("GET", "/repos/corp/cases/issues", "list"),
        ("POST", "/repos/corp/cases/issues", "create"),
        ("GET", r"/repos/corp/cases/issues/(\d+)", "get"),
        ("PATCH", r"/repos/corp/cases/issues/(\d+)", "patch"),
        ("GET", r"/repos/corp/cases/issues/(\d+)/comments", "comments"),
        ("POST", r"/repos/corp/cases/issues/(\d+)/comments", "comment"),
    )

    def __init__(self) -> None:
        super().__init__()
        self.issues: list[dict[str, Any]] = []
        self.said: dict[str, list[dict[str, Any]]] = {}

    def repo(self, request: httpx.Request) -> httpx.Response:
        may = {"admin": False, "maintain": False, "push": "labels" not in self.dropped, "triage": False, "pull": True}
        return httpx.Response(200, json={"full_name": "corp/cases", "has_issues": True, "permissions": may})

    def list(self, request: httpx.Request) -> httpx.Response:
        asked = request.url.params
        found = [each for each in reversed(self.issues) if asked.get("state") == "all" or each["state"] == "open"]
        if label := asked.get("labels"):
            found = [each for each in found if label in {one["name"] for one in each["labels"]}]
        page, size = int(asked.get("page", "1")), int(asked.get("per_page", "30"))
        return httpx.Response(200, json=found[(page - 1) * size : page * size])

    def create(self, request: httpx.Request) -> httpx.Response:
        sent = body(request)
        if not sent.get("title") or len(sent["title"]) > 256 or len(sent.get("body", "")) > 65536:
            return httpx.Response(422, json={"message": "Validation Failed", "errors": []})
        labels = [] if "labels" in self.dropped else [{"name": name} for name in sent.get("labels", [])]
        number = len(self.issues) + 1
        issue = {
            "number": number,
            "title": sent["title"],
            "body": sent.get("body"),
            "state": "open",
            "state_reason": None,
            "labels": labels,
            "comments": 0,
            "created_at": _TIME,
            "html_url": f"https://github.test/corp/cases/issues/{number}",
        }
        self.issues.append(issue)
        return httpx.Response(201, json=issue)

    def get(self, request: httpx.Request, number: str) -> httpx.Response:
        if not 0 < int(number) <= len(self.issues):
            return httpx.Response(404, json={"message": "Not Found"})
        return httpx.Response(200, json=self.issues[int(number) - 1])

    def patch(self, request: httpx.Request, number: str) -> httpx.Response:
        issue, sent = self.issues[int(number) - 1], body(request)
        if "labels" in sent and "labels" not in self.dropped:
            issue["labels"] = [{"name": name} for name in sent["labels"]]
        if "state" not in self.dropped:
            issue.update({name: sent[name] for name in ("state", "state_reason") if name in sent})
        return httpx.Response(200, json=issue)

    def comments(self, request: httpx.Request, number: str) -> httpx.Response:
        asked = request.url.params
        page, size = int(asked.get("page", "1")), int(asked.get("per_page", "30"))
        return httpx.Response(200, json=self.said.get(number, [])[(page - 1) * size : page * size])

    def comment(self, request: httpx.Request, number: str) -> httpx.Response:
        comment = {"body": body(request)["body"], "created_at": _TIME}
        self.said.setdefault(number, []).append(comment)
        self.issues[int(number) - 1]["comments"] += 1
        return httpx.Response(201, json=comment)
