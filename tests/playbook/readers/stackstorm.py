"""Reads the playbook back from an Orquesta workflow, whose tasks are called as the steps' ids."""

import re
from typing import Any

from tests.playbook.outline import Seen

from exfilwatch.packaged import read_yaml
from exfilwatch_playbooks.playbook.model import every
from exfilwatch_playbooks.playbook.source import incident

_TITLES = {step.id: step.title for step in every(incident().steps)}


def read(files: dict[str, str]) -> list[Seen]:
    return [seen(name, task) for name, task in read_yaml(files["actions/workflows/respond.yaml"])["tasks"].items()]


def seen(name: str, task: dict[str, Any]) -> Seen:
    title, action, given = _TITLES[name], task["action"], dict(task.get("input", {}))
    ways = {way["when"].removeprefix("<% ").removesuffix(" %>"): way for way in task["next"]}
    leads = {when: frozenset(_TITLES.get(each, "end") for each in way["do"]) for when, way in ways.items()}
    if action.startswith("exfilwatch."):
        within = given.pop("timeout")
        named = {"succeeded()": "", "failed()": "failure"}
        return Seen(
            title,
            f"run {action.removeprefix('exfilwatch.')}",
            given={field: re.sub(r"<% ctx\((\w+)\) %>", r"$\1", value) for field, value in given.items()},
            ways={named[when]: to for when, to in leads.items()},
            within=within,
        )
    if action == "core.noop":
        (then, (otherwise, other)) = leads.items()
        of, words = re.fullmatch(r"ctx\((\w+)\) in \[(.*)\]", then[0]).groups()
        assert otherwise == f"not ({then[0]})"
        among = tuple(re.findall(r"'([^']+)'", words))
        of = {"facts_level": "$facts.level"}.get(of, f"${of}")
        return Seen(title, "if", of=of, among=among, ways={"then": then[1], "otherwise": other})
    ((field, asked),) = given["schema"]["properties"].items()
    if field == "done":
        return Seen(title, "person", ways={"": leads["succeeded()"]})
    question, _, rest = asked["description"].partition("? ")
    labels = dict(re.findall(r"([a-z-]+) \(([^)]+)\)", rest))
    assert list(labels) == asked["enum"]
    unanswered = ways["failed()"]["publish"][0][name]
    answered = {}
    for word, label in labels.items():
        when = f"succeeded() and result().response.answer = '{word}'"
        answered[label] = leads[when]
        assert ways[when]["publish"] == [{name: word}]
    assert leads["failed()"] == answered[labels[unanswered]]
    return Seen(
        title,
        "ask",
        asks=f"{question}?",
        ways=answered,
        within=60 * given["ttl"],
        unanswered=labels[unanswered],
    )
