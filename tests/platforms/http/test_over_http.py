"""What platforms over HTTP are given: the Shuffle app by shuffle-sdk, StackStorm's action, Tracecat's templates."""

import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from tests.platforms.service import Service
from tests.servers.artifact import cache as kept
from tests.servers.unavailable import Unavailable, leave_out

from exfilwatch.findings.store import Store
from exfilwatch.packaged import read_yaml
from exfilwatch_playbooks.actions.registry import every
from exfilwatch_playbooks.manifest import built
from exfilwatch_playbooks.platforms.http import package

from .site import site

_SDK = "shuffle-sdk==0.0.41"
_PATIENCE = 600  # seconds


@cache
def python() -> Path:
    """A Python that has the SDK, made once and kept in the user's cache. Raises Unavailable."""
    home = kept() / _SDK.replace("==", "-")
    with (kept() / "shuffle-sdk.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "made").exists():
            shutil.rmtree(home, ignore_errors=True)
            install = [str(home / "bin/pip"), "install", "--quiet", "--disable-pip-version-check", _SDK]
            for command in ([sys.executable, "-m", "venv", str(home)], install):
                done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE, check=False)
                if done.returncode:
                    raise Unavailable(f"{_SDK}: not installed: {done.stderr.strip()[-300:]}")
            (home / "made").touch()
    return home / "bin/python"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("written")
    package(built(), out)
    return out


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    try:
        python()
    except Unavailable as error:
        leave_out(error)
    with site(tmp_path_factory.mktemp("served")) as running:
        yield running


def app(written: Path) -> Path:
    (found,) = (written / "shuffle/exfilwatch").iterdir()
    return found


def said(program: list[str], folder: Path) -> str:
    quiet = {**os.environ, "SHUFFLE_LOGS_DISABLED": "true"}
    done = subprocess.run(program, cwd=folder, env=quiet, capture_output=True, text=True, timeout=120, check=False)
    return done.stdout


def run(written: Path, action: str, **given: str) -> dict[str, Any]:
    command = [str(python()), "app.py", "--standalone", f"--action={action}"]
    out = said([*command, *(f"{name}={value}" for name, value in given.items())], app(written) / "src")
    found: dict[str, Any] = json.loads(out.partition("=====\n\n")[2])
    return found


def test_each_action_is_an_operation_of_the_app(written: Path) -> None:
    api = read_yaml((app(written) / "api.yaml").read_text("utf-8"))
    assert [each["name"] for each in api["actions"]] == [each.name for each in every()]
    for action, told in zip(every(), api["actions"], strict=True):
        assert [each["name"] for each in told["parameters"]] == list(action.input.model_fields)


def test_the_app_asks_the_service(written: Path, served: Service) -> None:
    site = {"url": served.url, "token": served.token}
    found = run(written, "list_findings", limit="3", **site)
    assert (found["success"], len(found["findings"])) == (True, 3)
    incident = Store(served.database).incidents()[0].id
    opened = run(written, "open_case", incident=incident, **site)
    again = run(written, "open_case", incident=incident, **site)
    assert (opened["changed"], again["changed"], again["case_id"]) == (True, False, opened["case_id"])
    wrong = run(written, "get_finding", finding="ffffffff", **site)
    assert (wrong["success"], "no finding" in wrong["reason"]) == (False, True)
    assert "token" in run(written, "list_findings", url=served.url, token="exfw_wrong")["reason"]


def test_a_stackstorm_action_asks_the_service(written: Path, served: Service, tmp_path: Path) -> None:
    base = tmp_path / "st2common/runners"
    base.mkdir(parents=True)
    (base / "base_action.py").write_text(
        "class Action:\n    def __init__(self, config):\n        self.config = config\n"
    )
    program = (
        "import json, sys; sys.path[:0] = sys.argv[1:3]; import ask; given = json.loads(sys.argv[4]); "
        "print(json.dumps(ask.Ask(json.loads(sys.argv[3])).run(**given)))"
    )
    action = read_yaml((written / "stackstorm/actions/list_findings.yaml").read_text("utf-8"))
    given = {"exfilwatch_action": action["parameters"]["exfilwatch_action"]["default"], "limit": 2, "host": ""}
    config = json.dumps({"url": served.url, "token": served.token})
    places = [str(tmp_path), str(written / "stackstorm/actions")]
    out = said([str(python()), "-c", program, *places, config, json.dumps(given)], tmp_path)
    done, answer = json.loads(out)
    assert (done, len(answer["findings"])) == (True, 2)
    silent = json.dumps({"url": "http://127.0.0.1:9", "token": served.token})
    done, why = json.loads(said([str(python()), "-c", program, *places, silent, json.dumps(given)], tmp_path))
    assert (done, why.startswith("exfilwatch did not answer")) == (False, True)


