"""The scenario through the service, as a program that is asked over HTTP."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
from tests.running_meanwhile import end
from tests.service.program import Program

from .scenario import scenario


def test_the_service() -> None:
    with scenario() as site:
        program = (sys.executable, "-m", "exfilwatch_playbooks.cli")
        added = (*program, "tokens", "add", "soar", "--scope", "act")
        token = subprocess.run(added, env=site.environment, capture_output=True, text=True, check=True).stdout.strip()
        process = subprocess.Popen([*program, "serve", "--port", "0"], env=site.environment, stderr=subprocess.PIPE)
        assert process.stderr is not None
        with process.stderr:
            try:
                served = Program(process)
                headers = {"Authorization": f"Bearer {token}"}
                with httpx.Client(base_url=served.url, headers=headers, trust_env=False, timeout=120) as client:
                    _through(client)
            finally:
                end(process)
        assert Path(site.values["database"]).exists()
        site.check()


def _through(client: httpx.Client) -> None:
    def act(path: str, given: dict[str, Any], key: str = "") -> dict[str, Any]:
        answer = client.post(path, json=given, headers={"Idempotency-Key": key} if key else {})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    assert act("/v1/polls", {})["problems"] == []
    assert act("/v1/polls", {})["polls"][0]["findings"] == 0
    incidents = client.get("/v1/incidents").json()["items"]
    levels = ["informational", "low", "medium", "high", "critical"]
    gravest = max(reversed(incidents), key=lambda each: levels.index(each["level"]))
    act("/v1/actions/enrich_finding", {"finding": gravest["findings"][0]})
    opened = act("/v1/actions/open_case", {"incident": gravest["id"]}, key="open")
    assert opened == act("/v1/actions/open_case", {"incident": gravest["id"]}, key="open")
    assert not act("/v1/actions/open_case", {"incident": gravest["id"]}, key="again")["changed"]
    act("/v1/actions/close_case", {"incident": gravest["id"], "why": "migration, CHG-1042"})
    (case,) = client.get("/v1/cases").json()["items"]
    assert (case["incident"], case["case_id"]) == (gravest["id"], opened["case_id"])
    news = client.get("/v1/platforms/soar/news").json()["items"]
    assert {each["incident"]["id"] for each in news} == {each["id"] for each in incidents}
