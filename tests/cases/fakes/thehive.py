"""TheHive 5, by docs.strangebee.com (API v1). A second alert of the same type, source and sourceRef answers 400; cases
are not unique.
"""

import hashlib
from typing import Any

import httpx

from .fake import Fake, body, form

_CLOSED = {"Ignored", "Duplicate", "Duplicated", "Other", "TruePositive", "FalsePositive"}


class TheHive(Fake):
    routes = (
        ("GET", "/api/v1/user/current", "user"),
        ("POST", "/api/v1/query", "query"),
        ("POST", "/api/v1/(alert|case)", "create"),
        ("GET", r"/api/v1/(?:alert|case)/(~\d+)", "get"),
        ("PATCH", r"/api/v1/(?:alert|case)/(~\d+)", "patch"),
        ("POST", r"/api/v1/(?:alert|case)/(~\d+)/comment", "comment"),
        ("POST", r"/api/v1/(?:alert|case)/(~\d+)/attachments", "attach"),
    )

    def __init__(self) -> None:
        super().__init__()
        self.items: dict[str, dict[str, Any]] = {}
        self.said: dict[str, list[dict[str, Any]]] = {}
        self.kept: dict[str, list[dict[str, Any]]] = {}

    def unauthorized(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(401, json={"type": "AuthenticationError", "message": "Authentication failure"})

    def user(self, request: httpx.Request) -> httpx.Response:
        able = ["manageAlert/create", "manageAlert/update", "manageCase/create", "manageCase/update"]
        return httpx.Response(200, json={"login": "soc@corp.test", "organisation": "corp", "permissions": able})

    def query(self, request: httpx.Request) -> httpx.Response:
        first, *steps = body(request)["query"]
        if first["_name"] in ("getAlert", "getCase"):
            kind = self.said if steps[0]["_name"] == "comments" else self.kept
            return httpx.Response(200, json=kind.get(first["idOrName"], []))
        wanted = steps[0]["_eq"]
        kind = "alert" if first["_name"] == "listAlert" else "case"
        values = [each for each in self.items.values() if each["_type"] == kind]
        found = [
            each
            for each in values
            if wanted["_value"] == each.get(wanted["_field"]) or wanted["_value"] in each["tags"]
        ]
        return httpx.Response(200, json=found)

    def create(self, request: httpx.Request, kind: str) -> httpx.Response:
        sent = body(request)
        same = ("type", "source", "sourceRef")
        if kind == "alert" and any(all(each.get(n) == sent[n] for n in same) for each in self.items.values()):
            return httpx.Response(400, json={"type": "CreateError", "message": "Alert already exists"})
        name = f"~{4096 * (len(self.items) + 1)}"
        self.items[name] = {"_id": name, "_type": kind, "status": "New", "stage": "New", "date": 1714554000000, **sent}
        return httpx.Response(201, json=self.items[name])

    def get(self, request: httpx.Request, name: str) -> httpx.Response:
        if name not in self.items:
            return httpx.Response(404, json={"type": "NotFoundError", "message": f"{name} not found"})
        return httpx.Response(200, json=self.items[name])

    def patch(self, request: httpx.Request, name: str) -> httpx.Response:
        sent = {key: value for key, value in body(request).items() if key not in self.dropped}
        if "status" in sent:
            sent["stage"] = "Closed" if sent["status"] in _CLOSED else "InProgress"
        self.items[name] |= sent
        return httpx.Response(204)

    def comment(self, request: httpx.Request, name: str) -> httpx.Response:
        said = self.said.setdefault(name, [])
        said.append({"message": body(request)["message"], "createdAt": 1714554000000 + len(said)})
        return httpx.Response(201, json=said[-1])

    def attach(self, request: httpx.Request, name: str) -> httpx.Response:
        for _, file, content in form(request):
            hashes = [made(self.kept_as(content)).hexdigest() for made in (hashlib.sha256, hashlib.sha1, hashlib.md5)]
            self.kept.setdefault(name, []).append({"name": file, "size": len(content), "hashes": hashes})
        return httpx.Response(201, json={"attachments": []})
