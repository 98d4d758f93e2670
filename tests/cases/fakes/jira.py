"""Jira, by developer.atlassian.com (Cloud, REST v3) and docs.atlassian.com (Data Center, v2).

In Cloud, /search/jql does not find what was just made, unless its id is in reconcileIssues. Anonymous searches answer
with nothing; /myself is 401 then.
"""

import base64
import re
from typing import Any

import httpx

from .fake import SECRET, Fake, body, form

_TIME = "2024-05-01T09:00:00.000+0000"
_NEW = {"name": "To Do", "statusCategory": {"key": "new"}}
_DONE = {"name": "Done", "statusCategory": {"key": "done"}}
_DOING = {"name": "In Progress", "statusCategory": {"key": "indeterminate"}}


class Jira(Fake):
    routes = (
        ("GET", r"/rest/api/\d/myself", "myself"),
        ("GET", r"/rest/api/\d/mypermissions", "rights"),
        ("POST", r"/rest/api/3/search/jql", "search"),
        ("POST", r"/rest/api/2/search", "search"),
        ("POST", r"/rest/api/\d/issue", "create"),
        ("GET", r"/rest/api/\d/issue/(\d+)", "get"),
        ("PUT", r"/rest/api/\d/issue/(\d+)", "put"),
        ("GET", r"/rest/api/\d/issue/(\d+)/comment", "comments"),
        ("POST", r"/rest/api/\d/issue/(\d+)/comment", "comment"),
        ("GET", r"/rest/api/\d/issue/(\d+)/transitions", "steps"),
        ("POST", r"/rest/api/\d/issue/(\d+)/transitions", "step"),
        ("POST", r"/rest/api/\d/issue/(\d+)/attachments", "attach"),
        ("GET", r"/rest/api/3/attachment/content/(\d+)", "content"),
        ("GET", r"/secure/attachment/(\d+)/[\w.-]+", "content"),
        ("POST", r"/rest/api/\d/issueLink", "link"),
    )

    def __init__(self, *, cloud: bool = True) -> None:
        super().__init__()
        self.cloud = cloud
        self.late = cloud
        self.issues: dict[str, dict[str, Any]] = {}
        self.said: dict[str, list[dict[str, Any]]] = {}
        self.found: set[str] = set()
        self.contents: list[bytes] = []

    def allowed(self, request: httpx.Request) -> bool:
        basic = base64.b64encode(f"soc@corp.test:{SECRET}".encode()).decode()
        return request.headers.get("Authorization") == (f"Basic {basic}" if self.cloud else f"Bearer {SECRET}")

    def unauthorized(self, request: httpx.Request) -> httpx.Response:
        if "/search" in request.url.path:
            return httpx.Response(200, json={"issues": [], "isLast": True})
        return httpx.Response(401, json={"errorMessages": ["Client must be authenticated"], "errors": {}})

    def myself(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"displayName": "SOC"})

    def rights(self, request: httpx.Request) -> httpx.Response:
        asked = request.url.params["permissions"].split(",")
        return httpx.Response(200, json={"permissions": {name: {"havePermission": True} for name in asked}})

    def index(self) -> None:
        """The search has caught up."""
        self.found = set(self.issues)

    def search(self, request: httpx.Request) -> httpx.Response:
        sent = body(request)
        (label,) = re.findall(r'labels = "([^"]*)"', sent["jql"])
        seen = self.found | {str(each) for each in sent.get("reconcileIssues", [])} if self.late else set(self.issues)
        found = [each for name, each in self.issues.items() if name in seen and label in each["fields"]["labels"]]
        return httpx.Response(200, json={"issues": found, "isLast": True})

    def create(self, request: httpx.Request) -> httpx.Response:
        fields = body(request)["fields"]
        if self.cloud != isinstance(fields["description"], dict):
            said = {"description": "Operation value must be an Atlassian Document"}
            return httpx.Response(400, json={"errorMessages": [], "errors": said})
        if len(fields["summary"]) > 255 or "\n" in fields["summary"]:
            return httpx.Response(400, json={"errorMessages": [], "errors": {"summary": "is too long"}})
        name = str(10001 + len(self.issues))
        made = {
            "id": name,
            "key": f"SOC-{len(self.issues) + 1}",
            "fields": {
                "summary": fields["summary"],
                "description": fields["description"],
                "labels": [] if "labels" in self.dropped else fields["labels"],
                "priority": None if "priority" in self.dropped else fields.get("priority"),
                "status": _NEW,
                "created": _TIME,
                "issuelinks": [],
                "attachment": [],
            },
        }
        self.issues[name] = made
        return httpx.Response(201, json={"id": name, "key": made["key"], "self": "https://x.test"})

    def get(self, request: httpx.Request, name: str) -> httpx.Response:
        if name not in self.issues:
            return httpx.Response(404, json={"errorMessages": ["Issue does not exist"], "errors": {}})
        return httpx.Response(200, json=self.issues[name])

    def put(self, request: httpx.Request, name: str) -> httpx.Response:
        self.issues[name]["fields"].update(body(request)["fields"])
        return httpx.Response(204)

    def comments(self, request: httpx.Request, name: str) -> httpx.Response:
        said, start = self.said.get(name, []), int(request.url.params["startAt"])
        return httpx.Response(200, json={"comments": said[start : start + 2], "total": len(said), "maxResults": 2})

    def comment(self, request: httpx.Request, name: str) -> httpx.Response:
        self.said.setdefault(name, []).append({"body": body(request)["body"], "created": _TIME})
        return httpx.Response(201, json={"id": "1"})

    def steps(self, request: httpx.Request, name: str) -> httpx.Response:
        resolution = {"required": True, "allowedValues": [{"name": "Done"}, {"name": "Won't Do"}]}
        if self.issues[name]["fields"]["status"] == _DONE:
            steps = [{"id": "4", "name": "Go on", "to": _DOING}, {"id": "5", "name": "Reopen", "to": _NEW}]
        else:
            steps = [{"id": "3", "name": "Finish", "to": _DONE, "fields": {"resolution": resolution}}]
        return httpx.Response(200, json={"transitions": steps})

    def step(self, request: httpx.Request, name: str) -> httpx.Response:
        sent = body(request)
        to = {"3": _DONE, "4": _DOING, "5": _NEW}[sent["transition"]["id"]]
        if to == _DONE and "resolution" not in sent.get("fields", {}):
            return httpx.Response(400, json={"errorMessages": [], "errors": {"resolution": "Resolution is required."}})
        if "state" not in self.dropped:
            self.issues[name]["fields"]["status"] = to
        return httpx.Response(204)

    def link(self, request: httpx.Request) -> httpx.Response:
        sent = body(request)
        link = {"type": sent["type"], "outwardIssue": {"id": sent["outwardIssue"]["id"], "key": "SOC-1"}}
        self.issues[sent["inwardIssue"]["id"]]["fields"]["issuelinks"].append(link)
        return httpx.Response(201)

    def attach(self, request: httpx.Request, name: str) -> httpx.Response:
        if request.headers.get("X-Atlassian-Token") != "no-check":
            return httpx.Response(403, text="XSRF check failed")
        for _, file, content in form(request):
            self.contents.append(self.kept_as(content))
            kept = {"id": str(len(self.contents) - 1), "filename": file, "size": len(content)}
            self.issues[name]["fields"]["attachment"].append(kept)
        return httpx.Response(200, json=[])

    def content(self, request: httpx.Request, number: str) -> httpx.Response:
        if self.cloud and request.url.params.get("redirect") != "false":
            return httpx.Response(303, headers={"Location": "https://api.media.atlassian.test/file"})
        return httpx.Response(200, content=self.contents[int(number)])
