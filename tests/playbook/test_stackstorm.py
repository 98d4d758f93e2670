"""The Orquesta workflow, inspected and conducted by StackStorm's own library: it goes the way that the source goes."""

import json
import subprocess
from pathlib import Path

import pytest
from tests.platforms.environments import programs
from tests.playbook.ways import CASES, the_source
from tests.servers.unavailable import Unavailable, leave_out

from exfilwatch_playbooks.playbook.exports.stackstorm import files
from exfilwatch_playbooks.playbook.model import Ask, If, Run, every
from exfilwatch_playbooks.playbook.source import incident

ORQUESTA = "orquesta==1.2.0"  # needs a Python before 3.10
PROGRAM = Path(__file__).parent / "conducted.py"
# The library takes seconds for each.
WAYS = [CASES[name] for name in ("contained, and closed", "nobody answers", "no case", "no findings")]
STEPS = {step.id: step for step in every(incident().steps)}


@pytest.mark.slow
def test_the_workflow_goes_the_way_of_the_source() -> None:
    try:
        python = programs("orquesta", "3.8", (ORQUESTA,)) / "python"
    except Unavailable as error:
        leave_out(error)
    lines = "\n".join(call(*case) for case in WAYS)
    done = subprocess.run([str(python), str(PROGRAM)], input=lines, capture_output=True, text=True, check=False, env={})
    assert done.returncode == 0, done.stderr
    for case, line in zip(WAYS, done.stdout.splitlines(), strict=True):
        came = json.loads(line)
        assert came["errors"] == {}
        assert [name for name in came["went"] if not isinstance(STEPS[name], If)] == the_source(*case)
        assert came["status"] == ("failed" if "list_findings" in case[2] else "succeeded")


def call(answers: dict[str, str], level: str, failing: set[str]) -> str:
    """A question that nobody answers expires, which is a failure of its task."""
    runs = {step.id for step in STEPS.values() if isinstance(step, Run) and step.run in failing}
    silent = {step.id for step in STEPS.values() if isinstance(step, Ask) and step.id not in answers}
    said = {name: {"response": {"answer": answer}} for name, answer in answers.items()}
    return json.dumps(
        {
            "workflow": files(incident())["actions/workflows/respond.yaml"],
            "given": {"incident": "4b77", "finding": "3fa9"},
            "answers": {"facts": {"result": {"level": level}}, **said},
            "failing": sorted(runs | silent),
        }
    )


@pytest.mark.parametrize("name", ["actions/respond.yaml", "rules/incident.yaml"])
def test_only_ids_come_into_the_workflow(name: str) -> None:
    text = files(incident())[name]
    assert text.count("{{") == text.count(".id }}")
