"""Any request that the OpenAPI document allows, and many that it does not, by schemathesis: no fault of ours, and no
answer that the document does not have.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    response_schema_conformance,
    status_code_conformance,
)

from exfilwatch.config import Settings
from exfilwatch.findings.store import Store
from exfilwatch_playbooks.service.access import Gate
from exfilwatch_playbooks.service.app import create_app

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
DOCUMENT = create_app(Settings(database="nothing.sqlite")).state.documents.current
OPERATIONS = [each.ok() for each in schemathesis.openapi.from_dict(DOCUMENT).get_all_operations()]


class Running:
    """A service that listens, with a finding, an incident and a job to ask for."""

    def __init__(self, url: str, token: str, ids: dict[str, str]) -> None:
        self.url, self.ids = url, ids
        self.headers = {"Authorization": f"Bearer {token}"}


@pytest.fixture
def running(tmp_path, rules, kept, url) -> Iterator[Running]:
    database = url
    chosen = Settings(database=database, suppressions=str(tmp_path / "suppressions"), serve={"rate": 10_000})
    app = create_app(chosen, store=lambda: Store(database), rules=lambda: rules)
    app.state.gate = Gate(10_000, wrong=10_000)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, lifespan="on", ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.02)
    (port,) = (listening.getsockname()[1] for each in server.servers for listening in each.sockets)
    service = app.state.service
    token, _ = service.tokens.add("anna", ["admin"])
    (incident,) = service.store.incidents()
    yield Running(f"http://127.0.0.1:{port}", token, {"finding": kept[0].id, "incident": incident.id})
    server.should_exit = True
    thread.join()


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["allowed", "not-allowed"])
def test_any_request_gets_an_answer_that_is_documented(running: Running, mode: GenerationMode) -> None:
    asked = 0
    for operation in OPERATIONS:
        cases = operation.as_strategy(generation_mode=mode)

        @seed(1)
        @LOOSE
        @given(case=cases, known=st.booleans())
        def ask(case: Any, known: bool) -> None:
            nonlocal asked
            if known:
                _with_known(case, running.ids)
            case.call_and_validate(base_url=running.url, headers=running.headers, checks=CHECKS, timeout=30)
            asked += 1

        with suppress(Unsatisfiable):  # nothing of a request without parameters can be wrong
            ask()
    assert asked > 150


def _with_known(case: Any, ids: dict[str, str]) -> None:
    """The same with ids of what there is."""
    path = case.path
    if isinstance(case.path_parameters, dict) and "id" in case.path_parameters:
        for kind in ("finding", "incident"):
            if path.startswith(f"/v1/{kind}s/"):
                case.path_parameters["id"] = ids[kind]
    if isinstance(case.body, dict):
        for kind in ("finding", "incident"):
            if kind in case.body:
                case.body[kind] = ids[kind]
