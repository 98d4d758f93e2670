"""ServiceNow, by its REST API reference (Table and Attachment API). A term of a query with a field that it does not
know, or that the account may not read, is dropped, and then every row answers; long texts are cut; 200 may be an error.
"""

from typing import Any

import httpx

from .fake import Fake, body

_TIME = "2024-05-01 09:00:00"
_T = "/api/now/table/(?:incident|sn_si_incident)"


class ServiceNow(Fake):
    routes = (
        ("GET", _T, "list"),
        ("POST", _T, "create"),
        ("GET", rf"{_T}/(\w+)", "get"),
        ("PATCH", rf"{_T}/(\w+)", "patch"),
        ("GET", "/api/now/table/sys_journal_field", "journal"),
        ("GET", "/api/now/attachment", "files"),
        ("POST", "/api/now/attachment/file", "file"),
        ("GET", "/api/now/attachment/(\\w{32})/file", "content"),
    )

    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[str, dict[str, str]] = {}
        self.said: dict[str, list[dict[str, str]]] = {}
        self.kept: dict[str, list[dict[str, Any]]] = {}
        self.contents: dict[str, bytes] = {}

    def unauthorized(self, request: httpx.Request) -> httpx.Response:
        error = {"message": "User is not authenticated", "detail": "Required to provide Auth information"}
        return httpx.Response(401, json={"error": error, "status": "failure"})

    def list(self, request: httpx.Request) -> httpx.Response:
        terms = [each for each in request.url.params.get("sysparm_query", "").split("^") if "=" in each]
        rows = list(self.rows.values())
        for term in terms:
            name, _, value = term.partition("=")
            if name not in self.dropped:
                rows = [row for row in rows if row.get(name, "") == value]
        return httpx.Response(200, json={"result": rows[: int(request.url.params["sysparm_limit"])]})

    def create(self, request: httpx.Request) -> httpx.Response:
        name = f"{len(self.rows) + 1:032x}"
        row = {"sys_id": name, "number": f"INC{len(self.rows):07}", "state": "1", "opened_at": _TIME}
        sent = {key: value for key, value in body(request).items() if key not in self.dropped}
        row |= {**sent, "description": sent["description"][:4000], "short_description": sent["short_description"][:160]}
        row["priority"] = sent.get("priority", "")
        self.rows[name] = row
        return httpx.Response(201, json={"result": row})

    def get(self, request: httpx.Request, name: str) -> httpx.Response:
        if name not in self.rows:
            error = {
                "message": "No Record found",
                "detail": "Record doesn't exist or ACL restricts it",
            }
            return httpx.Response(404, json={"error": error, "status": "failure"})
        return httpx.Response(200, json={"result": self.rows[name]})

    def patch(self, request: httpx.Request, name: str) -> httpx.Response:
        sent = body(request)
        if note := sent.pop("work_notes", None):
            self.said.setdefault(name, []).append({"value": note, "sys_created_on": _TIME})
        if sent.get("state") in ("7", "3") and not sent.get("close_notes"):
            error = {"message": "Operation Failed", "detail": "Data Policy Exception: Close notes is mandatory"}
            return httpx.Response(403, json={"error": error, "status": "failure"})
        self.rows[name] |= {key: value for key, value in sent.items() if key not in self.dropped}
        return httpx.Response(200, json={"result": {"sys_id": name}})

    def journal(self, request: httpx.Request) -> httpx.Response:
        query = request.url.params["sysparm_query"]
        name = query.partition("element_id=")[2].partition("^")[0]
        return httpx.Response(200, json={"result": self.said.get(name, [])})

    def files(self, request: httpx.Request) -> httpx.Response:
        name = request.url.params["sysparm_query"].removeprefix("table_sys_id=")
        return httpx.Response(200, json={"result": self.kept.get(name, [])})

    def file(self, request: httpx.Request) -> httpx.Response:
        asked = request.url.params
        name = f"{len(self.contents) + 1:032x}"
        self.contents[name] = self.kept_as(request.content)
        file = {"sys_id": name, "file_name": asked["file_name"], "size_bytes": str(len(request.content))}
        self.kept.setdefault(asked["table_sys_id"], []).append(file)
        return httpx.Response(201, json={"result": file})

    def content(self, request: httpx.Request, name: str) -> httpx.Response:
        return httpx.Response(200, content=self.contents[name])
