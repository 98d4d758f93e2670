"""Asking the service in this process, by requests as they come from the network."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from anyio.from_thread import BlockingPortal, start_blocking_portal
from fastapi import FastAPI

from exfilwatch.config import Settings
from exfilwatch.detection.engine import Engine
from exfilwatch.detection.rule import RuleSet
from exfilwatch.events.inputs import open_inputs
from exfilwatch.events.limits import Limits
from exfilwatch.events.report import Report
from exfilwatch.findings.finding import Finding, finding
from exfilwatch.findings.store import Store
from exfilwatch_playbooks.service.app import create_app
from exfilwatch_playbooks.service.service import Service


class Asked:
    """A client. `token`: sent with each request unless another is given; empty for none."""

    def __init__(self, portal: BlockingPortal, client: httpx.AsyncClient, app: FastAPI, who: str) -> None:
        self.portal, self.client, self.app = portal, client, app
        self.service: Service = app.state.service
        self.token = self.made(who, "read", "act", "admin")

    def made(self, name: str, *scopes: str, **given: Any) -> str:
        """A new token."""
        return self.service.tokens.add(name, scopes, **given)[0]

    def __call__(self, method: str, path: str, token: str | None = None, **given: Any) -> httpx.Response:
        sent = self.token if token is None else token
        headers = {"Authorization": f"Bearer {sent}"} if sent else {}
        headers |= given.pop("headers", {})

        async def answered() -> httpx.Response:
            return await self.client.request(method, path, headers=headers, **given)

        return self.portal.call(answered)

    def get(self, path: str, **given: Any) -> httpx.Response:
        """A GET."""
        return self("GET", path, **given)

    def act(self, name: str, given: Mapping[str, object] | None = None, **options: Any) -> httpx.Response:
        """An action."""
        return self("POST", f"/v1/actions/{name}", json=given or {}, **options)


def found(path: Path, rules: RuleSet) -> list[Finding]:
    """What detection finds in a file."""
    report = Report()
    return [finding(each) for each in Engine(rules, report).run(open_inputs([str(path)], report, Limits(), True))]


@contextmanager
def site(
    folder: Path, rules: RuleSet, *, who: str = "anna", url: str = "", me: str = "", **values: Any
) -> Iterator[Asked]:
    """The service over a database (`kept.sqlite` in a folder), with these settings, asked by `who`. `me`: how it signs
    what it is at, where another in this process is to take it for one elsewhere.
    """
    database = url or str(folder / "kept.sqlite")
    settings = Settings(database=database, suppressions=str(folder / "suppressions"), **values)
    app = create_app(settings, store=lambda: Store(database), rules=lambda: rules)
    app.state.service.me = me or app.state.service.me
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(app.router.lifespan_context(app)):
        client = httpx.AsyncClient(transport=transport, base_url="http://service")
        yield Asked(portal, client, app, who)
        portal.call(client.aclose)


def problem(response: httpx.Response) -> tuple[int, str]:
    """The status and the kind of a problem, which is in the form that all have."""
    assert response.headers["Content-Type"] == "application/problem+json"
    said = response.json()
    assert said["status"] == response.status_code
    assert "Traceback" not in response.text
    assert ".py" not in response.text
    return response.status_code, said["type"].removeprefix("urn:exfilwatch:problem:")
