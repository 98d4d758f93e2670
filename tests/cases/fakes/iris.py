"""DFIR-IRIS 2.4, by docs.dfir-iris.org (API 2.0.x). It takes doubles; errors are 400 with `status: error`; a wrong key
is sent to the page for signing in.
"""

import hashlib
from typing import Any

import httpx

from .fake import Fake, body, form

_LEVELS = ["Unspecified", "Informational", "Low", "Medium", "High", "Critical"]


class Iris(Fake):
    routes = (
        ("GET", "/user/whoami", "user"),
        ("GET", "/manage/severities/list", "severities"),
        ("GET", "/manage/cases/list", "list"),
        ("POST", "/manage/cases/add", "create"),
        ("GET", r"/manage/cases/(\d+)", "get"),
        ("POST", r"/manage/cases/update/(\d+)", "update"),
        ("POST", r"/manage/cases/(close|reopen)/(\d+)", "turn"),
        ("GET", "/case/notes/directories/filter", "folders"),
        ("POST", "/case/notes/directories/add", "folder"),
        ("GET", r"/case/notes/(\d+)", "note"),
        ("POST", "/case/notes/add", "add_note"),
        ("GET", "/datastore/list/tree", "tree"),
        ("POST", r"/datastore/file/add/(\d+)", "file"),
    )

    def __init__(self) -> None:
        super().__init__()
        self.cases: dict[str, dict[str, Any]] = {}
        self.dirs: dict[str, list[dict[str, Any]]] = {}
        self.notes: list[dict[str, Any]] = []
        self.kept: dict[str, dict[str, Any]] = {}

    def unauthorized(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(302, headers={"Location": "/login?next=/"})

    def user(self, request: httpx.Request) -> httpx.Response:
        return _ok({"user_name": "soc"})

    def severities(self, request: httpx.Request) -> httpx.Response:
        return _ok([{"severity_id": at, "severity_name": name} for at, name in enumerate(_LEVELS, 1)])

    def list(self, request: httpx.Request) -> httpx.Response:
        return _ok([{"case_id": int(name), "case_soc_id": each["case_soc_id"]} for name, each in self.cases.items()])

    def create(self, request: httpx.Request) -> httpx.Response:
        sent = body(request)
        if not isinstance(sent.get("case_customer"), int) or not sent.get("case_name"):
            return _no({"case_customer": ["Missing data for required field."]})
        name = str(len(self.cases) + 1)
        kept = {"case_id": int(name), "open_date": "05/01/2024", "close_date": None, **sent}
        self.cases[name] = {key: value for key, value in kept.items() if key not in self.dropped}
        self.cases[name].setdefault("case_soc_id", "")
        return _ok(self.cases[name])

    def get(self, request: httpx.Request, name: str) -> httpx.Response:
        return _ok(self.cases[name]) if name in self.cases else _no("Invalid case ID")

    def update(self, request: httpx.Request, name: str) -> httpx.Response:
        self.cases[name] |= body(request)
        return _ok(self.cases[name])

    def turn(self, request: httpx.Request, what: str, name: str) -> httpx.Response:
        if "state" not in self.dropped:
            self.cases[name]["close_date"] = "05/02/2024" if what == "close" else None
        return _ok(self.cases[name])

    def folders(self, request: httpx.Request) -> httpx.Response:
        return _ok(self.dirs.get(request.url.params["cid"], []))

    def folder(self, request: httpx.Request) -> httpx.Response:
        folders = self.dirs.setdefault(request.url.params["cid"], [])
        folders.append({"id": len(folders) + 1, "name": body(request)["name"], "notes": []})
        return _ok(folders[-1])

    def note(self, request: httpx.Request, number: str) -> httpx.Response:
        return _ok(self.notes[int(number) - 1])

    def add_note(self, request: httpx.Request) -> httpx.Response:
        sent = body(request)
        self.notes.append({"note_content": sent["note_content"], "note_creationdate": "2024-05-01T09:00:00.000000"})
        folder = self.dirs[request.url.params["cid"]][sent["directory_id"] - 1]
        folder["notes"].append({"id": len(self.notes), "title": sent["note_title"]})
        return _ok({"note_id": len(self.notes)})

    def tree(self, request: httpx.Request) -> httpx.Response:
        files = self.kept.get(request.url.params["cid"], {})
        children = {"d-2": {"name": "Evidences", "type": "directory", "children": files}}
        return _ok({"d-1": {"name": "Case", "type": "directory", "is_root": True, "children": children}})

    def file(self, request: httpx.Request, folder: str) -> httpx.Response:
        kept = self.kept.setdefault(request.url.params["cid"], {})
        for field, name, content in form(request):
            if field == "file_content":
                made = hashlib.sha256(self.kept_as(content)).hexdigest().upper()
                file = {"file_original_name": name, "file_size": len(content), "file_sha256": made, "type": "file"}
                kept[f"f-{len(kept) + 1}"] = file
        return _ok({})


def _ok(data: object) -> httpx.Response:
    return httpx.Response(200, json={"status": "success", "message": "", "data": data})


def _no(data: object) -> httpx.Response:
    return httpx.Response(400, json={"status": "error", "message": "Data error", "data": data})
