"""Reads the playbook back from a Tracecat workflow: its actions called as the steps' ids, and those of a question."""

import re
from typing import Any

from tests.playbook.outline import Seen

from exfilwatch.packaged import read_yaml

_REFERENCES = {
    "TRIGGER.incident": "$incident",
    "TRIGGER.finding": "$finding",
    "ACTIONS.facts.result.data.level": "$facts.level",
    "ACTIONS.verdict.result": "$verdict",
}
_AFTER = ("_asked", "_waits", "_looked", "_over", "_heard", "_noted", "")
"""How the actions of a question are called, in their order."""


def read(files: dict[str, str]) -> list[Seen]:
    actions = {each["ref"]: each for each in read_yaml(files["workflows/respond.yml"])["definition"]["actions"]}
    asked = {ref.removesuffix("_asked") for ref in actions if ref.endswith("_asked")}
    steps = [ref for ref in actions if not any(ref == f"{each}{after}" for each in asked for after in _AFTER[:-1])]
    begins = {ref: actions[f"{ref}_asked" if ref in asked else ref] for ref in steps}
    titles = {ref: actions[ref]["description"] for ref in steps}

    def out(ref: str) -> dict[str, set[str]]:
        """What it leads to: by its condition, `error`, or nothing for whatever has none."""
        found: dict[str, set[str]] = {}
        for other, action in begins.items():
            after = action.get("depends_on", [])
            assert action.get("join_strategy", "all") == ("any" if len(after) > 1 else "all")
            for way in ([""] if ref in after else []) + (["error"] if f"{ref}.error" in after else []):
                if condition := action.get("run_if"):
                    one, way = re.fullmatch(r'\$\{\{ ACTIONS\.(\w+)\.result == "([\w-]+)" \}\}', condition).groups()
                    assert [one] == after
                found.setdefault(way, set()).add(titles[other])
        return found

    def ways(ref: str, answers: list[str]) -> dict[str, frozenset[str]]:
        leads = out(ref)
        return {each: frozenset(leads.get(each) or leads.get("") or {"end"}) for each in answers}

    return [
        _question(ref, actions, ways)
        if ref in asked
        else _condition(actions[ref], ways(ref, ["then", "otherwise"]))
        if actions[ref]["action"] == "core.transform.reshape"
        else _run(actions[ref], out(ref))
        for ref in steps
    ]


def _run(action: dict[str, Any], leads: dict[str, set[str]]) -> Seen:
    given = action["args"]
    assert (action["action"], given["method"]) == ("core.http_request", "POST")
    ways = {"": frozenset(leads.get("") or {"end"})}
    if "error" in leads:
        ways["failure"] = frozenset(leads["error"])
    said = {name: _REFERENCES.get(value[4:-3], value) for name, value in given["payload"].items()}
    does = f"run {given['url'].rpartition('/')[2]}"
    return Seen(action["description"], does, given=said, ways=ways, within=given["timeout"])


def _condition(action: dict[str, Any], ways: dict[str, frozenset[str]]) -> Seen:
    asked = r'\$\{\{ "then" if FN\.is_in\((.*), \[(.*)\]\) else "otherwise" \}\}'
    of, among = re.fullmatch(asked, action["args"]["value"]).groups()
    words = tuple(re.findall(r'"([\w-]+)"', among))
    return Seen(action["description"], "if", of=_REFERENCES[of], among=words, ways=ways)


def _question(ref: str, actions: dict[str, dict[str, Any]], ways: Any) -> Seen:
    case, waits, looked, over, heard, noted, answer = (actions[f"{ref}{after}"] for after in _AFTER)
    for one, other in ((case, waits), (waits, looked), (looked, over), (over, heard), (heard, noted)):
        assert other["depends_on"] == [one["ref"]]
    assert answer["depends_on"] == [noted["ref"], f"{noted['ref']}.error"]
    kinds = ["create_case", "start", "list_comments", "end", "list_comments", "update_case", "reshape"]
    found = [each["action"].rpartition(".")[2] for each in (case, waits, looked, over, heard, noted, answer)]
    assert found == kinds
    until, most = over["args"]["condition"], over["args"]["max_iterations"]
    words = re.findall(r'"([\w-]+)"', until)
    chosen = re.findall(rf'"([\w-]+)" if FN\.is_in\("([\w-]+)", ACTIONS\.{ref}_heard', answer["args"]["value"])
    assert chosen == [(word, word) for word in words]
    unanswered = re.search(r'else "([\w-]*)" \}\}$', answer["args"]["value"]).group(1)
    limit = re.search(rf"&& ACTIONS\.{ref}_waits\.result\.iteration < (\d+) \}}\}}$", until)
    title = answer["description"]
    if words == ["done"]:
        assert (unanswered, limit) == ("", None)
        assert case["args"]["summary"] == title
        return Seen(title, "person", ways=ways(ref, [""]))
    labels = dict(re.findall(r"([a-z-]+) \(([^)]+)\)", case["args"]["description"]))
    assert sorted(words) == sorted(labels)
    assert most > int(limit.group(1))
    return Seen(
        title,
        "ask",
        asks=case["args"]["summary"],
        ways={labels[word]: to for word, to in ways(ref, list(labels)).items()},
        within=looked["start_delay"] * int(limit.group(1)),
        unanswered=labels[unanswered],
    )
