"""Reads the playbook back from a Shuffle workflow, whose nodes are described by the steps' titles."""

import json
import re
from typing import Any

from tests.playbook.outline import Seen

_PLUMBING = {"Webhook", "The incident"}
_REFERENCES = {
    "$the_incident.incident": "$incident",
    "$the_incident.finding": "$finding",
    "$enrich_the_incident.level": "$facts.level",
    "$judge_the_incident.click_info.note.verdict": "$verdict",
}
_WORDS = {"Yes": "true-positive", "Cannot say yet": "unclear"}
"""What conditions over the verdict ask for by its labels."""


def read(files: dict[str, str]) -> list[Seen]:
    flow = json.loads(files["exfilwatch.json"])
    nodes = {each["id"]: each for each in [*flow["actions"], *flow["triggers"]]}
    asked = {each["name"]: each["value"].split(";") for each in flow["input_questions"]}
    found = {
        node["description"]: _seen(node, _leads(flow, nodes, node["id"]), asked)
        for node in nodes.values()
        if node["description"] not in _PLUMBING
    }
    return [found[title] for title in _order(flow, nodes) if title in found]


def _order(flow: dict[str, Any], nodes: dict[str, Any]) -> list[str]:
    """As the source has them: actions and questions stand in lists of their own, branches in the source's order."""
    ends = [nodes[each["source_id"]]["description"] for each in flow["branches"]]
    ends += [nodes[each["destination_id"]]["description"] for each in flow["branches"]]
    return list(dict.fromkeys(ends))


def _leads(
    flow: dict[str, Any], nodes: dict[str, Any], node: str
) -> list[tuple[str, list[tuple[str, str, str, bool]]]]:
    """The titles that a node leads to, with the conditions: what is compared, how, with what, negated or not."""
    return [
        (
            nodes[each["destination_id"]]["description"],
            [
                (
                    one["source"]["value"],
                    one["condition"]["value"],
                    one["destination"]["value"],
                    one["condition"]["configuration"],
                )
                for one in each["conditions"]
            ],
        )
        for each in flow["branches"]
        if each["source_id"] == node
    ]


def _seen(node: dict[str, Any], leads: list[Any], asked: dict[str, list[str]]) -> Seen:
    title = node["description"]
    given = {each["name"]: each["value"] for each in node["parameters"]}
    mine = f"${node['label'].lower().replace(' ', '_')}"
    if node["app_name"] == "Shuffle Tools":
        return _condition(title, given["call"], leads)
    if node["app_name"] == "User Input":
        questions = json.loads(given["input_questions"])
        if not questions:
            return Seen(title, "person", ways={"": _to(leads)})
        (question,) = questions
        key, *labels = asked[question]
        ways: dict[str, frozenset[str]] = {}
        for to, (condition,) in leads:
            source, check, label, negated = condition
            assert (source, check, negated) == (f"{mine}.click_info.note.{key}", "equals", False)
            ways[label] = ways.get(label, frozenset()) | {to}
        assert set(ways) <= set(labels)
        return Seen(title, "ask", asks=question, ways={each: ways.get(each, frozenset({"end"})) for each in labels})
    said = {name: _REFERENCES.get(value, value) for name, value in given.items()}
    does = f"run {node['name']}"
    if all(not conditions for _, conditions in leads) and leads:
        return Seen(title, does, given=said, ways={"": _to(leads), "failure": _to(leads)})
    ways = {}
    for to, (condition,) in leads:
        assert condition[:2] == (f"{mine}.success", "equals")
        way = {"true": "", "false": "failure"}[condition[2]]
        ways[way] = ways.get(way, frozenset()) | {to}
    return Seen(title, does, given=said, ways=ways or {"": frozenset({"end"})})


def _condition(title: str, call: str, leads: list[Any]) -> Seen:
    ways, among = {"then": frozenset({"end"}), "otherwise": frozenset({"end"})}, ""
    for to, (condition,) in leads:
        source, check, among, negated = condition
        assert (source, check) == (call, "matches regex")
        ways["otherwise" if negated else "then"] = frozenset({to})
    words = re.fullmatch(r"\^\((.*)\)\$", among).group(1).split("|")
    return Seen(title, "if", of=_REFERENCES[call], among=tuple(_WORDS.get(each, each) for each in words), ways=ways)


def _to(leads: list[Any]) -> frozenset[str]:
    return frozenset(to for to, _ in leads) or frozenset({"end"})