STAND_IN = """
import logging

class Connector:
    pass

class ConnectorError(Exception):
    pass

get_logger = logging.getLogger
"""
RUN = """
import json, sys
sys.path[:0] = sys.argv[1:3]
from connectors.core.connector import ConnectorError
from exfilwatch.connector import ExfilWatch
for operation, config, params in json.loads(sys.argv[3]):
    try:
        done = ExfilWatch().execute(config, operation, params) if operation else ExfilWatch().check_health(config)
        print(json.dumps([done]))
    except ConnectorError as error:
        print(json.dumps(str(error)))
"""


def test_a_fortisoar_connector_asks_the_service(written: Path, served: Service, tmp_path: Path) -> None:
    core = tmp_path / "connectors/core"
    core.mkdir(parents=True)
    (core / "connector.py").write_text(STAND_IN)
    config = {"url": f"{served.url}/", "token": served.token, "verify_ssl": False}
    first = Store(served.database).incidents()[0].id
    calls = [
        ("", config, {}),
        ("list_findings", config, {"limit": 2, "host": "", "timeout": 60}),
        ("list_news", config, {"level": "medium", "limit": 50}),
        ("take_news", config, {"incident": first, "findings": ""}),
        ("get_finding", config, {"finding": "ffffffff"}),
        ("list_findings", config | {"token": "exfw_wrong"}, {}),
        ("list_findings", config | {"token": " "}, {}),
        ("list_findings", config | {"url": "http://127.0.0.1:9"}, {}),
    ]
    places = [str(tmp_path), str(written / "fortisoar")]
    out = said([str(python()), "-c", RUN, *places, json.dumps(calls)], tmp_path)
    health, findings, news, taken, missing, wrong, empty, silent = map(json.loads, out.splitlines())
    assert (health, len(findings[0]["findings"])) == ([True], 2)
    assert {"incident", "findings", "level"} <= set(news[0]["items"][0])
    assert taken == [{"incident": first, "findings": 0}]
    assert ("no finding" in missing, "token" in wrong) == (True, True)
    assert (empty, "did not answer" in silent) == ("configuration: token is empty", True)


def test_a_fortisoar_connector_has_what_fortinet_checks(written: Path) -> None:
    """By the checks of fortinet-fortisoar/template-repository (sanity_checks_utcs.py), but those of Fortinet's own."""
    home = written / "fortisoar/exfilwatch"
    info = json.loads((home / "info.json").read_text("utf-8"))
    assert info["name"] == home.name
    assert all(info[key] for key in ("label", "publisher", "description", "category"))
    assert (home / "images" / info["icon_small_name"]).exists()
    names = [each["operation"] for each in info["operations"]]
    assert names == [*(each.name for each in every()), "list_news", "take_news"]
    for each in info["operations"]:
        assert each["category"] in {"investigation", "containment", "remediation", "miscellaneous"}
        assert each["title"]
        assert each["description"]
        assert each["output_schema"]
    fields = [field for each in info["operations"] for field in each["parameters"]] + info["configuration"]["fields"]
    for field in fields:
        assert field["type"] in {"text", "integer", "select", "checkbox", "password"}
        assert all(field[key] for key in ("name", "title", "description"))
    assert {field["name"] for field in fields if field["type"] == "password"} == {"token"}


def test_a_connector_of_power_automate_is_openapi_2(written: Path) -> None:
    """Microsoft's own, stricter schemas take both files, too, when they are asked by hand: apiDefinition.swagger and
    paconn-apiProperties in the folder schemas of microsoft/PowerPlatformConnectors, as of November 2026.
    """
    from openapi_spec_validator import OpenAPIV2SpecValidator

    made = json.loads((written / "power-automate/connector/apiDefinition.swagger.json").read_text("utf-8"))
    assert list(OpenAPIV2SpecValidator(made).iter_errors()) == []
    assert list(made["paths"]) == [f"/v1/actions/{each.name}" for each in every()]
    operations = [path["post"] for path in made["paths"].values()]
    for action, told in zip(every(), operations, strict=True):
        assert list(told["parameters"][0]["schema"]["properties"]) == list(action.input.model_fields)
    asked = json.loads((written / "power-automate/connector/apiProperties.json").read_text("utf-8"))
    assert asked["properties"]["connectionParameters"]["api_key"]["type"] == "securestring"


