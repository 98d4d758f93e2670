"""The FortiSOAR collection: taken by a compiler of its playbooks, and gone through as its decisions and Jinja say."""

import copy
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from jinja2.nativetypes import NativeEnvironment
from tests.platforms.environments import programs
from tests.playbook.ways import CASES, the_source
from tests.servers.unavailable import Unavailable, leave_out

from exfilwatch_playbooks.manifest import built
from exfilwatch_playbooks.platforms.http import fortisoar as connector
from exfilwatch_playbooks.playbook.exports.fortisoar import collection
from exfilwatch_playbooks.playbook.model import If, every
from exfilwatch_playbooks.playbook.source import incident

COMPILER = "fsr-playbooks==0.8.3"
PROGRAM = Path(__file__).parent / "fortified.py"
STEPS = {step.title: step for step in every(incident().steps)}
INFO = json.loads(connector.files(built())["exfilwatch/info.json"])
JINJA = NativeEnvironment()


def compiled(made: dict[str, Any]) -> list[str]:
    try:
        python = programs("fsr-playbooks", "3.11", (COMPILER,)) / "python"
    except Unavailable as error:
        leave_out(error)
    call = json.dumps({"collection": made, "info": INFO})
    done = subprocess.run([str(python), str(PROGRAM)], input=call, capture_output=True, text=True, check=False, env={})
    assert done.returncode == 0, done.stderr
    found: list[str] = json.loads(done.stdout)
    return found


@pytest.mark.slow
def test_the_compiler_finds_nothing_wrong() -> None:
    assert compiled(collection(incident())) == []


@pytest.mark.slow
def test_the_compiler_finds_what_is_wrong() -> None:
    broken = copy.deepcopy(collection(incident()))
    (step,) = [each for each in broken["data"][0]["workflows"][0]["steps"] if each["name"] == "Open the case"]
    step["arguments"]["params"]["incidents"] = step["arguments"]["params"].pop("incident")
    assert any("incidents" in each for each in compiled(broken))


def gone(answers: dict[str, str], level: str, failing: set[str]) -> list[str]:
    """The steps of the source that the playbook for an incident goes through."""
    flow = collection(incident())["data"][0]["workflows"][0]
    steps = {f"/api/3/workflow_steps/{each['uuid']}": each for each in flow["steps"]}
    labels = {
        step.id: {choice.answer: choice.label for choice in step.choices}
        for step in STEPS.values()
        if hasattr(step, "choices")
    }
    known: dict[str, Any] = {"input": {"params": {"incident": "4b77", "finding": "3fa9"}}, "steps": {}}
    went, at = [], flow["triggerStep"]
    while True:
        step = steps[at]
        given, source = step["arguments"], STEPS.get(step["description"])
        if source and not isinstance(source, If):
            went.append(source.id)
        following = [each["targetStep"] for each in flow["routes"] if each["sourceStep"] == at]
        if "connector" in given:
            failed = given["operation"] in failing
            said = {"level": level} if given["operation"] == "enrich_finding" else {}
            result = {"status": "Failed"} if failed else {"status": "Success", "data": said}
            known["steps"][step["name"].replace(" ", "_")] = result
            if failed and not given.get("ignore_errors"):
                return went
        elif "conditions" in given:
            following = [
                next(
                    each["step_iri"]
                    for each in given["conditions"]
                    if each.get("default") or JINJA.from_string(each["condition"]).render(vars=known)
                )
            ]
        elif "response_mapping" in given:
            label = labels[source.id].get(answers.get(source.id, "")) if source.id in labels else "It is done"
            ways = {each["option"]: each["step_iri"] for each in given["response_mapping"]["options"]}
            following = [ways[label] if label else given["timeout"]["step_iri"]]
        elif step["stepType"].endswith("04d0cf46-b6a8-42c4-8683-60a7eaa69e8f"):
            known |= given
        if not following:
            return went
        (at,) = following


@pytest.mark.parametrize("case", CASES)
def test_it_goes_the_way_of_the_source(case: str) -> None:
    assert gone(*CASES[case]) == the_source(*CASES[case])


def test_the_news_are_taken_once_a_person_is_asked() -> None:
    respond, poll, button = collection(incident())["data"][0]["workflows"]
    names = [each["name"] for each in respond["routes"]]
    assert "Make the report -> Say that it is taken" in names
    assert "Say that it is taken -> Judge the incident" in names
    started = [each["steps"][-1]["arguments"]["workflowReference"] for each in (poll, button)]
    assert started == [f"/api/3/workflows/{respond['uuid']}"] * 2
    for each in (poll, button):
        assert set(each["steps"][-1]["arguments"]["arguments"]) == set(respond["parameters"])
