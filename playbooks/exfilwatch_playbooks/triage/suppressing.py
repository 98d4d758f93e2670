"""Suppressing what is like a finding: what the filter would be and hide is shown first; and those that there are."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from exfilwatch.findings.finding import Finding
from exfilwatch.packaged import read_yaml
from exfilwatch_playbooks.actions.list_findings import Listed, listed
from exfilwatch_playbooks.service.access import service
from exfilwatch_playbooks.service.service import Service
from exfilwatch_playbooks.triage.doing import asking, do, say
from exfilwatch_playbooks.triage.pages import back, page
from exfilwatch_playbooks.triage.visits import Visit, visit
from exfilwatch_playbooks.tuning.suppressed import Suppressed, all_of, suppressed

SPANS = {"1d": "a day", "7d": "a week", "14d": "two weeks", "30d": "30 days", "90d": "90 days"}
_SHOWN = 20
"""Findings that it would hide, on the page; the others are counted."""


def router(made: APIRouter) -> None:
    """Its pages and forms."""

    @made.get("/suppressions")
    def suppressions(request: Request) -> Response:
        who, shared = visit(request), service(request)
        return page(request, "suppressions.html.j2", who, suppressions=all_of(_folder(shared)))

    @made.get("/findings/{identity}/suppress")
    def form(request: Request, identity: str) -> Response:
        who, shared = visit(request, "act"), service(request)
        return _form(request, who, shared.store.get(identity), {})

    @made.post("/findings/{identity}/suppress")
    async def suppress(request: Request, identity: str) -> Response:
        who, fields = await asking(request)
        store = service(request).store
        found = await run_in_threadpool(store.get, identity)
        given = {
            "finding": found.id,
            "until": fields.get("day") or fields.get("until", ""),
            "why": fields.get("why", ""),
        }
        tried = await do(request, who, "suppress", {**given, "dry_run": True}, quiet=True)
        if tried is None:
            return await run_in_threadpool(_form, request, who, found, fields)
        shown = _digest(tried)
        if fields.get("shown") == shown:
            if await do(request, who, "suppress", given) is None:
                return await run_in_threadpool(_form, request, who, found, fields)
            return back(request, f"/incidents/{await run_in_threadpool(store.incident_of, found.id)}")
        if fields.get("shown"):
            await say(who, "bad", "What it would hide is another now: look again. Nothing was done.")
        return await run_in_threadpool(_form, request, who, found, fields, tried, shown)

    @made.post("/findings/{identity}/unsuppress")
    async def end(request: Request, identity: str) -> Response:
        who, fields = await asking(request)
        given = {"finding": identity, "until": "now", "why": fields.get("why", "")}
        await do(request, who, "suppress", given)
        return back(request, "/suppressions")


def held(shared: Service, findings: "list[str]") -> dict[str, Suppressed]:
    """The suppressions that hold now and were made for these findings, by finding."""
    folder, now = _folder(shared), shared.clock()
    if not folder.is_dir():
        return {}
    found = ((each, suppressed(folder, each)) for each in findings)
    return {name: each for name, each in found if each is not None and each.holds(now)}


def _form(
    request: Request, who: Visit, found: Finding, fields: Mapping[str, str], tried: Any = None, shown: str = ""
) -> Response:
    """The form as it was filled in; with what the filter would do where that was `tried`."""
    shared = service(request)
    hides: list[Listed] = []
    if tried is not None:
        hides = [listed(shared.store.get(each)) for each in tried.hides[:_SHOWN]]
    return page(
        request, "suppress.html.j2", who,
        finding=found, told=listed(found), incident=shared.store.incident_of(found.id), fields=fields, spans=SPANS,
        tried=tried, shown=shown, hides=hides, more=len(tried.hides) - len(hides) if tried is not None else 0,
        before=suppressed(_folder(shared), found.id), filter=_filter(tried.document) if tried is not None else {},
    )  # fmt: skip


def _filter(document: str) -> dict[str, str]:
    """What an event must have to be hidden: the fields of a filter, with their values."""
    known = read_yaml(document)["filter"].get("known", {})
    return {str(name): str(value) for name, value in known.items()} if isinstance(known, dict) else {}


def _digest(tried: Any) -> str:
    """Of what was shown: what it asks for, what it hides, and until when."""
    told = (read_yaml(tried.document)["filter"], sorted(tried.hides), tried.until.isoformat())
    return hashlib.sha256(json.dumps(told, default=str).encode("utf-8", "surrogatepass")).hexdigest()[:24]


def _folder(shared: Service) -> Path:
    return Path(shared.settings.suppressions)
