"""GitLab, by docs.gitlab.com/api/issues. Without scope=all a list has only one's own; an unknown label finds nothing;
labels of who may not set any are dropped; doubles are taken.
"""

from typing import Any

import httpx

from .fake import SECRET, Fake, body, form

_TIME = "2024-05-01T09:00:00.000Z"
_P = "/api/v4/projects/corp%2Fcases"


class GitLab(Fake):
    routes = (
        ("GET", "/api/v4/user", "user"),
        ("GET", "/api/v4/users", "users"),
        ("GET", _P, "project"),
        ("GET", f"{_P}/issues", "list"),
        ("POST", f"{_P}/issues", "create"),
        ("GET", rf"{_P}/issues/(\d+)", "get"),
        ("PUT", rf"{_P}/issues/(\d+)", "put"),
        ("GET", rf"{_P}/issues/(\d+)/notes", "notes"),
        ("POST", rf"{_P}/issues/(\d+)/notes", "note"),
        ("POST", rf"{_P}/issues/(\d+)/links", "link"),
        ("POST", f"{_P}/uploads", "upload"),
    )

    def __init__(self) -> None:
        super().__init__()
        self.issues: list[dict[str, Any]] = []
        self.said: dict[str, list[dict[str, Any]]] = {}
        self.links: set[tuple[str, str]] = set()

    def allowed(self, request: httpx.Request) -> bool:
        return request.headers.get("PRIVATE-TOKEN") == SECRET

    def user(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"username": "soc-bot"})

    def users(self, request: httpx.Request) -> httpx.Response:
        name = request.url.params["username"]
        return httpx.Response(200, json=[{"id": 42, "username": name}] if name == "anna-of-the-soc" else [])

    def project(self, request: httpx.Request) -> httpx.Response:
        access = {"project_access": {"access_level": 30}, "group_access": None}
        return httpx.Response(200, json={"id": 7, "path_with_namespace": "corp/cases", "permissions": access})

    def list(self, request: httpx.Request) -> httpx.Response:
        asked = request.url.params
        found = list(reversed(self.issues)) if asked.get("scope") == "all" else []
        if label := asked.get("labels"):
            found = [each for each in found if label in each["labels"]]
        return httpx.Response(200, json=found[: int(asked.get("per_page", "20"))])

    def create(self, request: httpx.Request) -> httpx.Response:
        sent = body(request)
        if len(sent["title"]) > 255:
            return httpx.Response(400, json={"message": {"title": ["is too long (maximum is 255 characters)"]}})
        iid = len(self.issues) + 1
        issue = {
            "iid": iid,
            "title": sent["title"],
            "description": sent["description"],
            "state": "opened",
            "labels": [] if "labels" in self.dropped else sent["labels"].split(","),
            "created_at": _TIME,
            "web_url": f"https://gitlab.test/corp/cases/-/issues/{iid}",
        }
        self.issues.append(issue)
        return httpx.Response(201, json=issue)

    def get(self, request: httpx.Request, iid: str) -> httpx.Response:
        if not 0 < int(iid) <= len(self.issues):
            return httpx.Response(404, json={"message": "404 Not found"})
        return httpx.Response(200, json=self.issues[int(iid) - 1])

    def put(self, request: httpx.Request, iid: str) -> httpx.Response:
        issue, sent = self.issues[int(iid) - 1], body(request)
        if "remove_labels" in sent:
            issue["labels"] = [each for each in issue["labels"] if each not in sent["remove_labels"].split(",")]
        issue["labels"] += [sent["add_labels"]] if "add_labels" in sent else []
        if "state_event" in sent and "state" not in self.dropped:
            issue["state"] = "closed" if sent["state_event"] == "close" else "opened"
        return httpx.Response(200, json=issue)

    def notes(self, request: httpx.Request, iid: str) -> httpx.Response:
        system = {"body": "changed the description", "created_at": _TIME, "system": True}
        asked = request.url.params
        page, size = int(asked["page"]), int(asked["per_page"])
        return httpx.Response(200, json=[system, *self.said.get(iid, [])][(page - 1) * size : page * size])

    def note(self, request: httpx.Request, iid: str) -> httpx.Response:
        note = {"body": body(request)["body"], "created_at": _TIME, "system": False}
        self.said.setdefault(iid, []).append(note)
        return httpx.Response(201, json=note)

    def link(self, request: httpx.Request, iid: str) -> httpx.Response:
        pair = (iid, str(body(request)["target_issue_iid"]))
        if pair in self.links:
            return httpx.Response(409, json={"message": "Issue(s) already assigned"})
        self.links.add(pair)
        return httpx.Response(201, json={})

    def upload(self, request: httpx.Request) -> httpx.Response:
        ((_, name, _),) = form(request)
        return httpx.Response(201, json={"url": f"/uploads/{'0f' * 16}/{name}", "markdown": "x"})
