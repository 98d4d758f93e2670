"""The Shuffle workflow, gone through by shuffle-sdk, which decides over its branches: it goes the way of the source."""

import json
import subprocess
from pathlib import Path

import pytest
from tests.platforms.environments import programs
from tests.playbook.ways import CASES, the_source
from tests.servers.unavailable import Unavailable, leave_out

from exfilwatch_playbooks.playbook.exports.shuffle import workflow
from exfilwatch_playbooks.playbook.model import Ask, If, every
from exfilwatch_playbooks.playbook.source import incident

SDK = "shuffle-sdk==0.0.41"
PROGRAM = Path(__file__).parent / "shuffled.py"
# The SDK takes seconds for each; a question waits until somebody answers.
WAYS = [CASES[name] for name in ("contained, and closed", "benign", "no case", "no findings")]
STEPS = {step.title: step for step in every(incident().steps)}
FLOW = workflow(incident())


def gone(*calls: dict[str, object]) -> list[dict[str, list[str]]]:
    try:
        python = programs("shuffle", "3.11", (SDK,)) / "python"
    except Unavailable as error:
        leave_out(error)
    lines = "".join(json.dumps(call) + "\n" for call in calls)
    quiet = {"SHUFFLE_LOGS_DISABLED": "true"}
    done = subprocess.run(
        [str(python), str(PROGRAM)], input=lines, capture_output=True, text=True, check=False, env=quiet
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"went"')]


def call(answers: dict[str, str], level: str, failing: set[str], kind: str = "new") -> dict[str, object]:
    asked = [step for step in STEPS.values() if isinstance(step, Ask)]
    labels = {step.id: {choice.answer: choice.label for choice in step.choices} for step in asked}
    told = {"incident": {"id": "4b77"}, "findings": [{"id": "3fa9"}]}
    return {
        "workflow": FLOW,
        "argument": {"type": f"io.exfilwatch.incident.{kind}", "data": told},
        "answers": {step.id: labels[step.id][answers.get(step.id, step.unanswered)] for step in asked},
        "level": level,
        "failing": sorted(failing),
    }


@pytest.mark.slow
def test_the_workflow_goes_the_way_of_the_source() -> None:
    ids = {node["id"]: STEPS.get(node["description"]) for node in [*FLOW["actions"], *FLOW["triggers"]]}
    came = gone(*(call(*case) for case in WAYS))
    for case, each in zip(WAYS, came, strict=True):
        went = [ids[node] for node in each["went"]]
        assert [step.id for step in went if step and not isinstance(step, If)] == the_source(*case)
    assert came[0]["sent"][:2] == [["list_findings", {"incident": "4b77"}], ["enrich_finding", {"finding": "3fa9"}]]


def test_news_of_an_incident_that_it_was_started_for_start_nothing() -> None:
    (changed, by_hand) = gone(
        call({}, "high", set(), "changed"),
        {**call({}, "high", set()), "argument": {"data": {"incident": {"id": "4b"}}}},
    )
    assert changed["sent"] == []
    assert by_hand["sent"][0] == ["list_findings", {"incident": "4b"}]


def test_a_form_offers_first_what_counts_when_nobody_answers() -> None:
    for step in STEPS.values():
        if isinstance(step, Ask):
            (offered,) = [each["value"].split(";")[1] for each in FLOW["input_questions"] if each["name"] == step.ask]
            assert offered == next(choice.label for choice in step.choices if choice.answer == step.unanswered)
