"""get_response_plan: the plan of a finding or an incident, in each form."""

import json

import pytest

from exfilwatch.errors import ConfigError
from exfilwatch_playbooks.response.cacao import Playbook

from ..findings.made import make  # noqa: TID252 (tests are no package on the path)
from .kept import NOW, context, did


@pytest.fixture
def work(tmp_path, rules):
    found = context(tmp_path, rules)
    found.store.save([make("a", ProcessId=31), make("b", 1, branch="archive_then_network", level="high")])
    return found


def test_a_findings_plan_is_markdown_with_its_values(work):
    finding = next(each for each in work.store.find() if each.rule.branch == "transfer_tool")
    answer = did("get_response_plan", work, finding=finding.id[:8])
    assert answer.text.startswith(f"# Response plan for finding {finding.id[:8]}\n")
    assert "ProcessId=31" in answer.text
    assert "Quarantine the archive" not in answer.text
    assert answer.plan is None
    assert answer.decisions > 5
    assert answer.minutes > 60


def test_an_incidents_plan_has_the_steps_of_all_its_findings(work):
    (incident,) = work.store.incidents()
    answer = did("get_response_plan", work, incident=incident.id, form="steps", siem="splunk, opensearch")
    assert set(answer.plan.kinds) == {"archive_then_network", "transfer_tool", "general"}
    assert set(answer.plan.findings) == {each.id for each in work.store.find()}
    assert {q.language for step in answer.plan.steps for q in step.queries} == {"splunk", "elasticsearch"}
    assert not [
        q
        for step in did("get_response_plan", work, incident=incident.id, form="steps", siem="none").plan.steps
        for q in step.queries
    ]


def test_a_playbook_for_another_platform(work):
    (incident,) = work.store.incidents()
    made = json.loads(did("get_response_plan", work, incident=incident.id, form="cacao").text)
    assert Playbook.model_validate(made).severity == 95
    assert made["created"].startswith(f"{NOW:%Y-%m-%dT%H:%M:%S}")


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({}, "give a finding or an incident"),
        ({"finding": "a", "incident": "b"}, "give a finding or an incident"),
        ({"finding": "ffffffff"}, "no finding"),
        ({"finding": "a", "siem": "qradar"}, "no queries for qradar"),
        ({"finding": "a", "form": "pdf"}, "form"),
    ],
)
def test_wrong_input_is_refused(work, given, complaint):
    with pytest.raises(ConfigError, match=complaint):
        did("get_response_plan", work, **given)