def test_a_flow_of_power_automate_is_packed_with_its_files_at_the_root(written: Path) -> None:
    for flow in ("poll", "button"):
        with zipfile.ZipFile(written / f"power-automate/exfilwatch-{flow}.zip") as archive:
            assert {"manifest.json", "Microsoft.Flow/flows/manifest.json"} < set(archive.namelist())
            assert len(archive.namelist()) == 5


@pytest.mark.parametrize("name", ["list_findings", "get_response_plan", "hunt"])
def test_a_tracecat_template_makes_a_request_that_the_service_takes(written: Path, served: Service, name: str) -> None:
    import httpx

    definition = read_yaml((written / f"tracecat/{name}.yml").read_text("utf-8"))["definition"]
    finding = Store(served.database).find(limit=1)[0].id
    given = {"base_url": served.url, **({"finding": finding} if name == "get_response_plan" else {})}
    inputs = {key: given.get(key, each.get("default")) for key, each in definition["expects"].items()}
    (step,) = definition["steps"]
    asked = filled(step["args"], inputs, served.token)
    answer = httpx.request(
        asked["method"], asked["url"], headers=asked["headers"], json=asked["payload"], trust_env=False, timeout=60
    )
    assert answer.status_code == (200 if name != "hunt" else 422), answer.text  # this site's settings have no SIEM


def test_the_n8n_workflow_hangs_together(written: Path) -> None:
    flow = json.loads((written / "n8n/exfilwatch.json").read_text("utf-8"))
    named = {each["name"] for each in flow["nodes"]}
    leading = {link["node"] for each in flow["connections"].values() for way in each["main"] for link in way}
    assert set(flow["connections"]) <= named
    assert named - leading == {"Every two minutes", "A button"}
    listening = [each for each in flow["nodes"] if each["type"].endswith((".formTrigger", ".wait"))]
    assert len({each["webhookId"] for each in listening}) == len(listening)  # a form without one has no address
    assert all(name in named for name in re.findall(r"\$\(\\?\"([^\"\\]+)\\?\"\)", json.dumps(flow)))


def test_no_two_nodes_of_the_n8n_workflow_lie_on_each_other(written: Path) -> None:
    flow = json.loads((written / "n8n/exfilwatch.json").read_text("utf-8"))
    places = [tuple(each["position"]) for each in flow["nodes"]]
    assert len(set(places)) == len(places)


def test_the_tines_story_hangs_together(written: Path) -> None:
    story = json.loads((written / "tines/exfilwatch.json").read_text("utf-8"))
    assert {each["receiver"] for each in story["links"]} == set(range(1, len(story["agents"])))


def test_the_tines_story_changes_nothing_before_somebody_has_answered(written: Path) -> None:
    story = json.loads((written / "tines/exfilwatch.json").read_text("utf-8"))
    changes = {f"/v1/actions/{each.name}" for each in every() if each.changes}
    asks = {at for at, each in enumerate(story["agents"]) if each["type"] == "Agents::EmailAgent"}
    reached, open_ = {0}, [0]
    while open_:
        at = open_.pop()
        following = [] if at in asks else [each["receiver"] for each in story["links"] if each["source"] == at]
        open_ += [each for each in following if each not in reached]
        reached |= set(following)
    urls = [story["agents"][at]["options"].get("url", "") for at in reached]
    assert asks & reached
    assert not [url for url in urls if any(url.endswith(each) for each in changes)]


def test_workflows_run_actions_that_there_are(written: Path) -> None:
    texts = [file.read_text("utf-8") for name in ("n8n", "tines") for file in (written / name).iterdir()]
    texts += [file.read_text("utf-8") for file in (written / "tracecat/workflows").iterdir()]
    named = set(re.findall(r"/v1/actions/(\w+)", "".join(texts)))
    assert {"open_case", "enrich_finding"} <= named <= {each.name for each in every()}


def filled(value: Any, inputs: dict[str, Any], token: str) -> Any:
    """As Tracecat evaluates the expressions that our templates use."""
    if isinstance(value, dict):
        return {key: filled(each, inputs, token) for key, each in value.items()}
    for name, given in inputs.items():
        expression = "${{ inputs." + name + " }}"
        if value == expression:
            return given
        value = value.replace(expression, str(given))
    return value.replace("${{ SECRETS.exfilwatch.EXFILWATCH_TOKEN }}", token)
