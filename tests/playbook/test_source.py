"""A playbook that names what there is not, or changes something unasked, is refused when it is read."""

from importlib import resources

import pytest

from exfilwatch.errors import ConfigError
from exfilwatch_playbooks.actions.registry import action
from exfilwatch_playbooks.playbook import __name__ as room
from exfilwatch_playbooks.playbook.model import Run, every
from exfilwatch_playbooks.playbook.source import incident, loaded

TEXT = (resources.files(room) / "incident.yml").read_text("utf-8")
BENIGN = "{finding: $finding, disposition: benign"
HUSH = "{id: hush, title: Hush, run: suppress, within: 1m, with: {finding: $finding, until: 14d, why: nobody answered}}"
WRONG: dict[str, tuple[str, str, str]] = {
    "an action that there is not": ("run: make_report", "run: make_reports", "did you mean make_report"),
    "an argument that there is not": ("with: {incident: $incident}", "with: {incidents: $incident}", "findings: with"),
    "an argument that is missing": ("with: {finding: $finding}\n        failure", "failure", "finding: is missing"),
    "a value that is none of the words": ("disposition: benign", "disposition: harmless", "benign: with"),
    "an input that there is not": (BENIGN, BENIGN.replace("$finding", "$alert"), "$alert is not known"),
    "a text where an id is wanted": (BENIGN, BENIGN.replace("$finding", "$facts.summary"), "or is no id"),
    "a word that a level never is": ("among: [informational, low,", "among: [harmless, low,", "is never harmless"),
    "what only comes later": ("if: $verdict", "if: $finished", "$finished is not known here"),
    "what is known on one way only": ("if: $verdict", "if: $approve", "$approve is not known here"),
    "an answer that is no choice": ("unanswered: unclear", "unanswered: perhaps", "unanswered: is none of the choices"),
    "two steps of one name": ("id: report", "id: plan", "plan: is the name of something else"),
    "two steps of one title": ("title: Make the report", "title: Get the response plan", "title of two steps"),
    "a template in a text": ('why: "Followed up to the end in {platform}"', 'why: "{{ 7 * 7 }}"', "take for code"),
    "an expression in a text": ("ask: Approve cutting", "ask: Approve <% 1 %> cutting", "take for code"),
    "a step that is none": ("person: >-", "people: >-", "has one of run"),
    "a key of our own": ("within: 2m\n", "within: 2m\n    colour: red\n", "colour"),
    "a time that is none": ("within: 4h", "within: a while", "number with s, m, h or d"),
    "a change before anybody is asked": ("run: make_report", "run: open_case", "ask a person before"),
    "a change that silence leads to": (
        "label: Cannot say yet\n",
        f"label: Cannot say yet\n        steps: [{HUSH}]\n",
        "hush: run: suppress changes something",
    ),
    "no YAML": ("steps:", "steps: [", "is no YAML"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_refused_with_its_place(what: str) -> None:
    good, bad, said = WRONG[what]
    assert good in TEXT
    with pytest.raises(ConfigError) as error:
        loaded(TEXT.replace(good, bad, 1))
    assert said in str(error.value)


def test_what_is_approved_is_asked_for_in_the_source_itself() -> None:
    changing = [step.id for step in every(incident().steps) if isinstance(step, Run) and action(step.run).changes]
    assert changing == ["confirmed", "benign", "wrong", "open", "told", "close"]


def test_only_ids_and_words_of_ours_go_from_step_to_step() -> None:
    for step in every(incident().steps):
        if isinstance(step, Run):
            assert {str(value) for value in step.given.values() if str(value).startswith("$")} <= {
                "$incident",
                "$finding",
            }
