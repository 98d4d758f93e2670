"""Any request that the OpenAPI document allows, and many that it does not, by schemathesis: no fault of ours, and no
answer that the document does not have. What each operation gives when it can is what both documents say.
"""

import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import httpx
import jsonschema
import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from openapi_schema_validator import OAS30ReadValidator
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    response_schema_conformance,
    status_code_conformance,
)
from sqlalchemy import insert
from tests.cli.telemetry import BITSADMIN, process, write

from exfilwatch.config import Settings
from exfilwatch.findings.store import Store
from exfilwatch_playbooks.service.access import Gate
from exfilwatch_playbooks.service.app import create_app
from exfilwatch_playbooks.service.service import Service
from exfilwatch_playbooks.service.tables import jobs

from .databases import url

__all__ = ["url"]

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    ignored_auth,
]
LOOSE = settings(
    max_examples=7,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
DOCUMENTS = create_app(Settings(database="nothing.sqlite")).state.documents
OPERATIONS = [each.ok() for each in schemathesis.openapi.from_dict(DOCUMENTS.current).get_all_operations()]


class Running:
    """A service that listens, with a finding, an incident and jobs to ask for, and a SIEM."""

    def __init__(self, port: int, service: Service, finding: str) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._service = service
        sent, self._token = service.tokens.add("anna", ["admin"])
        self.headers = {"Authorization": f"Bearer {sent}"}
        (incident,) = service.store.incidents()
        self.ids = {"finding": finding, "incident": incident.id}
        self._ended = self._job("done")

    def id_for(self, path: str) -> str | None:
        """What there is, for the `id` of a path; a job to cancel is a new one."""
        if path.startswith("/v1/jobs/"):
            return self._job("waiting") if path.endswith("/cancel") else self._ended
        return next((known for name, known in self.ids.items() if path.startswith(f"/v1/{name}s/")), None)

    def _job(self, state: str) -> str:
        """One that nobody is at."""
        now, made = datetime.now(UTC), secrets.token_hex(16)
        row = {"id": made, "action": "hunt", "token": self._token.id, "who": "anna", "input": "{}", "state": state}
        row |= {"progress": "", "step": 1, "created": now, "owner": "elsewhere/1/a", "beat": now, "cancel": False}
        row["ended"] = now if state == "done" else None
        with self._service.store.database.write() as connection:
            connection.execute(insert(jobs).values(row))
        return made


@pytest.fixture
def running(tmp_path, rules, kept, url) -> Iterator[Running]:
    logs = write(tmp_path / "logs.jsonl", process(BITSADMIN, second=2))
    siem = {"main": {"kind": "files", "paths": [str(logs)]}}
    policy = {"enrich": "never", "open": "never"}
    folder = str(tmp_path / "suppressions")
    chosen = Settings(database=url, suppressions=folder, siem=siem, policy=policy, serve={"rate": 10_000})
    app = create_app(chosen, store=lambda: Store(url), rules=lambda: rules)
    app.state.gate = Gate(10_000, wrong=10_000)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, lifespan="on", ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.02)
    (port,) = (listening.getsockname()[1] for each in server.servers for listening in each.sockets)
    yield Running(port, app.state.service, kept[0].id)
    server.should_exit = True
    thread.join()


ALLOWED, NOT_ALLOWED = GenerationMode.POSITIVE, GenerationMode.NEGATIVE


@pytest.mark.parametrize(
    ("database", "mode"),
    [("sqlite", ALLOWED), ("sqlite", NOT_ALLOWED), ("postgresql", ALLOWED)],
    indirect=["database"],
    ids=["sqlite-allowed", "sqlite-not-allowed", "postgresql-allowed"],
)
def test_any_request_gets_an_answer_that_is_documented(running: Running, mode: GenerationMode) -> None:
    asked = dict.fromkeys((each.label for each in OPERATIONS), 0)
    for operation in OPERATIONS:
        cases = operation.as_strategy(generation_mode=mode)

        @seed(1)
        @LOOSE
        @given(case=cases, known=st.booleans())
        def ask(case: Any, known: bool) -> None:
            if known:
                _with_known(case, running)
            case.call_and_validate(base_url=running.url, headers=running.headers, checks=CHECKS, timeout=30)
            asked[case.operation.label] += 1

        with suppress(Unsatisfiable):  # nothing of a request without parameters can be wrong
            ask()
    assert sum(asked.values()) > 150
    if mode is ALLOWED:
        assert [label for label, times in asked.items() if not times] == []


def _with_known(case: Any, running: Running) -> None:
    """The same with ids of what there is."""
    if isinstance(case.path_parameters, dict) and "id" in case.path_parameters:
        case.path_parameters["id"] = running.id_for(case.path) or case.path_parameters["id"]
    if isinstance(case.body, dict):
        case.body |= {name: known for name, known in running.ids.items() if name in case.body}


def test_each_operation_gives_what_both_documents_say(running: Running) -> None:
    opened = {"url": f"{running.url}/v1/actions/open_case", "json": {"incident": running.ids["incident"]}}
    assert httpx.post(**opened, headers=running.headers, trust_env=False, timeout=60).status_code == 200
    seen: dict[str, int] = {}
    for path, item in DOCUMENTS.current["paths"].items():
        for method, operation in item.items():
            given = _example(operation, running)
            asked = path.replace("{id}", running.id_for(path) or "").replace("{platform}", "xsoar")
            answer = httpx.request(
                method, f"{running.url}{asked}", json=given, headers=running.headers, trust_env=False, timeout=60
            )
            seen[operation["operationId"]] = answer.status_code
            assert str(answer.status_code) in operation["responses"], (path, answer.text)
            kind = answer.headers["Content-Type"].partition(";")[0]
            for document, validator in (
                (DOCUMENTS.current, jsonschema.Draft202012Validator),
                (DOCUMENTS.older, OAS30ReadValidator),
            ):
                content = document["paths"][path][method]["responses"][str(answer.status_code)]["content"]
                if kind.endswith("json"):
                    schema = content[kind]["schema"] | {"components": document["components"]}
                    validator(schema).validate(answer.json())
                assert kind in content, (path, kind)
    assert {name: status for name, status in seen.items() if status != 200} == {}


def _example(operation: dict[str, Any], running: Running) -> dict[str, Any] | None:
    """The first example of an operation's body, with ids of what there is."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None:
        return None
    (first, *_) = [each["value"] for each in content.get("examples", {}).values()] or [{}]
    return first | {name: known for name, known in running.ids.items() if name in first}
